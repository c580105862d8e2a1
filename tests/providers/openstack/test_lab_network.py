"""Interfaces added, changed and removed on the real services, whatever becomes of the answers."""

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
from hostwright.core.port import Call, Done, Missing, Present
from hostwright.kinds.virtualmachine.network import PATH
from hostwright.kinds.virtualmachine.port import Create, Delete, InterfaceFound, Rewire, Wanted

ETH0, ETH1 = {"name": "eth0", "networkRef": {"name": "app"}}, {"name": "eth1", "networkRef": {"name": "db"}}
FIXED = {**ETH0, "addresses": ["10.3.0.77/14"], "securityGroups": ["web"]}
VERBS = ("create_port", "attach_port", "update_port", "detach_port", "delete_port")
APPLIED = (Fault.LOSE_REPLY, Fault.APPLY_THEN_FAIL, Fault.FAIL)


@pytest.fixture
async def made(harness: OpenStackHarness, watched: Watched) -> Driver:
    machine = Driver(watched.provider, wish(harness, watched, ETH0), harness.patience)
    await machine.reach(Create())
    return machine


def wish(harness: OpenStackHarness, watched: Watched, *interfaces: dict[str, Any]) -> Wanted:
    wanted = watched.provider.resolve(harness.spec(network={"interfaces": list(interfaces)}), harness.bindings())
    assert isinstance(wanted, Wanted), wanted
    return wanted


async def rewired(machine: Driver, wanted: Wanted) -> None:
    """As `decide` would have it, pass by pass; a lost answer is verified, and what is proven gone is forgotten."""
    machine.wanted = wanted
    deadline = time.monotonic() + 2 * machine.patience
    while True:
        there = {part.id for part in machine.found().parts}
        for row in machine.trace.ledger:
            if row.id not in there:
                assert isinstance(await machine.provider.prove(machine.trace), Present)
                machine.forget(row.name)
        rows = [row for row in differences(wanted.shape, machine.found().shape) if row.path == PATH]
        if not rows:
            return
        planned = machine.plan(Rewire(tuple(row.key for row in rows)))
        try:
            await (machine.send(planned) if isinstance(planned, Call) else asyncio.sleep(0.05))
        except errors.Ambiguous:
            await machine.verify()
        assert time.monotonic() < deadline, (planned, rows)


def interfaces(machine: Driver) -> dict[str, InterfaceFound]:
    return {item.name: item for item in machine.found().interfaces}


async def test_an_interface_comes_and_goes_and_its_port_with_it(
    harness: OpenStackHarness, watched: Watched, made: Driver
) -> None:
    await rewired(made, wish(harness, watched, ETH0, ETH1))
    port = interfaces(made)["eth1"].id
    assert (await harness.port(port))["device_id"] == made.id
    assert (await harness.port(port))["description"] == made.trace.mark
    assert made.trace.row("port/eth1") is not None
    addresses = made.found().internal_addresses
    assert len(addresses) == 2
    await rewired(made, wish(harness, watched, ETH0))
    assert await harness.port(port) == {}
    assert made.trace.row("port/eth1") is None
    assert made.found().internal_addresses == addresses[:1]
    verbs = [call.verb for call in made.sent]
    assert verbs[-4:] == ["create_port", "attach_port", "detach_port", "delete_port"]


async def test_the_only_interface_gives_way_to_the_next_which_is_plugged_in_first(
    harness: OpenStackHarness, watched: Watched, made: Driver
) -> None:
    await rewired(made, wish(harness, watched, ETH1))
    assert [call.verb for call in made.sent[-4:]] == ["create_port", "attach_port", "detach_port", "delete_port"]
    assert list(interfaces(made)) == ["eth1"]


async def test_addresses_and_groups_change_on_the_port_that_is_there(
    harness: OpenStackHarness, watched: Watched, made: Driver
) -> None:
    before = interfaces(made)["eth0"]
    await rewired(made, wish(harness, watched, FIXED))
    after = interfaces(made)["eth0"]
    assert (after.id, after.mac_address, after.addresses) == (before.id, before.mac_address, ("10.3.0.77",))
    assert made.found().internal_addresses == ("10.3.0.77",)
    assert [call.verb for call in made.sent].count("update_port") == 1
    plain = wish(harness, watched, ETH0)
    assert made.found().shape.interfaces[0].security_groups != plain.default_groups
    made.wanted = plain
    await made.reach(Rewire(("eth0/security_groups",)))
    assert made.found().shape.interfaces[0].security_groups == plain.default_groups


async def test_an_address_that_another_has_is_told(harness: OpenStackHarness, watched: Watched, made: Driver) -> None:
    other = Driver(watched.provider, wish(harness, watched, FIXED), harness.patience)
    await other.reach(Create())
    made.wanted = wish(harness, watched, FIXED)
    for _ in range(2):
        with pytest.raises(errors.AddressInUse, match=r"10\.3\.0\.77"):
            await made.send(await made.next_call(Rewire(("eth0/addresses",))))


async def test_what_somebody_else_did_to_a_port_is_seen_and_undone(
    harness: OpenStackHarness, watched: Watched, made: Driver
) -> None:
    web = wish(harness, watched, {**ETH0, "securityGroups": ["web"]})
    await rewired(made, web)
    port = interfaces(made)["eth0"].id
    await harness.set_groups(port, "default")
    await harness.unplug(made.id, port)
    await made.provider.prove(made.trace)
    keys = {row.key for row in differences(web.shape, made.found().shape) if row.path == PATH}
    assert keys == {"eth0/security_groups", "eth0/plugged"}
    await rewired(made, web)
    assert (await harness.port(port))["device_id"] == made.id


@pytest.mark.parametrize("fault", APPLIED)
async def test_whatever_becomes_of_an_answer_there_is_one_of_each_and_then_none(
    harness: OpenStackHarness, watched: Watched, made: Driver, fault: Fault
) -> None:
    """Each kind of call is struck once. And what others have there stays as it is to the letter."""
    theirs = await harness.stranger_port(made.id)
    beside = await harness.stranger(made.trace, name="beside", mark="")
    port, truth = await harness.port(theirs), (await harness.truth())[beside]
    for verb in VERBS:
        await harness.fault(verb, fault)
    await rewired(made, wish(harness, watched, FIXED, ETH1))
    mine = {item.id for item in made.found().interfaces}
    marked = [row for row in await harness._ports() if row["description"] == made.trace.mark]
    assert {row["id"] for row in marked} == mine
    assert {row["device_id"] for row in marked} == {made.id}
    await rewired(made, wish(harness, watched, FIXED))
    marked = [row for row in await harness._ports() if row["description"] == made.trace.mark]
    assert [row["id"] for row in marked] == [item.id for item in made.found().interfaces]
    assert await harness.port(theirs) == port
    assert isinstance(made.plan(Rewire(("eth0", "eth1"))), Done)
    assert len({hit["id"] for hit in harness.faults.hits()}) == len(VERBS), "each of them struck"
    assert isinstance(await made.reach(Delete()), Missing)
    assert (await harness.truth())[beside] == truth
    assert not [row for row in await harness._ports() if row["description"] == made.trace.mark]
