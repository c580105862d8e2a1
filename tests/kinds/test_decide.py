"""What is decided for a machine that is to be there, one row each."""

# ruff: noqa: E501 - a case is one row

from datetime import timedelta

import pytest
from tests.kinds.situations import (
    FRESH,
    GONE,
    MAKING,
    NOW,
    PORT,
    SERVER,
    UNSEEN,
    condition,
    fresh,
    line,
    making,
    operation,
    seen,
    situation,
    spec,
    status,
    trace,
    twin,
    wanted,
)
from tests.kinds.test_leaving import LEAVING

from hostwright.core.errors import (
    ClassNotFound,
    CredentialsRejected,
    NetworkNotFound,
    ProviderNotAllowed,
    ProviderNotFound,
    Unreachable,
)
from hostwright.core.port import LedgerRow, OperationType, Window
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import InterfaceFound, Life, Power, Unresolved
from hostwright.kinds.virtualmachine.resource import VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Situation

OBSERVED = spec(managementPolicy="ObserveOnly")
OLD = NOW - timedelta(hours=1)
GONE_TOLD = [condition(kind, "False", reason="MachineDeletedExternally") for kind in ("Ready", "Provisioned")]
IS_GONE = "nothing | Failed | -Ready:{0} +Stalled:{0} -Provisioned:{0} -NetworkReady:{0} ?PowerStateSynced:{0}".format(
    "MachineDeletedExternally"
)
CASES: dict[str, tuple[Situation, str]] = {
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
    "settled": (
        situation(),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "off": (
        situation(spec=spec(powerState="PoweredOff"), generation=2, wanted=wanted(power=Power.OFF)),
        "SetPower PoweredOff | Updating | -Ready:Stopping +Reconciling:Stopping -PowerStateSynced:Stopping +Provisioned:Created +NetworkReady:InSync",
    ),
    "off, late": (
        situation(
            spec=spec(powerState="PoweredOff"),
            wanted=wanted(power=Power.OFF),
            status=status(
                conditions=[
                    condition("Ready", "False"),
                    condition("Provisioned", "True"),
                    condition("PowerStateSynced", "False"),
                ]
            ),
        ),
        "SetPower PoweredOff | Updating | -Ready:Stopping +Reconciling:Stopping -PowerStateSynced:Stopping +Provisioned:Created +NetworkReady:InSync",
    ),
    "is off": (
        situation(
            spec=spec(powerState="PoweredOff"), wanted=wanted(power=Power.OFF), look=seen(shape={"power": Power.OFF})
        ),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "power drift": (
        situation(look=seen(shape={"power": Power.OFF})),
        "SetPower PoweredOn | Updating | -Ready:Starting +Reconciling:Starting -PowerStateSynced:Starting +Provisioned:Created +NetworkReady:InSync",
    ),
    "power drift warn": (
        situation(look=seen(shape={"power": Power.OFF}), spec=spec(driftDetection={"mode": "Warn"})),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +Drifted:DriftDetected -PowerStateSynced:DriftDetected",
    ),
    "power drift disabled": (
        situation(look=seen(shape={"power": Power.OFF}), spec=spec(driftDetection={"mode": "Disabled"})),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync -PowerStateSynced:DriftDetected",
    ),
    "unmanaged": (
        situation(spec=spec(powerState="Unmanaged"), wanted=wanted(power=None), look=seen(shape={"power": Power.OFF})),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:Unmanaged",
    ),
    "mark taken off": (
        situation(look=seen(unmarked=(SERVER, PORT))),
        "Mark server=s1 | Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created +NetworkReady:InSync",
    ),
    "mark taken off, warned only": (
        situation(spec=spec(driftDetection={"mode": "Warn"}), look=seen(unmarked=(SERVER,))),
        "Mark server=s1 | Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created +NetworkReady:InSync",
    ),
    "mark taken off, observed only": (
        situation(spec=OBSERVED, look=seen(unmarked=(SERVER,))),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "mark taken off, not ours": (
        situation(look=seen(unmarked=(LedgerRow("port/eth1", "p9"),))),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "restart": (
        situation(spec=spec(restartedAt="1"), generation=2),
        "SetPower PoweredOff power/off | Updating | -Ready:Restarting +Reconciling:Restarting +Provisioned:Created +NetworkReady:InSync",
    ),
    "restart off seen": (
        situation(
            spec=spec(restartedAt="1"),
            generation=2,
            operation=operation(OperationType.RESTART, "power/off"),
            look=seen(shape={"power": Power.OFF}),
        ),
        "SetPower PoweredOn power/on | Updating | -Ready:Restarting +Reconciling:Restarting +Provisioned:Created +NetworkReady:InSync",
    ),
    "restart on": (
        situation(
            spec=spec(restartedAt="1"),
            generation=2,
            operation=operation(OperationType.RESTART, "power/on"),
            look=seen(shape={"power": Power.OFF}),
        ),
        "SetPower PoweredOn power/on | Updating | -Ready:Restarting +Reconciling:Restarting +Provisioned:Created +NetworkReady:InSync",
    ),
    "restart half way, wished off": (
        situation(
            spec=spec(restartedAt="1", powerState="PoweredOff"),
            generation=3,
            wanted=wanted(power=Power.OFF),
            operation=operation(OperationType.RESTART, "power/off"),
            look=seen(shape={"power": Power.OFF}),
        ),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "restart begun, wished off": (
        situation(
            spec=spec(restartedAt="1", powerState="PoweredOff"),
            generation=3,
            wanted=wanted(power=Power.OFF),
            operation=operation(OperationType.RESTART, "power/off"),
        ),
        "SetPower PoweredOff | Updating | -Ready:Stopping +Reconciling:Stopping -PowerStateSynced:Stopping +Provisioned:Created +NetworkReady:InSync",
    ),
    "restarted": (
        situation(spec=spec(restartedAt="1"), generation=2, operation=operation(OperationType.RESTART, "power/on")),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "tag": (
        situation(wanted=wanted(tags={"team": "b", "x": "y"}), generation=2),
        "Update /tags/team /tags/x | Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created +NetworkReady:InSync",
    ),
    "tag dropped": (
        situation(wanted=wanted(tags={}), generation=2),
        "Update -team | Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created +NetworkReady:InSync",
    ),
    "tag None": (
        situation(wanted=wanted(tags={"team": "b"}), generation=2, spec=spec(updatePolicy={"maxDisruption": "None"})),
        "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "tag dropped None": (
        situation(wanted=wanted(tags={}), generation=2, spec=spec(updatePolicy={"maxDisruption": "None"})),
        "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "tag drift": (
        situation(look=seen(shape={"tags": {"team": "z"}})),
        "Update /tags/team | Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created +NetworkReady:InSync",
    ),
    "tag drift warn": (
        situation(look=seen(shape={"tags": {"team": "z"}}), spec=spec(driftDetection={"mode": "Warn"})),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +Drifted:DriftDetected +PowerStateSynced:InSync",
    ),
    "class": (
        situation(wanted=wanted(size="f2"), generation=2),
        "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "image": (
        situation(wanted=wanted(image="i2"), generation=2),
        "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "unplugged": (
        situation(look=seen(interfaces=(InterfaceFound("eth0", "p1", bound=False),))),
        "Create | Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created -NetworkReady:Waiting",
    ),
    "changing": (
        situation(look=seen(Life.CHANGING, message="rebooting")),
        "nothing | Running | -Ready:Waiting +Reconciling:Waiting",
    ),
    "held": (
        situation(look=seen(Life.HELD, message="SHELVED")),
        "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld",
    ),
    "deleting": (situation(look=seen(Life.DELETING)), "nothing | Unknown | -Ready:Waiting +Reconciling:Waiting"),
    "error": (
        situation(look=seen(Life.FAILED, message="boom")),
        "nothing | Failed | -Ready:MachineFailed +Stalled:MachineFailed",
    ),
    "gone": (
        situation(look=GONE),
        IS_GONE,
    ),
    "unseen": (situation(look=UNSEEN), "prove | Running"),
    "unseen unsynced": (situation(look=UNSEEN, backend={"synced": False}), "nothing"),
    "half seen": (situation(look=seen(interfaces=(), shape={"tags": {}}), backend={"synced": False}), "nothing"),
    "ports only": (situation(look=seen(Life.PARTIAL)), "prove | Running"),
    "ports only proven": (
        situation(look=seen(Life.PARTIAL), proven=True),
        IS_GONE,
    ),
    "unresolved": (
        situation(wanted=Unresolved(ClassNotFound("x"))),
        "nothing | Running | +Ready:Settled ?UpToDate:ClassNotFound",
    ),
    "unresolved, edited": (
        situation(wanted=Unresolved(ClassNotFound("x")), generation=2),
        "nothing | Running | -Ready:ClassNotFound +Stalled:ClassNotFound",
    ),
    "unresolved, never reached": (
        situation(
            wanted=Unresolved(ClassNotFound("x")),
            status=status(conditions=[condition("Ready", "False"), condition("Provisioned", "True")]),
        ),
        "nothing | Running | -Ready:ClassNotFound +Stalled:ClassNotFound",
    ),
    "unresolved, off": (
        situation(wanted=Unresolved(ClassNotFound("x")), look=seen(shape={"power": Power.OFF})),
        "nothing | Stopped | -Ready:ClassNotFound +Stalled:ClassNotFound",
    ),
    "gone, told": (
        situation(look=GONE, status=status(conditions=GONE_TOLD)),
        IS_GONE,
    ),
    "down 10": (situation(wanted=None, backend={"failure": Unreachable("x"), "down_for": 10.0}), "nothing"),
    "down 121": (
        situation(wanted=None, backend={"failure": Unreachable("x"), "down_for": 121.0}),
        "nothing | Unknown | ?Ready:ProviderUnreachable",
    ),
    "down, edited": (
        situation(wanted=None, generation=2, backend={"failure": Unreachable("x"), "down_for": 10.0}),
        "nothing | Running | -Ready:Unreachable +Reconciling:Unreachable",
    ),
    "denied 121": (
        situation(wanted=None, backend={"failure": CredentialsRejected("x"), "down_for": 121.0}),
        "nothing | Unknown | ?Ready:ProviderUnreachable",
    ),
    "not allowed": (
        situation(wanted=None, backend={"failure": ProviderNotAllowed("x")}),
        "nothing | Running | -Ready:ProviderNotAllowed +Stalled:ProviderNotAllowed",
    ),
    "restart of operator": (situation(wanted=None, backend={"connected": False}), "nothing"),
    "paused": (situation(paused="CHG-1", look=seen(shape={"power": Power.OFF})), "nothing | +Paused:Paused"),
    "observe drift": (
        situation(look=seen(shape={"power": Power.OFF}), spec=OBSERVED),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +Drifted:DriftDetected -PowerStateSynced:DriftDetected",
    ),
    "twin": (
        situation(
            look=seen(twins=(twin(), twin("s2", Life.BUILDING))), trace=trace(SERVER, PORT, LedgerRow("extra/s2", "s2"))
        ),
        "Discard extra/s2=s2 | Running | +Ready:Deleting +Reconciling:Deleting",
    ),
    "stranger": (
        situation(look=seen(twins=(twin(), twin("s2", name="clone")))),
        "nothing | Running | +Ready:OwnershipMismatch +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "only strangers": (
        fresh(look=seen(twins=(twin(name="clone"),)), operation=operation(), trace=trace(windows=(Window(NOW),))),
        "nothing | Failed | -Ready:OwnershipMismatch +Stalled:OwnershipMismatch",
    ),
    "extra gone": (situation(trace=trace(SERVER, PORT, LedgerRow("extra/s2", "s2"))), "prove | Running"),
    "extra gone proven": (
        situation(trace=trace(SERVER, PORT, LedgerRow("extra/s2", "s2")), proven=True),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_next(name: str) -> None:
    case, row = CASES[name]
    assert line(decide(case)) == row


def test_every_condition_of_the_kind_is_in_the_tables() -> None:
    told = {item.type for case, _ in (*CASES.values(), *LEAVING.values()) for item in decide(case).said}
    assert {str(kind) for kind in told} == {
        "Ready",
        "Reconciling",
        "Stalled",
        "Provisioned",
        "NetworkReady",
        "PowerStateSynced",
        "UpToDate",
        "Drifted",
        "Paused",
        "Deleting",
    }


def test_a_server_proven_gone_leaves_the_ledger_though_its_ports_are_there() -> None:
    decision = decide(making(look=seen(Life.PARTIAL), proven=True))
    assert (decision.forget, decision.step) == (("server",), None)


def test_a_machine_that_the_backend_takes_for_ours_and_is_not_is_passed_over() -> None:
    clone, ours = twin("s9", created_at=OLD), twin("s1", Life.BUILDING)
    shown = seen(id="s9", twins=(clone, ours))
    decision = decide(making(trace=trace(PORT, windows=(Window(NOW),)), look=shown, proven=True))
    assert (decision.step, decision.adopt[0]) == (None, SERVER)


def test_what_waits_is_told_with_both_values() -> None:
    decision = decide(situation(wanted=wanted(size="f2"), generation=2))
    assert decision.status["pendingChanges"] == [
        {"path": "/classRef", "from": "small", "to": "medium", "disruption": "Restart", "waitingFor": "MaxDisruption"}
    ]
    assert decision.status["resolved"]["class"] == {"name": "small", "id": "f1"}


def test_strangers_beside_the_machine_are_named_for_as_long_as_they_are_there() -> None:
    """Not by an Event alone, which is gone after an hour; nor as Drifted or UpToDate, as nothing of ours differs."""
    decision = decide(situation(look=seen(twins=(twin(), twin("s2", name="clone")))))
    ready = next(item for item in decision.said if item.type == "Ready")
    assert ready.status is True
    assert ready.message.startswith("running; ")
    assert "s2" in ready.message
    assert decision.failure is not None
    after = status(
        conditions=[condition("Ready", "True", reason="OwnershipMismatch"), condition("Provisioned", "True")]
    )
    alone = decide(situation(status=after))
    assert next(item for item in alone.said if item.type == "Ready").reason == "Settled"
    assert alone.status["lastError"] is None


def test_a_powering_off_is_not_late_by_the_time_for_which_the_power_had_drifted() -> None:
    """Warn left it on for an hour; then it was wished off, which began just now."""
    drifted = condition("PowerStateSynced", "False", reason="Stopping", at=OLD)
    off = {"spec": spec(powerState="PoweredOff"), "generation": 2, "wanted": wanted(power=Power.OFF)}
    for began, late in ((NOW - timedelta(seconds=5), False), (NOW - timedelta(minutes=4), True)):
        rows = [
            condition("Reconciling", "True", reason="Stopping", at=began),
            condition("Provisioned", "True"),
            drifted,
        ]
        decision = decide(situation(**off, status=status(conditions=[condition("Ready", "False"), *rows])))
        assert (decision.failure is not None) is late


def test_the_size_is_told_from_the_beginning_and_nothing_counts_as_applied_yet() -> None:
    resolved = decide(fresh()).status["resolved"]
    assert resolved == {"provider": "prod", "class": {"name": "small", "id": "f1"}}
    begun = FRESH.model_copy(update={"resolved": status(resolved=resolved).resolved})
    up = decide(making(status=begun, look=seen(), wanted=wanted(size="f2"), generation=2))
    assert up.status["resolved"]["class"] == {"name": "small", "id": "f1"}
    assert up.status["resolved"]["image"] == {"name": "tiny", "id": "i1"}
