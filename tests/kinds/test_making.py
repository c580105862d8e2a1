"""What is decided for a machine that is being made, one row each."""

# ruff: noqa: E501 - a case is one row

from datetime import timedelta

import pytest
from tests.kinds.situations import (
    FRESH,
    GONE,
    MAKING,
    NOW,
    PORT,
    UNSEEN,
    fresh,
    line,
    making,
    operation,
    seen,
    situation,
    spec,
    status,
    trace,
    wanted,
)

from hostwright.core.errors import (
    CredentialsRejected,
    NetworkNotFound,
    ProviderNotFound,
    Unreachable,
)
from hostwright.kinds.virtualmachine import change
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Life, Unresolved
from hostwright.kinds.virtualmachine.resource import VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Situation

OBSERVED = spec(managementPolicy="ObserveOnly")
OLD = NOW - timedelta(hours=1)
CREATION: dict[str, tuple[Situation, str]] = {
    "fresh": (fresh(), "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating"),
    "new, not synced": (
        fresh(generation=2, backend={"synced": False}),
        "nothing | Pending | -Ready:Waiting +Reconciling:Waiting",
    ),
    "new, no answer yet": (
        fresh(generation=2, wanted=None, backend={"connected": False}),
        "nothing | Pending | -Ready:Waiting +Reconciling:Waiting",
    ),
    "restart, not synced": (fresh(backend={"synced": False}), "nothing"),
    "restart, no answer yet": (fresh(wanted=None, backend={"connected": False}), "nothing"),
    "fresh, provider missing": (
        fresh(wanted=None, backend={"connected": False, "exists": False, "failure": ProviderNotFound("x")}),
        "nothing | Pending | -Ready:ProviderNotFound +Stalled:ProviderNotFound",
    ),
    "fresh, provider down": (
        fresh(wanted=None, backend={"failure": Unreachable("x"), "down_for": 1.0}),
        "nothing | Pending | -Ready:Unreachable +Reconciling:Unreachable",
    ),
    "fresh, denied": (
        fresh(wanted=None, backend={"failure": CredentialsRejected("x")}),
        "nothing | Pending | -Ready:CredentialsRejected +Stalled:CredentialsRejected",
    ),
    "fresh, unresolved": (
        fresh(wanted=Unresolved(NetworkNotFound("x"))),
        "nothing | Pending | -Ready:NetworkNotFound +Stalled:NetworkNotFound",
    ),
    "fresh, missing look": (
        fresh(look=GONE),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "fresh, observe": (fresh(spec=OBSERVED), "nothing | Pending | -Ready:NotBound +Stalled:NotBound"),
    "fresh, provider paused": (
        fresh(backend={"paused": True}),
        "nothing | Pending | -Ready:NotBound +Stalled:NotBound",
    ),
    "lost status, unsure": (
        fresh(status=VirtualMachineStatus(), never_reported=True),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "lost status, seen": (
        fresh(status=VirtualMachineStatus(), never_reported=True, look=seen()),
        "nothing | Failed | -Ready:OwnershipMismatch +Stalled:OwnershipMismatch",
    ),
    "lost status, ports": (
        fresh(status=VirtualMachineStatus(), never_reported=True, look=seen(Life.PARTIAL)),
        "prove | Pending",
    ),
    "lost status, ports proven": (
        fresh(status=VirtualMachineStatus(), never_reported=True, look=seen(Life.PARTIAL), proven=True),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "quota retry": (
        fresh(status=MAKING, operation=operation(next_retry_at=NOW + timedelta(seconds=60))),
        "nothing | Provisioning",
    ),
    "quota retry due": (
        fresh(status=MAKING, trace=trace(PORT), operation=operation(next_retry_at=NOW), look=seen(Life.PARTIAL)),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "quota retry edited": (
        fresh(status=MAKING, generation=2, operation=operation(next_retry_at=NOW + timedelta(seconds=60)), look=GONE),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "ports": (
        making(trace=trace(PORT), look=seen(Life.PARTIAL)),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "open, unproven": (
        making(trace=trace(PORT), look=seen(Life.PARTIAL), outcome_open=True),
        "prove | Provisioning | -Ready:Verifying +Reconciling:Verifying",
    ),
    "open, proven nothing": (
        making(trace=trace(PORT), look=seen(Life.PARTIAL), proven=True, outcome_open=True),
        "nothing | Provisioning | -Ready:Verifying +Reconciling:Verifying",
    ),
    "open, proven nothing, quiet over": (
        making(trace=trace(PORT), look=seen(Life.PARTIAL), proven=True, outcome_open=True, nothing_made=True),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "open, in the making": (
        making(
            trace=trace(),
            look=seen(Life.BUILDING, id="", twins=(), parts=()),
            proven=True,
            outcome_open=True,
            operation=operation(),
        ),
        "Create | Provisioning | -Ready:Building +Reconciling:Building -Provisioned:Building",
    ),
    "open, its task has ended": (
        making(trace=trace(), look=GONE, proven=True, outcome_open=True, operation=operation(task="t-1")),
        "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "open, proven shown": (
        making(trace=trace(PORT), look=seen(Life.BUILDING), proven=True, outcome_open=True),
        "nothing | Failed | -Ready:OwnershipMismatch +Stalled:OwnershipMismatch",
    ),
    "made, not seen": (making(look=UNSEEN), "prove | Provisioning"),
    "made, proven gone": (
        making(look=GONE, proven=True),
        "nothing | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "made, partial": (making(look=seen(Life.PARTIAL)), "prove | Provisioning"),
    "made, partial proven": (
        making(look=seen(Life.PARTIAL), proven=True),
        "nothing | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating",
    ),
    "building": (making(), "Create | Provisioning | -Ready:Building +Reconciling:Building -Provisioned:Building"),
    "building late": (
        making(look=seen(Life.BUILDING, created_at=OLD)),
        "Discard server=s1 | Provisioning | -Ready:BuildFailed +Reconciling:BuildFailed -Provisioned:BuildFailed",
    ),
    "building late again": (
        situation(look=seen(Life.BUILDING, created_at=OLD)),
        "nothing | Updating | -Ready:Waiting +Reconciling:Waiting",
    ),
    "building observe": (
        making(spec=OBSERVED),
        "nothing | Provisioning | -Ready:Building +Reconciling:Building -Provisioned:Building",
    ),
    "failed": (
        making(look=seen(Life.FAILED, message="no host", code="500")),
        "Discard server=s1 | Provisioning | -Ready:BuildFailed +Reconciling:BuildFailed -Provisioned:BuildFailed",
    ),
    "failed for want of room": (
        making(look=seen(Life.FAILED, message="no host", no_room=True)),
        "Discard server=s1 | Provisioning | -Ready:NoValidHost +Reconciling:NoValidHost -Provisioned:NoValidHost",
    ),
    "failed observe": (
        making(look=seen(Life.FAILED), spec=OBSERVED),
        "nothing | Failed | -Ready:BuildFailed +Reconciling:BuildFailed",
    ),
    "up": (
        making(look=seen()),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
}


@pytest.mark.parametrize("name", CREATION)
def test_what_is_next_for_what_is_being_made(name: str) -> None:
    case, row = CREATION[name]
    assert line(decide(case)) == row


def test_a_server_proven_gone_leaves_the_ledger_though_its_ports_are_there() -> None:
    decision = decide(making(look=seen(Life.PARTIAL), proven=True))
    assert (decision.forget, decision.step) == (("server",), None)


def test_the_size_is_told_from_the_beginning_and_nothing_counts_as_applied_yet() -> None:
    resolved = decide(fresh()).status["resolved"]
    bootstrap, size = change.bootstrap_of(None), {"name": "small", "id": "f1"}
    assert resolved == {"provider": "prod", "class": size, "bootstrap": bootstrap, "madeWith": {}}
    begun = FRESH.model_copy(update={"resolved": status(resolved=resolved).resolved})
    up = decide(making(status=begun, look=seen(), wanted=wanted(size="f2"), generation=2))
    assert up.status["resolved"]["class"] == {"name": "small", "id": "f1"}
    assert up.status["resolved"]["image"] == {"name": "tiny", "id": "i1"}
