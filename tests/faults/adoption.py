"""A server that was there before its object: bound once, let go of as it was, or deleted alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.e2e.world import PLURAL, World, eventually, machine
from tests.faults.life import Scenario, Step, gone, settled
from tests.faults.site_openstack import COMPUTE, OpenStack, Row

from hostwright.core.names import MARK

WORDS = "made by hand"
TAGS = ["shop", "team=old"]
#: Nova and Neutron write these by themselves.
MOVES = ("updated_at", "revision_number")


@dataclass
class ByHand:
    """One server, its port and its data volume, which Nova would delete with it."""

    server: str
    port: str
    volume: str
    before: Any = None


@dataclass
class Yard:
    """By the name of the object that each is for."""

    site: OpenStack
    made: dict[str, ByHand] = field(default_factory=dict)

    def make(self, world: World, names: Sequence[str]) -> None:
        user = self.site.cloud.user
        for name in names:
            port = user.network.create_port(
                network_id=user.network.find_network("app").id, name="by-hand", description=WORDS
            )
            volume = user.block_storage.create_volume(size=1, name="by-hand", metadata={"mine": "yes"})
            self.made[name] = ByHand("", port.id, volume.id)
        for each in self.made.values():
            if not each.server:
                eventually(partial(self._free, each), 60, "the volume is made")
                each.server = self._server(each)
        for name in names:
            each = self.made[name]
            eventually(partial(self._is, each, "ACTIVE"), 90, "it is up")
            each.before = self.whole(name)
            self.site.stage.learn(name, each.server, each.port, each.volume)

    def whole(self, name: str) -> Any:
        """All that a user sees of it but its tags."""
        each = self.made[name]
        row = self.site.server(each.server)
        named = {key: row[key] for key in ("name", "status", "metadata", "flavor")} if row else {}
        return named, self._port(each), self._volume(each)

    def tags(self, name: str) -> list[str]:
        row = self.site.server(self.made[name].server)
        return sorted(row["tags"]) if row else []

    def left(self, name: str) -> Any:
        """What stays of it once it is deleted: (its port's holder and words, its volume's status and words)."""
        port, volume = self._port(self.made[name]), self._volume(self.made[name])
        return port["device_id"], port["description"], volume.get("status"), volume.get("metadata")

    def clean(self, _: World, names: Sequence[str]) -> None:
        user = self.site.cloud.user
        for each in (self.made.pop(name) for name in names):
            user.compute.delete(f"/servers/{each.server}")
            eventually(partial(self._is, each, ""), 60, "it is gone")
            user.network.delete_port(each.port)
            eventually(partial(self._free, each, gone=True), 60, "its volume is free, or gone with it")
            user.block_storage.delete(f"/volumes/{each.volume}")

    def _server(self, each: ByHand) -> str:
        user = self.site.cloud.user
        image = user.image.find_image("tiny").id
        root = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "local"}
        data = {"boot_index": -1, "uuid": each.volume, "source_type": "volume", "destination_type": "volume"}
        body: Row = {
            "name": "by-hand",
            "flavorRef": user.compute.find_flavor("m1.nano").id,
            "imageRef": image,
            "networks": [{"port": each.port}],
            "metadata": {"cost": "42"},
            "tags": TAGS,
            "block_device_mapping_v2": [{**row, "delete_on_termination": True} for row in (root, data)],
        }
        return str(user.compute.post("/servers", json={"server": body}, **COMPUTE).json()["server"]["id"])

    def _is(self, each: ByHand, status: str) -> bool:
        """Empty: it is gone."""
        return str(self.site.server(each.server).get("status", "")) == status

    def _free(self, each: ByHand, *, gone: bool = False) -> bool:
        return self._volume(each).get("status", "available" if gone else "") == "available"

    def _port(self, each: ByHand) -> Row:
        row = self.site.cloud.user.network.get(f"/ports/{each.port}").json()["port"]
        return {key: value for key, value in row.items() if key not in MOVES}

    def _volume(self, each: ByHand) -> Row:
        """Empty: there is none."""
        row = self.site.cloud.user.block_storage.get(f"/volumes/{each.volume}").json().get("volume", {})
        return {key: row[key] for key in ("id", "name", "status", "size", "metadata") if key in row}


def let_go(site: OpenStack) -> Scenario:
    """Bound, and left as it was."""
    yard = Yard(site)

    def wrong(_: World, name: str) -> str:
        return _tags(yard, name, marks=0) or _as_before(yard, name)

    return _scenario(yard, "imported and let go", Step("let go", _leave, gone, wrong))


def deleted(site: OpenStack) -> Scenario:
    """Bound, and deleted without its owner's port and volume."""
    yard = Yard(site)

    def wrong(_: World, name: str) -> str:
        left = yard.left(name)
        if site.server(yard.made[name].server):
            return "the machine is there"
        return "" if left == ("", WORDS, "available", {"mine": "yes"}) else f"of its owner's things there is {left}"

    return _scenario(yard, "imported and deleted", Step("delete", _leave, gone, wrong), deletionPolicy="Delete")


def _scenario(yard: Yard, name: str, last: Step, **more: Any) -> Scenario:
    def bind(world: World, names: Sequence[str]) -> None:
        spec = {"tags": {"team": "shop"}, **more}
        imports = {name: {"import": {"id": yard.made[name].server}} for name in names}
        world.apply(*(machine(name, yard.site.provider, **spec, **imports[name]) for name in names))

    def bound(world: World, name: str) -> str:
        return _bound(world, yard, name) or _as_before(yard, name)

    steps = (
        Step("by hand", yard.make, lambda *_: "", lambda *_: "", tried=False),
        Step("adopt", bind, settled("PoweredOn"), bound, tried=not more),
        last,
    )
    return Scenario(f"VirtualMachine on {yard.site.provider}, {name}", steps, most=3, tidy=yard.clean)


def _leave(world: World, names: Sequence[str]) -> None:
    world.kubectl("delete", PLURAL, *names, "--wait=false")


def _bound(world: World, yard: Yard, name: str) -> str:
    each = yard.made[name]
    rows = {row["name"]: row["id"] for row in world.status(name).get("resources") or ()}
    if rows.get("server") != each.server or rows.get("port/eth0") != each.port:
        return f"the status says {rows}"
    if yard.site.machines(name):
        return "another machine was made"
    return _tags(yard, name, marks=1)


def _tags(yard: Yard, name: str, *, marks: int) -> str:
    tags = yard.tags(name)
    words = [tag for tag in tags if not tag.startswith(MARK)]
    fine = len(tags) - len(words) == marks and words == ["shop", "team=shop"]
    return "" if fine else f"its tags are {tags}"


def _as_before(yard: Yard, name: str) -> str:
    now, before = yard.whole(name), yard.made[name].before
    return "" if now == before else f"it is {now}, and was {before}"
