"""Another machine in the place of one: only for what its user asks for, announced, and gone on with to its end."""

# ruff: noqa: E501 - a case is one row

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kinds.situations import (
    GONE,
    NOW,
    PORT,
    RESOLVED,
    SERVER,
    SUPPORTED,
    UNSEEN,
    line,
    operation,
    seen,
    situation,
    spec,
    status,
    trace,
    twin,
    wanted,
)

from hostwright.core.port import LedgerRow, OperationType, Ownership, RowState
from hostwright.kinds.virtualmachine import change, made
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Create, Discard, DiskShape, Life
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import VirtualMachineStatus

BACKEND = {"supported": SUPPORTED | made.PATHS}
ALLOWED = {"updatePolicy": {"maxDisruption": "Replace"}}
KEYS = {"cloudInit": {"sshAuthorizedKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7k3m3m3m3m3m3m3m3m3m3m3m3m me"]}}
GOING = trace(replace(SERVER, state=RowState.DELETING), PORT)
ANNOUNCED = operation(OperationType.REPLACE, "replace/s1")
AT_REST = "+Provisioned:Created +NetworkReady:InSync"
WORDS = "-Ready:Replacing +Reconciling:Replacing"
BEGUN = f"Discard server=s1 | Updating | {WORDS} {AT_REST}"
PENDING = f"nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending {AT_REST} +PowerStateSynced:InSync"
SETTLED = f"nothing | Running | +Ready:Settled +UpToDate:Settled {AT_REST} +PowerStateSynced:InSync"
REFUSED = "nothing | Running | -Ready:InvalidConfiguration +Stalled:InvalidConfiguration"
AGAIN = "nothing | Provisioning | -Ready:{0} +Reconciling:{0} -Provisioned:{0} -NetworkReady:{0} ?PowerStateSynced:{0}".format(
    "Replacing"
)


def told(made_with: dict[str, str] | None, **changes: Any) -> VirtualMachineStatus:
    return status(resolved={**RESOLVED, **({} if made_with is None else {"madeWith": made_with})}, **changes)


def asks(before: dict[str, str] | None, found: dict[str, Any], wish: dict[str, Any], **changes: Any) -> Situation:
    """Made with `before`, found as `found`, and wished as `wish`; Replace is allowed."""
    return situation(
        **{
            "spec": spec(**ALLOWED),
            "status": told(before),
            "wanted": wanted(**wish),
            "look": seen(shape=found),
            "backend": BACKEND,
            "proven": True,
            **changes,
        }
    )


def key(**changes: Any) -> Situation:
    """Another key pair than the one it was made with."""
    return asks({"/keyPair": "a"}, {"key_pair": "a"}, {"key_pair": "b"}, **changes)


def waits_for(case: Situation) -> str:
    (row,) = decide(case).status["pendingChanges"]
    return str(row["waitingFor"])


