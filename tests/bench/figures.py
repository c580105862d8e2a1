"""What a bench found: rows with a bar, a figure, and the floor or peer measured beside it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import MARKDOWN
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    figure: float
    unit: str = ""
    bar: float | None = None  # at most
    beside: str = ""  # the floor or peer: what it is
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        """Our figure in floors; None where the floor is nothing, or not there."""
        return self.figure / self.floor if self.floor is not None and self.floor > 0 else None

    @property
    def met(self) -> bool | None:
        return None if self.bar is None else self.figure <= self.bar

    def cells(self) -> tuple[str, ...]:
        judged = {None: "", True: "met", False: "MISSED"}[self.met]
        bar = "" if self.bar is None else f"≤ {_number(self.bar)} {self.unit} {judged}".replace("  ", " ")
        floor = "" if self.floor is None else f"{self.beside}: {_number(self.floor)} {self.unit}".rstrip()
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return (self.what, bar, f"{_number(self.figure)} {self.unit}".rstrip(), floor, ratio)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that was measured, never one between two."""
    if not values:
        raise ValueError("no figures were obtained")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def table(parts: Mapping[str, Sequence[Row]]) -> Table:
    """All of them, each part under its name."""
    drawn = Table("part", "what", "bar", "figure", "beside it, in the same run", "ratio", box=MARKDOWN)
    for part, rows in parts.items():
        for row in rows:
            drawn.add_row(part, *row.cells())
    return drawn


def record(parts: Mapping[str, Sequence[Row]], **surroundings: Any) -> str:
    """The same as JSON, with what else should be known of the run."""
    rows = [{"part": part, **asdict(row), "ratio": row.ratio, "met": row.met} for part in parts for row in parts[part]]
    return json.dumps({**surroundings, "rows": rows}, indent=1, ensure_ascii=False) + "\n"


def _number(value: float) -> str:
    """Three digits that count; a count as it is."""
    if value == round(value) and abs(value) < 1e6:
        return str(round(value))
    digits = min(3, max(0, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{digits}f}"
