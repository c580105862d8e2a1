"""What must hold of ports and volumes in the cloud, beside what holds of machines everywhere."""

import json
from typing import TYPE_CHECKING

from tests.model_openstack.cloud import Answer
from tests.model_openstack.rows import Port, Volume
from tests.simulation.bodies import cannot_run, machine_id_of

from hostwright.core.names import MARK
from hostwright.engine.ports import Body, Key

if TYPE_CHECKING:
    from tests.simulation.cloud import SimCloud
    from tests.simulation.world import World

MADE = {"ports": "port", "floatingips": "floatingip", "volumes": "volume"}


class CloudJudge:
    def __init__(self, world: "World", here: "SimCloud") -> None:
        self.world, self.here = world, here
        self.made: dict[str, float] = {}  # ports and volumes by operators: when, monotonic

    # -- requests

    def asked(self, method: str, path: str) -> None:
        """S3: of an operator's request, before it is carried out."""
        words = set(path.partition("?")[0].split("/"))
        strange = sorted(words & self.world.judge.strange)
        self._expect(not strange, f"S3: {method} {path} touched {strange}, which are not ours")

    def done(self, method: str, path: str, answer: Answer) -> None:
        """A part was made, or changed."""
        state, words = self.here.cloud.state, path.strip("/").split("/")
        self.world.judge.writes += words[0] != "servers"
        if method == "POST" and words[-1] in MADE:
            item = json.loads(answer.body)[MADE[words[-1]]]["id"]
            self.made[item] = self.world.clock.monotonic()
            part = state.ports.get(item) or state.volumes.get(item)
            self.world.say(f"cloud: {words[-1]} {item[:8]} made")
            if part is not None:
                self._expect(mark_of(part).startswith(MARK), f"2.7: {part.name} was made without an owner mark")
                self._intended(part)
        self.look()

    def _intended(self, part: Port | Volume) -> None:
        """S5: nothing is made for an object that does not hold it."""
        for key, body in self.world.api.objects.items():
            if (
                key.kind == "VirtualMachine"
                and _is_of(part, body)
                and part.name.startswith(f"{key.namespace}-{key.name}")
            ):
                finalizers = body["metadata"].get("finalizers") or ()
                self._expect(bool(finalizers), f"S5: {part.name} made for {key}, which has no finalizer")

    def look(self) -> None:
        """S1: never two ports, or two volumes, for one place of one machine."""
        seen: dict[tuple[str, str], str] = {}
        for part in self._ours():
            place = (mark_of(part), part.name)
            other = seen.setdefault(place, part.id)
            self._expect(other == part.id or self._wiped(part), f"S1: {part.name} is there twice")

    def released(self, body: Body) -> None:
        """S6: our finalizer is gone, and so is all that was made."""
        judge = self.world.judge
        left = [part for part in self._ours() if _is_of(part, body)]
        judge.let_go |= {part.id for part in left if self._wiped(part)}
        if body["spec"].get("deletionPolicy") == "Retain":
            judge.let_go |= {part.id for part in left}
            return
        left = [part for part in left if part.id not in judge.let_go]
        names = [part.name for part in left]
        self._expect(not left, f"S6: the finalizer of {body['metadata']['name']} is gone, and {names} is left")

    # -- the end

    def last(self) -> None:
        """Each machine has its port, plugged in; and there is none beside."""
        state, held = self.here.cloud.state, set[str]()
        for key, body in self._wished().items():
            rows = {row["name"]: row["id"] for row in body["status"].get("resources") or ()}
            self._expect(set(rows) == {"server", "port/eth0"}, f"the ledger of {key} says {sorted(rows)}")
            port = state.ports.get(rows.get("port/eth0", ""))
            held |= set(rows.values())
            plugged = port is not None and port.device == rows.get("server")
            self._expect(plugged, f"the port of {key} is {port}")
            self._expect(port is None or port.description.startswith(MARK), f"the port of {key} bears no mark")
        beside = [part.name for part in self._ours() if part.id not in held and not self._wiped(part)]
        self._expect(not beside, f"ports or volumes that are nobody's: {beside}")

    def _wished(self) -> dict[Key, Body]:
        objects = self.world.api.objects.items()
        return {key: body for key, body in objects if key.kind == "VirtualMachine" and not cannot_run(body)}

    # -- inside

    def _ours(self) -> list[Port | Volume]:
        """Made by operators, and neither let go nor left alone since its object was taken away by hand."""
        judge, state = self.world.judge, self.here.cloud.state
        state.advance()
        return [
            part
            for part in (*state.ports.values(), *state.volumes.values())
            if part.id in self.made
            and part.id not in judge.let_go
            and mark_of(part)
            and mark_of(part).rpartition(":")[2] not in judge.stripped
        ]

    def _wiped(self, part: Port | Volume) -> bool:
        """Made about when its object's status was lost: nothing told of it any more, and no list showed it yet."""
        lag = 45.0 + self.world.drawn.lists_lag
        wiped = [at for name, at in self.world.judge.wiped_at.items() if f"-{name}-" in part.name]
        return any(self.made[part.id] > at - lag for at in wiped)

    def _expect(self, holds: bool, text: str) -> None:
        self.world.judge.expect(holds, text)


def mark_of(part: Port | Volume) -> str:
    return part.description if isinstance(part, Port) else part.metadata.get("hostwright.mark", "")


def _is_of(part: Port | Volume, body: Body) -> bool:
    return mark_of(part).endswith(":" + machine_id_of(body).replace("-", ""))
