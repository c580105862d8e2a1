"""What the ledger names and is shown not to be ours, as where a status was written by hand: told, and left alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kinds.situations import NOW, PORT, SERVER, found, line, seen, situation, spec, status, trace, twin

from hostwright.core.port import LedgerRow, Ownership, Present, Window
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Found, Life, Release
from hostwright.kinds.virtualmachine.situation import Situation

VICTIM, THEIRS = LedgerRow("server", "v1"), LedgerRow("extra/v2", "v2")
ANOTHERS = {"trace": trace(VICTIM), "look": Present(Found(Life.PARTIAL, foreign=(VICTIM,)), 100.0)}
BESIDE = {"trace": trace(SERVER, PORT, THEIRS), "look": seen(foreign=(THEIRS,))}
GOING = {"deleting_since": NOW}
RECREATE = {"spec": spec(onExternalDeletion="Recreate")}
DAY = timedelta(days=1)
MISMATCH = "-Ready:OwnershipMismatch +Stalled:OwnershipMismatch"


@pytest.mark.parametrize(
    ("case", "row"),
    [
        (situation(**ANOTHERS), "prove | Running"),
        (situation(**ANOTHERS, proven=True), f"nothing | Failed | {MISMATCH}"),
        (situation(**ANOTHERS, **RECREATE, proven=True), f"nothing | Failed | {MISMATCH}"),
        (
            situation(**ANOTHERS, **GOING),
            "prove | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting",
        ),
        (
            situation(**ANOTHERS, **GOING, proven=True),
            f"nothing | Deleting | {MISMATCH} +Deleting:OwnershipMismatch",
        ),
    ],
)
def test_a_machine_of_another_is_told_and_neither_touched_nor_replaced(case: Situation, row: str) -> None:
    assert line(decide(case)) == row


def test_an_extra_of_another_leaves_the_ledger_by_a_proof_and_is_told() -> None:
    assert decide(situation(**BESIDE)).needs_proof
    decision = decide(situation(**BESIDE, proven=True))
    assert (decision.step, decision.forget) == (None, ("extra/v2",))
    assert [(note.reason, note.transition) for note in decision.notes] == [("OwnershipMismatch", "v2")]


def test_our_own_machine_takes_the_place_of_anothers() -> None:
    mine = found(parts=(SERVER, PORT), foreign=(VICTIM,))
    known = trace(VICTIM, PORT, windows=(Window(NOW, NOW),))
    decision = decide(situation(trace=known, look=Present(mine, 100.0), proven=True))
    assert (decision.step, [row.id for row in decision.adopt]) == (None, ["s1"])


def test_our_own_takes_its_row_where_the_object_goes_too() -> None:
    mine = found(parts=(SERVER, PORT), foreign=(VICTIM,))
    known = trace(VICTIM, PORT, windows=(Window(NOW, NOW),))
    decision = decide(situation(trace=known, look=Present(mine, 100.0), proven=True, **GOING))
    assert (decision.step, decision.adopt) == (None, (SERVER,))


def test_what_is_ours_is_deleted_beside_it_and_then_it_is_told() -> None:
    ours = decide(situation(**BESIDE, **GOING, proven=True))
    assert line(ours).startswith("Delete | Deleting | -Ready:Deleting")
    left = Present(Found(Life.PARTIAL, foreign=(THEIRS,)), 100.0)
    told = decide(situation(trace=trace(THEIRS), look=left, proven=True, **GOING))
    assert told.failure is not None
    assert "extra/v2=v2" in told.failure.message
    assert "deletionPolicy: Retain" in told.failure.message


def test_let_go_of_a_machine_it_is_no_hindrance() -> None:
    both = seen(twins=(twin(),), foreign=(THEIRS,))
    retained = situation(
        spec=spec(deletionPolicy="Retain"), trace=trace(SERVER, THEIRS), look=both, proven=True, **GOING
    )
    assert isinstance(decide(retained).step, Release)


#: Rows that somebody wrote: of another's machine, and of one that is nowhere. Neither has a window of ours.
STRAY = LedgerRow("server", "x1")
LOST = twin(namespace="team", object_name="web")


@pytest.mark.parametrize(
    ("row", "foreign"),
    [
        (THEIRS, (THEIRS,)),
        (VICTIM, (VICTIM,)),
        (replace(VICTIM, window=Window(NOW - DAY, NOW - DAY)), None),
        (STRAY, ()),
        (LedgerRow("extra/x1", "x1"), ()),
        (replace(STRAY, ownership=Ownership.REFERENCED), ()),
    ],
)
@pytest.mark.parametrize("going", [{}, GOING])
def test_a_row_by_hand_does_not_hide_the_machine_whose_own_row_was_lost(
    row: LedgerRow, foreign: tuple[LedgerRow, ...] | None, going: dict[str, Any]
) -> None:
    """By its mark and name alone it is ours, as where the whole ledger was lost; and it has a window from then on."""
    look = seen(twins=(LOST,), parts=(SERVER,), foreign=(row,) if foreign is None else foreign)
    windows = (row.window,) if row.window is not None else ()
    decision = decide(situation(trace=trace(row, windows=windows), look=look, proven=True, **going))
    assert (decision.failure, decision.step) == (None, None)
    (adopted,) = [each for each in decision.adopt if each.id == "s1"]
    if not going:
        assert (adopted.name, adopted.window) == ("server", Window(NOW, NOW))


def test_of_two_that_nothing_tells_of_one_is_taken_up_and_none_deleted() -> None:
    """After a lost status a restored backup of the machine bears its mark, its name and its record."""
    backup = replace(LOST, id="s9", created_at=NOW - DAY)
    look = seen(twins=(LOST, backup), parts=(SERVER,))
    decision = decide(situation(trace=trace(), look=look, proven=True))
    assert [row.id for row in decision.adopt if row.name == "server"] == ["s9"]
    assert not [row for row in decision.adopt if row.name.startswith("extra/")]
    assert decision.step is None


@pytest.mark.parametrize(
    "row",
    [
        replace(STRAY, window=Window(NOW - DAY, NOW - DAY)),  # ours, and somebody deleted it
        replace(STRAY, ownership=Ownership.ADOPTED),  # imported, and somebody deleted it
        LedgerRow("port/eth0", "p1"),  # made by us, and there
    ],
)
def test_a_copy_is_not_taken_for_a_machine_that_is_gone(row: LedgerRow) -> None:
    windows = (row.window,) if row.window is not None else ()
    look = seen(twins=(LOST,), parts=(SERVER, PORT))
    handled = status(handled={"restartedAt": "", "rebuildToken": "", "import": row.id})
    wish = spec(**({"import": {"id": row.id}} if row.ownership is Ownership.ADOPTED else {}))
    decision = decide(situation(spec=wish, status=handled, trace=trace(row, windows=windows), look=look, proven=True))
    assert line(decision) == f"nothing | Failed | {MISMATCH}"
    assert decision.failure is not None
    assert f"status.resources names {row.name}={row.id}" in decision.failure.message
    assert "kubectl edit --subresource=status" in decision.failure.message
