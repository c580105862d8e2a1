"""A build that failed and was removed, and that the backend keeps for a while all the same."""

from dataclasses import replace

import pytest
from tests.kinds.situations import MAKING, SERVER, line, making, operation, seen, situation, spec, trace

from hostwright.core.port import RowState
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life
from hostwright.kinds.virtualmachine.resource import VirtualMachineStatus

GOING = trace(replace(SERVER, state=RowState.DELETING))
KEPT = seen(Life.HELD, message="Nova says SOFT_DELETED")
FAILED = {
    "reason": "NoValidHost",
    "message": "No valid host was found",
    "actor": "Platform",
    "at": "2026-01-01T00:00:00Z",
}
TOLD = VirtualMachineStatus.model_validate({**MAKING.model_dump(by_alias=True), "lastError": FAILED})


def test_what_is_kept_of_a_build_that_was_removed_is_removed_again_in_the_words_of_its_failure() -> None:
    decision = decide(making(status=TOLD, trace=GOING, operation=operation(), look=KEPT))
    assert line(decision) == ("Discard server=s1 | Provisioning | -Ready:NoValidHost +Reconciling:NoValidHost")
    assert "No valid host was found" in decision.said[0].message


@pytest.mark.parametrize("life", [Life.STEADY, Life.CHANGING])
def test_a_build_that_ends_well_before_its_removal_is_carried_out_is_removed_all_the_same(life: Life) -> None:
    """Nova finishes a spawn before it deletes: taken for up, its end would be somebody else's deletion (tried)."""
    decision = decide(making(status=TOLD, trace=GOING, operation=operation(), look=seen(life)))
    assert line(decision) == "Discard server=s1 | Provisioning | -Ready:NoValidHost +Reconciling:NoValidHost"
    assert not any(said.type == "Provisioned" for said in decision.said)


def test_while_it_is_deleted_its_failure_stays_told() -> None:
    decision = decide(making(status=TOLD, trace=GOING, operation=operation(), look=seen(Life.DELETING)))
    assert line(decision) == "nothing | Provisioning | -Ready:NoValidHost +Reconciling:NoValidHost"
    theirs = decide(making(status=TOLD, operation=operation(), look=seen(Life.DELETING)))
    assert line(theirs) == "nothing | Unknown | -Ready:Waiting +Reconciling:Waiting", "somebody else deletes it"


def test_what_was_up_once_or_was_never_removed_by_us_is_held_and_left_alone() -> None:
    held = "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld"
    assert line(decide(situation(trace=GOING, look=KEPT))) == held
    assert line(decide(making(status=TOLD, look=KEPT))) == held


def test_who_only_observes_removes_nothing() -> None:
    decision = decide(making(status=TOLD, trace=GOING, look=KEPT, spec=spec(managementPolicy="ObserveOnly")))
    assert decision.step is None
