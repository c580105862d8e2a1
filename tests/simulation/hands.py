"""What strangers and fate do at a site behind the operators' backs: on the simulated one."""

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from hostwright.core.names import provider_name
from hostwright.providers.simulated.model import Build
from hostwright.providers.simulated.rows import Machine, MachineRequest, Refused

if TYPE_CHECKING:
    from tests.simulation.world import World


class Hands:
    """Of one seed. `cloud.CloudHands` are those of OpenStack."""

    def __init__(self, world: "World") -> None:
        self.world, self.site = world, world.site

    @property
    def machines(self) -> dict[str, Machine]:
        """What there is, by id."""
        return self.site.model.machines

    @property
    def one_of_a_name(self) -> bool:
        """The site refuses a second machine of one name."""
        return self.world.drawn.fenced

    def behaves(self, **settings: Any) -> None:
        """How the site does from now on."""
        self.site.model.settings = msgspec.structs.replace(self.site.model.settings, **settings)

    def away(self, *, on: bool) -> None:
        self.site.down = on

    def tamper(self, row: Machine, **changes: Any) -> None:
        with contextlib.suppress(Refused):
            self.site.model.tamper(self._now(), row.id, **changes)

    def vanish(self, row: Machine) -> None:
        names = self.site.model._names
        if row.name not in names:  # of two under one name, the first to go has taken it along
            names[row.name] = row.id
        with contextlib.suppress(Refused):  # its own end came first
            self.site.model.vanish(self._now(), row.id)

    def clone(self, row: Machine, name: str) -> None:
        model, now = self.site.model, self._now()
        number = model.revision + 1
        made = {"id": f"clone-{number}", "number": number, "name": name, "interfaces": (), "created_at": now}
        model._write(now, msgspec.structs.replace(row, **made, revision=number))
        model._names[name], model._cpu = f"clone-{number}", model._cpu + row.cpu
        self.world.judge.strange.add(f"clone-{number}")

    def is_clone(self, item: str) -> bool:
        return item.startswith("clone-")

    def squat(self, namespace: str, name: str, machine_id: str) -> None:
        """A machine of theirs under the name that ours is to have."""
        taken = provider_name(namespace, name, machine_id)
        request = MachineRequest(name=taken, image="image-tiny", cpu=1, memory_mib=512)
        with contextlib.suppress(Refused):  # ours was faster
            self.world.judge.strange.add(self.site.model.create(self._now(), request).id)

    def fail_build(self) -> None:
        self.site.model.builds.append(Build(message="no valid host"))

    def hang_build(self) -> None:
        self.site.model.builds.append(Build(hang=True))

    def calm(self) -> None:
        """Builds are as they should be again."""
        self.site.model.builds.clear()

    def _now(self) -> float:
        return self.world.clock.now().timestamp()
