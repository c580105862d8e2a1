"""Disks of a machine: made with it, added, grown, taken away, kept, lent; also with lost answers."""

import asyncio

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Fault, Harness, Need
from tests.contract.watched import Watched
from tests.contract.wishes import brought, can, wish

from hostwright.core.port import Call, Done, Missing, Ownership
from hostwright.kinds.virtualmachine.port import Create, Delete, Found, Rebuild, Release

DATA, GROWN, TEMP = ({"name": name, "size": size} for name, size in (("data", "1Gi"), ("data", "3Gi"), ("temp", "2Gi")))
FAULTS = (Fault.LOSE_REPLY, Fault.APPLY_THEN_FAIL, Fault.FAIL)


@pytest.fixture
async def made(harness: Harness, watched: Watched) -> Driver:
    machine = Driver(watched.provider, wish(harness, watched, dataDisks=[DATA]), harness.patience)
    can(machine, "/dataDisks")
    await machine.reach(Create())
    return machine


def sizes(found: Found) -> dict[str, tuple[int, bool]]:
    return {disk.name: (disk.size, disk.attached) for disk in found.disks}


async def test_disks_are_added_grown_and_removed_while_it_runs(
    harness: Harness, made: Driver, watched: Watched
) -> None:
    assert sizes(made.found()) == {"data": (1, True)}
    found = await brought(made, wish(harness, watched, dataDisks=[GROWN, TEMP]))
    assert sizes(found) == {"data": (3, True), "temp": (2, True)}
    found = await brought(made, wish(harness, watched, dataDisks=[GROWN]), delete={"temp"})
    assert sizes(found) == {"data": (3, True)}
    assert made.trace.row("volume/temp") is None
    assert [call.verb for call in made.sent[-2:]] == ["detach_volume", "delete_volume"]
    assert isinstance(await made.reach(Delete()), Missing)
    assert await harness.left() == []


async def test_one_that_is_kept_comes_back_by_its_name(harness: Harness, made: Driver, watched: Watched) -> None:
    kept = made.found().disks[0].id
    assert sizes(await brought(made, wish(harness, watched))) == {"data": (1, False)}
    found = await brought(made, wish(harness, watched, dataDisks=[GROWN]))
    assert sizes(found) == {"data": (3, True)}
    assert found.disks[0].id == kept


async def test_one_that_is_to_outlive_the_machine_is_left_without_our_mark(
    harness: Harness, made: Driver, watched: Watched
) -> None:
    kept = made.found().disks[0].id
    async with asyncio.timeout(made.patience):
        while not isinstance(planned := made.plan(Delete(frozenset({kept}))), Done):
            await (made.send(planned) if isinstance(planned, Call) else asyncio.sleep(0.05))
    made.forget("volume/data")
    assert isinstance(await made.reach(Delete()), Missing)
    assert await harness.truth() == {}
    assert await harness.left() == []
    assert (await harness.disk(kept))["metadata"] == {}


async def test_one_that_was_there_is_attached_and_never_touched(
    harness: Harness, made: Driver, watched: Watched
) -> None:
    theirs = await harness.new_disk()
    before = await harness.disk(theirs)
    own = {"name": "own", "source": {"existing": {"id": theirs}}}
    found = await brought(made, wish(harness, watched, dataDisks=[DATA, own]))
    assert {disk.name for disk in found.disks if disk.attached} == {"data", "own"}
    row = made.trace.row("volume/own")
    assert row is not None
    assert (row.id, row.ownership) == (theirs, Ownership.REFERENCED)
    assert isinstance(await made.reach(Delete()), Missing)
    assert await harness.disk(theirs) == before
    assert await harness.left() == []


async def test_let_go_of_with_its_machine_a_disk_bears_no_mark(harness: Harness, made: Driver) -> None:
    disk = made.found().disks[0].id
    await made.reach(Release())
    assert (await harness.disk(disk))["metadata"] == {}
    assert list(await harness.truth()) == [made.id]


async def test_a_rebuild_keeps_disks_interfaces_and_addresses(harness: Harness, made: Driver) -> None:
    can(made, "/rebuildToken")
    before = made.found()
    await made.send(await made.next_call(Rebuild(made.wanted.image_id, "anew")))
    await made.until(lambda _: made.found().rebuilt == "anew", "rebuilt")
    after = await brought(made, made.wanted)
    assert [disk.id for disk in after.disks if disk.attached] == [disk.id for disk in before.disks]
    assert (after.id, after.internal_addresses) == (before.id, before.internal_addresses)
    assert [(item.name, item.id) for item in after.interfaces if item.bound] == [
        (item.name, item.id) for item in before.interfaces
    ]


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_becomes_of_an_answer_there_is_one_of_each_then_none(
    harness: Harness, made: Driver, watched: Watched, fault: Fault
) -> None:
    verbs = ("create_volume", "attach_volume", "extend_volume", "detach_volume", "delete_volume")
    for verb in verbs:
        await harness.fault(verb, fault)
    found = await brought(made, wish(harness, watched, dataDisks=[GROWN, TEMP]))
    assert sizes(found) == {"data": (3, True), "temp": (2, True)}
    assert {part.id for part in found.parts} == {row.id for row in made.trace.ledger}
    found = await brought(made, wish(harness, watched, dataDisks=[GROWN]), delete={"temp"})
    assert sizes(found) == {"data": (3, True)}
    assert {call.verb for call in made.sent} >= set(verbs)
    assert isinstance(await made.reach(Delete()), Missing)
    assert await harness.left() == []
