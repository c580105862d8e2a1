"""placement.group on the real Nova: members apart, one group for each name and then none, quotas and lost answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.e2e.killed import FLAGS, Call, killed_when
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

POST = Call("POST", "/os-server-groups$")
FASTER = ("--capacity-retry", "2")


def grouped(name: str, group: str, policy: str = "AntiAffinity", **more: Any) -> dict[str, Any]:
    return machine(name, "os-lab", placement={"group": {"name": group, "policy": policy}}, **more)


def groups(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    """Those that bear the name and a mark of ours."""
    rows = cloud.user.compute.get("/os-server-groups", microversion="2.90").json()["server_groups"]
    return [row for row in rows if row["name"].startswith(f"default/{name} hw:")]


def noted(world: World, name: str) -> dict[str, Any]:
    """The ledger's row."""
    rows = world.status("os-lab", "hpr", "").get("groups") or []
    return next((row for row in rows if row["name"] == f"default/{name}"), {})


def hosts(cloud: Cloud, *names: str) -> list[str]:
    ids = [cloud.servers(name)[0].id for name in names]
    servers = [cloud.admin.compute.get(f"/servers/{item}", microversion="2.90").json()["server"] for item in ids]
    return [str(row["OS-EXT-SRV-ATTR:host"]) for row in servers]


@pytest.fixture
def look_alike(cloud: Cloud) -> Iterator[dict[str, Any]]:
    """Somebody else's group of the name that people call ours by."""
    body = {"server_group": {"name": "default/web", "policy": "affinity"}}
    made = cloud.user.compute.post("/os-server-groups", json=body, microversion="2.90").json()["server_group"]
    yield made
    after = cloud.user.compute.get(f"/os-server-groups/{made['id']}", microversion="2.90").json()["server_group"]
    cloud.user.compute.delete(f"/os-server-groups/{made['id']}")
    assert after == made, "it was touched"


@contextmanager
def quota(cloud: Cloud, **limits: int) -> Iterator[None]:
    cloud.admin.set_compute_quotas("demo", **limits)
    try:
        yield
    finally:
        cloud.admin.set_compute_quotas("demo", **dict.fromkeys(limits, -1))


def test_machines_applied_at_once_share_one_group_that_goes_with_the_last(
    home: World, cloud: Cloud, look_alike: dict[str, Any]
) -> None:
    names = ("apart-1", "apart-2", "apart-3")
    home.apply(*(grouped(name, "web") for name in names))
    for name in names:
        home.ready(name, 120)
    (group,) = groups(cloud, "web")
    assert len(set(hosts(cloud, *names))) == len(names), "each on a host of its own"
    assert set(group["members"]) == {cloud.servers(name)[0].id for name in names}
    assert (noted(home, "web")["id"], group["policy"]) == (group["id"], "anti-affinity")
    home.delete("apart-1", "apart-2", seconds=90)
    assert [row["id"] for row in groups(cloud, "web")] == [group["id"]]
    home.delete("apart-3", seconds=90)
    eventually(lambda: not groups(cloud, "web"), 60, "it goes with the last")
    eventually(lambda: not noted(home, "web"), 30, "and leaves the ledger")


def test_another_group_or_policy_of_a_machine_that_is_there_waits_or_is_refused(home: World, cloud: Cloud) -> None:
    home.apply(grouped("settled", "one", "SoftAffinity"))
    home.ready("settled", 120)
    (server,) = cloud.servers("settled")
    home.patch("settled", {"placement": {"group": {"name": "two"}}})
    (row,) = eventually(lambda: home.status("settled").get("pendingChanges"), 60, "the change waits")
    assert (row["path"], row["disruption"]) == ("/placement/group", "Replace")
    assert (row["from"], row["to"].partition("/")[0]) == (f"one/{groups(cloud, 'one')[0]['id']}", "two")
    home.patch("settled", {"placement": {"group": {"name": "one"}}})
    home.ready("settled", 60)
    eventually(lambda: not home.status("settled").get("pendingChanges"), 60, "the way back is no change")
    home.apply(grouped("odd", "one", "AntiAffinity"))
    stalled = eventually(lambda: home.condition("odd", "Stalled"), 60, "told")
    assert stalled["reason"] == "InvalidConfiguration"
    assert "has the policy SoftAffinity" in stalled["message"]
    home.apply(machine("nowhere", placement={"group": {"name": "one", "policy": "Affinity"}}))
    stalled = eventually(lambda: home.condition("nowhere", "Stalled"), 60, "told")
    assert "placement.group is not to be had on a simulated site" in stalled["message"]
    assert [row.id for row in cloud.servers("settled")] == [server.id]
    home.delete("settled", "odd", "nowhere", seconds=90)
    eventually(lambda: not groups(cloud, "one") and not groups(cloud, "two"), 90, "both are gone")


