"""Another server in the place of one, on a real OpenStack: asked for, once, with all that is kept; never for drift."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.e2e.killed import FLAGS, LATE, Call, killed_when
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

KEYS = ("swap-a", "swap-b")
REPLACE = {"updatePolicy": {"maxDisruption": "Replace"}}
DATA = {"name": "data", "size": "1Gi"}
POOL = {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, "floatingIP": {"pool": "public"}}]}
COMPUTE = {"microversion": "2.90"}
#: Of the deletion and of the creation. Killed: before Nova has it (it comes late), and before its answer is there.
DELETION, CREATION = Call("DELETE", "/servers/{server}$"), Call("POST", "/servers$", "default-NAME-[0-9a-f]{5}")
FAULTS: Mapping[str, tuple[Call, Mapping[str, Any]]] = {
    "swap-announced": (DELETION, {"do": "delay", "seconds": LATE}),
    "swap-deleted": (DELETION, {"do": "late", "seconds": LATE}),
    "swap-made": (CREATION, {"do": "late", "seconds": LATE}),
    "swap-lost": (DELETION, {"do": "lose"}),
    "swap-failed": (DELETION, {"do": "error_after", "status": 500}),
    "swap-refused": (DELETION, {"do": "error", "status": 503}),
    "swap-made-lost": (CREATION, {"do": "lose"}),
}
KILLING = ("swap-announced", "swap-deleted", "swap-made")


@pytest.fixture(scope="module")
def lab(world: World, cloud: Cloud) -> Iterator[World]:
    """With two key pairs."""
    cloud.faults.clear()
    for name in KEYS:
        cloud.user.compute.create_keypair(name=name)
    yield world
    for name in KEYS:
        cloud.user.compute.delete_keypair(name)


@pytest.fixture
def running(lab: World) -> World:
    lab.at_home()
    return lab


def with_key(name: str) -> dict[str, Any]:
    return {"openstack": {"keyPair": name}}


def test_it_waits_until_it_is_allowed_and_all_but_the_server_stays(running: World, cloud: Cloud) -> None:
    running.apply(machine("swap", "os-lab", dataDisks=[DATA], network=POOL, **with_key("swap-a")))
    running.ready("swap", 120)
    before, server = kept(cloud, "swap"), one(cloud, "swap")
    running.patch("swap", with_key("swap-b"))
    (row,) = eventually(lambda: running.status("swap").get("pendingChanges"), 60, "told")
    assert row == {
        "path": "/openstack/keyPair",
        "from": "swap-a",
        "to": "swap-b",
        "disruption": "Replace",
        "waitingFor": "MaxDisruption",
    }
    assert one(cloud, "swap")["id"] == server["id"]
    running.patch("swap", REPLACE)
    status = replaced(running, cloud, "swap", server["id"])
    after = one(cloud, "swap")
    assert (after["key_name"], after["name"], after["status"]) == ("swap-b", server["name"], "ACTIVE")
    assert kept(cloud, "swap") == before, "port, addresses, floating IP and volume"
    assert status["resolved"]["madeWith"] == {"/keyPair": "swap-b"}
    assert "operation" not in status
    assert [row["id"] for row in status["resources"] if row["name"] == "server"] == [after["id"]]
    assert len(running.events("swap", "Replacing")) == 1
    running.patch("swap", {"placement": {"group": {"name": "swapped", "policy": "SoftAntiAffinity"}}})
    status = replaced(running, cloud, "swap", after["id"])
    assert status["resolved"]["madeWith"]["/placement/group"].startswith("swapped/")
    assert kept(cloud, "swap") == before
    assert not running.events("swap", "MachineDeletedExternally")
    running.delete("swap", seconds=90)
    assert (cloud.servers("swap"), cloud.ports("swap"), cloud.volumes("swap")) == ([], [], {})


def test_no_server_is_replaced_for_what_somebody_else_did(running: World, cloud: Cloud) -> None:
    """Nor one whose root disk is a volume of its own; that is told."""
    group = {"placement": {"group": {"name": "swap-robbed", "policy": "SoftAffinity"}}}
    running.apply(machine("swap-robbed", "os-lab", **REPLACE, **group))
    running.apply(machine("swap-root", "os-lab", **REPLACE, **with_key("swap-a"), rootDisk={"size": "5Gi"}))
    running.ready("swap-robbed", 120)
    running.ready("swap-root", 120)
    servers = {name: one(cloud, name)["id"] for name in ("swap-robbed", "swap-root")}
    rows = cloud.user.compute.get("/os-server-groups", **COMPUTE).json()["server_groups"]
    (made,) = [row["id"] for row in rows if row["name"].startswith("default/swap-robbed hw:")]
    cloud.user.compute.delete(f"/os-server-groups/{made}")
    running.patch("swap-root", with_key("swap-b"))
    stalled = eventually(lambda: running.condition("swap-root", "Stalled"), 60, "told")
    assert stalled["reason"] == "InvalidConfiguration"
    assert "a change of /openstack/keyPair makes another machine in the place of this one" in stalled["message"]
    (row,) = eventually(lambda: running.status("swap-robbed").get("pendingChanges"), 150, "told")
    assert (row["path"], row["waitingFor"]) == ("/placement/group", "SpecChange")
    assert running.condition("swap-robbed", "Ready")["status"] == "True"
    assert {name: one(cloud, name)["id"] for name in servers} == servers
    running.patch("swap-root", with_key("swap-a"))
    running.ready("swap-root", 60)
    running.delete("swap-robbed", "swap-root", seconds=120)


def test_killed_lost_or_failed_on_its_way_there_is_one_with_what_is_kept(lab: World, cloud: Cloud) -> None:
    before, servers = dict[str, Any](), dict[str, str]()
    with lab.operator(*FLAGS) as first:
        first.leading()
        lab.apply(*(machine(name, "os-lab", dataDisks=[DATA], **REPLACE, **with_key("swap-a")) for name in FAULTS))
        killing: list[str] = []
        for name, (call, fault) in FAULTS.items():
            lab.ready(name, 150)
            before[name], servers[name] = kept(cloud, name), one(cloud, name)["id"]
            rule = cloud.faults.add_first({**call.rule(name=name, server=servers[name]), **fault})
            killing += [rule] if name in KILLING else []
        for name in FAULTS:
            lab.patch(name, with_key("swap-b"))
        killed_when(first, cloud, killing)
    assert lab.status("swap-announced")["operation"]["expect"] == f"replace/{servers['swap-announced']}"
    hits = len({hit["id"] for hit in cloud.faults.hits()})
    with lab.operator(*FLAGS) as second:
        second.leading()
        for name in FAULTS:
            status = replaced(lab, cloud, name, servers[name])
            assert one(cloud, name)["key_name"] == "swap-b", name
            assert kept(cloud, name) == before[name], name
            assert status["resolved"]["madeWith"] == {"/keyPair": "swap-b"}, name
            assert "operation" not in status, name
            assert not lab.events(name, "MachineDeletedExternally"), name
        struck = len({hit["id"] for hit in cloud.faults.hits()})
        assert struck == len(FAULTS), f"{hits} before the kill"
        print(f"\nbar: a replacement killed after, lost and failed at {len(FAULTS)} places: one server each, all kept")
        cloud.faults.clear()
        lab.delete(*FAULTS, seconds=150)
    for name in FAULTS:
        assert (cloud.servers(name), cloud.ports(name), cloud.volumes(name)) == ([], [], {}), name


def replaced(world: World, cloud: Cloud, name: str, former: str) -> dict[str, Any]:
    """The status, once another server is there and nothing is left to do."""
    eventually(lambda: [row.id for row in cloud.servers(name)] not in ([], [former]), 150, f"{name}: another one")
    body = world.ready(name, 120)
    status: dict[str, Any] = body["status"]
    assert world.condition(name, "UpToDate")["status"] == "True", name
    assert one(cloud, name)["id"] != former
    return status


def one(cloud: Cloud, name: str) -> dict[str, Any]:
    """The one and only, as Nova shows it."""
    (server,) = cloud.servers(name)
    row: dict[str, Any] = cloud.user.compute.get(f"/servers/{server.id}", **COMPUTE).json()["server"]
    return row


def kept(cloud: Cloud, name: str) -> dict[str, Any]:
    """What hangs on it, by id: each port with its MAC, addresses and floating IP, each volume."""
    server = one(cloud, name)["id"]
    ports = [port for port in cloud.ports(name) if port.device_id == server]
    floating = cloud.user.network.get("/floatingips").json()["floatingips"]
    given = {row["port_id"]: (row["id"], row["floating_ip_address"]) for row in floating}
    volumes = {disk: volume.id for disk, volume in cloud.volumes(name).items() if attached(volume, server)}
    return {
        "ports": {
            port.id: (port.mac_address, [row["ip_address"] for row in port.fixed_ips], given.get(port.id))
            for port in ports
        },
        "volumes": volumes,
    }


def attached(volume: Any, server: str) -> bool:
    return any(row["server_id"] == server for row in volume.attachments)
