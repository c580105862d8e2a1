"""A machine whose time is over: its object is deleted, at the moment and not before; held, it is told."""

from datetime import timedelta
from typing import Any

import pytest
from tests.kinds.situations import NOW, UNSEEN, fresh, seen, situation, spec, stamp, status

from hostwright.core.decision import Decision
from hostwright.core.errors import ProviderNotFound, Unreachable
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life, Step
from hostwright.kinds.virtualmachine.situation import Situation

HOUR = timedelta(hours=1)
OVER = stamp(NOW)


def aged(**changes: Any) -> Situation:
    """Its hour is over just now."""
    return situation(**{"spec": spec(expireAfter="1h"), "born_at": NOW - HOUR, **changes})


def ready(decision: Decision[Step]) -> tuple[bool | None, str]:
    return next((item.status, item.message) for item in decision.said if item.type == "Ready")


@pytest.mark.parametrize(
    "case",
    [
        aged(),
        aged(now=NOW + HOUR),
        aged(look=seen(Life.FAILED)),
        aged(look=UNSEEN),
        aged(backend={"failure": Unreachable("x"), "down_for": 9.0}, wanted=None),
        aged(backend={"exists": False, "connected": False, "failure": ProviderNotFound("x")}, wanted=None),
        fresh(spec=spec(expireAfter="1h"), born_at=NOW - HOUR),
        aged(spec=spec(expireAfter="1h", managementPolicy="ObserveOnly")),
        aged(spec=spec(expireAfter="1h", deletionPolicy="Retain")),
    ],
    ids=["just now", "late", "failed", "unseen", "outage", "no provider", "never made", "observed", "retained"],
)
def test_its_object_is_deleted_whatever_the_machine_is_doing(case: Situation) -> None:
    decision = decide(case)
    assert decision.remove
    assert (decision.step, decision.said, decision.release) == (None, (), False)
    assert [(note.reason, note.transition) for note in decision.notes] == [("Expired", OVER)]


@pytest.mark.parametrize(
    "case",
    [
        aged(now=NOW - timedelta(seconds=1)),
        aged(spec=spec()),
        aged(spec=spec(expireAfter="Never")),
        aged(born_at=None),
        aged(paused="CHG-1"),
        aged(backend={"paused": True}),
        aged(spec=spec(expireAfter="1h", deletionProtection=True)),
        aged(deleting_since=NOW),
    ],
    ids=["a second early", "unwritten", "never", "no birth", "paused", "provider paused", "protected", "going"],
)
def test_it_is_not_deleted(case: Situation) -> None:
    assert not decide(case).remove


@pytest.mark.parametrize("look", [seen(), seen(Life.CHANGING), UNSEEN])
def test_it_is_looked_at_again_when_its_time_is_over(look: Any) -> None:
    case = aged(now=NOW - timedelta(seconds=0.5), look=look, backend={"synced": True})
    assert decide(case).look_again == 0.5


def test_what_is_looked_at_sooner_is_looked_at_as_before() -> None:
    long_before = aged(now=NOW - HOUR, look=seen(Life.CHANGING))
    assert decide(long_before).look_again == 1.0


def test_when_it_will_be_is_told_and_is_told_no_more_when_it_is_not() -> None:
    decision = decide(aged(now=NOW - HOUR))
    assert ready(decision) == (True, f"running; is deleted at {OVER}")
    assert decision.status["expiresAt"] == OVER
    without = decide(aged(now=NOW - HOUR, spec=spec(), status=status(expiresAt=OVER)))
    assert ready(without) == (True, "running")
    assert without.status["expiresAt"] is None


def test_what_holds_it_is_told_beside_what_it_is() -> None:
    protected = decide(aged(spec=spec(expireAfter="1h", deletionProtection=True)))
    assert ready(protected) == (True, f"running; expired at {OVER}, and kept while deletionProtection is true")
    paused = decide(aged(backend={"paused": True}))
    assert ready(paused) == (True, f"running; expired at {OVER}, and kept while its Provider is paused")


def test_a_look_that_learns_nothing_writes_nothing() -> None:
    outage = {"failure": Unreachable("x"), "down_for": 9.0}
    decision = decide(aged(now=NOW - HOUR, backend=outage, wanted=None, status=status()))
    assert (decision.said, dict(decision.status)) == ((), {})
