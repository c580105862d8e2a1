"""Made, switched, changed, let go, deleted."""

import asyncio
from dataclasses import replace

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Harness, Need
from tests.contract.watched import Watched, new_machine

from hostwright.core.drift import differences
from hostwright.core.errors import Failure
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, Repeat, Unsure
from hostwright.kinds.virtualmachine.port import (
    Create,
    Delete,
    Discard,
    Life,
    Memory,
    Power,
    Release,
    SetPower,
    Update,
)


async def test_what_was_never_made_is_not_seen_and_proven_missing(machine: Driver) -> None:
    assert isinstance(machine.look(), Unsure), "a list without it proves nothing"
    assert isinstance(await machine.provider.prove(machine.trace), Missing)


async def test_a_machine_is_made_and_is_what_was_wanted(harness: Harness, machine: Driver) -> None:
    look = await machine.reach(Create())
    assert isinstance(look, Present)
    found = look.found
    assert found.life is Life.STEADY
    assert differences(machine.wanted.shape, found.shape) == ()
    assert found.shape.power is Power.ON
    assert found.provider_id.endswith(found.id)
    assert found.internal_addresses
    assert (found.cpu, found.memory_mib) == (1, 512)
    assert found.recorded == (machine.trace.namespace, machine.trace.object_name)
    assert LedgerRow("server", machine.id) in [replace(part, window=None) for part in found.parts]
    assert [(item.name, item.bound) for item in found.interfaces] == [("eth0", True)]
    truth = await harness.truth()
    assert list(truth) == [machine.id]
    assert truth[machine.id].mark == machine.trace.mark
    assert truth[machine.id].name == machine.trace.name
    assert (truth[machine.id].namespace, truth[machine.id].object_name) == found.recorded


async def test_the_first_call_of_a_machine_says_what_it_will_leave(machine: Driver) -> None:
    call = await machine.next_call(Create())
    assert call.repeat is not Repeat.IDEMPOTENT
    assert call.deadline == 30.0
    assert call.message
    assert not call.destructive


