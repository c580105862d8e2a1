"""Stories that once failed, as what was drawn and decided in them: those outlast a change of what seeds draw."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tests.simulation.dice import Decisions
from tests.simulation.draw import Drawn

KEPT = Path(__file__).parent / "corpus.txt"


@dataclass(frozen=True, slots=True)
class Case:
    why: str
    drawn: Drawn
    decisions: Decisions

    def line(self) -> str:
        drawn = {name: sorted(value) if name == "faults" else value for name, value in asdict(self.drawn).items()}
        return json.dumps({"why": self.why, "drawn": drawn, "decisions": self.decisions})


def cases() -> tuple[Case, ...]:
    return tuple(_case(json.loads(line)) for line in KEPT.read_text().splitlines() if line)


def _case(raw: dict[str, Any]) -> Case:
    known = {field.name for field in fields(Drawn)}
    drawn = {name: value for name, value in raw["drawn"].items() if name in known}
    drawn |= {"faults": frozenset(drawn["faults"])} | {name: tuple(drawn.get(name, ())) for name in ("names", "often")}
    return Case(raw["why"], Drawn(**drawn), raw["decisions"])


def shrunk(case: Case, fails: Callable[[Case], bool], tries: int = 400) -> Case:
    """Fewer decisions that still fail: a kind left out, then half of it, then one decision after the other."""
    left = tries
    again = True
    while again:
        again = False
        for decisions in list(_smaller(case.decisions)):
            smaller = Case(case.why, case.drawn, decisions)
            left -= 1
            if left < 0:
                return case
            if fails(smaller):
                case, again = smaller, True
                break
    return case


def _smaller(decisions: Decisions) -> Iterator[Decisions]:
    """The calm decision is no number and no name: no strike, no lag, no act."""
    for what in decisions:
        yield {name: values for name, values in decisions.items() if name != what}
    for what, values in decisions.items():
        if len(values) > 1:
            yield {**decisions, what: values[: len(values) // 2]}
    for what, values in decisions.items():
        for place, value in enumerate(values):
            if value:
                yield {**decisions, what: [*values[:place], 0, *values[place + 1 :]]}
