"""What is decided of a resize: sent, confirmed, refused, come to nothing, wished otherwise half-way."""

# ruff: noqa: E501 - a case is one row

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.kinds.situations import GONE, NOW, UNSEEN, line, operation, seen, situation, spec, status, trace, wanted

from hostwright.core.errors import ClassNotFound, MachineHeld, ResizeTimedOut
from hostwright.core.port import OperationType
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life, Power, Unresolved
from hostwright.kinds.virtualmachine.situation import Situation

RESTART = spec(updatePolicy={"maxDisruption": "Restart"})
WISH = {"spec": RESTART, "wanted": wanted(size="f2"), "generation": 2}
OPEN = operation(OperationType.RESIZE, "size/f2")
BACKED_OFF = replace(OPEN, next_retry_at=NOW + timedelta(minutes=1))
DUE = replace(OPEN, next_retry_at=NOW)
#: Of generation 2, for which a resize was refused: its back-off counts only for a generation that was seen.
REFUSED = status(
    observedGeneration=2, lastError={"reason": "NoValidHost", "message": "full", "actor": "Platform", "at": ""}
)
BIG = {"shape": {"size": "f2"}, "size_name": "medium"}
AT_REST = "+Provisioned:Created +NetworkReady:InSync"
SETTLED = f"nothing | Running | +Ready:Settled +UpToDate:Settled {AT_REST} +PowerStateSynced:InSync"
RESIZING = f"-Ready:Resizing +Reconciling:Resizing {AT_REST}"
AT_WORK = "nothing | Updating | -Ready:Resizing +Reconciling:Resizing"
SUSPENDED = {
    "spec": spec(updatePolicy={"maxDisruption": "Restart"}, powerState="Suspended"),
    "wanted": wanted(size="f2", power=Power.SUSPENDED),
    "generation": 2,
}
CHANGES: dict[str, tuple[Situation, str]] = {
    "asked": (situation(**WISH), f"Resize f2 size/f2 | Running | {RESIZING}"),
    "asked, off": (
        situation(
            **{
                **WISH,
                "spec": spec(updatePolicy={"maxDisruption": "Restart"}, powerState="PoweredOff"),
                "wanted": wanted(size="f2", power=Power.OFF),
            },
            look=seen(shape={"power": Power.OFF}),
        ),
        f"Resize f2 size/f2 | Stopped | {RESIZING}",
    ),
    "asked, suspended": (
        situation(**SUSPENDED, look=seen(shape={"power": Power.SUSPENDED})),
        f"SetPower PoweredOn | Stopped | {RESIZING}",
    ),
    "asked, resumed for it": (situation(**SUSPENDED), f"Resize f2 size/f2 | Running | {RESIZING}"),
    "come to nothing, told, suspended again meanwhile": (
        situation(**SUSPENDED, operation=BACKED_OFF, status=REFUSED),
        f"SetPower Suspended | Updating | -Ready:Suspending +Reconciling:Suspending -PowerStateSynced:Suspending {AT_REST}",
    ),
    "asked, not supported": (
        situation(**WISH, backend={"supported": frozenset({"/powerState"})}),
        f"nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending {AT_REST} +PowerStateSynced:InSync",
    ),
    "asked and gone back before anything was sent": (situation(spec=RESTART, generation=3), SETTLED),
    "answered, and the look is from before": (situation(**WISH, operation=OPEN, fresh=False), AT_WORK),
    "answered, wished back, and the look is from before": (
        situation(spec=RESTART, operation=OPEN, fresh=False),
        AT_WORK,
    ),
    "at work": (situation(**WISH, operation=OPEN, look=seen(Life.CHANGING)), AT_WORK),
    "to be confirmed": (
        situation(**WISH, operation=OPEN, look=seen(Life.RESIZED, **BIG)),
        "ConfirmResize | Updating | -Ready:Resizing +Reconciling:Resizing",
    ),
    "to be confirmed, after a crash": (
        situation(**WISH, operation=OPEN, outcome_open=True, look=seen(Life.RESIZED, **BIG)),
        "ConfirmResize | Updating | -Ready:Resizing +Reconciling:Resizing",
    ),
    "to be confirmed, and wished back": (
        situation(spec=RESTART, generation=3, operation=OPEN, look=seen(Life.RESIZED, **BIG)),
        "ConfirmResize | Updating | -Ready:Resizing +Reconciling:Resizing",
    ),
    "to be confirmed, and disruption is no longer allowed": (
        situation(wanted=wanted(size="f2"), generation=3, operation=OPEN, look=seen(Life.RESIZED, **BIG)),
        "ConfirmResize | Updating | -Ready:Resizing +Reconciling:Resizing",
    ),
    "to be confirmed, and the class is gone": (
        situation(
            spec=RESTART,
            generation=3,
            wanted=Unresolved(ClassNotFound("gone")),
            operation=OPEN,
            look=seen(Life.RESIZED, **BIG),
        ),
        "ConfirmResize | Updating | -Ready:Resizing +Reconciling:Resizing",
    ),
    "confirmed, and the class is gone": (
        situation(
            spec=RESTART, generation=3, wanted=Unresolved(ClassNotFound("gone")), operation=OPEN, look=seen(**BIG)
        ),
        "nothing | Running | -Ready:ClassNotFound +Stalled:ClassNotFound",
    ),
    "to be confirmed, not ours": (
        situation(look=seen(Life.RESIZED, **BIG)),
        "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld",
    ),
    "to be confirmed, to another size than ours": (
        situation(**WISH, operation=OPEN, look=seen(Life.RESIZED, shape={"size": "f9"})),
        "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld",
    ),
    "to be confirmed, only observed": (
        situation(
            **{**WISH, "spec": spec(managementPolicy="ObserveOnly")}, operation=OPEN, look=seen(Life.RESIZED, **BIG)
        ),
        "nothing | Running | -Ready:Waiting +Reconciling:Waiting",
    ),
    "confirmed": (situation(**WISH, operation=OPEN, look=seen(**BIG)), SETTLED),
    "confirmed, and wished back": (
        situation(spec=RESTART, generation=3, operation=OPEN, look=seen(**BIG)),
        f"Resize f1 size/f1 | Running | {RESIZING}",
    ),
    "lost reply, not asked yet": (
        situation(**WISH, operation=OPEN, outcome_open=True),
        "prove | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "lost reply, nothing shows yet": (
        situation(**WISH, operation=OPEN, outcome_open=True, proven=True),
        "nothing | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "lost reply, wished back, nothing shows yet": (
        situation(spec=RESTART, generation=3, operation=OPEN, outcome_open=True, proven=True),
        "nothing | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "lost reply, and it was never carried out": (
        situation(**WISH, operation=OPEN, outcome_open=True, proven=True, nothing_made=True),
        f"Inquire resize | Running | {RESIZING}",
    ),
    "lost reply, and the machine is gone": (
        situation(**WISH, operation=OPEN, outcome_open=True, proven=True, look=GONE),
        "nothing | Failed | -Ready:MachineDeletedExternally +Stalled:MachineDeletedExternally -Provisioned:MachineDeletedExternally -NetworkReady:MachineDeletedExternally ?PowerStateSynced:MachineDeletedExternally",
    ),
    "lost reply, and the machine is not listed": (
        situation(**WISH, operation=OPEN, outcome_open=True, look=UNSEEN),
        "prove | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "come to nothing": (situation(**WISH, operation=OPEN), f"Inquire resize | Running | {RESIZING}"),
    "come to nothing, told, not due": (
        situation(**WISH, operation=BACKED_OFF, status=REFUSED),
        "nothing | Running | -Ready:NoValidHost +Reconciling:NoValidHost",
    ),
    "come to nothing, told, due": (
        situation(**WISH, operation=DUE, status=REFUSED),
        f"Resize f2 size/f2 | Running | {RESIZING}",
    ),
    "come to nothing, and wished back": (situation(spec=RESTART, operation=BACKED_OFF, status=REFUSED), SETTLED),
    "come to nothing, told, and off is wished": (
        situation(
            **{
                **WISH,
                "spec": spec(updatePolicy={"maxDisruption": "Restart"}, powerState="PoweredOff"),
                "wanted": wanted(size="f2", power=Power.OFF),
            },
            operation=BACKED_OFF,
            status=REFUSED,
        ),
        f"SetPower PoweredOff | Updating | -Ready:Stopping +Reconciling:Stopping -PowerStateSynced:Stopping {AT_REST}",
    ),
    "come to nothing, told, off was sent and the look is from before": (
        situation(
            **{
                **WISH,
                "spec": spec(updatePolicy={"maxDisruption": "Restart"}, powerState="PoweredOff"),
                "wanted": wanted(size="f2", power=Power.OFF),
            },
            operation=BACKED_OFF,
            status=REFUSED,
            fresh=False,
        ),
        f"SetPower PoweredOff | Updating | -Ready:Stopping +Reconciling:Stopping -PowerStateSynced:Stopping {AT_REST}",
    ),
    "failed": (
        situation(**WISH, operation=OPEN, outcome_open=True, look=seen(Life.FAILED, message="boom")),
        "nothing | Failed | -Ready:MachineFailed +Stalled:MachineFailed",
    ),
    "somebody else's, corrected": (
        situation(spec=RESTART, look=seen(**BIG)),
        f"Resize f1 size/f1 | Running | {RESIZING}",
    ),
    "somebody else's, not allowed": (
        situation(look=seen(**BIG)),
        f"nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending {AT_REST} +PowerStateSynced:InSync",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_next_of_a_resize(name: str) -> None:
    case, row = CHANGES[name]
    assert line(decide(case)) == row


def test_a_size_that_was_reached_counts_as_applied_whatever_is_wished_since() -> None:
    """Else the way back would be taken for drift, which Warn leaves as it is."""
    back = spec(updatePolicy={"maxDisruption": "Restart"}, driftDetection={"mode": "Warn"})
    decision = decide(situation(spec=back, generation=3, operation=OPEN, look=seen(**BIG)))
    assert line(decision).startswith("Resize f1")
    assert decision.status["resolved"]["class"] == {"name": "medium", "id": "f2"}
    assert not decision.notes


def test_a_reached_size_is_told_once_and_ends_the_operation() -> None:
    decision = decide(situation(**WISH, operation=OPEN, look=seen(**BIG)))
    assert decision.close_operation
    assert [note.reason for note in decision.notes] == ["Resized"]
    assert decision.status["resolved"]["class"] == {"name": "medium", "id": "f2"}


def test_a_resize_that_takes_too_long_is_told_and_still_waited_for_and_confirmed() -> None:
    late = replace(OPEN, started_at=NOW - timedelta(minutes=21))
    waiting = decide(situation(**WISH, operation=late, look=seen(Life.CHANGING, message="resize_migrating")))
    assert isinstance(waiting.failure, ResizeTimedOut)
    assert "20m: resize_migrating" in waiting.failure.message
    confirming = decide(situation(**WISH, operation=late, look=seen(Life.RESIZED, **BIG)))
    assert line(confirming).startswith("ConfirmResize")
    assert isinstance(confirming.failure, ResizeTimedOut)


def test_somebody_elses_resize_is_told_in_the_backends_words() -> None:
    decision = decide(situation(look=seen(Life.RESIZED, message="confirm it, or revert it", **BIG)))
    assert isinstance(decision.failure, MachineHeld)
    assert "confirm it, or revert it" in decision.failure.message


def test_a_deletion_does_not_wait_for_the_outcome_of_a_resize() -> None:
    going = situation(**WISH, operation=OPEN, outcome_open=True, proven=True, deleting_since=NOW)
    assert line(decide(going)).startswith("Delete")
    assert line(decide(replace(going, look=GONE, trace=trace()))) == "release | Deleting"


def test_what_the_machine_shows_of_its_power_is_not_told_while_it_is_worked_on() -> None:
    for life in (Life.CHANGING, Life.RESIZED):
        assert "powerState" not in decide(situation(**WISH, operation=OPEN, look=seen(life, **BIG))).status
