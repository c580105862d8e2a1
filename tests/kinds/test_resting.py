"""What is decided for a machine at rest that differs from what is wanted, or does not, one row each."""

# ruff: noqa: E501 - a case is one row

from datetime import timedelta

import pytest
from tests.kinds.situations import (
    NOW,
    PORT,
    RESOLVED,
    SERVER,
    condition,
    line,
    operation,
    seen,
    situation,
    spec,
    status,
    wanted,
)

from hostwright.core.port import LedgerRow, OperationType
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import InterfaceFound, InterfaceShape, Power
from hostwright.kinds.virtualmachine.situation import Situation

OBSERVED = spec(managementPolicy="ObserveOnly")
OLD = NOW - timedelta(hours=1)
REST: dict[str, tuple[Situation, str]] = {
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
    "suspended": (
        situation(spec=spec(powerState="Suspended"), generation=2, wanted=wanted(power=Power.SUSPENDED)),
        "SetPower Suspended | Updating | -Ready:Suspending +Reconciling:Suspending -PowerStateSynced:Suspending +Provisioned:Created +NetworkReady:InSync",
    ),
    "is suspended": (
        situation(
            spec=spec(powerState="Suspended"),
            wanted=wanted(power=Power.SUSPENDED),
            look=seen(shape={"power": Power.SUSPENDED}),
        ),
        "nothing | Stopped | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "suspended by somebody else": (
        situation(look=seen(shape={"power": Power.SUSPENDED})),
        "SetPower PoweredOn | Updating | -Ready:Starting +Reconciling:Starting -PowerStateSynced:Starting +Provisioned:Created +NetworkReady:InSync",
    ),
    "restart half way, suspended by somebody else": (
        situation(
            spec=spec(restartedAt="1"),
            generation=2,
            operation=operation(OperationType.RESTART, "power/off"),
            look=seen(shape={"power": Power.SUSPENDED}),
        ),
        "SetPower PoweredOff power/off | Updating | -Ready:Restarting +Reconciling:Restarting +Provisioned:Created +NetworkReady:InSync",
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
        situation(
            wanted=wanted(interfaces=(InterfaceShape("eth0", "n1"),)),
            look=seen(
                interfaces=(InterfaceFound("eth0", "p1", bound=False),),
                shape={"interfaces": (InterfaceShape("eth0", "n1", plugged=False),)},
            ),
        ),
        "Rewire eth0/plugged | Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created -NetworkReady:Waiting",
    ),
    "a stop came to nothing": (
        situation(
            spec=spec(powerState="PoweredOff"),
            generation=2,
            wanted=wanted(power=Power.OFF),
            look=seen(power_failed="it is ACTIVE again", request_id="req-1"),
        ),
        "SetPower PoweredOff | Updating | -Ready:PowerFailed +Reconciling:PowerFailed -PowerStateSynced:Stopping +Provisioned:Created +NetworkReady:InSync",
    ),
    "a stop that is wished no more came to nothing": (
        situation(look=seen(power_failed="it is ACTIVE again")),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
}


@pytest.mark.parametrize("name", REST)
def test_what_is_next_at_rest(name: str) -> None:
    case, row = REST[name]
    assert line(decide(case)) == row


def test_what_waits_is_told_with_both_values() -> None:
    decision = decide(situation(wanted=wanted(size="f2"), generation=2))
    assert decision.status["pendingChanges"] == [
        {"path": "/classRef", "from": "small", "to": "medium", "disruption": "Restart", "waitingFor": "MaxDisruption"}
    ]
    assert decision.status["resolved"]["class"] == {"name": "small", "id": "f1"}


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


def test_a_tag_that_was_set_since_the_look_is_not_taken_for_gone() -> None:
    """Unwished right after it was set: the look shows neither, and the tag would stay for ever."""
    sent = status(resolved={**RESOLVED, "tags": {}, "sent": {"/tags/owner": "stock"}})
    unwished = situation(status=sent, wanted=wanted(tags={}), look=seen(shape={"tags": {}}), fresh=False)
    assert not decide(unwished).observed
    assert "resolved" not in decide(unwished).status
    seen_since = situation(status=sent, wanted=wanted(tags={}), look=seen(shape={"tags": {"owner": "stock"}}))
    assert line(decide(seen_since)).startswith("Update -owner")
