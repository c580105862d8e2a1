"""A tag that is being set is ours from its call on: unwished before the machine was seen at rest, it goes."""

from typing import Any

import pytest
from tests.kinds.situations import RESOLVED, line, seen, situation, spec, status, wanted

from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Update
from hostwright.kinds.virtualmachine.situation import Situation


def sent(tags: dict[str, str], there: dict[str, str], wish: dict[str, str], **more: Any) -> Situation:
    """Last applied is {team: a}."""
    told = {f"/tags/{key}": value for key, value in tags.items()}
    return situation(
        status=status(resolved={**RESOLVED, "sent": told}),
        look=seen(shape={"tags": there}),
        wanted=wanted(tags=wish),
        **more,
    )


def test_what_is_about_to_be_set_is_told_with_the_next_write() -> None:
    case = situation(look=seen(shape={"tags": {"team": "a"}}), wanted=wanted(tags={"team": "b", "tier": "web"}))
    told = decide(case).status["resolved"]
    assert told["sent"] == {"/tags/team": "b", "/tags/tier": "web"}
    assert told["tags"] == {"team": "a"}, "and counts as applied only at rest"
    assert told["powerState"] == "PoweredOn"


@pytest.mark.parametrize(
    ("case", "drops"),
    [
        (sent({"team": "b"}, {"team": "b"}, {}), ("team",)),
        (sent({"team": "b"}, {"team": "a"}, {}), ("team",)),
        (sent({"tier": "web"}, {"team": "a", "tier": "web"}, {"team": "a"}), ("tier",)),
        (sent({"tier": "web"}, {"team": "a", "tier": "db"}, {"team": "a"}), None),
        (sent({"tier": "web"}, {"team": "a", "tier": "web"}, {"team": "a", "tier": "web"}), None),
        (sent({}, {"team": "a", "tier": "web"}, {"team": "a"}), None),
    ],
    ids=["changed twice", "not carried out", "new", "somebody else's by now", "wished still", "never sent"],
)
def test_only_what_was_set_goes(case: Situation, drops: tuple[str, ...] | None) -> None:
    decision = decide(case)
    if drops is None:
        assert line(decision).startswith("nothing | Running | +Ready:Settled")
        assert "sent" not in decision.status["resolved"]
    else:
        assert isinstance(decision.step, Update)
        assert decision.step.drop_tags == drops
        assert decision.notes == (), "no drift: it was ours"


def test_it_goes_where_drift_is_only_told_too() -> None:
    quiet = {"spec": spec(driftDetection={"mode": "Warn"})}
    decision = decide(sent({"tier": "web"}, {"team": "a", "tier": "web"}, {"team": "a"}, **quiet))
    assert isinstance(decision.step, Update)
    assert decision.step.drop_tags == ("tier",)
