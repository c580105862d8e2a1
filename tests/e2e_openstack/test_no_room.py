"""No room on the cloud: told in its own words, tried again slowly, and over by itself once there is room."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.e2e.manifests import platform
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

#: Seconds before the first retry, doubled after each; the default is a minute.
FIRST = 2.0
VAST = "no-room-vast"


@pytest.fixture(scope="module")
def hurried(world: World, cloud: Cloud) -> Iterator[World]:
    """An operator that tries again soon where there is no room."""
    with world.operator("--capacity-retry", str(FIRST)) as running:
        running.leading()
        yield world


@pytest.fixture(scope="module")
def vast(world: World, cloud: Cloud) -> Iterator[str]:
    """A size that no host can hold."""
    flavor = cloud.admin.compute.create_flavor(name=VAST, vcpus=100_000, ram=512, disk=1)
    world.apply(platform("MachineClass", VAST, cpu=1, memory="512Mi", openstack={"flavor": {"name": VAST}}))
    yield VAST
    world.kubectl("delete", "hmc", VAST, "--timeout=20s")
    cloud.admin.compute.delete_flavor(flavor)


def test_a_size_that_no_host_can_hold_is_tried_slowly_until_another_is_chosen(
    hurried: World, cloud: Cloud, vast: str
) -> None:
    name = "no-room-size"
    with _counted(cloud, name) as sent:
        hurried.apply(machine(name, "os-lab", classRef={"name": vast}))
        _told(hurried, name, "NoValidHost", "No valid host was found.")
        (port,) = cloud.ports(name)
        eventually(lambda: _attempt(hurried, name) >= 3, 40, "a third attempt")
        assert len(cloud.servers(name)) <= 1
        assert sent() <= 4
        assert hurried.status(name)["phase"] == "Provisioning"
        hurried.patch(name, {"classRef": {"name": "small"}})
        hurried.ready(name, 30)
    assert [row.id for row in cloud.ports(name)] == [port.id]  # its address stayed
    (server,) = cloud.servers(name)
    assert server.status == "ACTIVE"
    _well_again(hurried, name)


def test_a_machine_that_found_no_host_comes_by_itself_when_there_is_one(hurried: World, cloud: Cloud) -> None:
    name = "no-room-host"
    hosts = list(cloud.admin.compute.services(binary="nova-compute"))
    for host in hosts:
        cloud.admin.compute.disable_service(host)
    try:
        hurried.apply(machine(name, "os-lab"))
        _told(hurried, name, "NoValidHost", "No valid host was found.")
    finally:
        for host in hosts:
            cloud.admin.compute.enable_service(host)
    _comes_unedited(hurried, cloud, name)


def test_what_a_quota_refused_comes_by_itself_when_the_quota_is_lifted(hurried: World, cloud: Cloud) -> None:
    """Nova's 403 and Neutron's 409, each in the words of its service."""
    project = cloud.user.current_project_id
    servers, ports = "no-room-servers", "no-room-ports"
    cloud.admin.compute.update_quota_set(project, instances=0)
    try:
        hurried.apply(machine(servers, "os-lab"))
        _told(hurried, servers, "QuotaExceeded", "Nova says: Quota exceeded for instances")
        used = len(list(cloud.admin.network.ports(project_id=project)))
        cloud.admin.network.update_quota(project, ports=used)
        hurried.apply(machine(ports, "os-lab"))
        _told(hurried, ports, "QuotaExceeded", "Neutron says: Quota exceeded for resources: ['port']")
        assert cloud.servers(servers) == cloud.servers(ports) == cloud.ports(ports) == []
    finally:
        cloud.admin.network.update_quota(project, ports=-1)
        cloud.admin.compute.update_quota_set(project, instances=-1)
    for name in (servers, ports):
        _comes_unedited(hurried, cloud, name)


def _told(world: World, name: str, reason: str, words: str) -> None:
    def told() -> dict[str, Any]:
        ready = world.condition(name, "Ready")
        waits = world.status(name).get("operation", {}).get("nextRetryAt")
        return ready if ready.get("reason") == reason and waits else {}

    ready = eventually(told, 30, f"{name}: {reason}")
    assert ready["status"] == "False"
    assert words in ready["message"]
    assert "Tried again until there is room. The platform team must act." in ready["message"]
    assert world.status(name)["lastError"]["actor"] == "Platform"
    assert world.condition(name, "Reconciling")["reason"] == reason
    assert not world.condition(name, "Stalled")


def _attempt(world: World, name: str) -> int:
    return int(world.status(name).get("operation", {}).get("attempt", 0))


def _comes_unedited(world: World, cloud: Cloud, name: str) -> None:
    body = world.ready(name, 60)
    assert body["metadata"]["generation"] == 1
    assert [row.status for row in cloud.servers(name)] == ["ACTIVE"]
    assert len(cloud.ports(name)) == 1
    _well_again(world, name)


def _well_again(world: World, name: str) -> None:
    status = world.ready(name)["status"]
    assert "lastError" not in status
    assert "operation" not in status
    assert not world.condition(name, "Reconciling")
    world.delete(name)


@contextmanager
def _counted(cloud: Cloud, name: str) -> Iterator[Any]:
    """How many requests for a server of this name Nova has seen."""
    rule = cloud.faults.add(
        {"method": "POST", "path": "/servers$", "body": f"default-{name}-", "do": "delay", "seconds": 0}
    )
    yield lambda: len(cloud.faults.hits(rule))
    cloud.faults.remove(rule)
