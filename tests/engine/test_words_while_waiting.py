"""What is said of a machine until a refused call is tried again: the refusal, once, and nothing else."""

from dataclasses import replace

import pytest
from tests.engine.place import KEY, Place, State, machine

from hostwright.core.errors import Failure, InvalidConfiguration, QuotaExceeded, Unreachable
from hostwright.core.port import LedgerRow
from hostwright.kinds.virtualmachine.port import Life, Power


def _words(place: Place, kind: str) -> str:
    return str((place.condition(kind) or {}).get("reason"))


def _told(place: Place, reason: str) -> int:
    return sum(note.reason == reason for note in place.api.events)


async def _woken(place: Place, kind: str) -> set[str]:
    """Every reason that the condition has while something else wakes the machine, an inventory that moved, say."""
    seen: set[str] = set()
    for _ in range(5):
        place.clock.passed += 2
        await place.machine_pass(KEY)
        seen.add(_words(place, kind))
    return seen


async def test_a_missing_secret_is_told_until_it_is_there() -> None:
    place = Place(bootstrap={"cloudInit": {"userDataRef": {"name": "nope", "key": "userData"}}})
    await place.run(60)
    assert await _woken(place, "Stalled") == {"UserDataMissing"}
    assert _words(place, "Ready") == "UserDataMissing"
    assert _told(place, "UserDataMissing") == 1
    assert not place.backend.calls


@pytest.mark.parametrize(
    ("failure", "blocker"),
    [(QuotaExceeded("2 of 2 machines used"), "Reconciling"), (InvalidConfiguration("not so"), "Stalled")],
)
async def test_a_refused_creation_is_told_until_it_is_tried_again(failure: Failure, blocker: str) -> None:
    place = Place()
    place.backend.refuses = failure
    await place.run(5, lambda: len(place.backend.calls) == 1)
    place.backend.found = replace(machine(Life.PARTIAL, ""), parts=(LedgerRow("port/eth0", "p-1"),))
    assert await _woken(place, blocker) == {failure.reason}
    assert _words(place, "Ready") == failure.reason
    assert _told(place, failure.reason) == 1


async def test_a_refused_power_off_is_told_until_it_is_tried_again() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1")
    await place.run(10, lambda: place.status.get("phase") == "Running")
    place.backend.calls.clear()
    place.backend.wanted = replace(place.backend.wanted, power=Power.OFF)
    place.backend.refuses = InvalidConfiguration("the server is locked.")
    place.api.edit(spec={"powerState": "PoweredOff"})
    await place.run(5)
    assert await _woken(place, "Stalled") == {"InvalidConfiguration"}
    assert _words(place, "Ready") == "InvalidConfiguration"
    assert place.backend.calls == ["stop"]
    assert _told(place, "InvalidConfiguration") == 1


async def test_what_was_said_of_a_stalled_machine_stays_until_its_provider_has_answered() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1")
    await place.run(10, lambda: place.status.get("phase") == "Running")
    place.backend.found = machine(Life.FAILED, "m-1")
    await place.run(5)
    assert _words(place, "Stalled") == "MachineFailed"
    version = place.api.body["metadata"]["resourceVersion"]
    place.line.state = State(session=None)  # the operator was started anew
    await place.run(10)
    assert place.api.body["metadata"]["resourceVersion"] == version


async def test_what_was_said_of_a_machine_that_was_never_begun_stays_until_its_provider_has_answered() -> None:
    """Else each restart and each new login would tell every refused machine's Event again."""
    place = Place(bootstrap={"cloudInit": {"userDataRef": {"name": "nope", "key": "userData"}}})
    await place.run(60)
    version, session = place.api.body["metadata"]["resourceVersion"], place.line.state
    place.line.state = State(session=None)  # the operator was started anew
    await place.run(10)
    place.line.state = session
    await place.run(60)
    assert place.api.body["metadata"]["resourceVersion"] == version
    assert _told(place, "UserDataMissing") == 1


async def test_a_spec_that_was_broken_during_an_outage_is_not_called_reached_after_it() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1")
    await place.run(10, lambda: place.status.get("phase") == "Running")
    state = place.line.state
    state.failure, state.down_for = Unreachable("the Provider is away."), 1.0
    place.api.edit(spec={"imageRef": {"name": "gone"}})
    for state.down_for in (5.0, 100.0, 200.0, 400.0):
        await place.run(40)
        assert _words(place, "Ready") == "Unreachable"
    state.failure = state.down_for = None
    for _ in range(3):
        await place.run(40)
        assert (place.condition("Ready") or {})["status"] == "False"
        assert _words(place, "Stalled") == "ImageNotFound"
    place.api.edit(spec={"imageRef": {"name": "tiny"}})
    await place.run(40)
    assert (place.condition("Ready") or {})["status"] == "True"
