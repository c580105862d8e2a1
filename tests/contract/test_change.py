"""What takes a machine down for a while: another size, a new root disk, asleep and awake; also with a lost answer."""

from dataclasses import replace

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Fault, Harness, Need

from hostwright.core.errors import NoValidHost
from hostwright.core.port import Present, Repeat
from hostwright.kinds.virtualmachine.port import (
    ConfirmResize,
    Create,
    Found,
    Inquire,
    Life,
    Power,
    Rebuild,
    Resize,
    SetPower,
    Unresolved,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import PowerState

APPLIED = (Fault.LOSE_REPLY, Fault.APPLY_THEN_FAIL)
WORD = "n/image/name/bootstrap/1"


async def test_a_size_is_changed_on_or_off_and_the_machine_stays(harness: Harness, machine: Driver) -> None:
    size = await _small(harness, machine)
    await machine.reach(SetPower(Power.OFF))
    before = machine.found()
    call = await machine.next_call(Resize(size))
    await machine.send(call)
    after = await _confirmed(machine, size)
    assert (after.id, after.life, after.shape.power) == (before.id, Life.STEADY, Power.OFF)
    assert (after.cpu, after.memory_mib) == (2, 1024)
    assert [item.id for item in after.interfaces] == [item.id for item in before.interfaces]
    calls = len(machine.sent)
    await machine.reach(Resize(size))
    await machine.reach(ConfirmResize())
    assert len(machine.sent) == calls, "what is reached is not sent again"


async def test_a_size_is_changed_while_it_runs_and_back_again(harness: Harness, machine: Driver) -> None:
    first = machine.wanted
    size = await _small(harness, machine)
    before = machine.found()
    await machine.send(await machine.next_call(Resize(size)))
    assert (await _confirmed(machine, size)).shape.power is Power.ON
    machine.wanted = first
    assert first.shape.size is not None
    await machine.send(await machine.next_call(Resize(first.shape.size)))
    after = await _confirmed(machine, first.shape.size)
    assert (after.cpu, after.memory_mib, after.shape.power) == (before.cpu, before.memory_mib, Power.ON)
    assert [item.id for item in after.interfaces] == [item.id for item in before.interfaces]
    assert after.internal_addresses == before.internal_addresses


@pytest.mark.needs(Need.NO_ROOM)
async def test_a_resize_that_fails_half_way_is_told_and_the_machine_runs_on(harness: Harness, machine: Driver) -> None:
    _can(machine, "/classRef")
    await machine.reach(Create())
    before, fitting = machine.found(), machine.wanted
    wanted = machine.provider.resolve(harness.spec(), harness.vast())
    assert isinstance(wanted, Wanted)
    machine.wanted = wanted
    await machine.send(await machine.next_call(Resize(str(wanted.shape.size))))
    asked = await machine.next_call(Inquire("resize"))
    assert asked.repeat is Repeat.READ
    with pytest.raises(NoValidHost):
        await machine.send(asked)
    after = _found(await machine.until(lambda look: _found(look).life is Life.STEADY, "it runs on"))
    assert (after.id, after.life, after.shape.power) == (before.id, Life.STEADY, Power.ON)
    assert after.shape.size == fitting.shape.size


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", APPLIED)
async def test_a_resize_whose_answer_was_lost_is_seen(harness: Harness, machine: Driver, fault: Fault) -> None:
    size = await _small(harness, machine)
    call = await machine.next_call(Resize(size))
    await harness.fault("resize", fault)
    await machine.send_into_the_dark(call)
    assert (await _confirmed(machine, size)).cpu == 2
    assert list(await harness.truth()) == [machine.id]


async def test_a_machine_is_rebuilt_with_its_word_and_keeps_all_else(harness: Harness, machine: Driver) -> None:
    _can(machine, "/rebuildToken")
    await machine.reach(Create())
    await harness.set_metadata(machine.id, "rack", "r1")
    await machine.until(lambda look: "rack" in _found(look).shape.metadata, "the metadata")
    before = machine.found()
    step = Rebuild(machine.wanted.image_id, WORD)
    call = await machine.next_call(step)
    assert call.repeat is Repeat.INTENT, "nothing at the backend fences it"
    assert call.destructive
    await machine.send(call)
    await machine.until(_anew, "rebuilt")
    after = machine.found()
    assert (after.id, after.shape.metadata, after.shape.tags) == (before.id, before.shape.metadata, before.shape.tags)
    assert [item.id for item in after.interfaces if item.bound] == [item.id for item in before.interfaces]
    assert after.recorded == before.recorded
    await machine.reach(step)
    assert sum(call.verb == "rebuild" for call in machine.sent) == 1


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", APPLIED)
async def test_a_rebuild_whose_answer_was_lost_shows_its_word(harness: Harness, machine: Driver, fault: Fault) -> None:
    _can(machine, "/rebuildToken")
    await machine.reach(Create())
    call = await machine.next_call(Rebuild(machine.wanted.image_id, WORD))
    await harness.fault("rebuild", fault)
    look = await machine.send_into_the_dark(call)
    assert _found(look).rebuilt == WORD
    await machine.until(_anew, "rebuilt")


async def test_a_machine_is_suspended_and_comes_back_over_every_way(harness: Harness, machine: Driver) -> None:
    spec = harness.spec().model_copy(update={"power_state": PowerState.SUSPENDED})
    if isinstance(machine.provider.resolve(spec, harness.bindings()), Unresolved):
        pytest.skip("no machine is suspended here, and that is told")
    await machine.reach(Create())
    for power in (Power.SUSPENDED, Power.OFF, Power.SUSPENDED, Power.ON):
        assert _found(await machine.reach(SetPower(power))).shape.power is power


def _can(machine: Driver, path: str) -> None:
    if path not in machine.provider.supported:
        pytest.skip(f"a change of {path} waits here as NotYetSupported")


async def _small(harness: Harness, machine: Driver) -> str:
    """Made as it is, and wanted with the other size, which is given back."""
    _can(machine, "/classRef")
    await machine.reach(Create())
    bindings = replace(harness.bindings(), cpu=2, memory_mib=1024, class_name="medium")
    wanted = machine.provider.resolve(harness.spec(), bindings)
    assert not isinstance(wanted, Unresolved)
    assert wanted.shape.size != machine.wanted.shape.size
    machine.wanted = wanted
    return str(wanted.shape.size)


async def _confirmed(machine: Driver, size: str) -> Found:
    await machine.until(lambda look: _found(look).shape.size == size and _found(look).life in _SHOWN, "resized")
    if machine.found().life is Life.RESIZED:
        await machine.send(await machine.next_call(ConfirmResize()))
    return _found(await machine.until(lambda look: _found(look).life is Life.STEADY, "confirmed"))


_SHOWN = frozenset({Life.RESIZED, Life.STEADY})


def _anew(look: object) -> bool:
    return _found(look).rebuilt == WORD and _found(look).life is Life.STEADY


def _found(look: object) -> Found:
    assert isinstance(look, Present), look
    return look.found
