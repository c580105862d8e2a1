"""What users ask of machines on OpenStack beside the rest, and what hands do to ports, disks and addresses."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.engine.apiserver import copied
from tests.model_openstack.rows import FloatingIP, Port, Volume

from hostwright.core.names import MARK
from hostwright.engine.ports import Body, Key

if TYPE_CHECKING:
    from tests.simulation.world import World

RETENTION = {"whenDetached": "Delete", "whenDeleted": "Delete"}
#: A resize is made at once, with the restart that it takes.
UPDATE = {"maxDisruption": "Restart"}


class CloudPeople:
    def __init__(self, world: "World") -> None:
        self.world, self.rng = world, world.rng
        self.cloud = world.cloud.cloud

    def deeds(self) -> list[tuple[str, Callable[[], None]]]:
        users = [
            ("resize", self.resize),
            ("give a disk", self.give_disk),
            ("take a disk", self.take_disk),
            ("give an address", self.give_address),
            ("take an address", self.take_address),
        ]
        others = [
            ("unplug a port", self.unplug),
            ("delete a port", self.delete_port),
            ("delete an address", self.delete_address),
            ("lose a change of power", self.lose_power),
            ("a port of theirs with our mark", self.copy_port),
        ]
        return [*users, *users, *others]

    # users

    def _machine(self) -> tuple[Key, Body] | None:
        objects = self.world.api.objects.items()
        there = [(key, body) for key, body in objects if key.kind == "VirtualMachine" and _is_free(body)]
        return self.rng.choice(there, "one on the cloud") if there else None

    def _edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        found = self._machine()
        if found is not None:
            spec = copied(found[1]["spec"])
            change(spec)
            self.world.api.apply(found[0], {**spec, "updatePolicy": UPDATE})

    def resize(self) -> None:
        size = self.rng.choice(("small", "medium"), "resized to")
        self._edit(lambda spec: spec.update(classRef={"name": size}))

    def give_disk(self) -> None:
        """Or let it grow."""

        def change(spec: dict[str, Any]) -> None:
            had = spec.get("dataDisks")
            grown = 1 + int(had[0]["size"].removesuffix("Gi")) if had else 1
            spec["dataDisks"] = [{"name": "data", "size": f"{grown}Gi", "retention": RETENTION}]

        self._edit(change)

    def take_disk(self) -> None:
        self._edit(lambda spec: spec.pop("dataDisks", None))

    def give_address(self) -> None:
        self._edit(lambda spec: spec["network"]["interfaces"][0].update(floatingIP={"pool": "public"}))

    def take_address(self) -> None:
        self._edit(lambda spec: spec["network"]["interfaces"][0].pop("floatingIP", None))

    # others

    def _port(self) -> Port | None:
        judge = self.world.judge
        ours = [port for port in self.cloud.state.ports.values() if port.id not in judge.strange and port.device]
        return self.rng.choice(ours, "port") if ours else None

    def unplug(self) -> None:
        self.cloud.state.advance()
        port = self._port()
        if port is not None and not self.cloud.state.servers[port.device].task:
            port.device = ""
            self.cloud.state.touched()

    def delete_port(self) -> None:
        self.cloud.state.advance()
        port = self._port()
        if port is not None:
            self.cloud.neutron.delete_port(port)

    def delete_address(self) -> None:
        there = list(self.cloud.state.floating_ips)
        if there:
            self.cloud.state.floating_ips.pop(self.rng.choice(there, "address"))
            self.cloud.state.touched()

    def lose_power(self) -> None:
        """The next change of power is accepted, and nothing comes of it."""
        self.cloud.state.lost_starts += 1

    def copy_port(self) -> None:
        """Somebody makes a port like one of ours, description and all."""
        port = self._port()
        if port is not None and port.description.startswith(MARK):
            self.world.cloud.tokens += 1
            wanted = {"name": f"their-{self.world.cloud.tokens}", "description": port.description}
            made = self.cloud.neutron.create_port({**wanted, "network_id": port.network})
            self.world.judge.strange.add(made.id)

    # the end

    def help(self) -> None:
        """What a message asks of a person is done: marks come off what is theirs."""
        objects = self.world.api.objects
        if any(self.world.api.condition(key, "Ready").get("reason") == "OwnershipMismatch" for key in objects):
            for part in self.parts():
                if part.id in self.world.judge.strange and isinstance(part, Port) and part.description:
                    part.description = ""
                    self.cloud.state.touched()

    def parts(self) -> list[Port | Volume | FloatingIP]:
        state = self.cloud.state
        return [*state.ports.values(), *state.volumes.values(), *state.floating_ips.values()]


def _is_free(body: Body) -> bool:
    """No member of a pool, whose template says what it has."""
    return not body["metadata"].get("ownerReferences") and not body["metadata"].get("deletionTimestamp")
