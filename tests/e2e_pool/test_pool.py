"""Pools on a real API server with its own garbage collector and autoscaler: scaled, rolled, deleted."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.pools import MEDIUM, names, ten_are_made_scaled_rolled_and_deleted, uids
from tests.e2e.world import World, eventually, machine, pool


@pytest.fixture
def made(home: World) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Applies a pool and waits for it; what is left of it goes after the test."""
    names = []

    def make(manifest: dict[str, Any]) -> dict[str, Any]:
        name = manifest["metadata"]["name"]
        names.append(name)
        home.apply(manifest)
        return home.ready(name, 60, kind="hmp")

    yield make
    for name in names:
        home.kubectl("delete", "hmp", name, "--ignore-not-found", "--timeout=60s")
        home.kubectl("delete", "hvm", "-l", f"pool={name}", "--ignore-not-found", "--timeout=60s")


def test_ten_are_made_scaled_rolled_and_deleted(home: World) -> None:
    servers = ten_are_made_scaled_rolled_and_deleted(home, "ten", "sim")
    assert not servers & {row["id"] for row in home.sim.ask("GET", "/v1/machines")["machines"]}


def test_a_bad_image_breaks_one_member_and_the_former_one_heals_it(
    home: World, made: Callable[..., dict[str, Any]]
) -> None:
    made(pool("bad", 3))
    home.apply(pool("bad", 3, machine={"imageRef": {"name": "no-such-image"}}))
    eventually(lambda: len(names(home, "bad")) == 4, 30, "the surge")

    def told() -> bool:
        return "no-such-image" in home.condition("bad", "Ready", "hmp").get("message", "")

    eventually(told, 30, "why it does not go on")
    status = home.status("bad", "hmp")
    assert (status["readyReplicas"], status["upToDateReplicas"]) == (3, 0)
    assert home.condition("bad", "RollingOut", "hmp")["status"] == "True"
    home.apply(pool("bad", 3))
    home.ready("bad", 60, kind="hmp")
    assert names(home, "bad") == ["bad-0", "bad-1", "bad-2"]


def test_of_two_edits_the_last_one_counts(home: World, made: Callable[..., dict[str, Any]]) -> None:
    made(pool("twice", 3))
    home.apply(pool("twice", 3, machine={"classRef": {"name": "large"}}))
    eventually(lambda: len(names(home, "twice")) == 4, 30, "the rollout under way")
    home.apply(pool("twice", 3, machine=MEDIUM))

    def medium() -> bool:
        members = home.eyes.members("twice")
        return len(members) == 3 and {each["spec"]["classRef"]["name"] for each in members} == {"medium"}

    eventually(medium, 90, "all of the last class")
    home.ready("twice", 60, kind="hmp")


def test_labels_and_tags_are_changed_on_the_members_themselves(
    home: World, made: Callable[..., dict[str, Any]]
) -> None:
    made(pool("live", 3, machine={"tags": {"team": "a"}}))
    before = uids(home, "live")
    manifest = pool("live", 3, machine={"tags": {"team": "b"}})
    manifest["spec"]["template"]["metadata"] |= {"labels": {"pool": "live", "tier": "front"}}
    home.apply(manifest)

    def changed(label: str | None, team: str) -> bool:
        members = home.eyes.members("live")
        told = [(each["metadata"]["labels"].get("tier"), each["spec"]["tags"]["team"]) for each in members]
        return told == [(label, team)] * 3

    eventually(lambda: changed("front", "b"), 30, "changed")
    home.apply(pool("live", 3, machine={"tags": {"team": "b"}}))
    eventually(lambda: changed(None, "b"), 30, "the label gone")
    home.ready("live", 30, kind="hmp")
    assert uids(home, "live") == before
    site = {row["id"]: row["tags"] for row in home.sim.ask("GET", "/v1/machines")["machines"]}
    for each in home.eyes.members("live"):
        server = next(row["id"] for row in each["status"]["resources"] if row["name"] == "server")
        assert site[server]["team"] == "b"


