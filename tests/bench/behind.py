"""What somebody else changes of a settled server on OpenStack, and how long until its object says so."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.bench.cluster import Body
from tests.bench.figures import Row, percentile
from tests.bench.ground import Ground
from tests.e2e.world import machine

from hostwright.sandbox.openstack import clouds

ROUNDS = 5
#: Seconds that a change is waited for; and between two looks at ports, volumes and floating addresses.
WAIT, MINUTE = 200.0, 60.0
#: The bars. What only a full sweep shows is seen within its 60 s, the poll's 10 s and the read itself.
LISTED, SWEPT = 75.0, 75.0
POWER = {"microversion": "2.90"}
KEYS = {"key": "kept"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing of one server, done and undone by another login."""

    do: Callable[["Hands", str], Any]
    undo: Callable[["Hands", str], Any]
    bar: float


class Hands:
    """Of somebody else in the project."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.groups: dict[str, list[str]] = {}
        self.volumes: dict[str, str] = {}

    def port(self, server: str) -> Any:
        return next(self.cloud.network.ports(device_id=server))

    def open(self, server: str) -> None:
        port = self.port(server)
        self.groups[server] = port.security_group_ids
        self.cloud.network.update_port(port, security_groups=[])

    def shut(self, server: str) -> None:
        self.cloud.network.update_port(self.port(server), security_groups=self.groups[server])

    def hide(self, _: str) -> None:
        self.cloud.network.update_ip(next(self.cloud.network.ips()), port_id=None)

    def show(self, server: str) -> None:
        """The project has one only, of the bench."""
        self.cloud.network.update_ip(next(self.cloud.network.ips()), port_id=self.port(server).id)

    def take_off(self, server: str) -> None:
        (row,) = self.cloud.compute.volume_attachments(server)
        self.volumes[server] = row.volume_id
        self.cloud.compute.delete_volume_attachment(server, row.volume_id)

    def put_back(self, server: str) -> None:
        self.cloud.compute.create_volume_attachment(server, volume_id=self.volumes[server])

    def send(self, method: str, path: str, body: Any = None) -> None:
        self.cloud.compute.request(path, method, json=body, **POWER)


CHANGES: Mapping[str, Change] = {
    "port": Change(Hands.open, Hands.shut, LISTED),
    "address": Change(Hands.hide, Hands.show, LISTED),
    "volume": Change(Hands.take_off, Hands.put_back, LISTED),
    "tag": Change(
        lambda hands, server: hands.send("DELETE", f"/servers/{server}/tags/team=a"),
        lambda hands, server: hands.send("PUT", f"/servers/{server}/tags/team=a"),
        SWEPT,
    ),
    "metadata": Change(
        lambda hands, server: hands.send("DELETE", f"/servers/{server}/metadata/key"),
        lambda hands, server: hands.send("POST", f"/servers/{server}/metadata", {"metadata": KEYS}),
        SWEPT,
    ),
}


def _machine(what: str) -> Body:
    """Warned of, not repaired: a repair would hasten the next look at all others."""
    interface = {"name": "eth0", "networkRef": {"name": "app"}, "securityGroups": ["default"]}
    more: Mapping[str, Body] = {
        "address": {"network": {"interfaces": [{**interface, "floatingIP": {"pool": "public"}}]}},
        "volume": {"dataDisks": [{"name": "data", "size": "1Gi", "storageClass": "standard"}]},
        "tag": {"tags": {"team": "a"}},
        "metadata": {"openstack": {"metadata": KEYS}},
    }
    network = {"network": {"interfaces": [interface]}}
    return machine(what, "os-lab", **{**network, "driftDetection": {"mode": "Warn"}, **more.get(what, {})})


@dataclass(slots=True)
class Watchman:
    """When each object's status became another one."""

    said: dict[str, str] = field(default_factory=dict)
    turned: dict[str, float] = field(default_factory=dict)

    def listen(self, at: float, body: Body) -> None:
        name, status = body["metadata"]["name"], json.dumps(body.get("status"), sort_keys=True)
        if self.said.get(name, status) != status:
            self.turned.setdefault(name, at)
        self.said[name] = status


async def measured(here: Ground) -> list[Row]:
    """All changes of a round at one moment, which no poll knows; undone at another."""
    for what in CHANGES:
        await here.cluster.create(_machine(what))
    await here.board.all_ready(list(CHANGES), 300, here.tell)
    watchman = Watchman()
    for body in list(here.board.bodies.values()):
        watchman.listen(0.0, body)
    here.board.listeners.append(watchman.listen)
    ledgers = {what: here.board.bodies[what]["status"]["resources"] for what in CHANGES}
    servers = {what: next(row["id"] for row in rows if row["name"] == "server") for what, rows in ledgers.items()}
    facts, drawn = here.world.box.sites["openstack"], random.Random(7)  # noqa: S311 - the same moments in each run
    seen: dict[str, list[float]] = {what: [] for what in CHANGES}
    with clouds.connect(facts["clouds"], facts["cloud"]) as cloud:
        hands = Hands(cloud)
        for number in range(2 * ROUNDS):
            await asyncio.sleep(5.0 + drawn.uniform(0.0, MINUTE))
            watchman.turned.clear()
            began = await _changed(hands, servers, undo=bool(number % 2))
            await here.board.until(lambda: watchman.turned.keys() >= CHANGES.keys(), WAIT, "every change told")
            for what, at in began.items():
                seen[what].append(max(0.0, watchman.turned[what] - at))
            told = ", ".join(f"{what} {values[-1]:.0f} s" for what, values in seen.items())
            here.tell(f"{number + 1} of {2 * ROUNDS}: {told}")
    return [row for what, change in CHANGES.items() for row in _rows(what, seen[what], change.bar)]


async def _changed(hands: Hands, servers: Mapping[str, str], *, undo: bool) -> dict[str, float]:
    """When each was answered, by the wall clock."""
    began = {}
    for what, change in CHANGES.items():
        await asyncio.to_thread(change.undo if undo else change.do, hands, servers[what])
        began[what] = time.time()
    return began


def _rows(what: str, seen: list[float], bar: float) -> list[Row]:
    count = len(seen)
    return [
        Row(f"{what} changed by another on OpenStack → told, the slowest of {count}", max(seen), "s", bar),
        Row("the same, median", percentile(seen, 0.5), "s"),
    ]
