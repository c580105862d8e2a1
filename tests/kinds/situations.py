"""Situations of a machine to decide about, and a decision as one line."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hostwright.core import names
from hostwright.core.decision import Decision
from hostwright.core.errors import Unreachable
from hostwright.core.port import LedgerRow, Missing, Operation, OperationType, Present, Trace, Unsure, Window
from hostwright.kinds.virtualmachine import change
from hostwright.kinds.virtualmachine.port import (
    REBUILDS,
    Discard,
    Found,
    Inquire,
    InterfaceFound,
    Life,
    Look,
    MachineShape,
    Mark,
    Power,
    Rebuild,
    Resize,
    Rewire,
    SetPower,
    Step,
    Twin,
    Update,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec, VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Backend, Situation

NOW = datetime(2026, 8, 24, 10, 0, tzinfo=UTC)
ID = "11111111-2222-4333-8444-555555555555"
MARK, PREFIX = names.owner_mark("c", ID), names.mark_prefix("c")
SERVER, PORT = LedgerRow("server", "s1"), LedgerRow("port/eth0", "p1")
TAGS = {"team": "a"}
DOWN = Unreachable("no answer")
SUPPORTED = frozenset({"/powerState", "/tags", "/metadata", "/classRef", "/network/interfaces"}) | REBUILDS


def spec(**changes: Any) -> VirtualMachineSpec:
    return VirtualMachineSpec.model_validate(
        {
            "providerRef": {"name": "prod"},
            "classRef": {"name": "small"},
            "imageRef": {"name": "tiny"},
            "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
            "tags": TAGS,
            **changes,
        }
    )


def condition(kind: str, status: str, *, reason: str = "X", at: datetime = NOW - timedelta(hours=1)) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": stamp(at)}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


RESOLVED: Mapping[str, Any] = {
    "provider": "prod",
    "class": {"name": "small", "id": "f1"},
    "image": {"name": "tiny", "id": "i1"},
    "hostname": "web",
    "deletionPolicy": "Delete",
    "driftDetection": "Enabled",
    "bootstrap": change.bootstrap_of(None),
    "powerState": "PoweredOn",
    "tags": TAGS,
    "metadata": {},
}


def status(**changes: Any) -> VirtualMachineStatus:
    """Of a machine that settled at generation 1."""
    return VirtualMachineStatus.model_validate(
        {
            "observedGeneration": 1,
            "machineID": ID,
            "phase": "Running",
            "powerState": "PoweredOn",
            "resolved": RESOLVED,
            "handled": {"restartedAt": "", "rebuildToken": "0"},
            "conditions": [
                condition("Ready", "True"),
                condition("Provisioned", "True"),
                condition("PowerStateSynced", "True"),
                {**condition("UpToDate", "True"), "observedGeneration": 1},
            ],
            **changes,
        }
    )


#: Of a machine that was seen, and for which nothing was sent yet.
FRESH = VirtualMachineStatus(observed_generation=1, machine_id=ID, handled={"restartedAt": ""})
#: A machine that is being made and was never seen active.
MAKING = VirtualMachineStatus.model_validate(
    {
        "observedGeneration": 1,
        "machineID": ID,
        "phase": "Provisioning",
        "handled": {"restartedAt": ""},
        "conditions": [condition("Ready", "False"), condition("Provisioned", "False")],
    }
)


def trace(*rows: LedgerRow, windows: tuple[Window, ...] = ()) -> Trace:
    server = next((row.id for row in rows if row.name == "server"), None)
    return Trace(ID, MARK, PREFIX, "team-web-1", "team", "web", server, rows, windows)


def shape(**changes: Any) -> MachineShape:
    return MachineShape(**{"power": Power.ON, "tags": TAGS, "size": "f1", "image": "i1", **changes})


def wanted(**changes: Any) -> Wanted:
    return Wanted(
        shape=shape(**changes),
        hostname="web",
        size_name="small" if changes.get("size", "f1") == "f1" else "medium",
        size_id=changes.get("size", "f1"),
        image_name="tiny" if changes.get("image", "i1") == "i1" else "other",
        image_id=changes.get("image", "i1"),
        display={"/classRef": "small" if changes.get("size", "f1") == "f1" else "medium"},
    )


def twin(item: str = "s1", life: Life = Life.STEADY, **changes: Any) -> Twin:
    return Twin(**{"id": item, "name": "team-web-1", "life": life, "created_at": NOW, "ports": 0, **changes})


def found(life: Life = Life.STEADY, **changes: Any) -> Found:
    """The machine s1 with its port; `shape` changes as in shape()."""
    if life is Life.PARTIAL:
        return Found(life=life, parts=changes.pop("parts", (PORT,)), **changes)
    return Found(
        **{
            "life": life,
            "shape": shape(**changes.pop("shape", {})),
            "id": "s1",
            "provider_id": "site:///s1",
            "cpu": 1,
            "memory_mib": 512,
            "size_name": "small",
            "created_at": NOW - timedelta(minutes=1),
            "internal_addresses": ("10.0.0.7",),
            "interfaces": (InterfaceFound("eth0", "p1", "fa:16:3e:00:00:01", ("10.0.0.7",)),),
            "parts": (SERVER, PORT),
            "twins": (twin(life=life),),
            **changes,
        }
    )


def seen(life: Life = Life.STEADY, **changes: Any) -> Present[Found]:
    return Present(found(life, **changes), 100.0)


UNSEEN: Look = Unsure("not listed", 100.0)
GONE: Look = Missing(100.0)


def operation(kind: OperationType = OperationType.CREATE, expect: str = "server", **changes: Any) -> Operation:
    return Operation(**{"id": "op", "type": kind, "expect": expect, "started_at": NOW, "window_start": NOW, **changes})


def situation(**changes: Any) -> Situation:
    """A settled machine, running as written."""
    backend = Backend(**{"supported": SUPPORTED, **changes.pop("backend", {})})
    return Situation(
        **{
            "spec": spec(),
            "status": status(),
            "generation": 1,
            "trace": trace(SERVER, PORT),
            "wanted": wanted(),
            "look": seen(),
            "now": NOW,
            "backend": backend,
            **changes,
        }
    )


def fresh(**changes: Any) -> Situation:
    """Nothing was ever sent for it."""
    return situation(**{"status": FRESH, "trace": trace(), "look": UNSEEN, **changes})


def making(**changes: Any) -> Situation:
    """Its port and server were made, and it was never seen active."""
    return situation(**{"status": MAKING, "operation": operation(), "look": seen(Life.BUILDING), **changes})


def line(decision: Decision[Step]) -> str:
    """`step | phase | +Condition:Reason -Condition:Reason ?Condition:Reason`, what is not said left out."""
    parts = [_do(decision), str(decision.phase), _told(decision)]
    return " | ".join(part for part in parts if part)


def _do(decision: Decision[Step]) -> str:
    if decision.release:
        return "release"
    if decision.needs_proof:
        return "prove"
    match decision.step:
        case None:
            return "nothing"
        case SetPower(power=power):
            return f"SetPower {power} {decision.expect}".strip()
        case Resize(size=size):
            return f"Resize {size} {decision.expect}"
        case Rebuild(image=image):
            return f"Rebuild {image}"
        case Inquire(action=action):
            return f"Inquire {action}"
        case Discard(row=row):
            return f"Discard {row.name}={row.id}"
        case Mark(row=row):
            return f"Mark {row.name}={row.id}"
        case Update() as update:
            drops = [f"-{key}" for key in (*update.drop_tags, *update.drop_metadata)]
            return f"Update {' '.join((*update.paths, *drops))}"
        case Rewire(keys=keys):
            return f"Rewire {' '.join(keys)}"
    return type(decision.step).__name__


def _told(decision: Decision[Step]) -> str:
    sign = {True: "+", False: "-", None: "?"}
    # Available is told beside every Ready: its own table is in tests/kinds/virtualmachine/test_available.py.
    told = [item for item in decision.said if item.type is not names.Condition.AVAILABLE]
    return " ".join(f"{sign[item.status]}{item.type}:{item.reason}" for item in told)
