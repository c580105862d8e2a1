"""The pass over one machine: what a failed build, a refusal, a lost status or a deletion leaves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.engine.place import Place, machine

from hostwright.core.errors import Ambiguous, InvalidConfiguration, Transient
from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.core.port import LedgerRow, Present
from hostwright.kinds.virtualmachine.port import Found, Life, Twin


async def test_a_failed_build_is_made_again_only_after_the_back_off_of_capacity() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.FAILED, "m-1")
    await place.run(30)
    assert place.backend.calls == ["create_server", "delete_server"]
    assert place.status["operation"]["nextRetryAt"]
    assert (place.condition("Reconciling") or {})["reason"] == "BuildFailed"
    await place.run(60, lambda: place.backend.made == 2)
    assert place.backend.made == 2
    assert place.status["operation"]["attempt"] == 2


async def running(place: Place, **tags: str) -> None:
    """Its machine is up and settled."""
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1", **tags)
    await place.run(10, lambda: place.status.get("phase") == "Running")
    assert place.status["phase"] == "Running"
    place.backend.calls.clear()


async def test_a_refused_change_does_not_hold_back_its_correction_nor_the_deletion() -> None:
    place = Place()
    await running(place)
    place.backend.wanted = replace(place.backend.wanted, tags={"owner": "refused"})
    place.backend.refuses = InvalidConfiguration("the tag is not liked.")
    place.api.edit(spec={"tags": {"owner": "refused"}})
    await place.run(30)
    assert place.backend.calls == ["set_tag"]
    place.backend.refuses = None
    place.api.edit(spec={"tags": {"owner": "liked"}})
    await place.run(1, lambda: len(place.backend.calls) == 2)
    assert place.backend.calls == ["set_tag", "set_tag"]
    place.backend.refuses = InvalidConfiguration("the tag is not liked.")
    await place.run(30)
    place.backend.refuses = None
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(5)
    assert place.api.gone
    assert place.backend.calls[-1] == "delete_server"


async def test_a_machine_whose_ports_only_are_listed_is_not_called_deleted() -> None:
    place = Place()
    await running(place)
    ports = Found(life=Life.PARTIAL, parts=(LedgerRow("port/eth0", "p-1"),))
    place.backend.shown = Present(ports, place.clock.monotonic())
    place.api.edit(annotations={**place.api.body["metadata"]["annotations"], "seen": "again"})
    await place.run(5)
    assert (place.condition("Ready") or {})["status"] == "True"
    assert place.status["phase"] == "Running"
    place.backend.found = ports
    await place.run(5)
    assert (place.condition("Ready") or {})["reason"] == "MachineDeletedExternally"


async def test_a_late_release_ends_though_the_backend_refuses_to_take_our_marks_off() -> None:
    place = Place(deletionPolicy="Retain", timeouts={"delete": "5m"})
    await running(place)
    place.backend.refuses = InvalidConfiguration("the policy forbids it.")
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(200)
    assert not place.api.gone
    assert set(place.backend.calls) == {"remove_mark"}
    await place.run(800)
    assert place.api.gone
    assert "server=m-1" in place.api.events[-1].message


async def test_a_late_release_ends_though_the_backend_cannot_be_asked() -> None:
    place = Place(deletionPolicy="Retain", timeouts={"delete": "5m"})
    await running(place)
    place.backend.unproven = Transient("half of it is down.")
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(200)
    assert not place.api.gone
    await place.run(200)
    assert place.api.gone


async def test_retain_that_is_wished_late_still_tries_once_to_take_our_marks_off() -> None:
    place = Place(timeouts={"delete": "5m"})
    await running(place)
    place.backend.refuses = InvalidConfiguration("the machine is locked.")
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(900)
    place.backend.refuses = None
    place.backend.calls.clear()
    place.api.edit(spec={"deletionPolicy": "Retain"})
    await place.run(1, lambda: bool(place.backend.calls))
    assert place.backend.calls == ["remove_mark"]


async def _deleted_once_its_provider_is_back(place: Place) -> None:
    assert not place.api.gone
    place.line.state.failure = None
    await place.run(30)
    assert place.backend.calls == ["delete_server"]
    assert place.api.gone


async def test_a_restored_object_is_deleted_only_after_a_look_whatever_its_status_says() -> None:
    place = Place()
    place.backend.found = machine(Life.STEADY, "m-7")
    place.line.state.failure = Transient("the Provider is away.")
    place.api.edit(annotations={ANNOTATION_MACHINE_ID: "of-the-backup"}, finalizers=[FINALIZER])
    await place.run(5)
    assert "machineID" not in place.status
    assert place.status["observedGeneration"] == place.api.body["metadata"]["generation"]
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(30)
    await _deleted_once_its_provider_is_back(place)


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("kept", [{}, {"observedGeneration": 2, "phase": "Running"}])
async def test_a_machine_whose_status_was_lost_while_its_provider_was_away_is_deleted_all_the_same(
    kept: Any, restarted: bool
) -> None:
    place = Place()
    await running(place)
    place.line.state.failure = Transient("the Provider is away.")
    place.api.body["status"] = dict(kept)
    place.api.edit()
    if restarted:
        place.machine_pass.forget()
    await place.run(5)
    assert place.status["observedGeneration"] == place.api.body["metadata"]["generation"]
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(30)
    await _deleted_once_its_provider_is_back(place)


async def test_a_look_that_came_too_early_does_not_count_for_a_status_that_is_lost_later() -> None:
    place = Place()
    place.backend.loses, place.backend.hides = Ambiguous("the reply was lost."), True
    await place.run(10)
    place.backend.loses, place.backend.hides = None, False
    await running(place)
    place.line.state.failure = Transient("the Provider is away.")
    place.api.body["status"] = {"observedGeneration": -1}
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(10)
    await _deleted_once_its_provider_is_back(place)


async def test_a_forged_id_is_told_for_as_long_as_it_is_there_and_changes_who_the_machine_is_not() -> None:
    place = Place()
    await running(place)
    true = dict(place.api.body["metadata"]["annotations"])
    place.api.edit(annotations={ANNOTATION_MACHINE_ID: "forged"})
    for _ in range(3):
        await place.run(70)
        assert (place.condition("Stalled") or {})["reason"] == "OwnershipConflict"
        assert place.status["machineID"] == true[ANNOTATION_MACHINE_ID]
    place.api.edit(annotations={})
    await place.run(5)
    assert place.api.body["metadata"]["annotations"] == true
    assert (place.condition("Ready") or {})["status"] == "True"
    assert place.backend.calls == []


async def test_an_object_for_which_nothing_was_sent_goes_at_once_though_the_provider_is_away() -> None:
    place = Place()
    place.line.state.failure = Transient("the Provider is away.")
    await place.run(5)
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(5)
    assert place.api.gone


async def test_a_clone_that_bears_our_mark_is_named_when_all_that_was_made_is_gone() -> None:
    place = Place()
    await running(place)
    created = place.clock.now() + timedelta(days=3)
    clone = machine(Life.STEADY, "m-9")
    place.backend.found = replace(clone, twins=(Twin("m-9", "somebodys-clone", Life.STEADY, created),))
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(30)
    assert not place.api.gone
    assert place.backend.calls == []
    stalled = place.condition("Stalled") or {}
    assert stalled["reason"] == "OwnershipMismatch"
    assert "m-9" in stalled["message"]
    place.backend.found = None
    await place.run(120)
    assert place.api.gone


async def test_what_was_wished_while_the_provider_was_paused_is_done_after_it() -> None:
    place = Place(driftDetection={"mode": "Warn"})
    await running(place, owner="former")
    assert place.backend.calls == []
    place.pause(True)
    place.backend.wanted = replace(place.backend.wanted, tags={"owner": "new"})
    place.api.edit(spec={"tags": {"owner": "new"}, "restartedAt": "now"})
    await place.run(5)
    assert place.backend.calls == []
    assert place.status["handled"] == {"restartedAt": "", "rebuildToken": ""}
    place.pause(False)
    await place.run(1, lambda: bool(place.backend.calls))
    assert place.backend.calls == ["stop"]
    assert place.status["operation"]["type"] == "Restart"


async def test_after_a_lost_reply_the_intent_stays_and_nothing_is_sent_in_its_quiet_time() -> None:
    place = Place()
    place.backend.loses, place.backend.hides = Ambiguous("the reply was lost."), True
    await place.run(19)
    assert place.backend.calls == ["create_server"]
    assert place.status["operation"]["expect"] == "server"
    place.backend.hides = False
    await place.run(5)
    assert place.backend.calls == ["create_server"]
    assert place.status["resources"][0]["id"] == "m-1"


async def test_a_lost_call_is_made_again_once_its_quiet_time_is_over_and_nothing_is_there() -> None:
    place = Place()
    place.backend.loses, place.backend.hides = Ambiguous("the reply was lost."), True
    await place.run(30, lambda: len(place.backend.calls) == 2)
    assert place.backend.calls == ["create_server"] * 2
    assert place.clock.passed > 20
    assert place.status["operation"]["attempt"] == 2


async def test_what_verify_adopts_keeps_the_window_in_which_it_was_made() -> None:
    place = Place()
    place.backend.loses = Ambiguous("the reply was lost.")
    await running(place)
    row = place.status["resources"][0]
    assert row["id"] == "m-1"
    assert row["window"]["from"] == "2026-01-01T00:00:00Z"
    assert "operation" not in place.status