def test_a_group_that_somebody_deleted_is_told_on_its_machines_and_made_again(home: World, cloud: Cloud) -> None:
    home.apply(grouped("robbed-of-it", "robbed"))
    home.ready("robbed-of-it", 120)
    (group,) = groups(cloud, "robbed")
    cloud.user.compute.delete(f"/os-server-groups/{group['id']}")
    eventually(lambda: noted(home, "robbed").get("id") not in {None, group["id"]}, 120, "another one")
    (row,) = eventually(lambda: home.status("robbed-of-it").get("pendingChanges"), 90, "told")
    assert (row["path"], row["from"]) == ("/placement/group", f"robbed/{group['id']}")
    home.apply(grouped("newcomer", "robbed"))
    home.ready("newcomer", 120)
    (after,) = groups(cloud, "robbed")
    assert after["members"] == [cloud.servers("newcomer")[0].id]
    home.delete("robbed-of-it", "newcomer", seconds=90)
    eventually(lambda: not groups(cloud, "robbed"), 60, "gone")


def test_quotas_are_told_in_novas_words_and_end_by_themselves_and_an_empty_group_takes_another_policy(
    world: World, cloud: Cloud
) -> None:
    with world.operator(*FASTER) as operator:
        operator.leading()
        with quota(cloud, server_groups=0):
            world.apply(grouped("no-group", "scarce"))
            ready = eventually(lambda: _of(world, "no-group", "GroupQuotaExceeded"), 60, "told")
            assert "too many server groups" in ready["message"]
            assert "quota server_groups" in ready["message"]
            assert cloud.servers("no-group") == []
        world.ready("no-group", 120)
        with quota(cloud, server_group_members=0):
            world.apply(grouped("no-one", "mistaken", "Affinity"))
            eventually(lambda: _of(world, "no-one", "GroupFull"), 60, "told")
            (before,) = groups(cloud, "mistaken")
            world.patch("no-one", {"placement": {"group": {"policy": "AntiAffinity"}}})
            eventually(lambda: [row["policy"] for row in groups(cloud, "mistaken")] == ["anti-affinity"], 60, "anew")
        world.ready("no-one", 120)
        (after,) = groups(cloud, "mistaken")
        assert after["id"] != before["id"]
        assert after["members"] == [cloud.servers("no-one")[0].id]
        with quota(cloud, server_group_members=1):
            world.apply(grouped("no-member", "scarce"))
            ready = eventually(lambda: _of(world, "no-member", "GroupFull"), 60, "told")
            assert "too many servers in group" in ready["message"]
        world.ready("no-member", 120)
        world.delete("no-group", "no-member", "no-one", seconds=90)
        eventually(lambda: not groups(cloud, "scarce"), 60, "gone")


def test_killed_while_groups_are_made_and_removed_there_is_one_and_then_none(world: World, cloud: Cloud) -> None:
    with world.operator(*FLAGS) as first:
        first.leading()
        rules = [cloud.faults.add_first(POST.rule())]
        world.apply(grouped("killed-1", "killed"), grouped("killed-2", "killed"))
        killed_when(first, cloud, rules)
    assert noted(world, "killed")["state"] == "Creating"
    with world.operator(*FLAGS) as second:
        second.leading()
        world.ready("killed-1", 120)
        world.ready("killed-2", 120)
        (group,) = groups(cloud, "killed")
        assert set(group["members"]) == {cloud.servers(name)[0].id for name in ("killed-1", "killed-2")}
        rules = [cloud.faults.add_first(Call("DELETE", f"/os-server-groups/{group['id']}").rule())]
        world.kubectl("delete", "hvm", "killed-1", "killed-2", "--wait=false")
        killed_when(second, cloud, rules)
    with world.operator(*FLAGS) as third:
        third.leading()
        world.gone("killed-1", 60)
        world.gone("killed-2", 60)
        eventually(lambda: not noted(world, "killed"), 60, "it has left the ledger")
        assert groups(cloud, "killed") == []


@pytest.mark.parametrize(
    "fault", [{"do": "lose"}, {"do": "error_after", "status": 500}, {"do": "error", "status": 503}]
)
def test_whatever_becomes_of_an_answer_there_is_one_group_and_then_none(
    world: World, cloud: Cloud, fault: dict[str, Any]
) -> None:
    name = f"dark-{fault['do'].replace('_', '-')}"
    with world.operator(*FLAGS) as operator:
        operator.leading()
        rule = cloud.faults.add_first({"method": "POST", "path": "/os-server-groups$", "count": 1, **fault})
        world.apply(grouped(name, name))
        world.ready(name, 150)
        assert rule in {hit["id"] for hit in cloud.faults.hits()}
        (group,) = groups(cloud, name)
        assert group["members"] == [cloud.servers(name)[0].id]
        path = f"/os-server-groups/{group['id']}$"
        rule = cloud.faults.add_first({"method": "DELETE", "path": path, "count": 1, **fault})
        world.delete(name, seconds=90)
        eventually(lambda: not noted(world, name), 60, "it has left the ledger")
        assert groups(cloud, name) == []
        assert rule in {hit["id"] for hit in cloud.faults.hits()}


def _of(world: World, name: str, reason: str) -> dict[str, Any]:
    ready = world.condition(name, "Ready")
    return ready if ready.get("reason") == reason else {}
