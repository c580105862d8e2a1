"""A fenced call needs no intent of its own: what it may still make after its reply was lost holds the finalizer."""

from dataclasses import replace
from typing import Any

import pytest
from tests.engine.place import START, Place, machine

from hostwright.core.errors import Ambiguous, OwnershipMismatch
from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.core.port import Repeat
from hostwright.kinds.virtualmachine.port import Life, Twin

PORT = {"name": "port/eth0", "id": "p-1", "state": "Created", "ownership": "Created"}
BEGUN: dict[str, Any] = {
    "observedGeneration": 1,
    "machineID": "u-1",
    "phase": "Provisioning",
    "handled": {"restartedAt": ""},
    "resources": [PORT],
    "operation": {
        "id": "op",
        "type": "Create",
        "attempt": 1,
        "expect": "port/eth0",
        "windowStart": "2026-01-01T00:00:00Z",
    },
}

AHEAD = {"startedAt": "2026-01-01T00:00:40Z", "windowStart": "2026-01-01T00:00:40Z", "deadline": "2026-01-01T00:01:10Z"}


def begun() -> Place:
    """Its first port was made, with an intent, and was taken away since; the operator was started anew."""
    place = Place(BEGUN)
    place.backend.repeat = Repeat.FENCED
    place.api.edit(annotations={ANNOTATION_MACHINE_ID: "u-1"}, finalizers=[FINALIZER])
    return place


async def _gone_with_all(place: Place) -> None:
    """A call of before is carried out 20 s late."""
    await place.run(20)
    assert not place.api.gone
    place.backend.found = machine(Life.BUILDING, "m-late")
    await place.run(120)
    assert place.api.gone
    assert place.backend.found is None


async def test_what_another_process_may_have_sent_is_waited_for_before_the_finalizer_goes() -> None:
    place = begun()
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await _gone_with_all(place)


async def test_a_fenced_call_whose_reply_was_lost_is_waited_for_before_the_finalizer_goes() -> None:
    place = begun()
    place.backend.hides, place.backend.loses = True, Ambiguous("cut off.")
    await place.run(60, lambda: place.backend.made == 1)
    assert place.backend.made == 1
    place.backend.found, place.backend.hides, place.backend.loses = None, False, None
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await _gone_with_all(place)


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_who_knows_all_answers_waits_for_nothing(policy: str) -> None:
    place = Place(deletionPolicy=policy)
    await place.run(5, lambda: place.backend.made == 1)
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    place.backend.found = None
    await place.run(5)
    assert place.api.gone


async def test_a_part_that_a_faster_clock_began_answers_for_its_operation() -> None:
    """Two operators' clocks differ: what the second one adopts would end before the first one began it."""
    place = Place({**BEGUN, "resources": [], "operation": {**BEGUN["operation"], "expect": "server", **AHEAD}})
    place.api.edit(annotations={ANNOTATION_MACHINE_ID: "u-1"}, finalizers=[FINALIZER])
    place.backend.found = machine(Life.STEADY, "m-1")
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(60)
    assert place.api.gone
    assert place.backend.calls == ["delete_server"]


async def test_a_copy_that_bears_our_mark_is_not_what_a_lost_call_made() -> None:
    """The machine went before its receipt came; the deletion says what is left, and ends when that is gone."""
    place = Place({**BEGUN, "resources": [], "operation": {**BEGUN["operation"], "expect": "server"}})
    place.api.edit(annotations={ANNOTATION_MACHINE_ID: "u-1"}, finalizers=[FINALIZER])
    copy = Twin("m-copy", "a-copy", Life.STEADY, START, "team-a", "web")
    place.backend.found = replace(machine(Life.STEADY, "m-copy"), twins=(copy,))
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(120)
    assert place.condition("Stalled")["reason"] == "OwnershipMismatch"
    assert "m-copy" in place.condition("Stalled")["message"]
    assert (place.backend.calls, place.api.gone) == ([], False)
    place.backend.found = None
    await place.run(120)
    assert place.api.gone


async def test_whatever_is_the_first_call_of_a_machine_has_an_intent_though_its_status_was_lost() -> None:
    place = Place()
    place.backend.repeat = Repeat.FENCED
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1")
    await place.run(10, lambda: place.status.get("phase") == "Running")
    place.api.body["status"] = {"observedGeneration": -1}
    place.api.edit()
    place.backend.found = None
    place.backend.refuses = OwnershipMismatch("the name is taken.")
    await place.run(5, lambda: len(place.backend.calls) == 2)
    assert place.backend.calls == ["create_server", "create_server"]
    assert place.status["operation"]["expect"] == "server"
