"""What is done to a server: once, to the one that is meant, and read back."""

import time

import pytest
from tests.contract.physical.desk import Desk
from tests.contract.physical.harness import OTHER, Harness, trace
from tests.model_redfish import Trouble

from hostwright.core import errors
from hostwright.core.port import Call, Done, Present, Repeat, Wait
from hostwright.kinds.physicalmachine.port import Power, Reset, ResetBmc, SetBootMode, SetLocator, SetPower

ON, SOFT, HARD = SetPower(Reset.ON), SetPower(Reset.SOFT_OFF), SetPower(Reset.HARD_OFF)


async def test_on_soft_and_hard(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    assert (desk.call(ON).expect, desk.call(ON).repeat) == ("power/on", Repeat.INTENT)
    await desk.reach(ON)
    assert harness.powered_on()
    await desk.reach(SOFT)
    assert not harness.powered_on()
    await desk.reach(ON)
    harness.deaf()
    await desk.send(SOFT)
    await desk.until(lambda _: desk.as_of() > desk.receipts["power/soft"], "a look after it")
    await desk.reach(HARD)
    assert harness.resets() == ["On", "GracefulShutdown", "On", "GracefulShutdown", "ForceOff"]


async def test_after_a_reset_it_is_read_until_it_shows(slow_desk: Desk, harness: Harness) -> None:
    await slow_desk.enrolled()
    harness.takes(2.0)
    await slow_desk.send(ON)
    assert isinstance(slow_desk.plan(ON), Wait | Call), "not Done: the BMC took it, and shows nothing yet"
    began = time.monotonic()
    await slow_desk.until(lambda found: found.power is Power.ON, "it is on")
    assert time.monotonic() - began < 15, "at rest the next look is in an hour"
    assert harness.resets() == ["On"]


@pytest.mark.parametrize("trouble", [Trouble.LOSE_REPLY, Trouble.FAIL, Trouble.CUT])
async def test_a_reset_of_unknown_outcome_is_sent_once_and_looked_after(
    slow_desk: Desk, harness: Harness, trouble: Trouble
) -> None:
    await slow_desk.enrolled()
    harness.trouble("reset", trouble)
    sent = time.monotonic()
    with pytest.raises(errors.Ambiguous):
        await slow_desk.send(ON)
    look = await slow_desk.machines.prove(trace(0, harness.uuid()))
    assert isinstance(look, Present)
    assert look.as_of > sent
    assert look.found.power is (Power.ON if trouble is Trouble.LOSE_REPLY else Power.OFF)
    assert harness.powered_on() is (trouble is Trouble.LOSE_REPLY)
    if trouble is Trouble.LOSE_REPLY:
        assert slow_desk.plan(ON) == Done()
    else:
        await slow_desk.reach(ON)


async def test_a_transition_carried_out_meanwhile_is_not_asked_for_again(slow_desk: Desk, harness: Harness) -> None:
    """The look is old; what is read right before counts."""
    await slow_desk.enrolled()
    call = slow_desk.call(ON)
    harness.switch(on=True)
    await slow_desk.machines.perform(call)
    assert harness.resets() == []
    assert harness.powered_on()


async def test_nothing_is_sent_to_a_dead_bmc(slow_desk: Desk, harness: Harness) -> None:
    await slow_desk.enrolled()
    call = slow_desk.call(ON)
    harness.dead(dead=True)
    with pytest.raises(errors.Transient) as caught:
        await slow_desk.machines.perform(call)
    assert not isinstance(caught.value, errors.Ambiguous), "nothing was sent, and that is known"
    harness.dead(dead=False)
    assert harness.resets() == []


async def test_another_server_is_left_alone(slow_desk: Desk, harness: Harness) -> None:
    await slow_desk.enrolled()
    calls = [slow_desk.call(step) for step in (ON, ResetBmc(), SetBootMode("Legacy"))]
    harness.identity(OTHER)
    for call in calls:
        with pytest.raises(errors.IdentityChanged):
            await slow_desk.machines.perform(call)
    assert (harness.resets(), harness.restarts()) == ([], 0)
    found = slow_desk.found()
    assert found is not None
    assert found.uuid == OTHER


async def test_a_bmc_that_lies_is_not_believed_twice(slow_desk: Desk, harness: Harness) -> None:
    """It takes a Reset and shows the old power for ever: the kind may ask again, and each time it is one."""
    await slow_desk.enrolled()
    harness.lies(on=False)
    await slow_desk.send(ON)
    await slow_desk.machines.prove(trace(0, harness.uuid()))
    assert isinstance(slow_desk.plan(ON), Call)
    harness.lies(on=True)
    await slow_desk.machines.perform(slow_desk.call(ON))
    assert harness.resets() == ["On"], "what it shows right before counts"


async def test_a_refused_login_of_a_call_counts(slow_desk: Desk, harness: Harness) -> None:
    await slow_desk.enrolled()
    call = slow_desk.call(ON)
    harness.password("another")
    with pytest.raises(errors.CredentialsRejected):
        await slow_desk.machines.perform(call)
    found = slow_desk.found()
    assert found is not None
    assert found.rejected >= 1
    assert harness.resets() == []


async def test_boot_mode_and_locator_are_set_and_read_back(desk: Desk, harness: Harness) -> None:
    found = await desk.enrolled()
    light = "Dark" if found.locator == "Lit" else "Lit"
    await desk.reach(SetLocator(light))
    await desk.reach(SetLocator("Blinking"))
    await desk.reach(SetBootMode("Legacy"))
    await desk.reach(SetBootMode("UEFI"))
    harness.ignores_settings()
    await desk.send(SetBootMode("Legacy"))
    await desk.machines.prove(trace(0, harness.uuid()))
    assert isinstance(desk.plan(SetBootMode("Legacy")), Call), "it was taken, and is not there"


async def test_the_bmc_restarts_and_its_server_runs_on(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    harness.switch(on=True)
    await desk.until(lambda found: found.power is Power.ON, "it is on")
    harness.away_for(3.0)
    assert desk.call(ResetBmc()).repeat is Repeat.INTENT
    await desk.send(ResetBmc())
    await desk.until(lambda found: found.failure is not None, "it is away")
    found = await desk.until(lambda found: found.failure is None, "it is back")
    assert found.power is Power.ON
    assert (harness.restarts(), harness.resets()) == (1, [])


async def test_what_is_not_enrolled_is_not_asked(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    call = desk.call(ON)
    desk.machines.dismiss(trace(0).machine_id)
    with pytest.raises(errors.Unreachable):
        await desk.machines.perform(call)
    assert harness.resets() == []
