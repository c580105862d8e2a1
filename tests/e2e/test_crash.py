"""kill -9 after every kind of request the operator sends: always exactly one machine, then none.

Nova or Neutron does the work and keeps the answer back (the lab's fault `late`); when every machine of a wave hangs in
its call, the operator is killed, and the next one finds them all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from tests.e2e.killed import FLAGS, Call, killed_when
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

TAG = "hw:"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


#: machine → the call of its creation
CREATES = {
    "crash-port": Call("POST", "/ports$", "(?=.*mac_address)(?=.*default-NAME-[0-9a-f]{5}-)"),
    "crash-port-unfenced": Call("POST", "/ports$", "^(?!.*mac_address)(?=.*default-NAME-[0-9a-f]{5}-)"),
    "crash-server": Call("POST", "/servers$", 'default-NAME-[0-9a-f]{5}"'),
}
#: machine → the call, and the change that brings it about (none: its port is unplugged behind our back)
CHANGES: Mapping[str, tuple[Call, dict[str, Any] | None]] = {
    "crash-stop": (Call("POST", "/servers/{server}/action", "os-stop"), {"powerState": "PoweredOff"}),
    "crash-restart-off": (Call("POST", "/servers/{server}/action", "os-stop"), {"restartedAt": "once"}),
    "crash-restart-on": (Call("POST", "/servers/{server}/action", "os-start"), {"restartedAt": "once"}),
    "crash-tag": (Call("PUT", "/servers/{server}/tags/new"), {"tags": {"new": "x"}}),
    "crash-untag": (Call("DELETE", "/servers/{server}/tags/team"), {"tags": {"team": "b"}}),
    "crash-metadata": (Call("POST", "/servers/{server}/metadata"), {"openstack": {"metadata": {"new": "x"}}}),
    "crash-attach": (Call("POST", "/servers/{server}/os-interface"), None),
}
#: machine → the call, and whether it is retained; those of CREATES go as well
LEAVES: Mapping[str, tuple[Call, bool]] = {
    "crash-port": (Call("DELETE", "/servers/{server}$"), False),
    "crash-port-unfenced": (Call("DELETE", "/ports/{port}"), False),
    "crash-server": (Call("DELETE", "/ports/{other}"), False),
    "crash-release-port": (Call("PUT", "/ports/{port}"), True),
    "crash-release-record": (Call("DELETE", "/servers/{server}/metadata/hostwright.namespace"), True),
    "crash-release-name": (Call("DELETE", "/servers/{server}/metadata/hostwright.name$"), True),
    "crash-release-tag": (Call("DELETE", "/servers/{server}/tags/hw:"), True),
}
#: Two more changes, made in the last wave: a Provider starts with eight calls at once.
START = Call("POST", "/servers/{server}/action", "os-start")
TAGGED = {"team": "a", "keep": "this"}


def spec(name: str) -> dict[str, Any]:
    if name in CREATES:
        interfaces = [{"name": f"eth{at}", "networkRef": {"name": net}} for at, net in enumerate(("app", "db"))]
        return {"network": {"interfaces": interfaces}}
    return {"tags": TAGGED, "openstack": {"metadata": {"keep": "this", "old": "z"}}}


@pytest.fixture(scope="module")
def requests_log(cloud: Cloud) -> Iterator[Callable[[], set[tuple[str, str]]]]:
    """Every kind of writing request to Nova and Neutron, as the services themselves saw it."""
    cloud.faults.clear()
    watched = {"do": "delay", "seconds": 0, "path": "/(servers|ports)"}
    for method in ("POST", "PUT", "DELETE"):
        cloud.faults.add({**watched, "method": method})
    yield lambda: {(hit["method"], _kind(hit["path"])) for hit in cloud.faults.hits()}
    cloud.faults.clear()


@pytest.fixture(scope="module")
def fleet(world: World, cloud: Cloud, requests_log: Any) -> World:
    """Killed while three creations are under way, the next operator makes every machine ready."""
    names = [*CREATES, *CHANGES, *(name for name in LEAVES if name not in CREATES)]
    rules = [cloud.faults.add_first(call.rule(name=name)) for name, call in CREATES.items()]
    with world.operator(*FLAGS) as first:
        first.leading()
        world.apply(*(machine(name, "os-lab", **spec(name)) for name in CREATES))
        killed_when(first, cloud, rules)
    world.apply(*(machine(name, "os-lab", **spec(name)) for name in names if name not in CREATES))
    with world.operator(*FLAGS) as second:
        second.leading()
        for name in names:
            world.ready(name, 150)
    return world


def test_killed_after_each_call_of_a_creation_there_is_one_machine(fleet: World, cloud: Cloud) -> None:
    for name in CREATES:
        server = _the_server(fleet, cloud, name)
        ports = cloud.ports(name)
        assert {port.device_id for port in ports} == {server.id}
        assert len(ports) == 2
        assert server.status == "ACTIVE"


def test_killed_after_each_call_of_a_change_the_change_is_made_once(fleet: World, cloud: Cloud) -> None:
    rules = []
    for name, (call, change) in CHANGES.items():
        server = _the_server(fleet, cloud, name)
        rules.append(cloud.faults.add_first(call.rule(name=name, server=server.id)))
        if change is None:
            (port,) = cloud.ports(name)
            cloud.user.compute.delete(f"/servers/{server.id}/os-interface/{port.id}")
            eventually(lambda name=name: not cloud.ports(name)[0].device_id, 20, "unplugged")
        else:
            fleet.patch(name, change)
    with fleet.operator(*FLAGS) as first:
        killed_when(first, cloud, rules)
    with fleet.operator(*FLAGS) as second:
        second.leading()
        bodies = {name: fleet.ready(name, 60) for name in CHANGES}
        eventually(lambda: cloud.ports("crash-attach")[0].device_id == _the_server(fleet, cloud, "crash-attach").id, 60)
        eventually(lambda: fleet.events("crash-restart-on", "Restarted"), 30)
        eventually(lambda: fleet.events("crash-restart-off", "Restarted"), 30)
    assert _the_server(fleet, cloud, "crash-stop").status == "SHUTOFF"
    assert _actions(cloud, _the_server(fleet, cloud, "crash-stop").id) == ["create", "stop"]
    for name in ("crash-restart-off", "crash-restart-on"):
        server = _the_server(fleet, cloud, name)
        assert server.status == "ACTIVE"
        assert _actions(cloud, server.id) == ["create", "stop", "start"]  # one restart, not two
        assert bodies[name]["status"]["handled"]["restartedAt"] == "once"
        assert len(fleet.events(name, "Restarted")) == 1
    assert _tags(fleet, cloud, "crash-tag") == {*_words(TAGGED), "new=x"}
    assert _tags(fleet, cloud, "crash-untag") == {"team=b", "keep=this"}
    assert _the_server(fleet, cloud, "crash-metadata").metadata["new"] == "x"


def test_killed_after_each_call_of_an_end_there_is_no_machine_or_one_without_our_marks(
    fleet: World, cloud: Cloud, requests_log: Callable[[], set[tuple[str, str]]]
) -> None:
    servers = {name: _the_server(fleet, cloud, name) for name in (*LEAVES, *CHANGES)}
    rules = []
    for name, (call, retained) in LEAVES.items():
        port, *others = sorted(port.id for port in cloud.ports(name))
        ids = {"server": servers[name].id, "port": port, "other": others[0] if others else ""}
        rules.append(cloud.faults.add_first(call.rule(name=name, **ids)))
        if retained:
            fleet.patch(name, {"deletionPolicy": "Retain"})
    rules.append(cloud.faults.add_first(START.rule(name="crash-stop", server=servers["crash-stop"].id)))
    fleet.patch("crash-stop", {"powerState": "PoweredOn"})
    fleet.patch("crash-metadata", {"openstack": {"metadata": {"old": None}}})
    fleet.kubectl("delete", "hvm", *LEAVES, "--wait=false")
    with fleet.operator(*FLAGS) as first:
        killed_when(first, cloud, rules)
    with fleet.operator(*FLAGS) as second:
        second.leading()
        for name in LEAVES:
            fleet.gone(name, 90)
        assert fleet.ready("crash-stop", 60)["status"]["powerState"] == "PoweredOn"
        fleet.ready("crash-metadata", 60)
        for name, (_, retained) in LEAVES.items():
            if not retained:
                assert cloud.servers(name) == [], name
                assert cloud.ports(name) == [], name
                continue
            (server,) = cloud.servers(name)
            (port,) = cloud.ports(name)
            assert server.id == servers[name].id
            assert server.status == "ACTIVE"
            assert not [tag for tag in _tags_of(cloud, server.id) if tag.startswith(TAG)], name
            assert not [key for key in server.metadata if key.startswith("hostwright.")], name
            assert (port.description, port.device_id) == ("", server.id), name
        _all_kinds_were_killed_after(requests_log())
        fleet.kubectl("delete", "hvm", *CHANGES, "--timeout=90s")
    for name in CHANGES:
        assert cloud.servers(name) == []
        assert cloud.ports(name) == []
    for name, (_, retained) in LEAVES.items():
        if retained:
            _remove(cloud, name)


def _all_kinds_were_killed_after(made: set[tuple[str, str]]) -> None:
    """A new kind of call fails here, until a machine is killed after it."""
    calls = [*CREATES.values(), *(call for call, _ in CHANGES.values()), *(call for call, _ in LEAVES.values()), START]
    killed = {(call.method, _kind(call.path)) for call in calls}
    ours = {(method, kind) for method, kind in made if (method, kind) != ("DELETE", "/servers/*/os-interface/*")}
    print(f"\nbar: kill -9 after {len(calls)} calls of {len(killed)} kinds, all it makes: one machine, then none")
    assert ours == killed, ours ^ killed


def _kind(path: str) -> str:
    """`/servers/*/tags/*`: a path without its ids, keys and version."""
    path = re.sub(r"\{\w+\}", "*", UUID.sub("*", path).rstrip("$"))
    path = path[re.search(r"/(servers|ports)", path).start() :]  # type: ignore[union-attr]
    return re.sub(r"/(tags|metadata)/.+", r"/\1/*", path)


def _the_server(world: World, cloud: Cloud, name: str) -> Any:
    """The one and only, which is the one in the ledger."""
    (server,) = cloud.servers(name)
    assert {row["name"]: row["id"] for row in world.status(name)["resources"]}["server"] == server.id
    return server


def _actions(cloud: Cloud, server: str) -> list[str]:
    """What Nova did with it, oldest first."""
    rows = cloud.user.compute.get(f"/servers/{server}/os-instance-actions").json()["instanceActions"]
    return [row["action"] for row in reversed(rows)]


def _tags_of(cloud: Cloud, server: str) -> list[str]:
    answer = cloud.user.compute.get(f"/servers/{server}/tags", microversion="2.90")
    tags: list[str] = answer.json()["tags"]
    return tags


def _tags(world: World, cloud: Cloud, name: str) -> set[str]:
    tags = _tags_of(cloud, _the_server(world, cloud, name).id)
    return {tag for tag in tags if not tag.startswith(TAG)}


def _words(tags: Mapping[str, str]) -> set[str]:
    return {f"{key}={value}" for key, value in tags.items()}


def _remove(cloud: Cloud, name: str) -> None:
    for server in cloud.servers(name):
        cloud.user.compute.delete_server(server.id)
    eventually(lambda: not cloud.servers(name), 30)
    for port in cloud.ports(name):
        cloud.user.network.delete_port(port.id)
