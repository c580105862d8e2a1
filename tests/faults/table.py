"""The verdicts as a table: a row for each call, a column for each fault."""

from collections.abc import Mapping, Sequence

from tests.faults.plan import Call, Fault
from tests.faults.trial import NOT_MET, Verdict


def table(scenario: str, verdicts: Sequence[Verdict]) -> str:
    """In Markdown; a cell is `ok` with the seconds to rest, `not met`, or `WRONG`, which is told below."""
    cells: Mapping[tuple[Call, Fault], Verdict] = {(each.plan.call, each.plan.fault): each for each in verdicts}
    faults = [fault for fault in Fault if any(each.plan.fault is fault for each in verdicts)]
    lines = [f"{scenario}", "", f"| call | {' | '.join(faults)} |", f"|---|{'---|' * len(faults)}"]
    for call in dict.fromkeys(each.plan.call for each in verdicts):
        shown = [_cell(cells.get((call, fault))) for fault in faults]
        lines.append(f"| {call} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    if verdict.violation:
        return "WRONG"
    return NOT_MET if verdict.wrong == NOT_MET else f"ok {verdict.seconds:.0f} s"