async def test_a_fenced_call_made_twice_leaves_one_thing(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    fenced = [call for call in machine.sent if call.repeat is Repeat.FENCED]
    assert fenced, "something of a machine has a fence"
    for call in fenced:
        row = machine.trace.row(call.expect)
        receipt = await machine.provider.perform(call, machine.user_data)
        assert [item.id for item in receipt.made] == [row.id if row else ""]
    assert list(await harness.truth()) == [machine.id]


async def test_the_fence_holds_against_two_at_once(harness: Harness, machine: Driver) -> None:
    call = await machine.next_call(Create())
    if call.repeat is not Repeat.FENCED:
        pytest.skip("the first call has no fence here")
    both = await asyncio.gather(*(machine.provider.perform(call, None) for _ in range(2)), return_exceptions=True)
    made = {row.id for receipt in both if not isinstance(receipt, BaseException) for row in receipt.made}
    assert all(isinstance(item, Failure) for item in both if isinstance(item, BaseException)), both
    assert len(made) == 1
    look = await machine.reach(Create())
    assert isinstance(look, Present)
    assert len(await harness.truth()) == 1


async def test_stop_and_start(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    for power, on in ((Power.OFF, False), (Power.ON, True)):
        look = await machine.reach(SetPower(power))
        assert isinstance(look, Present)
        assert (look.found.life, look.found.shape.power) == (Life.STEADY, power)
        assert (await harness.truth())[machine.id].powered_on is on
        calls = len(machine.sent)
        await machine.reach(SetPower(power))
        assert len(machine.sent) == calls, "what is reached is not sent again"


async def test_a_power_call_that_comes_too_late_or_twice_is_no_failure(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    call = await machine.next_call(SetPower(Power.OFF))
    await machine.reach(SetPower(Power.OFF))
    receipt = await machine.provider.perform(call, None)
    assert receipt.gone == ()
    assert (await harness.truth())[machine.id].powered_on is False


async def test_tags_and_metadata_are_set_changed_and_removed_and_others_stay(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    await harness.set_tag(machine.id, "backup", "nightly")
    await harness.set_metadata(machine.id, "rack", "r1")
    step = Update(("/tags", "/metadata"))
    machine.wanted = _with(machine, tags={"team": "b", "tier": "web"}, metadata={"one": "1", "two": "2"})
    await machine.until(lambda look: _tags(look).get("backup") == "nightly", "a stranger's tag is seen")
    await machine.reach(step)
    assert differences(machine.wanted.shape, machine.found().shape) == ()
    machine.wanted = _with(machine, tags={"team": "b"}, metadata={"two": "3"})
    await machine.reach(replace(step, drop_tags=("tier", "never-there"), drop_metadata=("one",)))
    truth = (await harness.truth())[machine.id]
    assert truth.tags == {"team": "b", "backup": "nightly"}
    assert truth.metadata == {"two": "3", "rack": "r1"}
    assert truth.mark == machine.trace.mark
    assert machine.found().shape.tags == truth.tags
    assert machine.found().shape.metadata == truth.metadata


async def test_each_pass_makes_one_call_for_one_entry(machine: Driver) -> None:
    await machine.reach(Create())
    before = len(machine.sent)
    machine.wanted = _with(machine, tags={"team": "a", "x": "1", "y": "2"})
    await machine.reach(Update(("/tags",)))
    assert len(machine.sent) == before + 2
    assert {call.repeat for call in machine.sent[before:]} == {Repeat.IDEMPOTENT}


async def test_deletion_goes_by_the_ledger_and_leaves_look_alikes_as_they_are(
    harness: Harness, machine: Driver, another: Driver
) -> None:
    await machine.reach(Create())
    clone = await harness.stranger(machine.trace, name=f"{machine.trace.name}-clone", mark=machine.trace.mark)
    unmarked = await harness.stranger(machine.trace, name=f"{machine.trace.name}-2", mark="")
    sister = await harness.stranger(another.trace, name=another.trace.name, mark=another.trace.mark)
    before = await harness.truth()
    ours = machine.id
    await machine.until(
        lambda look: isinstance(look, Present) and {twin.id for twin in look.found.twins} == {ours, clone},
        "both machines that bear the mark are seen",
    )
    while isinstance(call := machine.plan(Delete()), Call) or not _gone(machine, ours):
        if isinstance(call, Call):
            assert call.destructive
            await machine.send(call)
        await asyncio.sleep(0.05)
    after = await harness.truth()
    assert set(after) == {clone, unmarked, sister}
    assert {key: row.whole for key, row in after.items()} == {
        key: row.whole for key, row in before.items() if key != ours
    }


async def test_a_deleted_machine_is_proven_missing_and_deleting_it_again_changes_nothing(
    harness: Harness, machine: Driver
) -> None:
    await machine.reach(Create())
    ledger = machine.trace
    call = await machine.next_call(Delete())
    assert isinstance(await machine.reach(Delete()), Missing)
    assert await harness.truth() == {}
    receipt = await machine.provider.perform(call, None)
    assert receipt.gone == (call.expect,)
    machine.trace = ledger
    assert isinstance(machine.plan(Delete()), Done)
    assert isinstance(await machine.provider.prove(ledger), Missing)


async def test_deleting_while_it_builds(harness: Harness, machine: Driver) -> None:
    call = await machine.create_up_to("create_server")
    await machine.send(call)
    assert isinstance(await machine.reach(Delete()), Missing)
    assert await harness.truth() == {}


async def test_referenced_rows_are_never_deleted(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    rows = tuple(replace(row, ownership=type(row.ownership).REFERENCED) for row in machine.trace.ledger)
    plan = machine.provider.plan(Delete(), replace(machine.trace, ledger=rows), None, machine.look(), Memory())
    assert isinstance(plan, Done)


async def test_release_takes_our_marks_off_and_leaves_the_machine(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    before = (await harness.truth())[machine.id]
    await machine.reach(Release())
    after = (await harness.truth())[machine.id]
    assert machine.trace.mark_prefix not in after.whole
    assert (after.name, after.powered_on, after.tags) == (before.name, True, before.tags)
    free = replace(machine.trace, ledger=())
    assert isinstance(await machine.provider.prove(free), Missing), "nothing leads from the mark to it any more"


@pytest.mark.needs(Need.BUILD_FAILURES)
async def test_a_failed_build_is_told_discarded_and_made_again(harness: Harness, machine: Driver) -> None:
    await harness.fail_builds(1, "no more rain in this cloud")
    await machine.send(await machine.create_up_to("create_server"))
    failed = machine.id
    await machine.until(lambda look: isinstance(look, Present) and look.found.life is Life.FAILED, "the failure")
    assert "no more rain in this cloud" in machine.found().message
    others = {row for row in machine.trace.ledger if row.name != "server"}
    row = machine.trace.row("server")
    assert row is not None
    await machine.reach(Discard(row))
    assert failed not in await harness.truth()
    machine.forget("server")
    assert others <= set(machine.trace.ledger), "everything but the server stays"
    await machine.until(lambda look: failed not in _ids(look), "the failed machine is not taken for the new one")
    look = await machine.reach(Create())
    assert isinstance(look, Present)
    assert look.found.life is Life.STEADY
    assert list(await harness.truth()) == [machine.id]
    assert machine.id != failed


async def test_many_at_once(harness: Harness, watched: Watched) -> None:
    machines = [new_machine(harness, watched) for _ in range(5)]
    await asyncio.gather(*(machine.reach(Create()) for machine in machines))
    assert {machine.id for machine in machines} == set(await harness.truth())
    addresses = [address for machine in machines for address in machine.found().internal_addresses]
    assert len(set(addresses)) == len(addresses)
    await asyncio.gather(*(machine.reach(Delete()) for machine in machines))
    assert await harness.truth() == {}


def _with(machine: Driver, **fields: object) -> object:
    return replace(machine.wanted, shape=replace(machine.wanted.shape, **fields))


def _tags(look: object) -> dict[str, str]:
    return dict(look.found.shape.tags) if isinstance(look, Present) else {}


def _ids(look: object) -> set[str]:
    if not isinstance(look, Present):
        return set()
    return {part.id for part in look.found.parts} | {twin.id for twin in look.found.twins}


def _gone(machine: Driver, machine_id: str) -> bool:
    return machine_id not in _ids(machine.look())
