"""How a machine is recognised by what its status says."""

from datetime import UTC, datetime, timedelta

import pytest

from hostwright.core.port import Operation, OperationType
from hostwright.engine.ledger import trace_of
from hostwright.engine.ports import Key

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "expect", "ours"),
    [
        (OperationType.CREATE, "server", True),
        (OperationType.CREATE, "port/eth0", True),
        (OperationType.CREATE, "volume/data", True),
        (OperationType.UPDATE, "port/eth1", True),
        (OperationType.UPDATE, "server", False),
        (OperationType.RESTART, "power/off", False),
        (OperationType.POWER, "server", False),
        (OperationType.DELETE, "server", False),
    ],
)
def test_only_an_operation_that_makes_something_has_a_window(kind: OperationType, expect: str, ours: bool) -> None:
    operation = Operation("op", kind, expect, started_at=NOW, window_start=NOW)
    trace = trace_of(Key("VirtualMachine", "team-a", "web"), "of-web", "c-1", (), operation)
    assert trace.made_here(NOW + timedelta(minutes=5)) is ours
    makes_no_machine = kind is not OperationType.CREATE or expect.startswith("volume/")
    assert bool(trace.beside) is (ours and makes_no_machine)