@pytest.mark.parametrize("cascade", ["background", "orphan"])
def test_the_clusters_own_garbage_collector_takes_or_leaves_the_members(
    home: World, made: Callable[..., dict[str, Any]], cascade: str
) -> None:
    name = f"gc-{cascade}"
    made(pool(name, 2))
    before = uids(home, name)
    home.kubectl("delete", "hmp", name, f"--cascade={cascade}", "--timeout=60s")
    if cascade == "background":
        for number in range(2):
            home.gone(f"{name}-{number}", 60)
        return
    eventually(lambda: names(home, name) == [], 30, "let go")
    for number in range(2):
        home.ready(f"{name}-{number}", 30)
    made(pool(name, 2))
    assert uids(home, name) == before, "a pool of the same selector takes them in again"


def test_a_name_that_another_has_is_told_and_left_alone(home: World, made: Callable[..., dict[str, Any]]) -> None:
    home.apply(machine("taken-1"))
    home.ready("taken-1")
    home.apply(pool("taken", 2))
    eventually(lambda: home.condition("taken", "Stalled", "hmp").get("reason") == "NameTaken", 30, "told")
    assert names(home, "taken") == ["taken-0"]
    home.delete("taken-1")
    made(pool("taken", 2))
    assert names(home, "taken") == ["taken-0", "taken-1"]


def test_a_protected_member_is_skipped(home: World, made: Callable[..., dict[str, Any]]) -> None:
    made(pool("safe", 2))
    home.patch("safe-1", {"deletionProtection": True})
    home.ready("safe-1")
    home.kubectl("scale", "hmp/safe", "--replicas=1")
    eventually(lambda: names(home, "safe") == ["safe-1"], 30, "the newest is protected, so another one goes")
    home.kubectl("scale", "hmp/safe", "--replicas=0")
    eventually(lambda: home.condition("safe", "Ready", "hmp").get("reason") == "MemberProtected", 30, "told")
    home.patch("safe-1", {"deletionProtection": False})
    # Most often at once; a pool that does not hear of it looks again every 10 s, and was seen to need three looks.
    eventually(lambda: names(home, "safe") == [], 90, "gone")


def test_the_clusters_own_autoscaler_scales_it(home: World, made: Callable[..., dict[str, Any]]) -> None:
    """Without metrics it still brings replicas into its own bounds, by the scale subresource."""
    made(pool("auto", 1))
    target = {"apiVersion": "compute.hostwright.dev/v1alpha1", "kind": "MachinePool", "name": "auto"}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "auto", "namespace": "default"},
        "spec": {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 4, "metrics": [cpu]},
    }
    home.apply(scaler)
    eventually(lambda: len(names(home, "auto")) == 3, 60, "scaled by the autoscaler")
    home.ready("auto", 30, kind="hmp")
    home.kubectl("delete", "hpa", "auto")


def test_killed_in_the_middle_it_makes_none_too_many(world: World) -> None:
    with world.operator() as first:
        first.leading()
        world.apply(pool("killed", 8))
        eventually(lambda: len(names(world, "killed")) >= 2, 30, "some members")
        first.kill()
    with world.operator() as second:
        second.leading()
        world.ready("killed", 90, kind="hmp")
        members = world.eyes.members("killed")
        assert [each["metadata"]["name"] for each in members] == [f"killed-{number}" for number in range(8)]
        rows = world.sim.ask("GET", "/v1/machines")["machines"]
        mine = [row for row in rows if row["objectName"].startswith("killed-")]
        assert len(mine) == 8
        world.kubectl("delete", "hmp", "killed", "--timeout=60s")
        for number in range(8):
            world.gone(f"killed-{number}", 60)


def test_dry_run_shows_what_kubectl_would_apply(home: World) -> None:
    shown = home.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(pool("shown", 2)))
    spec = json.loads(shown)["spec"]
    assert spec["rollout"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["template"]["virtualMachine"]["powerState"] == "PoweredOn"
