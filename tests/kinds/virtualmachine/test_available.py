"""When a machine counts as available, one row each; and for how long the rest is still to last."""

from datetime import timedelta
from typing import Any

import pytest
from tests.kinds.situations import (
    GONE,
    MAKING,
    NOW,
    UNSEEN,
    condition,
    making,
    seen,
    situation,
    spec,
    status,
)

from hostwright.core.conditions import Said
from hostwright.core.errors import Unreachable
from hostwright.core.probed import Probed
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life, Power, SetPower
from hostwright.kinds.virtualmachine.situation import Situation

PORT = {"probe": {"tcpSocket": {"port": 22}}}
OFF = {"power": Power.OFF}
DOWN: dict[str, Any] = {"wanted": None, "backend": {"failure": Unreachable("x"), "down_for": 200.0}}


def told(word: str, reason: str, *, since: float = 3600, ready: float = 3600) -> Any:
    """Of a settled machine that was told so."""
    rows = [
        condition("Available", word, reason=reason, at=NOW - timedelta(seconds=since)),
        condition("Ready", "True", at=NOW - timedelta(seconds=ready)),
        condition("Provisioned", "True"),
        condition("PowerStateSynced", "True"),
        {**condition("UpToDate", "True"), "observedGeneration": 1},
    ]
    return status(conditions=rows)


def probing(least: int = 0, **changes: Any) -> Situation:
    return situation(**{"spec": spec(readiness={**PORT, "minReadySeconds": least}), **changes})


def passes(seconds: float = 0.0) -> Probed:
    return Probed(True, seconds)


FAILS = Probed(False, 5.0, "10.0.0.7 says: connection refused")


def available(case: Situation) -> Said | None:
    rows = [item for item in decide(case).said if item.type == "Available"]
    assert len(rows) <= 1
    return rows[0] if rows else None


def line(case: Situation) -> str:
    said = available(case)
    return "" if said is None else f"{said.word} {said.reason}"


CASES: dict[str, tuple[Situation, str]] = {
    "ready": (situation(), "True Available"),
    "ready just now": (making(look=seen()), "True Available"),
    "being made": (making(), "False Building"),
    "off, as wished": (
        situation(spec=spec(powerState="PoweredOff"), look=seen(shape=OFF)),
        "False PoweredOff",
    ),
    "suspended": (situation(look=seen(shape={"power": Power.SUSPENDED})), "False PoweredOff"),
    "off, and not as wished": (situation(look=seen(shape=OFF)), "False PoweredOff"),
    "being changed": (situation(look=seen(shape={"tags": {}})), "False Updating"),
    "failed": (situation(look=seen(Life.FAILED)), "False MachineFailed"),
    "gone": (situation(look=GONE), "False MachineDeletedExternally"),
    "only observed": (situation(spec=spec(managementPolicy="ObserveOnly")), "True Available"),
    "paused": (situation(paused="CHG-1"), ""),
    "not known": (situation(**DOWN), ""),
    "ready, not for long enough": (
        situation(spec=spec(readiness={"minReadySeconds": 60}), status=told("False", "Waiting", ready=59.0)),
        "False Waiting",
    ),
    "ready for long enough": (
        situation(spec=spec(readiness={"minReadySeconds": 60}), status=told("False", "Waiting", ready=60.0)),
        "True Available",
    ),
    "probed, no answer known, nothing told": (probing(), "False Waiting"),
    "probed, no answer known, told as available": (probing(status=told("True", "Available")), ""),
    "probed, no answer known, told as failing": (probing(status=told("False", "ProbeFailed")), ""),
    "probed, no answer known, told as off": (probing(status=told("False", "PoweredOff")), "False Waiting"),
    "probed, passing": (probing(probed=passes()), "True Available"),
    "probed, passing, not for long enough": (probing(60, probed=passes(59.0)), "False Waiting"),
    "probed, passing for long enough": (probing(60, probed=passes(60.0)), "True Available"),
    "probed, passing, told so by another process": (
        probing(60, probed=passes(0.1), status=told("True", "Available")),
        "True Available",
    ),
    "probed, failing": (probing(probed=FAILS, status=told("True", "Available")), "False ProbeFailed"),
    "probed, off": (probing(probed=passes(), look=seen(shape=OFF)), "False PoweredOff"),
    "probed, being changed": (probing(probed=passes(), look=seen(shape={"tags": {}})), "True Available"),
    "probed, at work": (probing(probed=passes(), look=seen(Life.CHANGING)), "True Available"),
    "probed, not at rest yet": (
        making(spec=spec(readiness=PORT), look=seen(Life.BUILDING), status=MAKING),
        "False Building",
    ),
    "probed, failed on the backend": (probing(probed=passes(), look=seen(Life.FAILED)), "False MachineFailed"),
    "probed, deleted by somebody": (probing(probed=passes(), look=GONE), "False MachineDeletedExternally"),
    "probed, not seen": (
        probing(probed=passes(), look=UNSEEN, generation=2, backend={"synced": False}),
        "",
    ),
    "probed, without an address": (probing(look=seen(internal_addresses=())), "False Waiting"),
    "probed, a floating address alone": (
        probing(look=seen(internal_addresses=(), external_addresses=("203.0.113.7",)), probed=passes()),
        "True Available",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_whether_it_is(name: str) -> None:
    case, row = CASES[name]
    assert line(case) == row


@pytest.mark.parametrize(
    ("case", "left"),
    [
        (situation(spec=spec(readiness={"minReadySeconds": 60}), status=told("False", "Waiting", ready=59.0)), 1.0),
        (probing(60, probed=passes(58.0)), 2.0),
        (probing(60, probed=passes(60.0)), None),
        (situation(), None),
    ],
)
def test_it_is_looked_at_when_it_has_been_so_for_long_enough(case: Situation, left: float | None) -> None:
    assert decide(case).look_again == left


def test_what_is_said_stays_the_same_while_nothing_changes() -> None:
    """Each message is written down: one that counts seconds would be a write a second."""
    first, second = available(probing(60, probed=passes(1.0))), available(probing(60, probed=passes(2.0)))
    assert first == second
    assert first is not None
    assert first.message == "TCP port 22 answers, and is available once that was so for 60 s"


def test_an_event_tells_when_it_stops_answering_and_when_it_answers_again() -> None:
    stops = decide(probing(probed=FAILS, status=told("True", "Available")))
    assert [(note.reason, note.warning) for note in stops.notes] == [("ProbeFailed", True)]
    assert "connection refused" in stops.notes[0].message
    assert decide(probing(probed=FAILS, status=told("False", "ProbeFailed"))).notes == ()
    again = decide(probing(probed=passes(), status=told("False", "ProbeFailed")))
    assert [(note.reason, note.warning) for note in again.notes] == [("Available", False)]
    assert decide(probing(probed=passes(), status=told("False", "Waiting"))).notes == (), "its first time is no turn"


def test_a_machine_that_answers_is_powered_and_changed_as_any_other() -> None:
    decision = decide(probing(probed=FAILS, look=seen(shape=OFF)))
    assert isinstance(decision.step, SetPower)
    assert {item.type: item.status for item in decide(probing(probed=FAILS)).said}["Ready"] is True
