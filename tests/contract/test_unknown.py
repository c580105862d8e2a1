"""Unknown outcomes, refusals and outages: what may be concluded, and what never."""

import asyncio

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Fault, Harness, Need
from tests.contract.watched import Watched

from hostwright.core import errors
from hostwright.core.port import Missing, Present, Repeat
from hostwright.kinds.virtualmachine.port import Create, Delete, Life, Power, SetPower

APPLIED = (Fault.LOSE_REPLY, Fault.APPLY_THEN_FAIL)


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", APPLIED)
async def test_a_creation_whose_answer_was_lost_is_found(harness: Harness, machine: Driver, fault: Fault) -> None:
    call = await machine.create_up_to("create_server")
    await harness.fault("create_server", fault)
    look = await machine.send_into_the_dark(call)
    assert isinstance(look, Present)
    made = machine.id
    await machine.reach(Create())
    assert list(await harness.truth()) == [made]
    assert sum(call.verb == "create_server" for call in machine.sent) == 1


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", APPLIED)
async def test_every_part_made_with_its_answer_lost_is_found(harness: Harness, machine: Driver, fault: Fault) -> None:
    call = await machine.next_call(Create())
    await harness.fault(call.verb, fault)
    look = await machine.send_into_the_dark(call)
    assert isinstance(look, Present)
    assert call.expect in {part.name for part in look.found.parts}
    await machine.reach(Create())
    assert [(sent.verb, sent.expect) for sent in machine.sent].count((call.verb, call.expect)) == 1


@pytest.mark.needs(Need.REPLY_FAULTS)
async def test_a_creation_that_failed_before_it_began_is_proven_missing(harness: Harness, machine: Driver) -> None:
    call = await machine.create_up_to("create_server")
    await harness.fault("create_server", Fault.FAIL)
    look = await machine.send_into_the_dark(call)
    assert not isinstance(look, Present) or look.found.life is Life.PARTIAL
    await machine.reach(Create())
    assert list(await harness.truth()) == [machine.id]


@pytest.mark.needs(Need.THROTTLING)
async def test_too_many_requests_is_an_unknown_outcome_for_a_call_with_an_intent(
    harness: Harness, machine: Driver
) -> None:
    call = await machine.create_up_to("create_server")
    assert call.repeat in (Repeat.INTENT, Repeat.FENCED)
    await harness.fault("create_server", Fault.THROTTLE)
    with pytest.raises(errors.Ambiguous) as caught:
        await machine.send(call)
    assert caught.value.retry_after == 7


@pytest.mark.needs(Need.THROTTLING)
async def test_too_many_requests_is_throttling_for_a_call_that_may_be_repeated(
    harness: Harness, machine: Driver
) -> None:
    await machine.reach(Create())
    call = await machine.next_call(SetPower(Power.OFF))
    await harness.fault(call.verb, Fault.THROTTLE)
    with pytest.raises(errors.Throttled) as caught:
        await machine.send(call)
    assert caught.value.retry_after == 7
    assert (await harness.truth())[machine.id].powered_on is True


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", [*APPLIED, Fault.FAIL])
async def test_power_reaches_its_end_whatever_the_answer_was(harness: Harness, machine: Driver, fault: Fault) -> None:
    await machine.reach(Create())
    call = await machine.next_call(SetPower(Power.OFF))
    await harness.fault(call.verb, fault)
    with pytest.raises(errors.Ambiguous):
        await machine.send(call)
    await machine.reach(SetPower(Power.OFF))
    assert (await harness.truth())[machine.id].powered_on is False


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", [*APPLIED, Fault.FAIL])
async def test_deletion_reaches_its_end_whatever_the_answer_was(
    harness: Harness, machine: Driver, fault: Fault
) -> None:
    await machine.reach(Create())
    call = await machine.next_call(Delete())
    await harness.fault(call.verb, fault)
    with pytest.raises(errors.Ambiguous):
        await machine.send(call)
    assert isinstance(await machine.reach(Delete()), Missing)
    assert await harness.truth() == {}


@pytest.mark.needs(Need.OUTAGE)
async def test_an_outage_is_never_an_absence(harness: Harness, machine: Driver, watched: Watched) -> None:
    await machine.reach(Create())
    stop = await machine.next_call(SetPower(Power.OFF))
    await harness.outage(on=True)
    with pytest.raises(errors.Transient):
        await machine.provider.prove(machine.trace)
    with pytest.raises((errors.Ambiguous, errors.Transient)):
        await machine.send(stop)
    with pytest.raises(errors.Transient):
        await watched.session.check()
    watched.answers.clear()
    await machine.until(lambda _: any(watched.answers), "the watch tells of the outage")
    assert all(isinstance(item, errors.Transient) for item in watched.answers if item is not None)
    assert isinstance(machine.look(), Present), "what was last seen stays"
    await harness.outage(on=False)
    watched.answers.clear()
    await machine.until(lambda _: None in watched.answers, "the watch tells that it is over")
    assert isinstance(await machine.provider.prove(machine.trace), Present)
    await machine.reach(SetPower(Power.OFF))


@pytest.mark.needs(Need.QUOTA)
async def test_a_full_quota_is_told_as_such_and_nothing_is_made(
    harness: Harness, machine: Driver, another: Driver
) -> None:
    await another.reach(Create())
    call = await machine.create_up_to("create_server")
    await harness.quota(1)
    with pytest.raises(errors.QuotaExceeded) as caught:
        await machine.send(call)
    assert "quota" in caught.value.message.lower()
    assert list(await harness.truth()) == [another.id]
    await another.reach(Delete())
    await machine.reach(Create())


@pytest.mark.needs(Need.ANOTHER_IDENTITY)
async def test_another_site_at_the_address_proves_nothing(harness: Harness, machine: Driver, watched: Watched) -> None:
    await machine.reach(Create())
    before = await watched.session.check()
    stop = await machine.next_call(SetPower(Power.OFF))
    await harness.other_identity()
    assert (await watched.session.check()).identity != before.identity
    with pytest.raises(errors.IdentityChanged):
        await machine.provider.prove(machine.trace)
    with pytest.raises(errors.IdentityChanged):
        await machine.send(stop)
    await asyncio.sleep(2 * harness.poll)
    assert isinstance(machine.look(), Present)


@pytest.mark.needs(Need.BAD_LOGIN)
async def test_a_refused_login_is_denied(harness: Harness) -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        await harness.session(bad_login=True)
    assert "wrong" not in str(caught.value), "no secret in an error"
