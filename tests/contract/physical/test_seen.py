"""What is seen of a BMC, and how often it is asked: news, outages, logins, one request at a time."""

import asyncio
import time

import pytest
from tests.contract.physical.desk import Desk, watching
from tests.contract.physical.harness import Harness, trace
from tests.model_redfish import Trouble

from hostwright.core import errors
from hostwright.core.port import Present, Unsure
from hostwright.kinds.physicalmachine.port import LOGIN_TRIES, Inspect, Power


async def test_a_server_is_known_once_it_was_asked(desk: Desk, harness: Harness) -> None:
    assert isinstance(desk.machines.look(trace(0)), Unsure), "not enrolled"
    began = time.monotonic()
    desk.enrol()
    assert isinstance(desk.machines.look(trace(0)), Unsure), "not asked yet"
    found = await desk.until(lambda found: found.answered, "it is seen")
    assert (found.uuid, found.power, found.health, found.soft_off) == (harness.uuid(), Power.OFF, "OK", True)
    assert (found.failure, found.down_for, found.rejected) == (None, None, 0)
    assert all((found.manufacturer, found.model, found.serial_number, found.boot_mode, found.locator))
    assert began <= desk.as_of() <= time.monotonic()
    assert trace(0).machine_id.replace("-", "") in desk.told


