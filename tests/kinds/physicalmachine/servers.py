"""Situations of a server to decide about, and a decision as one line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hostwright.core.backend import Backend
from hostwright.core.decision import Decision
from hostwright.core.port import Operation, OperationType, Present
from hostwright.engine.report import new_status
from hostwright.kinds.physicalmachine.port import FoundServer, Inspection, Look, Power, Step
from hostwright.kinds.physicalmachine.requests import one_shots
from hostwright.kinds.physicalmachine.resource import PhysicalMachineSpec, PhysicalMachineStatus
from hostwright.kinds.physicalmachine.situation import Situation

NOW = datetime(2026, 8, 24, 10, 0, tzinfo=UTC)
ID, UUID = "11111111-2222-4333-8444-555555555555", "uuid-1"
BACKEND = Backend()
REF = {"namespace": "team-a", "name": "web", "uid": "u-1"}
HANDLED = {"restartedAt": "", "inspect": "", "bmcReset": "", "retry": "", "acceptIdentity": ""}
INSPECTED = Inspection(at=1.0, cpu=32, memory_mib=262144)


def spec(**changes: Any) -> PhysicalMachineSpec:
    return PhysicalMachineSpec.model_validate(
        {
            "providerRef": {"name": "bmcs"},
            "bmc": {"address": "https://10.0.0.1", "credentialsRef": {"name": "r1"}},
            "claimPolicy": {"namespaces": ["team-a"]},
            **changes,
        }
    )


def condition(kind: str, status: str, reason: str = "InSync", message: str = "") -> dict[str, Any]:
    at = (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def status(**changes: Any) -> PhysicalMachineStatus:
    """Of a server that settled at generation 1."""
    return PhysicalMachineStatus.model_validate(
        {
            "observedGeneration": 1,
            "machineID": ID,
            "phase": "Free",
            "powerState": "PoweredOn",
            "identity": {"uuid": UUID, "model": "R1"},
            "hardware": {"cpu": 32, "memory": "256Gi"},
            "handled": HANDLED,
            "conditions": [
                condition("Ready", "True", "Settled"),
                condition("Reachable", "True", "Reachable"),
                condition("PowerStateSynced", "True"),
            ],
            **changes,
        }
    )


def found(power: Power = Power.ON, **more: Any) -> FoundServer:
    values = {"uuid": UUID, "model": "R1", "health": "OK", "boot_mode": "UEFI", "locator": "Dark", **more}
    return FoundServer(power=power, **values)


def seen(server: FoundServer, as_of: float = 100.0) -> Look:
    return Present(server, as_of)


def at(server: FoundServer | None = None, **more: Any) -> Situation:
    """A settled, managed server that is on, but for what is named."""
    base = Situation(
        spec=more.pop("spec", spec()),
        status=more.pop("status", status()),
        namespace="racks",
        name="r1",
        machine_id=ID,
        generation=1,
        look=seen(server or found()),
        now=NOW,
    )
    return replace(base, **more)


def operation(kind: OperationType, expect: str, *, ago: float = 5.0, attempt: int = 1) -> Operation:
    began = NOW - timedelta(seconds=ago)
    return Operation(
        "op-1", kind, expect, attempt, started_at=began, deadline=began + timedelta(seconds=20), window_start=began
    )


def line(decision: Decision[Step]) -> str:
    """The step, or what is asked for, or what is said of Ready."""
    if decision.release:
        return "release"
    if decision.needs_proof:
        return "prove"
    if decision.step is not None:
        return f"{type(decision.step).__name__} {decision.expect}"
    ready = next((item for item in decision.said if item.type == "Ready"), None)
    return f"{ready.word} {ready.reason}" if ready is not None else "nothing"


def word(decision: Decision[Step], kind: str) -> str:
    return next((f"{item.word} {item.reason}" for item in decision.said if item.type == kind), "")


def written(situation: Situation, decision: Decision[Step]) -> dict[str, Any]:
    """The status that is written for it."""
    before = situation.status.model_dump(by_alias=True, exclude_none=True)
    return new_status(
        {"metadata": {"generation": situation.generation, "resourceVersion": "1"}, "status": before},
        decision,
        machine_id=ID,
        rows=(),
        operation=situation.operation,
        handled=one_shots(situation.spec),
        now=situation.now,
    )
