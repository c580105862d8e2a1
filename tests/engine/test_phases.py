"""The gauge of machines counts each once, in the phase that it is in now."""

from typing import Any

from hostwright.engine.phases import Phases
from hostwright.engine.ports import Key

ONE, TWO = Key("VirtualMachine", "a", "one"), Key("PhysicalMachine", "a", "two")


def body(phase: str = "") -> dict[str, Any]:
    return {"spec": {"providerRef": {"name": "sim"}}, "status": {"phase": phase} if phase else None}


def test_a_machine_counts_where_it_is() -> None:
    phases = Phases()
    phases.follow(ONE, body())
    phases.follow(TWO, body("Running"))
    phases.follow(Key("MachinePool", "a", "pool"), {"spec": {}})
    assert phases.counts() == {("sim", "Pending"): 1, ("sim", "Running"): 1}
    phases.follow(ONE, body("Running"))
    assert phases.counts() == {("sim", "Running"): 2}
    phases.follow(ONE, None)
    phases.follow(ONE, None)
    assert phases.counts() == {("sim", "Running"): 1}