async def test_power_switched_by_somebody_else_is_seen_and_told(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    await desk.enrolled(1)
    desk.told.clear()
    harness.switch(1, on=True)
    await desk.until(lambda found: found.power is Power.ON, "it is on", 1)
    await asyncio.sleep(0.1)
    assert set(desk.told) == {trace(1).machine_id.replace("-", "")}


async def test_the_same_access_again_asks_nothing(slow_desk: Desk, harness: Harness) -> None:
    await slow_desk.enrolled()
    before = harness.requests()
    for _ in range(5):
        slow_desk.enrol()
    await asyncio.sleep(0.3)
    assert harness.requests() == before


async def test_an_inspection_tells_all_of_it(desk: Desk) -> None:
    found = await desk.enrolled()
    assert found.inspection is None
    began = time.monotonic()
    await desk.send(Inspect())
    found = await desk.until(lambda found: found.inspection is not None, "it is inspected")
    seen = found.inspection
    assert seen is not None
    assert began <= seen.at <= time.monotonic()
    assert (seen.cpu, seen.memory_mib, len(seen.disks), len(seen.nics)) == (16, 65536, 2, 2)
    assert (seen.bmc_firmware, seen.degraded, seen.missing) == ("1.00", (), ())
    assert any("CD" in medium.types for medium in seen.media)


async def test_an_outage_is_told_with_its_beginning_and_its_end(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    before = desk.as_of()
    desk.told.clear()
    harness.dead(dead=True)
    found = await desk.until(lambda found: found.failure is not None, "it does not answer")
    assert isinstance(found.failure, errors.Transient)
    assert (found.uuid, found.power) == (harness.uuid(), Power.OFF), "what was seen stays"
    assert found.down_for is not None
    frozen = desk.as_of()
    assert frozen >= before
    assert trace(0).machine_id.replace("-", "") in desk.told
    later = await desk.until(lambda now: (now.down_for or 0) > found.down_for + 0.5, "it lasts")
    assert later.failure is not None
    assert desk.as_of() == frozen, "an unanswered read is no look"
    desk.told.clear()
    harness.dead(dead=False)
    found = await desk.until(lambda found: found.failure is None, "it answers again")
    assert found.down_for is None
    assert trace(0).machine_id.replace("-", "") in desk.told


async def test_a_dead_bmc_is_asked_ever_less_often(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    for _ in range(30):
        harness.trouble("system", Trouble.CUT)
    before = harness.requests()
    await desk.until(lambda found: (found.down_for or 0) > 8, "it is away for a while")
    assert 2 <= harness.requests() - before <= 5, "after 2, 4, 8 … seconds, and not each second"


async def test_a_slow_bmc_delays_no_other(desk: Desk, harness: Harness) -> None:
    for number in (0, 1):
        await desk.enrolled(number)
    harness.trouble("system", Trouble.SLOW, 0, 10.0)
    await asyncio.sleep(1.0)  # the slow answer is under way
    harness.switch(1, on=True)
    began = time.monotonic()
    await desk.until(lambda found: found.power is Power.ON, "it is on", 1)
    assert time.monotonic() - began < 6, "not after the slow one"


async def test_one_request_at_a_time_whoever_asks(desk: Desk, harness: Harness) -> None:
    """Two machines on one BMC, by mistake, and proofs beside the reads."""
    await desk.enrolled()
    desk.machines.enrol(trace(7).machine_id, harness.access(0))
    await asyncio.gather(*(desk.machines.prove(trace(number)) for number in (0, 7) * 8))
    assert harness.most_in_flight() == 1


async def test_a_login_is_refused_twice_and_then_not_tried(desk: Desk, harness: Harness) -> None:
    desk.enrol(password="wrong", resource_version="1")
    found = await desk.until(lambda found: found.rejected == LOGIN_TRIES, "it is refused twice")
    assert isinstance(found.failure, errors.CredentialsRejected)
    assert (found.answered, found.down_for) == (False, None)
    with pytest.raises(errors.CredentialsRejected):
        await desk.machines.prove(trace(0))
    await asyncio.sleep(1.5)
    assert harness.logins_refused() == LOGIN_TRIES
    desk.enrol(password="wrong", resource_version="1", retry="again")
    await desk.until(lambda found: found.rejected == LOGIN_TRIES, "a new token gives two more")
    assert harness.logins_refused() == 2 * LOGIN_TRIES
    desk.enrol(resource_version="2")
    found = await desk.until(lambda found: found.failure is None, "the right one works")
    assert (found.answered, found.rejected) == (True, 0)


async def test_what_was_refused_before_a_restart_counts(desk: Desk, harness: Harness) -> None:
    desk.enrol(password="wrong", rejected=LOGIN_TRIES)
    found = desk.found()
    assert found is not None
    assert (found.rejected, found.answered) == (LOGIN_TRIES, False)
    await asyncio.sleep(1.0)
    assert (harness.logins_refused(), harness.requests()) == (0, 0)


async def test_a_changed_password_is_tried_beside_what_is_known(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    harness.password("another")
    found = await desk.until(lambda found: found.rejected > 0, "the former is refused")
    assert found.uuid == harness.uuid(), "what was seen stays"
    desk.enrol(password="another", resource_version="2")
    now = desk.found()
    assert now is not None
    assert (now.uuid, now.rejected) == (harness.uuid(), 0)
    await desk.until(lambda found: found.failure is None and found.answered, "the new one works")


async def test_who_is_dismissed_is_asked_no_more_and_its_session_ends(desk: Desk, harness: Harness) -> None:
    await desk.enrolled()
    assert harness.sessions() == 1
    desk.machines.dismiss(trace(0).machine_id)
    deadline = time.monotonic() + harness.patience
    while harness.sessions():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    before = harness.requests()
    await asyncio.sleep(1.5)
    assert harness.requests() == before
    assert isinstance(desk.machines.look(trace(0)), Unsure)


async def test_a_session_that_ends_gives_all_logins_back(harness: Harness) -> None:
    async with watching(harness) as desk:
        for number in range(3):
            await desk.enrolled(number)
        assert [harness.sessions(number) for number in range(3)] == [1, 1, 1]
    assert [harness.sessions(number) for number in range(3)] == [0, 0, 0]


async def test_the_end_does_not_wait_for_the_dead(harness: Harness) -> None:
    async with watching(harness) as desk:
        for number in range(2):
            await desk.enrolled(number)
        harness.dead(1, dead=True)
        await desk.until(lambda found: found.failure is not None, "it does not answer", 1)
        began = time.monotonic()
        await desk.session.close()
        assert time.monotonic() - began < 2
        assert harness.sessions(0) == 0


async def test_a_proof_is_an_answer_of_now(slow_desk: Desk, harness: Harness) -> None:
    await slow_desk.enrolled()
    harness.switch(on=True)
    began = time.monotonic()
    look = await slow_desk.machines.prove(trace(0))
    assert isinstance(look, Present)
    assert (look.found.power, look.as_of >= began) == (Power.ON, True)
    harness.trouble("system", Trouble.FAIL)
    with pytest.raises(errors.Transient):
        await slow_desk.machines.prove(trace(0))
