"""Interfaces, addresses and floating IPs of a machine that runs: added, changed and removed; also with lost answers."""

from typing import Any

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Fault, Harness, Need
from tests.contract.watched import Watched
from tests.contract.wishes import brought, can, wish

from hostwright.core.port import Missing, Ownership, Present
from hostwright.kinds.virtualmachine.port import Create, Delete, Found

ETH0, ETH1 = {"name": "eth0", "networkRef": {"name": "app"}}, {"name": "eth1", "networkRef": {"name": "db"}}
POOL = {**ETH0, "floatingIP": {"pool": "public"}}


@pytest.fixture(autouse=True)
async def _made(harness: Harness, machine: Driver) -> None:
    can(machine, "/network/interfaces")
    await machine.reach(Create())


def bound(found: Found) -> dict[str, str]:
    return {item.name: item.id for item in found.interfaces if item.bound}


async def test_interfaces_come_and_go_while_it_runs(harness: Harness, machine: Driver, watched: Watched) -> None:
    before = bound(machine.found())
    both = bound(await brought(machine, wish(harness, watched, ETH0, ETH1)))
    assert both.keys() == {"eth0", "eth1"}
    assert both["eth0"] == before["eth0"]
    assert bound(await brought(machine, wish(harness, watched, ETH1))) == {"eth1": both["eth1"]}
    assert {row.name for row in machine.trace.ledger} == {"server", "port/eth1"}
    assert list(await harness.truth()) == [machine.id]


@pytest.mark.parametrize(
    "change", [{"networkRef": {"name": "db"}}, {"macAddress": "02:aa:bb:00:00:01"}, {"securityGroups": ["web"]}]
)
async def test_an_interface_is_changed(
    harness: Harness, machine: Driver, watched: Watched, change: dict[str, Any]
) -> None:
    found = await brought(machine, wish(harness, watched, {**ETH0, **change}))
    assert list(bound(found)) == ["eth0"]
    assert found.interfaces[0].mac_address == change.get("macAddress", found.interfaces[0].mac_address)
    assert {part.id for part in found.parts} == {row.id for row in machine.trace.ledger}
    assert len(machine.trace.ledger) == 2


async def test_an_address_is_changed_on_the_interface_that_is_there(
    harness: Harness, machine: Driver, watched: Watched
) -> None:
    before = bound(machine.found())
    found = await brought(machine, wish(harness, watched, {**ETH0, "addresses": [harness.address]}))
    assert bound(found) == before
    assert found.internal_addresses == (harness.address.partition("/")[0],)


async def test_a_floating_ip_of_the_pool_comes_and_goes(harness: Harness, machine: Driver, watched: Watched) -> None:
    found = await brought(machine, wish(harness, watched, POOL))
    (mine,) = await harness.floating_ips()
    assert found.external_addresses == (mine["floating_ip_address"],)
    assert (await brought(machine, wish(harness, watched, ETH0))).external_addresses == ()
    assert await harness.floating_ips() == []


async def test_a_given_floating_ip_is_lent_and_given_back(harness: Harness, machine: Driver, watched: Watched) -> None:
    wish(harness, watched, POOL)
    theirs = await harness.new_floating_ip()
    address = {"floatingIP": {"address": theirs["floating_ip_address"]}}
    found = await brought(machine, wish(harness, watched, {**ETH0, **address}))
    assert found.external_addresses == (theirs["floating_ip_address"],)
    row = machine.trace.row("floatingip/eth0")
    assert row is not None
    assert row.ownership is Ownership.REFERENCED
    assert isinstance(await machine.reach(Delete()), Missing)
    (after,) = await harness.floating_ips()
    assert (after["id"], after["port_id"], after["description"]) == (theirs["id"], None, theirs["description"])


@pytest.mark.needs(Need.REPLY_FAULTS)
async def test_where_every_answer_is_lost_there_is_one_of_each_then_none(
    harness: Harness, machine: Driver, watched: Watched
) -> None:
    verbs = ("create_port", "attach_port", "create_floating_ip", "detach_port", "delete_port", "delete_floating_ip")
    wanted = wish(harness, watched, POOL, ETH1)
    for verb in verbs:
        await harness.fault(verb, Fault.LOSE_REPLY)
    found = await brought(machine, wanted)
    assert bound(found).keys() == {"eth0", "eth1"}
    assert len(found.external_addresses) == 1
    assert {part.id for part in found.parts} == {row.id for row in machine.trace.ledger}
    found = await brought(machine, wish(harness, watched, ETH0))
    assert list(bound(found)) == ["eth0"]
    assert await harness.floating_ips() == []
    assert {call.verb for call in machine.sent} >= set(verbs)
    assert isinstance(await machine.provider.prove(machine.trace), Present)
    assert isinstance(await machine.reach(Delete()), Missing)
    assert await harness.left() == []
