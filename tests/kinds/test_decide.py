"""What is decided where the backend, the Provider or another machine is in the way, one row each."""

# ruff: noqa: E501 - a case is one row

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.kinds.situations import (
    GONE,
    NOW,
    PORT,
    SERVER,
    UNSEEN,
    condition,
    found,
    fresh,
    line,
    making,
    operation,
    seen,
    situation,
    spec,
    status,
    trace,
    twin,
)
from tests.kinds.test_leaving import LEAVING
from tests.kinds.test_making import CREATION
from tests.kinds.test_resting import REST

from hostwright.core.errors import (
    ClassNotFound,
    CredentialsRejected,
    ProviderNotAllowed,
    Unreachable,
)
from hostwright.core.port import LedgerRow, Ownership, RowState, Window
from hostwright.kinds.virtualmachine import replacing
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.extras import judge
from hostwright.kinds.virtualmachine.port import Life, Power, Unresolved
from hostwright.kinds.virtualmachine.situation import Situation

OBSERVED = spec(managementPolicy="ObserveOnly")
OLD = NOW - timedelta(hours=1)
EARLY, LATE = Window(OLD, OLD), Window(NOW, NOW)
GONE_TOLD = [condition(kind, "False", reason="MachineDeletedExternally") for kind in ("Ready", "Provisioned")]
IS_GONE = "nothing | Failed | -Ready:{0} +Stalled:{0} -Provisioned:{0} -NetworkReady:{0} ?PowerStateSynced:{0}".format(
    "MachineDeletedExternally"
)
CASES: dict[str, tuple[Situation, str]] = {
    "changing": (
        situation(look=seen(Life.CHANGING, message="rebooting")),
        "nothing | Running | -Ready:Waiting +Reconciling:Waiting",
    ),
    "at work for too long": (
        situation(look=seen(Life.CHANGING, message="powering-off", since=NOW - timedelta(minutes=21))),
        "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld",
    ),
    "held": (
        situation(look=seen(Life.HELD, message="SHELVED")),
        "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld",
    ),
    "deleting": (situation(look=seen(Life.DELETING)), "nothing | Unknown | -Ready:Waiting +Reconciling:Waiting"),
    "error": (
        situation(look=seen(Life.FAILED, message="boom")),
        "nothing | Failed | -Ready:MachineFailed +Stalled:MachineFailed",
    ),
    "gone": (
        situation(look=GONE),
        IS_GONE,
    ),
    "unseen": (situation(look=UNSEEN), "prove | Running"),
    "unseen unsynced": (situation(look=UNSEEN, backend={"synced": False}), "nothing"),
    "half seen": (situation(look=seen(interfaces=(), shape={"tags": {}}), backend={"synced": False}), "nothing"),
    "ports only": (situation(look=seen(Life.PARTIAL)), "prove | Running"),
    "ports only proven": (
        situation(look=seen(Life.PARTIAL), proven=True),
        IS_GONE,
    ),
    "unresolved": (
        situation(wanted=Unresolved(ClassNotFound("x"))),
        "nothing | Running | +Ready:Settled ?UpToDate:ClassNotFound",
    ),
    "unresolved, edited": (
        situation(wanted=Unresolved(ClassNotFound("x")), generation=2),
        "nothing | Running | -Ready:ClassNotFound +Stalled:ClassNotFound",
    ),
    "unresolved, never reached": (
        situation(
            wanted=Unresolved(ClassNotFound("x")),
            status=status(conditions=[condition("Ready", "False"), condition("Provisioned", "True")]),
        ),
        "nothing | Running | -Ready:ClassNotFound +Stalled:ClassNotFound",
    ),
    "unresolved, off": (
        situation(wanted=Unresolved(ClassNotFound("x")), look=seen(shape={"power": Power.OFF})),
        "nothing | Stopped | -Ready:ClassNotFound +Stalled:ClassNotFound",
    ),
    "gone, told": (
        situation(look=GONE, status=status(conditions=GONE_TOLD)),
        IS_GONE,
    ),
    "down 10": (situation(wanted=None, backend={"failure": Unreachable("x"), "down_for": 10.0}), "nothing"),
    "down 121": (
        situation(wanted=None, backend={"failure": Unreachable("x"), "down_for": 121.0}),
        "nothing | Unknown | ?Ready:ProviderUnreachable",
    ),
    "down, edited": (
        situation(wanted=None, generation=2, backend={"failure": Unreachable("x"), "down_for": 10.0}),
        "nothing | Running | -Ready:Unreachable +Reconciling:Unreachable",
    ),
    "denied 121": (
        situation(wanted=None, backend={"failure": CredentialsRejected("x"), "down_for": 121.0}),
        "nothing | Unknown | ?Ready:ProviderUnreachable",
    ),
    "not allowed": (
        situation(wanted=None, backend={"failure": ProviderNotAllowed("x")}),
        "nothing | Running | -Ready:ProviderNotAllowed +Stalled:ProviderNotAllowed",
    ),
    "restart of operator": (situation(wanted=None, backend={"connected": False}), "nothing"),
    "paused": (situation(paused="CHG-1", look=seen(shape={"power": Power.OFF})), "nothing | +Paused:Paused"),
    "observe drift": (
        situation(look=seen(shape={"power": Power.OFF}), spec=OBSERVED),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +Drifted:DriftDetected -PowerStateSynced:DriftDetected",
    ),
    "twin": (
        situation(
            look=seen(twins=(twin(), twin("s2", Life.BUILDING))), trace=trace(SERVER, PORT, LedgerRow("extra/s2", "s2"))
        ),
        "Discard extra/s2=s2 | Running | +Ready:Deleting +Reconciling:Deleting",
    ),
    "stranger": (
        situation(look=seen(twins=(twin(), twin("s2", name="clone")))),
        "nothing | Running | +Ready:OwnershipMismatch +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "only strangers": (
        fresh(look=seen(twins=(twin(name="clone"),)), operation=operation(), trace=trace(windows=(Window(NOW),))),
        "nothing | Failed | -Ready:OwnershipMismatch +Stalled:OwnershipMismatch",
    ),
    "extra gone": (situation(trace=trace(SERVER, PORT, LedgerRow("extra/s2", "s2"))), "prove | Running"),
    "extra gone proven": (
        situation(trace=trace(SERVER, PORT, LedgerRow("extra/s2", "s2")), proven=True),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_next(name: str) -> None:
    case, row = CASES[name]
    assert line(decide(case)) == row


def test_every_condition_of_the_kind_is_in_the_tables() -> None:
    told = {
        item.type
        for table in (CREATION, REST, CASES, LEAVING)
        for case, _ in table.values()
        for item in decide(case).said
    }
    assert {str(kind) for kind in told} == {
        "Ready",
        "Reconciling",
        "Stalled",
        "Provisioned",
        "NetworkReady",
        "PowerStateSynced",
        "UpToDate",
        "Drifted",
        "Paused",
        "Deleting",
        "Available",
    }


def test_a_machine_that_the_backend_takes_for_ours_and_is_not_is_passed_over() -> None:
    clone, ours = twin("s9", created_at=OLD), twin("s1", Life.BUILDING)
    shown = seen(id="s9", twins=(clone, ours))
    decision = decide(making(trace=trace(PORT, windows=(Window(NOW),)), look=shown, proven=True))
    assert (decision.step, decision.adopt[0]) == (None, SERVER)


def test_ports_that_are_left_of_a_failed_machine_are_no_machine_that_is_replaced() -> None:
    left = situation(trace=trace(replace(SERVER, state=RowState.DELETING), PORT))
    assert replacing.on_its_way(left, found(Life.PARTIAL)) is None, "no operation replaces anything, and no id is named"


def test_a_twin_of_the_time_when_a_disk_was_made_is_somebody_elses() -> None:
    """Who clones a machine a moment after it got a disk clones it outside of the window in which machines were made."""
    made = replace(SERVER, window=EARLY), replace(PORT, window=EARLY)
    disk = LedgerRow("volume/data", "v1", window=LATE)
    shown = seen(twins=(twin(created_at=OLD), twin("s2", created_at=NOW)))
    after = judge(shown.found, trace(*made, disk, windows=(EARLY, EARLY, LATE)))
    assert ([each.id for each in after.strangers], after.extras) == (["s2"], ())
    begun = trace(*made, windows=(EARLY, LATE))
    assert [each.id for each in judge(shown.found, replace(begun, beside=(LATE,))).strangers] == ["s2"]
    begun = judge(shown.found, trace(replace(SERVER, window=LATE), disk, windows=(LATE, LATE)))
    assert [each.id for each in begun.extras] == ["s2"]


@pytest.mark.parametrize(
    ("server", "port", "ours"),
    [
        (replace(SERVER, window=EARLY), LATE, False),
        (replace(SERVER, window=EARLY), EARLY, True),
        (replace(SERVER, ownership=Ownership.ADOPTED), LATE, False),
        (None, LATE, True),  # the row of the machine was lost
    ],
)
def test_a_port_that_was_made_again_tells_of_no_machine_that_was_made_with_it(
    server: LedgerRow | None, port: Window, ours: bool
) -> None:
    """Who clones a machine a moment after it got a new port clones it outside of the window in which it was made."""
    rows = (*([server] if server is not None else []), replace(PORT, window=port))
    windows = tuple(row.window for row in rows if row.window is not None)
    shown = seen(twins=(twin(created_at=OLD), twin("s2", created_at=port.start)))
    verdict = judge(shown.found, trace(*rows, windows=windows))
    assert ("s2" in {each.id for each in verdict.strangers}) is not ours


def test_strangers_beside_the_machine_are_named_for_as_long_as_they_are_there() -> None:
    """Not by an Event alone, which is gone after an hour; nor as Drifted or UpToDate, as nothing of ours differs."""
    decision = decide(situation(look=seen(twins=(twin(), twin("s2", name="clone")))))
    ready = next(item for item in decision.said if item.type == "Ready")
    assert ready.status is True
    assert ready.message.startswith("running; ")
    assert "s2" in ready.message
    assert decision.failure is not None
    after = status(
        conditions=[condition("Ready", "True", reason="OwnershipMismatch"), condition("Provisioned", "True")]
    )
    alone = decide(situation(status=after))
    assert next(item for item in alone.said if item.type == "Ready").reason == "Settled"
    assert alone.status["lastError"] is None


def test_a_machine_takes_the_place_of_the_one_in_the_ledger_only_when_the_backend_itself_shows_it() -> None:
    """A list of a new login may show what was deleted, and not yet what was made in its place."""
    new = LedgerRow("server", "s2", window=Window(NOW, NOW))
    stale = situation(look=seen(twins=(twin("s1"),)), trace=trace(new, windows=(Window(NOW, NOW),)))
    assert decide(stale).needs_proof
    assert decide(stale).adopt == ()
    assert [row.id for row in decide(replace(stale, proven=True)).adopt if row.name == "server"] == ["s1"]
