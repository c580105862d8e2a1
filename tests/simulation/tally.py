"""What many seeds came to, and what they covered, as a table."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import coverage

if TYPE_CHECKING:
    from tests.simulation.play import Outcome

#: A check is told by the rule that it holds: of reliability (S1, L2, E1) or of PROTOCOLS.md (2.5).
RULE = re.compile(r"[SLRE]?\d+(\.\d+)?:")
#: Whose branches are counted: what decides, and what the simulation plays.
PLAYED = ("engine", "kinds", "core", "providers/simulated", "providers/openstack")


@dataclass
class Tally:
    seeds: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)  # seeds that had an Event of this reason
    seconds: float = 0.0  # virtual

    def add(self, outcome: "Outcome") -> None:
        self.seeds += 1
        self.used.update(outcome.used)
        self.checks.update(outcome.checks)
        self.requests.update(outcome.requests)
        self.told.update(outcome.told)
        self.seconds += outcome.seconds
        if outcome.violation:
            self.failed.append((outcome.seed, outcome.violation))

    def join(self, other: "Tally") -> None:
        self.seeds, self.seconds = self.seeds + other.seeds, self.seconds + other.seconds
        self.failed += other.failed
        for mine, theirs in zip(self._counted(), other._counted(), strict=True):
            mine.update(theirs)

    def _counted(self) -> tuple[Counter[str], ...]:
        return self.used, self.checks, self.requests, self.told

    def lines(self, took: float) -> Iterator[str]:
        share = 100 / max(self.seeds, 1)
        yield from _columns("faults", {name: f"{share * count:.1f} %" for name, count in self.used.items() if name})
        yield from _columns("checks", {name: f"{count:,}" for name, count in self.checks.items()})
        yield from _columns("requests", {name: f"{count:,}" for name, count in self.requests.items()})
        yield from _columns("Events", {name: f"{share * count:.1f} %" for name, count in self.told.items()})
        yield (
            f"{self.seeds} seeds, {len(self.failed)} violations, {self.checks.total():,} checks, "
            f"{self.seconds / 3600:.0f} h in {took:.0f} s: {self.seeds / took:.1f} seeds/s"
        )


@dataclass
class Progress:
    """What a long run says of itself while it goes on, each so many seeds."""

    seeds: int
    each: int = 1000
    told: int = 0

    def line(self, tally: Tally, took: float) -> str:
        """Empty: it is not time for one."""
        if tally.seeds // self.each == self.told:
            return ""
        self.told, rate = tally.seeds // self.each, tally.seeds / took
        left = (self.seeds - tally.seeds) / rate / 60
        text = f"{tally.seeds} of {self.seeds} seeds, {len(tally.failed)} violations"
        return f"{text}, {rate:.1f} seeds/s, {left:.0f} min left"


def _columns(title: str, cells: dict[str, str], across: int = 4) -> Iterator[str]:
    rows = [f"{name:26} {text:>11}" for name, text in sorted(cells.items())]
    for place in range(0, len(rows), across):
        yield f"  {title if place == 0 else '':9} " + "   ".join(rows[place : place + across])


def rule_of(text: str) -> str:
    found = RULE.match(text)
    return found[0][:-1] if found else "other"


class Branches:
    """Which branches of ours the first seeds took; a seed that is measured takes several times as long."""

    def __init__(self, seeds: int) -> None:
        self.left = self.seeds = seeds
        self._cover: coverage.Coverage | None = None
        if seeds:
            self._cover = coverage.Coverage(branch=True, source=["hostwright"], data_file=None, config_file=False)
            self._cover.start()

    def played(self) -> None:
        self.left -= 1
        if self.left == 0 and self._cover is not None:
            self._cover.stop()

    def lines(self) -> Iterator[str]:
        if self._cover is None:
            return
        self._cover.stop()
        shares = {}
        for part in PLAYED:
            total = self._cover.report(include=[f"*/hostwright/{part}/*"], file=io.StringIO())
            shares[part] = f"{total:.0f} %"
        yield from _columns("branches", shares)
        yield f"  {'':9} (of the lines and branches, in {self.seeds - max(self.left, 0)} of the seeds)"