CASES: dict[str, tuple[Situation, str]] = {
    "another key pair": (key(), BEGUN),
    "one where there was none": (asks({}, {}, {"key_pair": "b"}), BEGUN),
    "another group": (asks({"/placement/group": "one/g1"}, {"group": "one/g1"}, {"group": "two/g2"}), BEGUN),
    "another place": (asks({"/zone": "a/a"}, {"zone": "a"}, {"zone": "b"}), BEGUN),
    "other user data": (
        situation(
            spec=spec(**ALLOWED, bootstrap={**KEYS, "onChange": "Replace"}), generation=2, proven=True, backend=BACKEND
        ),
        BEGUN,
    ),
    "with a size and an image, made with these": (
        asks({"/keyPair": "a"}, {"key_pair": "a"}, {"key_pair": "b", "size": "f2", "image": "i2"}),
        BEGUN,
    ),
    "imported": (
        key(
            trace=trace(replace(SERVER, ownership=Ownership.ADOPTED)),
            status=told({"/keyPair": "a"}, handled={"import": "s1"}),
        ),
        REFUSED,
    ),
    "protected": (key(spec=spec(**ALLOWED, deletionProtection=True)), REFUSED),
    "with a root disk": (key(spec=spec(**ALLOWED, rootDisk={"size": "10Gi"})), REFUSED),
    "a root disk in the ledger alone": (
        key(trace=trace(SERVER, PORT, LedgerRow("volume/root", "v0"))),
        "nothing | Running",
    ),
    "another place, with data disks": (
        asks(
            {"/zone": "a/a"},
            {"zone": "a", "disks": (DiskShape("data", 20, "v1"),)},
            {"zone": "b", "disks": (DiskShape("data", 20),)},
            backend={"supported": SUPPORTED | made.PATHS | {"/dataDisks"}},
        ),
        REFUSED,
    ),
    "a group that is not made yet": (
        asks({"/placement/group": "one/g1"}, {"group": "one/g1"}, {"group": "two"}),
        "nothing | Running | -Ready:GroupNotReady +Reconciling:GroupNotReady",
    ),
    "beside a copy that bears its mark": (
        key(look=seen(shape={"key_pair": "a"}, twins=(twin(), twin("s9", name="clone")))),
        "nothing | Running | -Ready:OwnershipMismatch +Stalled:OwnershipMismatch",
    ),
    "unmarked": (
        key(look=seen(shape={"key_pair": "a"}, unmarked=(SERVER,))),
        f"Mark server=s1 | Updating | -Ready:Updating +Reconciling:Updating {AT_REST}",
    ),
    "lighter ceiling": (key(spec=spec(updatePolicy={"maxDisruption": "Rebuild"})), PENDING),
    "do not disrupt": (key(do_not_disrupt=True), PENDING),
    "paused": (key(paused="CHG-1"), "nothing | +Paused:Paused"),
    "announced, sent perhaps": (key(operation=ANNOUNCED, outcome_open=True), BEGUN),
    "accepted": (key(trace=GOING, operation=ANNOUNCED), f"Discard server=s1 | Updating | {WORDS}"),
    "accepted, and wished back since": (
        asks({"/keyPair": "a"}, {"key_pair": "a"}, {"key_pair": "a"}, trace=GOING, operation=ANNOUNCED),
        f"Discard server=s1 | Updating | {WORDS}",
    ),
    "accepted, and kept by the backend": (
        key(trace=GOING, operation=ANNOUNCED, look=seen(Life.HELD)),
        f"Discard server=s1 | Updating | {WORDS}",
    ),
    "in ERROR of it": (
        key(operation=ANNOUNCED, look=seen(Life.FAILED, shape={"key_pair": "a"})),
        f"Discard server=s1 | Updating | {WORDS}",
    ),
    "in ERROR, nothing announced": (
        key(look=seen(Life.FAILED, shape={"key_pair": "a"})),
        "nothing | Failed | -Ready:MachineFailed +Stalled:MachineFailed",
    ),
    "locked before anything was accepted": (
        key(operation=ANNOUNCED, look=seen(Life.HELD)),
        "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld",
    ),
    "being deleted": (key(operation=ANNOUNCED, look=seen(Life.DELETING)), f"nothing | Updating | {WORDS}"),
    "wished back while its outcome is open": (
        asks({"/keyPair": "a"}, {"key_pair": "a"}, {"key_pair": "a"}, operation=ANNOUNCED, outcome_open=True),
        "nothing | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "wished back, and nothing was carried out": (
        asks(
            {"/keyPair": "a"},
            {"key_pair": "a"},
            {"key_pair": "a"},
            operation=ANNOUNCED,
            outcome_open=True,
            nothing_made=True,
        ),
        SETTLED,
    ),
    "not seen": (key(operation=ANNOUNCED, look=UNSEEN, proven=False), "prove | Running"),
    "gone by a list": (key(operation=ANNOUNCED, look=GONE, proven=False), "prove | Running"),
    "gone": (key(operation=ANNOUNCED, look=GONE), AGAIN),
    "gone, its row too": (key(operation=ANNOUNCED, look=seen(Life.PARTIAL), trace=trace(PORT)), AGAIN),
    "gone, only observed": (
        key(operation=ANNOUNCED, look=GONE, backend={**BACKEND, "paused": True}),
        "nothing | Running | -Ready:NotBound +Stalled:NotBound",
    ),
    "gone, and another was announced": (
        key(operation=operation(OperationType.REPLACE, "replace/s9"), look=GONE),
        "nothing | Failed | -Ready:{0} +Stalled:{0} -Provisioned:{0} -NetworkReady:{0} ?PowerStateSynced:{0}".format(
            "MachineDeletedExternally"
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_done(name: str) -> None:
    case, row = CASES[name]
    assert line(decide(case)).removesuffix(" +DisksReady:InSync") == row


@pytest.mark.parametrize(
    ("before", "found", "wish"),
    [
        ({"/zone": "a/a"}, {"zone": "b"}, {"zone": "a"}),
        ({"/zone": "place/a"}, {"zone": "a"}, {"zone": "b"}),
        ({"/placement/group": "one/g1"}, {"group": "one/g1"}, {"group": "one/g2"}),
        ({"/placement/group": "one/g1"}, {"group": "one/g1"}, {"group": "one"}),
        ({"/keyPair": "b"}, {"key_pair": "a"}, {"key_pair": "b"}),
        ({"/keyPair": ""}, {"key_pair": "a"}, {"key_pair": "c"}),
        (None, {"key_pair": "a"}, {"key_pair": "b"}),
    ],
    ids=["evacuated", "the place means another zone", "group made anew", "group lost", "key", "unknown", "no record"],
)
@pytest.mark.parametrize("mode", ["Enabled", "Warn", "Disabled"])
def test_no_machine_is_replaced_for_what_its_user_did_not_change(
    before: dict[str, str] | None, found: dict[str, Any], wish: dict[str, Any], mode: str
) -> None:
    place = {"failureDomain": "place"} if before and before.get("/zone", "").startswith("place") else {}
    case = asks(before, found, wish, spec=spec(**ALLOWED, **place, driftDetection={"mode": mode}))
    decision = decide(case)
    assert decision.step is None
    rows = decision.status["pendingChanges"]
    unknown = before is None or "" in before.values()
    assert rows is None or [row["waitingFor"] for row in rows] == ["SpecChange"]
    assert (rows is not None) == (mode == "Enabled" or unknown), "what nobody knows is told in any mode"
    assert (decision.status["drift"] is not None) == (mode == "Warn" and not unknown)
    after = case.status.model_copy(update={"resolved": resolved_of(decision.status)})
    assert decide(replace(case, status=after)).step is None, "nor after that was written down"


def resolved_of(written: Any) -> Any:
    return VirtualMachineStatus.model_validate({"resolved": written["resolved"]}).resolved


def test_what_it_waits_for_is_told() -> None:
    assert waits_for(key(spec=spec())) == "MaxDisruption"
    assert waits_for(key(do_not_disrupt=True)) == "DoNotDisrupt"
    assert waits_for(key(backend={"supported": SUPPORTED})) == "NotYetSupported"
    assert waits_for(key(status=told(None))) == "SpecChange"


def test_a_record_begins_with_what_agrees_and_what_waits_stays_as_it_was() -> None:
    fresh = asks(None, {"key_pair": "a", "zone": "z"}, {"key_pair": "b", "zone": "z"})
    assert decide(fresh).status["resolved"]["madeWith"] == {"/keyPair": "", "/zone": "z/z"}
    waiting = key(spec=spec())
    assert decide(waiting).status["resolved"]["madeWith"] == {"/keyPair": "a"}
    there = asks({}, {"zone": "z"}, {"zone": "z"}, spec=spec(**ALLOWED, failureDomain="here"))
    assert decide(there).status["resolved"]["madeWith"] == {"/zone": "here/z"}, "from now on a move is drift"
    observed = key(spec=spec(**ALLOWED, managementPolicy="ObserveOnly"))
    assert decide(observed).step is None
    assert "resolved" not in decide(observed).status


def test_it_is_announced_by_the_machines_id_with_one_event() -> None:
    decision = decide(key())
    assert decision.step == Discard(SERVER, anew=True)
    assert (decision.operation, decision.expect) == (OperationType.REPLACE, "replace/s1")
    (note,) = decision.notes
    assert (note.reason, note.transition) == ("Replacing", "s1")
    assert "/keyPair" in note.message


def test_the_next_one_is_made_with_what_is_wished_then() -> None:
    first = decide(key(operation=ANNOUNCED, look=GONE))
    assert first.forget == ("server",)
    assert first.close_operation
    assert first.notes == (), "told when it was announced"
    assert first.status["resolved"] == {"provider": "prod"}
    conditions = [
        {
            "type": item.type,
            "status": item.word,
            "reason": item.reason,
            "message": "",
            "lastTransitionTime": "2026-08-24T10:00:00Z",
        }
        for item in first.said
    ]
    body = {**told(None).model_dump(by_alias=True, exclude_none=True), **first.status, "conditions": conditions}
    after = VirtualMachineStatus.model_validate({name: value for name, value in body.items() if value is not None})
    again = key(status=after, trace=trace(PORT), look=seen(Life.PARTIAL))
    decision = decide(again)
    assert isinstance(decision.step, Create)
    assert decision.status["resolved"]["madeWith"] == {"/keyPair": "b"}
    assert decision.status["resolved"]["bootstrap"] == change.bootstrap_of(None)


def test_a_deletion_that_does_not_end_is_told_and_gone_on_with() -> None:
    old = replace(ANNOUNCED, started_at=NOW - timedelta(hours=1))
    decision = decide(key(trace=GOING, operation=old))
    assert line(decision) == "Discard server=s1 | Updating | -Ready:DeleteTimedOut +Stalled:DeleteTimedOut"


def test_every_path_of_the_class_is_recorded() -> None:
    assert {"/zone", "/keyPair", "/placement/group", "/serverGroupID", "/schedulerHints"} == made.PATHS
