"""OpenStack changed behind our back: tags, marks, networks of one name, a login into another project."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.e2e.manifests import SYSTEM, clouds, image, platform, secret
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

TAGS = {"team": "a", "tier": "web"}
PLACE, TWIN = "behind-place", "behind-twin"
#: Nova's `changes-since` shows no tag: the sweep of each minute does, and some seconds are needed to mend it.
SWEEP = 75
ELSEWHERE = {"imageRef": {"name": PLACE}, "tags": TAGS}
MACHINES = {
    "behind-tags": ("os-lab", {"tags": TAGS}),
    "behind-warn": ("os-lab", {"tags": TAGS, "driftDetection": {"mode": "Warn"}}),
    "behind-mark": ("os-lab", {}),
    "behind-moved": (PLACE, ELSEWHERE),
    "behind-leaving": (PLACE, ELSEWHERE),
}


@dataclass(frozen=True)
class Behind:
    """Everything is done at once, as most of it is seen by the next sweep only."""

    world: World
    cloud: Cloud
    at: float
    twins: tuple[str, ...]  # ids of the networks of one name, before one of them was deleted
    ambiguous: dict[str, dict[str, Any]]  # what Provider and machine said of them
    servers: dict[str, str]  # name → id, before
    tags: dict[str, frozenset[str]]  # of each server, before


@pytest.fixture(scope="module")
def behind(world: World, cloud: Cloud) -> Iterator[Behind]:
    world.at_home()
    twins = tuple(_network(cloud) for _ in range(2))
    world.apply(
        *(secret(name, **{"clouds.yaml": clouds(**_login(cloud.user))}) for name in (PLACE, TWIN)),
        _provider(PLACE, "app", "app"),
        _provider(TWIN, TWIN, TWIN),
        image(PLACE, PLACE, openstack={"image": {"name": "tiny"}}),
        image(TWIN, TWIN, openstack={"image": {"name": "tiny"}}),
        machine(TWIN, TWIN, imageRef={"name": TWIN}, network={"interfaces": [_eth0(TWIN)]}),
        *(machine(name, provider, **spec) for name, (provider, spec) in MACHINES.items()),
    )
    for name in MACHINES:
        world.ready(name, 90)
    ambiguous = {
        "provider": eventually(lambda: _reason(world.condition(TWIN, "CatalogResolved", "hpr"), "NameAmbiguous"), 30),
        "machine": eventually(lambda: _reason(world.condition(TWIN, "Stalled"), "NameAmbiguous"), 30),
        "status": world.status(TWIN),
    }
    servers = {name: str(cloud.servers(name)[0].id) for name in MACHINES}
    tags = {name: frozenset(_tags(cloud, server)) for name, server in servers.items()}
    _meddle(world, cloud, servers, twins[1])
    yield Behind(world, cloud, time.monotonic(), twins, ambiguous, servers, tags)
    world.apply(secret(PLACE, **{"clouds.yaml": clouds(**_login(cloud.user))}))
    world.delete(*(name for name in (*MACHINES, TWIN) if world.get(name)), seconds=150)
    world.kubectl("delete", "hmi", PLACE, TWIN, "--timeout=30s")
    world.kubectl("delete", "hpr", PLACE, TWIN, "--timeout=30s")
    world.kubectl("delete", "secret", "-n", SYSTEM, PLACE, TWIN, "--timeout=30s")
    cloud.user.network.delete_network(twins[0])


def _meddle(world: World, cloud: Cloud, servers: dict[str, str], twin: str) -> None:
    def tag(method: str, name: str, word: str) -> None:
        path = f"/servers/{servers[name]}/tags/{word}".rstrip("/")
        answer = cloud.user.compute.request(path, method, microversion="2.90")
        assert answer.status_code < 300, answer.text

    for name, word in (("behind-tags", "team=a"), ("behind-tags", "tier=web"), ("behind-warn", "team=a")):
        tag("DELETE", name, word)
    tag("PUT", "behind-tags", "tier=db")
    tag("PUT", "behind-tags", "theirs=x")
    tag("DELETE", "behind-mark", "")
    (port,) = cloud.ports("behind-mark")
    cloud.user.network.update_port(port, description="mine now")
    cloud.user.network.delete_network(twin)
    world.apply(secret(PLACE, **{"clouds.yaml": clouds(**_login(cloud.admin))}))


def test_tags_that_were_removed_and_changed_are_put_back_within_a_sweep(behind: Behind) -> None:
    world, server = behind.world, behind.servers["behind-tags"]
    wanted = behind.tags["behind-tags"] | {"theirs=x"}
    eventually(lambda: _tags(behind.cloud, server) == wanted, SWEEP, "put back")
    print(f"\nbar: tags changed on Nova behind our back: put back after {time.monotonic() - behind.at:.0f} s")
    assert time.monotonic() - behind.at < SWEEP
    world.ready("behind-tags", 15)
    assert "set back" in world.events("behind-tags", "DriftDetected")[0]["message"]


def test_two_networks_of_one_name_are_told_until_one_is_gone(behind: Behind) -> None:
    world, told = behind.world, behind.ambiguous
    for one in behind.twins:
        assert one in told["machine"]["message"]
        assert one in told["provider"]["message"]
    assert told["provider"]["status"] == "False"
    assert "The platform team must act." in told["machine"]["message"]
    assert told["status"]["lastError"]["actor"] == "Platform"
    assert "resources" not in told["status"]
    assert "operation" not in told["status"]
    world.ready(TWIN, 100)
    world.ready(TWIN, 10, "hpr")
    assert behind.cloud.ports(TWIN)[0].network_id == behind.twins[0]


def test_with_mode_warn_a_removed_tag_is_told_and_not_put_back(behind: Behind) -> None:
    world, server = behind.world, behind.servers["behind-warn"]
    eventually(lambda: world.condition("behind-warn", "Drifted"), SWEEP, "told")
    rows = [(row["path"], row["wanted"], row.get("found", "")) for row in world.status("behind-warn")["drift"]]
    assert rows == [("/tags/team", "a", "")]
    world.ready("behind-warn", 10)
    assert _tags(behind.cloud, server) == behind.tags["behind-warn"] - {"team=a"}


def test_owner_marks_that_were_taken_off_are_put_back_by_id(behind: Behind) -> None:
    world, server = behind.world, behind.servers["behind-mark"]
    (mark,) = behind.tags["behind-mark"]
    eventually(lambda: _tags(behind.cloud, server) == {mark}, SWEEP, "the server's mark")
    eventually(lambda: behind.cloud.ports("behind-mark")[0].description == mark, SWEEP, "the port's mark")
    world.ready("behind-mark", 15)
    assert len(world.events("behind-mark", "DriftDetected")) >= 1
    assert [row.id for row in behind.cloud.servers("behind-mark")] == [server]
    orphans = {row["id"] for row in world.status("os-lab", "hpr").get("orphans") or ()}
    assert server not in orphans


def test_a_login_into_another_project_stops_everything_until_it_is_mended(behind: Behind) -> None:
    world, cloud, server = behind.world, behind.cloud, behind.servers["behind-moved"]
    told = eventually(lambda: _reason(world.condition(PLACE, "Stalled", "hpr"), "IdentityChanged"), 90, "told")
    assert cloud.user.current_project_id in told["message"]
    assert cloud.admin.current_project_id in told["message"]
    recorded = world.status(PLACE, "hpr")["identity"]["project"]
    assert recorded == cloud.user.current_project_id
    before = {name: _whole(cloud, name) for name in ("behind-moved", "behind-leaving")}
    world.patch("behind-moved", {"tags": {"team": "b"}})
    world.kubectl("delete", "hvm", "behind-leaving", "--wait=false")
    blocked = eventually(
        lambda: _reason(world.condition("behind-moved", "Stalled"), "IdentityChanged"), 20, "its machine"
    )
    assert "The platform team must act." in blocked["message"]
    waits = eventually(lambda: world.condition("behind-leaving", "Deleting"), 20, "the one that goes")
    assert "waiting for Provider" in waits["message"]
    assert {name: _whole(cloud, name) for name in before} == before  # Nova and Neutron stamp every change
    assert world.events("behind-moved", "MachineDeletedExternally") == []
    assert {row["name"] for row in world.status("behind-leaving")["resources"]} == {"server", "port/eth0"}
    world.apply(secret(PLACE, **{"clouds.yaml": clouds(**_login(cloud.user))}))
    world.ready(PLACE, 90, "hpr")
    assert not world.condition(PLACE, "Stalled", "hpr")
    world.ready("behind-moved", 40)
    assert "team=b" in _tags(cloud, server)
    world.gone("behind-leaving", 60)
    assert cloud.servers("behind-leaving") == cloud.ports("behind-leaving") == []


def _provider(name: str, network: str, there: str) -> dict[str, Any]:
    return platform(
        "Provider",
        name,
        type="OpenStack",
        credentialsRef={"name": name},
        allowedNamespaces={"from": "All"},
        networks=[{"name": network, "openstack": {"network": there}}],
        openstack={"cloudName": "openstack"},
    )


def _login(connection: Any) -> dict[str, Any]:
    auth = connection.config.get_auth_args()
    return {**auth, "user_domain_id": "default", "project_domain_id": "default"}


def _network(cloud: Cloud) -> str:
    made = cloud.user.network.create_network(name=TWIN)
    cloud.user.network.create_subnet(network_id=made.id, ip_version=4, cidr="10.77.0.0/24", name=TWIN)
    return str(made.id)


def _eth0(network: str) -> dict[str, Any]:
    return {"name": "eth0", "networkRef": {"name": network}}


def _tags(cloud: Cloud, server: str) -> set[str]:
    return set(cloud.user.compute.get(f"/servers/{server}/tags", microversion="2.90").json()["tags"])


def _whole(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    """All that is known of a machine's server and ports."""
    return [row.to_dict() for row in (*cloud.servers(name), *cloud.ports(name))]


def _reason(condition: dict[str, Any], reason: str) -> dict[str, Any]:
    return condition if condition.get("reason") == reason else {}
