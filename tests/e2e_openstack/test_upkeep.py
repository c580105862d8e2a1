"""On a real cloud: deleted behind our back and made again, also with a kill in the middle; labels as tags."""

import select
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.killed import FLAGS, Call, killed_when
from tests.e2e.sites import Cloud
from tests.e2e.test_crash import _tags, _the_server
from tests.e2e.world import World, eventually, machine

from hostwright.core.names import ANNOTATION_MACHINE_ID

NAME = "upkeep"
NICS = [{"name": f"eth{at}", "networkRef": {"name": net}} for at, net in enumerate(("app", "db"))]
CREATE = Call("POST", "/servers$", 'default-NAME-[0-9a-f]{5}"')


@pytest.fixture(scope="module")
def kept(world: World, cloud: Cloud) -> Iterator[World]:
    world.at_home()
    wish = machine(
        NAME,
        "os-lab",
        network={"interfaces": NICS},
        dataDisks=[{"name": "data", "size": "1Gi"}],
        onExternalDeletion="Recreate",
        propagateLabels=["owner"],
    )
    wish["metadata"]["labels"] = {"owner": "shop"}
    world.apply(wish)
    world.ready(NAME, 90)
    yield world
    world.at_home()
    world.delete(NAME, seconds=120)
    assert cloud.servers(NAME) == []
    assert cloud.ports(NAME) == []


def _identity(world: World) -> str:
    body = world.get(NAME) or {}
    return str(body["metadata"]["annotations"][ANNOTATION_MACHINE_ID])


def _disk(world: World) -> tuple[str, bool]:
    """Its id, and whether it is attached."""
    (disk,) = [each for each in world.status(NAME)["disks"] if each["name"] == "data"]
    return disk["id"], disk["attached"]


def _made_again(world: World, cloud: Cloud, former: str) -> Any:
    """The one that is there now, up and in the ledger."""

    def another() -> bool:
        (*others,) = (server for server in cloud.servers(NAME) if server.id != former)
        return len(others) == 1 and others[0].status == "ACTIVE" and former not in str(world.status(NAME))

    eventually(another, 120, "another server")
    world.ready(NAME, 60)
    return _the_server(world, cloud, NAME)


def test_a_deleted_server_is_made_again_with_the_ports_and_disks_that_are_left(kept: World, cloud: Cloud) -> None:
    identity, former = _identity(kept), _the_server(kept, cloud, NAME)
    ports, disk = {port.name: port for port in cloud.ports(NAME)}, _disk(kept)
    lost = next(port for name, port in ports.items() if name.endswith("-eth1"))
    cloud.user.compute.delete_server(former.id)
    eventually(lambda: former.id not in {server.id for server in cloud.servers(NAME)}, 30, "deleted")
    cloud.user.network.delete_port(lost.id)
    server = _made_again(kept, cloud, former.id)
    assert _identity(kept) == identity
    after = {port.name: port for port in cloud.ports(NAME)}
    assert {port.device_id for port in after.values()} == {server.id}
    assert after.keys() == ports.keys()
    same = [name for name in ports if name.endswith("-eth0")]
    assert [(after[name].id, after[name].fixed_ips) for name in same] == [
        (ports[name].id, ports[name].fixed_ips) for name in same
    ]
    assert "somebody else; it is made again" in kept.events(NAME, "Recreating")[0]["message"]
    assert _tags(kept, cloud, NAME) == {"owner=shop"}
    assert _disk(kept) == (disk[0], True), "with its data"


def test_a_label_is_a_tag_of_the_server_and_a_long_one_is_told(kept: World, cloud: Cloud) -> None:
    kept.kubectl("label", "hvm", NAME, "--overwrite", "owner=stock")
    eventually(lambda: _tags(kept, cloud, NAME) == {"owner=stock"}, 30, "the label")
    kept.kubectl("label", "hvm", NAME, "--overwrite", f"owner={'x' * 60}")
    told = eventually(lambda: _of(kept.condition(NAME, "UpToDate"), "InvalidConfiguration"), 30, "told")
    assert "label 'owner': change it, or take it out of propagateLabels" in told["message"]
    assert _tags(kept, cloud, NAME) == {"owner=stock"}
    kept.kubectl("label", "hvm", NAME, "owner-")
    eventually(lambda: _tags(kept, cloud, NAME) == set(), 30, "without a label there is no tag")


def test_killed_while_it_is_made_again_there_is_one_server(kept: World, cloud: Cloud) -> None:
    former, disk = _the_server(kept, cloud, NAME), _disk(kept)
    rule = cloud.faults.add_first(CREATE.rule(name=NAME))
    with kept.operator(*FLAGS) as first:
        first.leading()
        cloud.user.compute.delete_server(former.id)
        killed_when(first, cloud, [rule])
    with kept.operator(*FLAGS) as second:
        second.leading()
        server = _made_again(kept, cloud, former.id)
        assert {port.device_id for port in cloud.ports(NAME)} == {server.id}
        assert len(cloud.ports(NAME)) == 2
        assert _disk(kept) == disk


def test_a_refused_network_is_never_probed_and_told(world: World) -> None:
    """As a process, with its flag; which networks answer differs from place to place."""
    probe = {"probe": {"tcpSocket": {"port": 22}, "periodSeconds": 1}}
    with world.operator("--refuse-probes", "10.64.0.0/16", "--refuse-probes", "fd00::/8") as own:
        own.leading()
        world.apply(machine("upkeep-probed", readiness=probe))
        world.ready("upkeep-probed", 60)
        told = eventually(lambda: _of(world.condition("upkeep-probed", "Available"), "ProbeFailed"), 30, "told")
        assert "is never probed: it is in a network that this operator's --refuse-probes names" in told["message"]
        writes = len(world.writes("upkeep-probed"))
        select.select([], [], [], 5.0)
        assert len(world.writes("upkeep-probed")) == writes, "what goes on as it is causes no write"
        world.patch("upkeep-probed", {"readiness": None})
        eventually(lambda: world.condition("upkeep-probed", "Available").get("status") == "True", 30, "Ready is enough")
        world.delete("upkeep-probed")


def _of(condition: dict[str, Any], reason: str) -> dict[str, Any]:
    return condition if condition.get("reason") == reason else {}
