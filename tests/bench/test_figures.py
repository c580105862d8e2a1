"""The bench's own arithmetic: a wrong percentile or an uncounted write would make every figure a lie."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.bench.audit import OPERATOR, Audit, but_leases, of_machines, parsed
from tests.bench.figures import Row, percentile, record, table


def _line(resource: str, verb: str = "patch", *, user: str = OPERATOR, code: int = 200, **more: Any) -> str:
    name, _, subresource = resource.partition("/")
    ref = {"resource": name, "subresource": subresource, "name": "a"}
    return json.dumps(
        {
            "user": {"username": user},
            "stage": "ResponseComplete",
            "verb": verb,
            "objectRef": ref,
            "responseStatus": {"code": code},
            **more,
        }
    )


def test_percentile_is_a_measured_value() -> None:
    values = [float(number) for number in range(1, 151)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (75.0, 149.0, 7.0)
    with pytest.raises(ValueError, match="no figures"):
        percentile([], 0.5)


def test_only_what_the_operator_changed_counts_as_a_machines_write() -> None:
    writes = list(
        parsed(
            [
                _line("virtualmachines"),
                _line("virtualmachines/status"),
                _line("virtualmachines/status", code=409),
                _line("virtualmachines", "get"),
                _line("virtualmachines", user="kubernetes-admin"),
                _line("virtualmachines", stage="ResponseStarted"),
                _line("events", "create", code=201),
                _line("leases", "update"),
            ]
        )
    )
    assert of_machines(writes) == {"a": 2}
    assert but_leases(writes) == {"patch virtualmachines": 1, "patch virtualmachines/status": 2, "create events": 1}


def test_the_log_is_read_from_where_it_was_left_and_never_half_a_line(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(_line("leases", "update") + "\n")
    audit = Audit(log)
    second, third = _line("virtualmachines"), _line("virtualmachines/status")
    with log.open("a") as file:
        file.write(second + "\n" + third[:40])
    assert [write.resource for write in audit.writes()] == ["virtualmachines"]
    with log.open("a") as file:
        file.write(third[40:] + "\n")
    assert [write.resource for write in audit.writes()] == ["virtualmachines/status"]
    assert audit.writes() == []


def test_a_missed_bar_and_the_ratio_stand_in_the_table() -> None:
    said = io.StringIO()
    console = Console(width=200, file=said)
    console.print(
        table({"first": [Row("slow", 30.0, "ms", 25.0, "floor", 10.0)], "second": [Row("fast", 2.5, "ms", 25.0)]})
    )
    slow, fast = [line for line in said.getvalue().splitlines() if "ms" in line]
    assert all(word in slow for word in ("first", "MISSED", "30 ms", "floor: 10 ms", "3.00"))
    assert "met" in fast
    assert "MISSED" not in fast


def test_the_record_holds_what_the_table_says() -> None:
    found = json.loads(record({"first": [Row("slow", 30.0, "ms", 25.0, "floor", 10.0)]}, commit="abc"))
    (row,) = found["rows"]
    assert (found["commit"], row["part"], row["figure"], row["met"], row["ratio"]) == ("abc", "first", 30.0, False, 3.0)
