"""The verdicts of several runs, a line of JSON each, and how many there are of each scenario and fault."""

import json
from collections.abc import Sequence
from pathlib import Path

from tests.faults.plan import Fault
from tests.faults.trial import NOT_MET, Verdict

Row = dict[str, str]


def keep(file: Path, scenario: str, verdicts: Sequence[Verdict], broken: Sequence[str] = ()) -> None:
    """Wave by wave, so that a run which is ended early is not lost; `broken` is what was wrong without a fault."""
    rows: list[Row] = [
        {"scenario": scenario, "call": str(each.plan.call), "fault": each.plan.fault, "wrong": each.wrong}
        for each in verdicts
    ]
    rows += [{"scenario": scenario, "call": what, "fault": "", "wrong": ""} for what in broken]
    with file.open("a", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def counted(file: Path) -> str:
    """In Markdown; below it, what was wrong and what was not met."""
    rows: list[Row] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    lines = ["trials / violations / not met", "", f"| scenario | {' | '.join(Fault)} | all |", "|---" * 8 + "|"]
    for scenario in dict.fromkeys(row["scenario"] for row in rows):
        of = [row for row in rows if row["scenario"] == scenario]
        cells = [_cell([row for row in of if row["fault"] == fault]) for fault in Fault]
        lines.append(f"| {scenario} |{' |'.join([*cells, _cell(of)])} |")
    wrong = [f"VIOLATION {_told(row)}" for row in rows if _violation(row)]
    missed = [f"not met: {_told(row)}" for row in rows if row["wrong"] == NOT_MET]
    return "\n".join([*lines, "", *wrong, *missed])


def _cell(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    trials = sum(bool(row["fault"]) for row in rows)
    return f" {trials} / {sum(map(_violation, rows))} / {sum(row['wrong'] == NOT_MET for row in rows)}"


def _violation(row: Row) -> bool:
    return row["wrong"] not in {"", NOT_MET} or not row["fault"]


def _told(row: Row) -> str:
    wrong = f": {row['wrong']}" if row["wrong"] not in {"", NOT_MET} else ""
    return f"{row['scenario']}, {row['call']}" + (f", {row['fault']}" if row["fault"] else "") + wrong
