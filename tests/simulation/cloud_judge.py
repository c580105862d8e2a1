"""What must hold of ports and volumes in the cloud, beside what holds of machines everywhere."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.model_openstack.cloud import Answer
from tests.model_openstack.rows import FLAVORS, FloatingIP, Port, Volume
from tests.simulation.bodies import cannot_run, machine_id_of

from hostwright.core.names import MARK
from hostwright.engine.ports import Body, Key

if TYPE_CHECKING:
    from tests.simulation.cloud import SimCloud
    from tests.simulation.world import World

Part = Port | Volume | FloatingIP
MADE = {"ports": "port", "floatingips": "floatingip", "volumes": "volume"}


class CloudJudge:
    def __init__(self, world: "World", here: "SimCloud") -> None:
        self.world, self.here = world, here
        self.made: dict[str, float] = {}  # ports, volumes and addresses by operators: when, monotonic
        self.called: dict[str, str] = {}  # and by which name; an address by that of its port

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
            part = state.ports.get(item) or state.volumes.get(item) or state.floating_ips[item]
            self.called[item] = state.ports[part.port].name if isinstance(part, FloatingIP) else part.name
            self.world.say(f"cloud: {words[-1]} {item[:8]} made")
            self._expect(mark_of(part).startswith(MARK), f"2.7: {name_of(part)} was made without an owner mark")
            self._intended(part)
        self.look()

    def _intended(self, part: Part) -> None:
        """S5: nothing is made for an object that does not hold it."""
        for key, body in self.world.api.objects.items():
            if key.kind == "VirtualMachine" and _is_of(part, body) and f"-{key.name}-" in name_of(part):
                finalizers = body["metadata"].get("finalizers") or ()
                self._expect(bool(finalizers), f"S5: {name_of(part)} made for {key}, which has no finalizer")

    def look(self) -> None:
        """S1: never two ports, or two volumes, for one place of one machine."""
        seen: dict[tuple[str, str], str] = {}
        for part in self._ours():
            place = (mark_of(part), name_of(part))
            other = seen.setdefault(place, part.id)
            self._expect(other == part.id or self._wiped(part), f"S1: {name_of(part)} is there twice")

    def released(self, body: Body) -> None:
        """S6: our finalizer is gone, and so is all that was made."""
        judge = self.world.judge
        left = [part for part in self._ours() if _is_of(part, body)]
        judge.let_go |= {part.id for part in left if self._wiped(part)}
        if body["spec"].get("deletionPolicy") == "Retain":
            judge.let_go |= {part.id for part in left}
            return
        left = [part for part in left if part.id not in judge.let_go]
        names = [name_of(part) for part in left]
        self._expect(not left, f"S6: the finalizer of {body['metadata']['name']} is gone, and {names} is left")

    # -- the end

    def last(self) -> None:
        """Each machine has its port, plugged in; and there is none beside."""
        held: set[str] = set()
        for key, body in self._wished().items():
            rows = {row["name"]: row["id"] for row in body["status"].get("resources") or ()}
            held |= set(rows.values())
            self._has_all(key, body["spec"], rows)
        beside = [name_of(part) for part in self._ours() if part.id not in held and not self._wiped(part)]
        self._expect(not beside, f"ports, volumes or addresses that are nobody's: {beside}")

    def _has_all(self, key: Key, spec: Body, rows: Mapping[str, str]) -> None:
        state, server = self.here.cloud.state, rows.get("server", "")
        disks, interface = spec.get("dataDisks") or (), spec["network"]["interfaces"][0]
        wished = {"server", "port/eth0", *(f"volume/{disk['name']}" for disk in disks)}
        wished |= {f"volume/{disk}" for disk in self._kept(key, rows)}
        wished |= {"floatingip/eth0"} if "floatingIP" in interface else set()
        self._expect(set(rows) == wished, f"the ledger of {key} says {sorted(rows)}")
        port = state.ports.get(rows.get("port/eth0", ""))
        self._expect(port is not None and port.device == server, f"the port of {key} is {port}")
        self._expect(port is None or port.description.startswith(MARK), f"the port of {key} bears no mark")
        for disk in disks:
            volume = state.volumes.get(rows.get(f"volume/{disk['name']}", ""))
            good = volume is not None and set(volume.servers) == {server} and f"{volume.size}Gi" == disk["size"]
            self._expect(good, f"disk {disk} of {key} is {volume}")
        if "floatingIP" in interface:
            address = state.floating_ips.get(rows.get("floatingip/eth0", ""))
            good = address is not None and port is not None and address.port == port.id
            self._expect(good, f"the address of {key} is {address}")
        if "updatePolicy" in spec and server in state.servers:
            size = FLAVORS[state.servers[server].flavor][0]
            self._expect(size == spec["classRef"]["name"], f"the size of {key} is {size}")

    def _kept(self, key: Key, rows: Mapping[str, str]) -> set[str]:
        """Disks that left the spec, detached: as asked, or because they left it before it was noted what is asked."""
        told = {row["name"]: row for row in self.world.api.status(key).get("disks") or ()}
        volumes = self.here.cloud.state.volumes
        return {
            name
            for name, row in told.items()
            if row.get("whenDetached", "Retain") == "Retain"
            and not volumes[rows.get(f"volume/{name}", row["id"])].servers
        }

    def none(self) -> None:
        """All objects are gone, and so is all that was made for them."""
        judge = self.world.judge
        left = [name_of(part) for part in self._ours() if not self._wiped(part)]
        for item, row in self.world.hands.machines.items():
            excused = item in judge.strange | judge.let_go or judge.untold(row)
            left += [] if excused or row.mark.rpartition(":")[2] in judge.stripped else [row.name]
        self._expect(not left, f"S6: no object is left, and {left} are")

    def _wished(self) -> dict[Key, Body]:
        objects = self.world.api.objects.items()
        return {key: body for key, body in objects if key.kind == "VirtualMachine" and not cannot_run(body)}

    # -- inside

    def _ours(self) -> list[Part]:
        """Made by operators, and neither let go nor left alone since its object was taken away by hand."""
        judge, state = self.world.judge, self.here.cloud.state
        state.advance()
        return [
            part
            for part in (*state.ports.values(), *state.volumes.values(), *state.floating_ips.values())
            if part.id in self.made
            and part.id not in judge.let_go
            and mark_of(part)
            and mark_of(part).rpartition(":")[2] not in judge.stripped
        ]

    def _wiped(self, part: Part) -> bool:
        """Made about when its object's status was lost: nothing told of it any more, and no list showed it yet."""
        lag = 45.0 + self.world.drawn.lists_lag
        wiped = [at for name, at in self.world.judge.wiped_at.items() if f"-{name}-" in self.called[part.id]]
        return any(self.made[part.id] > at - lag for at in wiped)

    def _expect(self, holds: bool, text: str) -> None:
        self.world.judge.expect(holds, text)


def mark_of(part: Part) -> str:
    return part.metadata.get("hostwright.mark", "") if isinstance(part, Volume) else part.description


def name_of(part: Part) -> str:
    """A floating IP has none of its own."""
    return f"the address of {part.description}" if isinstance(part, FloatingIP) else part.name


def _is_of(part: Port | Volume, body: Body) -> bool:
    return mark_of(part).endswith(":" + machine_id_of(body).replace("-", ""))
