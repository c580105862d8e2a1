"""Which machine is bound where a row, or the lack of one, says otherwise than import: written by hand, or lost."""

from dataclasses import replace
from typing import Any

import pytest
from tests.kinds.situations import MARK, NOW, UNSEEN, found, line, seen, spec, status, trace, twin
from tests.kinds.virtualmachine.test_adopting import ADOPTED, BY_ID, HANDLED, IMPORTED_PORT, bound

from hostwright.core.port import LedgerRow, Present
from hostwright.kinds.virtualmachine.adopting import meant
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life, Release, Twin
from hostwright.kinds.virtualmachine.situation import Situation


def unrecorded(**imports: Any) -> Situation:
    """Bound by a status whose writing was refused: the object was edited meanwhile. Only the process knows of it."""
    before = status(resolved=None, conditions=[], handled={"restartedAt": "", "rebuildToken": ""})
    wish = spec(**{"import": imports}, rebuildToken="1", updatePolicy={"maxDisruption": "Rebuild"})
    return bound(spec=wish, status=before, look=seen(twins=()))


def test_what_was_bound_is_recorded_before_anything_else_though_the_status_was_refused_once() -> None:
    by_name = {"filter": {"name": "web"}}
    assert line(decide(unrecorded(**by_name))).startswith("prove")
    for wish in ({"id": "s1"}, by_name):
        decision = decide(replace(unrecorded(**wish), proven=True, candidates=(twin(),)))
        assert decision.step is None
        assert decision.status["handled"] == {"restartedAt": "", "rebuildToken": "1", "import": "s1"}
        assert [note.reason for note in decision.notes] == ["Imported"]


BARE = LedgerRow("port/eth9", "p9")


def by_hand(**changes: Any) -> Situation:
    """A row says that s1 was imported, beside a port that we made; and only s2 is as a filter says."""
    here = seen(twins=(), unmarked=(ADOPTED,), parts=(ADOPTED, IMPORTED_PORT, BARE))
    return bound(
        **{
            "trace": trace(ADOPTED, IMPORTED_PORT, BARE),
            "status": status(handled=changes.pop("handled", HANDLED), conditions=[]),
            "look": here,
            "proven": True,
            "candidates": (twin("s2"),),
            **changes,
        }
    )


BY_NAME = {"import": {"filter": {"name": "another"}}}
UNRECORDED = {"restartedAt": "", "rebuildToken": ""}


@pytest.mark.parametrize(
    "case",
    [
        by_hand(spec=spec()),
        by_hand(spec=spec(), deleting_since=NOW),
        by_hand(spec=spec(deletionPolicy="Delete"), deleting_since=NOW, look=UNSEEN, proven=False),
        by_hand(spec=spec(), handled=UNRECORDED),
        by_hand(spec=spec(**{"import": {"id": "s2"}})),
        by_hand(spec=spec(**{"import": {"id": "s2"}}), deleting_since=NOW),
        by_hand(spec=spec(**BY_NAME), handled=UNRECORDED),
    ],
)
def test_a_row_that_import_does_not_ask_for_binds_nothing(case: Situation) -> None:
    """Import was edited while it was bound, or the row was written by hand: which one is meant is asked anew."""
    decision = decide(case)
    assert (decision.step, decision.release, decision.forget) == (None, False, ("server", "port/eth0"))
    assert "import" not in decision.status["handled"]
    assert [note.reason for note in decision.notes] == ["OwnershipMismatch"]


def test_one_that_is_bound_keeps_its_row_whatever_becomes_of_its_name_or_of_import() -> None:
    assert "server" not in decide(by_hand(spec=spec(**BY_NAME))).forget
    ours = seen(twins=(twin(name="web", marks=(MARK,)),), parts=(ADOPTED, IMPORTED_PORT))
    assert "server" not in decide(by_hand(spec=spec(), look=ours)).forget


def test_what_bears_our_mark_goes_before_what_a_filter_finds() -> None:
    """The status was lost: by the filter alone another machine would be bound, none, or one that was made for it."""
    by_name = spec(**{"import": {"filter": {"name": "web"}}})
    ours, other = twin(name="renamed", marks=(MARK,)), twin("s2", name="web")

    def named(*twins: Twin, candidates: tuple[Twin, ...] = ()) -> list[str]:
        look = Present(found(twins=twins), 100.0)
        return [each.id for each in meant(by_name, candidates, look, trace())]

    assert named(ours) == ["s1"]
    assert named(ours, candidates=(other,)) == ["s1"]
    assert named(ours, replace(other, marks=(MARK,)), candidates=(other,)) == ["s2"], "a copy, told by its name"
    assert named(ours, replace(other, marks=(MARK,))) == ["s1", "s2"], "ambiguous"
    assert named(twin(marks=(MARK,)), candidates=(other,)) == [], "made, where there was none"
    assert named(replace(ours, life=Life.DELETING), candidates=(other,)) == ["s2"]
    assert named(candidates=(other,)) == ["s2"]
    by_id = meant(spec(**BY_ID), (other,), Present(found(twins=(ours,)), 100.0), trace())
    assert by_id == (other,), "an id says which by itself"


def test_let_go_after_its_status_was_lost_it_keeps_no_mark_of_ours() -> None:
    lost = status(machineID=None, resolved=None, conditions=[], handled=None)
    marked = found(twins=(twin(name="web", marks=(MARK,)), twin("s2", name="copy", marks=(MARK,))), parts=(ADOPTED,))
    going = bound(
        status=lost, trace=trace(), look=Present(marked, 100.0), proven=True, deleting_since=NOW, never_reported=True
    )
    assert decide(going).step == Release(frozenset({"s2"}))
    named = replace(going, spec=spec(**{"import": {"filter": {"name": "gone"}}}))
    alone = replace(marked, twins=marked.twins[:1])
    assert decide(replace(named, look=Present(alone, 100.0))).step == Release(), "its name leads nowhere any more"
    assert decide(named).step == Release(frozenset({"s1", "s2"})), "which of two it is nobody knows"
