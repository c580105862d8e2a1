"""Floating IPs on the real Neutron: taken, put on ports, taken off and deleted, whatever becomes of the answers."""

import asyncio
import time
from typing import Any

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Fault
from tests.contract.harness_openstack import OpenStackHarness
from tests.contract.watched import Watched

from hostwright.core import errors
from hostwright.core.drift import differences
from hostwright.core.port import Call, Missing, Present
from hostwright.kinds.virtualmachine import network
from hostwright.kinds.virtualmachine.port import Create, Delete, Release, Rewire, Wanted
from hostwright.kinds.virtualmachine.status import Resolved

ETH0 = {"name": "eth0", "networkRef": {"name": "app"}}
POOL = {"pool": "public"}
APPLIED = (Fault.LOSE_REPLY, Fault.APPLY_THEN_FAIL, Fault.FAIL)


@pytest.fixture
async def made(harness: OpenStackHarness, watched: Watched) -> Driver:
    machine = Driver(watched.provider, wish(harness, watched, None), harness.patience)
    await machine.reach(Create())
    return machine


def wish(harness: OpenStackHarness, watched: Watched, floating: dict[str, str] | None) -> Wanted:
    interface = {**ETH0, "floatingIP": floating} if floating else ETH0
    wanted = watched.provider.resolve(harness.spec(network={"interfaces": [interface]}), harness.bindings())
    assert isinstance(wanted, Wanted), wanted
    return wanted


async def reached(machine: Driver, wanted: Wanted) -> None:
    """As `decide` would have it, pass by pass; a lost answer is verified, and what is proven gone is forgotten."""
    machine.wanted = wanted
    deadline = time.monotonic() + 2 * machine.patience
    while True:
        found = machine.found()
        for name in network.unseen(machine.trace.ledger, found):
            assert isinstance(await machine.provider.prove(machine.trace), Present)
            machine.forget(name)
        for name in network.left_alone(machine.trace.ledger, wanted, found):
            machine.forget(name)
        rows = [row for row in differences(wanted.shape, found.shape) if row.path == network.PATH]
        rows += network.dropped(Resolved(), wanted, found)
        if not rows:
            return
        planned = machine.plan(Rewire(tuple(row.key for row in rows)))
        try:
            await (machine.send(planned) if isinstance(planned, Call) else asyncio.sleep(0.05))
        except errors.Ambiguous:
            await machine.verify()
        assert time.monotonic() < deadline, (planned, rows)


def port(machine: Driver) -> str:
    return machine.found().interfaces[0].id


async def test_one_that_another_port_has_is_not_taken(
    harness: OpenStackHarness, watched: Watched, made: Driver
) -> None:
    other = Driver(watched.provider, wish(harness, watched, None), harness.patience)
    await other.reach(Create())
    held = await harness.new_floating_ip(on=port(other))
    made.wanted = wish(harness, watched, {"address": held["floating_ip_address"]})
    for _ in range(3):
        with pytest.raises(errors.AddressInUse, match=port(other)):
            await made.reach(Rewire(("eth0/floating_address",)))
    (after,) = await harness.floating_ips()
    assert after["port_id"] == port(other)


async def test_one_that_nobody_has_is_told(harness: OpenStackHarness, watched: Watched, made: Driver) -> None:
    made.wanted = wish(harness, watched, {"address": "172.24.9.9"})
    with pytest.raises(errors.FloatingIPNotFound, match=r"172\.24\.9\.9"):
        await made.reach(Rewire(("eth0/floating_address",)))


async def test_a_network_without_a_way_out_is_told_in_neutrons_words(
    harness: OpenStackHarness, watched: Watched, made: Driver
) -> None:
    interface = {"name": "eth0", "networkRef": {"name": "db"}, "floatingIP": POOL}
    wanted = watched.provider.resolve(harness.spec(network={"interfaces": [interface]}), harness.bindings())
    assert isinstance(wanted, Wanted)
    other = Driver(watched.provider, wanted, harness.patience)
    await other.reach(Create())
    with pytest.raises(errors.Rejected, match="not reachable from subnet"):
        await other.reach(Rewire(("eth0/floating_pool",)))
    assert await harness.floating_ips() == []


async def test_taken_off_or_deleted_by_somebody_else_it_is_seen_and_mended(
    harness: OpenStackHarness, watched: Watched, made: Driver
) -> None:
    wanted = wish(harness, watched, POOL)
    await reached(made, wanted)
    (mine,) = await harness.floating_ips()
    await harness.move_floating_ip(mine["id"], None)
    await made.provider.prove(made.trace)
    assert made.found().external_addresses == ()
    await reached(made, wanted)
    (after,) = await harness.floating_ips()
    assert (after["id"], after["port_id"]) == (mine["id"], port(made))
    await harness._send("network", "DELETE", f"/v2.0/floatingips/{mine['id']}")
    await made.provider.prove(made.trace)
    await reached(made, wanted)
    (another,) = await harness.floating_ips()
    assert another["id"] != mine["id"]


async def test_let_go_it_stays_without_our_mark(harness: OpenStackHarness, watched: Watched, made: Driver) -> None:
    await reached(made, wish(harness, watched, POOL))
    await made.reach(Release())
    (left,) = await harness.floating_ips()
    assert (left["description"], left["port_id"]) == ("", port(made))


@pytest.mark.parametrize("fault", APPLIED)
async def test_whatever_becomes_of_an_answer_there_is_one_and_then_none(
    harness: OpenStackHarness, watched: Watched, made: Driver, fault: Fault
) -> None:
    """Each kind of call is struck once. And what others have there stays as it is to the letter."""
    theirs, project = await harness.new_floating_ip(), await harness.new_floating_ip()
    verbs = ("create_floating_ip", "delete_floating_ip", "associate", "disassociate")
    for verb in verbs:
        await harness.fault(verb, fault)
    await reached(made, wish(harness, watched, POOL))
    assert await marked(harness, made) == [port(made)]
    await reached(made, wish(harness, watched, {"address": project["floating_ip_address"]}))
    assert await marked(harness, made) == []
    assert {item["id"]: item["port_id"] for item in await harness.floating_ips()}[project["id"]] == port(made)
    await reached(made, wish(harness, watched, POOL))
    assert await marked(harness, made) == [port(made)]
    assert len({hit["id"] for hit in harness.faults.hits()}) == len(verbs), "each of them struck"
    assert isinstance(await made.reach(Delete()), Missing)
    after = {item["id"]: item for item in await harness.floating_ips()}
    assert after[theirs["id"]] == theirs
    assert after[project["id"]]["port_id"] is None
    assert len(after) == 2


async def marked(harness: OpenStackHarness, machine: Driver) -> list[Any]:
    """The ports of those that bear our mark."""
    return [item["port_id"] for item in await harness.floating_ips() if item["description"] == machine.trace.mark]
