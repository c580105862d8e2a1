"""A story is told again from its decisions, and shrunk as long as it fails."""

from tests.simulation.corpus import Case, cases, shrunk
from tests.simulation.draw import draw
from tests.simulation.play import play, tell


def test_decisions_tell_the_same_story() -> None:
    drawn = play(41)
    given = tell(draw(41), drawn.decisions)
    assert [line.split(None, 1)[1] for line in given.trace] == [line.split(None, 1)[1] for line in drawn.trace]
    assert len(given.trace) > 50


def test_a_kept_case_is_what_was_written() -> None:
    for case in cases():
        assert case.why
        assert case.decisions["act"]


def test_shrinking_leaves_what_matters() -> None:
    case = Case("two", draw(1), {"act": ["make", "delete", "make"], "way": [0.1, 0.2], "struck": [0, 1, 0]})
    least = shrunk(case, lambda smaller: "delete" in smaller.decisions.get("act", ()))
    assert {what: [value for value in values if value] for what, values in least.decisions.items()} == {
        "act": ["delete"]
    }
