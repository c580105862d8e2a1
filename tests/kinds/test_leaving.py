"""What is decided for an object that is going, one row each."""

from datetime import timedelta

import pytest
from tests.kinds.situations import (
    GONE,
    NOW,
    PORT,
    UNSEEN,
    fresh,
    line,
    making,
    operation,
    seen,
    situation,
    spec,
    trace,
    twin,
)

from hostwright.core.errors import (
    ProviderNotFound,
    Unreachable,
)
from hostwright.core.port import OperationType
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life, Release
from hostwright.kinds.virtualmachine.resource import VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Situation

OLD = NOW - timedelta(hours=1)
OBSERVED = spec(managementPolicy="ObserveOnly")
GOING = {"deleting_since": NOW}
BEGUN = seen(Life.BUILDING, id="", twins=(), parts=())
LEAVING: dict[str, tuple[Situation, str]] = {
    "nothing was sent": (fresh(**GOING), "release | Deleting"),
    "with a ledger": (
        situation(**GOING),
        "Delete | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "status lost": (
        fresh(status=VirtualMachineStatus(), never_reported=True, **GOING),
        "prove | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "status lost, proven gone": (
        fresh(status=VirtualMachineStatus(), never_reported=True, look=GONE, proven=True, **GOING),
        "release | Deleting",
    ),
    "a call of unknown outcome": (
        making(trace=trace(PORT), look=UNSEEN, outcome_open=True, **GOING),
        "prove | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "a change of unknown outcome": (
        situation(operation=operation(OperationType.UPDATE), outcome_open=True, proven=True, **GOING),
        "Delete | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "proven gone": (situation(look=GONE, proven=True, **GOING), "release | Deleting"),
    "it takes too long": (
        situation(deleting_since=OLD),
        "Delete | Deleting | -Ready:DeleteTimedOut +Stalled:DeleteTimedOut +Deleting:DeleteTimedOut",
    ),
    "only observed": (situation(spec=OBSERVED, **GOING), "release | Deleting"),
    "retained, not asked yet": (
        situation(spec=spec(deletionPolicy="Retain"), **GOING),
        "prove | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "retained": (
        situation(spec=spec(deletionPolicy="Retain"), proven=True, **GOING),
        "Release | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "retained, no answer for too long": (
        situation(spec=spec(deletionPolicy="Retain"), deleting_since=OLD, backend={"failure": Unreachable("x")}),
        "release | Deleting",
    ),
    "no Provider": (
        situation(backend={"exists": False, "connected": False, "failure": ProviderNotFound("x")}, **GOING),
        "nothing | Deleting | -Ready:ProviderDeleted +Stalled:ProviderDeleted +Deleting:ProviderDeleted",
    ),
    "no answer": (
        situation(backend={"failure": Unreachable("x")}, **GOING),
        "nothing | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "Provider paused": (
        situation(backend={"paused": True}, **GOING),
        "nothing | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "protected": (
        situation(spec=spec(deletionProtection=True), **GOING),
        "nothing | Deleting | -Ready:Waiting +Reconciling:Waiting +Deleting:Waiting",
    ),
    "in the making": (
        making(trace=trace(), look=BEGUN, proven=True, outcome_open=True, operation=operation(task="t-1"), **GOING),
        "nothing | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "in the making, by whom is not known": (
        making(trace=trace(), look=BEGUN, proven=True, operation=operation(next_retry_at=NOW), **GOING),
        "nothing | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
    ),
    "its task has ended": (
        making(trace=trace(), look=GONE, proven=True, outcome_open=True, operation=operation(task="t-1"), **GOING),
        "release | Deleting",
    ),
    "paused": (situation(paused="CHG-1", **GOING), "nothing | Deleting | +Paused:Paused +Deleting:Paused"),
}


@pytest.mark.parametrize("name", LEAVING)
def test_what_is_next_for_what_is_going(name: str) -> None:
    case, row = LEAVING[name]
    assert line(decide(case)) == row


def test_a_copy_that_somebody_made_keeps_the_mark_when_the_machine_is_let_go() -> None:
    both = seen(twins=(twin(), twin("copy", name="a-copy")))
    decision = decide(situation(spec=spec(deletionPolicy="Retain"), proven=True, **{**GOING, "look": both}))
    assert decision.step == Release(frozenset({"copy"}))
