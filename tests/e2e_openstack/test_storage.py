"""Cinder goes away and comes back: only what has disks waits, and nobody has to do anything."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

PLAIN, NEW, STORED, LATE = "cin-plain", "cin-new", "cin-stored", "cin-late"
DISK = {"dataDisks": [{"name": "data", "size": "1Gi"}]}


@contextmanager
def without_cinder(cloud: Cloud) -> Iterator[None]:
    rule = cloud.faults.add_first({"service": "cinder", "path": "", "do": "error", "status": 503})
    yield
    cloud.faults.remove(rule)


def test_without_cinder_machines_without_disks_are_made_changed_and_deleted(home: World, cloud: Cloud) -> None:
    home.apply(machine(PLAIN, "os-lab"), machine(STORED, "os-lab", **DISK))
    home.ready(PLAIN, 90)
    home.ready(STORED, 90)
    with without_cinder(cloud):
        home.apply(machine(NEW, "os-lab"), machine(LATE, "os-lab", **DISK))
        told = eventually(lambda: _blamed(home, LATE), 90, "told of the outage")
        assert "Nothing to do but wait." in told
        home.patch(STORED, {"tags": {"team": "a"}})
        eventually(lambda: _blamed(home, STORED), 90, "told where something is to be done, too")
        home.ready(NEW, 90)
        home.patch(PLAIN, {"tags": {"team": "a"}})
        assert home.ready(PLAIN, 60)
        assert "team=a" in cloud.servers(PLAIN)[0].tags
        home.delete(NEW, seconds=90)
        assert not cloud.servers(NEW)
        assert home.condition("os-lab", "Reachable", "hpr")["status"] == "True"
        assert "team=a" not in cloud.servers(STORED)[0].tags
        assert not cloud.servers(LATE)
    home.ready(STORED, 60)
    home.ready(LATE, 90)
    assert "team=a" in cloud.servers(STORED)[0].tags
    assert list(cloud.volumes(LATE)) == list(cloud.volumes(STORED)) == ["data"]
    home.delete(PLAIN, STORED, LATE, seconds=120)


def _blamed(world: World, name: str) -> str:
    """What Ready says of Cinder, if it does."""
    message = str(world.condition(name, "Ready").get("message", ""))
    return message if "Cinder is away" in message else ""
