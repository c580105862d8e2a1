"""Server groups and hints on the real Nova: members apart, and Nova's words where that cannot be."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.driver import Driver
from tests.contract.harness_openstack import OpenStackHarness
from tests.contract.watched import Watched

from hostwright.core import errors
from hostwright.core.port import Missing, Present
from hostwright.kinds.virtualmachine.port import Create, Delete, Life, Unresolved, Wanted

HOSTS = 3  # of the lab


@pytest.fixture
async def theirs(harness: OpenStackHarness) -> AsyncIterator[str]:
    """A group that somebody else made."""
    body = {"server_group": {"name": "theirs", "policy": "anti-affinity"}}
    made = (await harness._send("compute", "POST", "/os-server-groups", body))["server_group"]["id"]
    yield made
    await harness._send("compute", "DELETE", f"/os-server-groups/{made}", gone=True)


@pytest.fixture
async def full_groups(harness: OpenStackHarness) -> AsyncIterator[None]:
    """No group may have a member."""
    before = await harness._run(lambda: harness._admin.get_compute_quotas("demo").server_group_members)
    await harness._run(lambda: harness._admin.set_compute_quotas("demo", server_group_members=0))
    yield
    await harness._run(lambda: harness._admin.set_compute_quotas("demo", server_group_members=before))


def wish(harness: OpenStackHarness, watched: Watched, **openstack: Any) -> Wanted:
    wanted = watched.provider.resolve(harness.spec(openstack=openstack), harness.bindings())
    assert isinstance(wanted, Wanted), wanted
    return wanted


async def made(harness: OpenStackHarness, watched: Watched, wanted: Wanted) -> Driver:
    machine = Driver(watched.provider, wanted, harness.patience)
    await machine.reach(Create())
    return machine


async def host(harness: OpenStackHarness, machine: Driver) -> str:
    row = await harness._run(lambda: harness._admin.compute.get(f"/servers/{machine.id}", microversion="2.90").json())
    return str(row["server"]["OS-EXT-SRV-ATTR:host"])


async def members(harness: OpenStackHarness, group: str) -> set[str]:
    return set((await harness._send("compute", "GET", f"/os-server-groups/{group}"))["server_group"]["members"])


async def test_machines_of_a_given_group_are_apart_and_the_group_stays(
    harness: OpenStackHarness, watched: Watched, theirs: str
) -> None:
    await watched.session.load_catalog()
    wanted = wish(harness, watched, serverGroupID=theirs)
    machines = [await made(harness, watched, wanted) for _ in range(HOSTS)]
    assert len({await host(harness, machine) for machine in machines}) == HOSTS
    assert await members(harness, theirs) == {machine.id for machine in machines}
    assert [machine.found().shape.server_group for machine in machines] == [theirs] * HOSTS
    for machine in machines:
        assert isinstance(await machine.reach(Delete()), Missing)
    assert await members(harness, theirs) == set(), "it is there still"


async def test_one_more_than_there_are_hosts_has_no_room(
    harness: OpenStackHarness, watched: Watched, theirs: str
) -> None:
    await watched.session.load_catalog()
    wanted = wish(harness, watched, serverGroupID=theirs)
    for _ in range(HOSTS):
        await made(harness, watched, wanted)
    late = Driver(watched.provider, wanted, harness.patience)
    await late.send(await late.create_up_to("create_server"))
    await late.until(lambda look: isinstance(look, Present) and look.found.life is Life.FAILED, "the build fails")
    assert late.found().no_room, late.found().message


async def test_a_hint_is_heeded(harness: OpenStackHarness, watched: Watched) -> None:
    first = await made(harness, watched, wish(harness, watched))
    beside = await made(harness, watched, wish(harness, watched, schedulerHints={"same_host": [first.id]}))
    assert await host(harness, beside) == await host(harness, first)
    apart = await made(harness, watched, wish(harness, watched, schedulerHints={"different_host": [first.id]}))
    assert await host(harness, apart) != await host(harness, first)


async def test_a_full_group_and_one_that_is_gone_are_told_in_novas_words(
    harness: OpenStackHarness, watched: Watched, theirs: str, full_groups: None
) -> None:
    await watched.session.load_catalog()
    wanted = wish(harness, watched, serverGroupID=theirs)
    refused = Driver(watched.provider, wanted, harness.patience)
    with pytest.raises(errors.GroupFull, match=r"too many servers in group.*server_group_members"):
        await refused.reach(Create())
    await harness._send("compute", "DELETE", f"/os-server-groups/{theirs}")
    with pytest.raises(errors.GroupNotFound, match=theirs):
        await refused.reach(Create())
    await watched.session.load_catalog()
    answer = watched.provider.resolve(harness.spec(openstack={"serverGroupID": theirs}), harness.bindings())
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is errors.GroupNotFound
