"""Interfaces of a machine at rest: what is the user's wish, what is drift, and what is done about either."""

# ruff: noqa: E501 - a case is one row

from typing import Any

import pytest
from tests.kinds.situations import (
    PORT,
    RESOLVED,
    SERVER,
    SUPPORTED,
    line,
    operation,
    seen,
    situation,
    spec,
    status,
    trace,
    wanted,
)

from hostwright.core.port import LedgerRow, OperationType, Ownership, RowState
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import InterfaceFound, InterfaceShape, Look
from hostwright.kinds.virtualmachine.situation import Situation

ETH0, ETH1 = InterfaceShape("eth0", "n1"), InterfaceShape("eth1", "n2")
WEB = InterfaceShape("eth0", "n1", ("10.0.0.9",), "02:00:00:00:00:01", ("g1",))
PORT1 = LedgerRow("port/eth1", "p2")
SETTLED = "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync"
DRIFTED = "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +Drifted:DriftDetected +PowerStateSynced:InSync"
PENDING = "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync"
TOLD = "| Updating | -Ready:Updating +Reconciling:Updating +Provisioned:Created"
WARN, OFF = spec(driftDetection={"mode": "Warn"}), spec(driftDetection={"mode": "Disabled"})
IGNORED = spec(driftDetection={"ignore": ["/network/interfaces/eth0/securityGroups"]})
FROZEN = spec(updatePolicy={"maxDisruption": "None"})
PORTS = {"eth0": "p1", "eth1": "p2"}
FLOATING = InterfaceShape("eth0", "n1", floating_pool="x")
GIVEN = InterfaceShape("eth0", "n1", floating_address="203.0.113.7")
FIP = LedgerRow("floatingip/eth0", "f1")
REFERENCED = LedgerRow("floatingip/eth0", "f1", ownership=Ownership.REFERENCED)


def look(*shapes: InterfaceShape, parts: tuple[LedgerRow, ...] = ()) -> Look:
    ports = (SERVER, *(LedgerRow(f"port/{item.name}", PORTS[item.name]) for item in shapes))
    interfaces = tuple(
        InterfaceFound(
            item.name, PORTS[item.name], bound=item.plugged, floating_ip="f1" if item.floating_address else ""
        )
        for item in shapes
    )
    return seen(shape={"interfaces": shapes}, parts=(*ports, *parts), interfaces=interfaces)


def floats(pool: str = "x", address: str = "203.0.113.5", row: LedgerRow | None = None) -> Look:
    """One interface with a floating IP, ours from the pool x where nothing else is said."""
    shape = InterfaceShape("eth0", "n1", floating_pool=pool, floating_address=address)
    return look(shape, parts=(row or FIP,))


def at_rest(wish: list[InterfaceShape], last: list[dict[str, Any]] | None, there: Look, **more: Any) -> Situation:
    groups = more.pop("default_groups", ())
    asked = wanted(interfaces=tuple(wish))
    resolved = RESOLVED if last is None else {**RESOLVED, "interfaces": last}
    return situation(
        **{
            "wanted": type(asked)(**{**_fields(asked), "default_groups": groups}),
            "status": status(resolved=resolved),
            "look": there,
            "trace": trace(SERVER, PORT, PORT1),
            **more,
        }
    )


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


LAST0, LAST1 = {"name": "eth0", "network": "n1"}, {"name": "eth1", "network": "n2"}
LAST_WEB = {**LAST0, "addresses": ["10.0.0.9"], "macAddress": "02:00:00:00:00:01", "securityGroups": ["g1"]}
ONE, BOTH = look(ETH0), look(ETH0, ETH1)
OTHER_GROUPS = look(InterfaceShape("eth0", "n1", security_groups=("g2",)))
LOOSE = look(InterfaceShape("eth0", "n1", plugged=False))
LESS = {"trace": trace(SERVER, PORT)}
FLOATS = {"trace": trace(SERVER, PORT, FIP)}
LAST_FLOATING = {**LAST0, "floatingPool": "x"}
ROWS: dict[str, tuple[Situation, str]] = {
    "as written": (at_rest([ETH0], [LAST0], ONE, **LESS), SETTLED),
    "as written, applied by a version that did not record it": (at_rest([ETH0], None, ONE, **LESS), SETTLED),
    "added": (
        at_rest([ETH0, ETH1], [LAST0], ONE, generation=2, **LESS),
        f"Rewire eth1 {TOLD} +NetworkReady:InSync",
    ),
    "removed": (at_rest([ETH0], [LAST0, LAST1], BOTH, generation=2), f"Rewire eth1 {TOLD} +NetworkReady:InSync"),
    "removed before it was applied": (
        at_rest([ETH0], [LAST0], BOTH, generation=2),
        f"Rewire eth1 {TOLD} +NetworkReady:InSync",
    ),
    "another network": (
        at_rest([InterfaceShape("eth0", "n2")], [LAST0], ONE, generation=2, **LESS),
        f"Rewire eth0/network {TOLD} +NetworkReady:InSync",
    ),
    "address, MAC and groups": (
        at_rest([WEB], [LAST0], ONE, generation=2, **LESS),
        f"Rewire eth0/addresses eth0/mac_address eth0/security_groups {TOLD} +NetworkReady:InSync",
    ),
    "groups wished no more": (
        at_rest([ETH0], [{**LAST0, "securityGroups": ["g2"]}], OTHER_GROUPS, default_groups=("g0",), **LESS),
        f"Rewire eth0/security_groups {TOLD} +NetworkReady:InSync",
    ),
    "groups wished no more, which are the default": (
        at_rest([ETH0], [{**LAST0, "securityGroups": ["g2"]}], OTHER_GROUPS, default_groups=("g2",), **LESS),
        SETTLED,
    ),
    "groups wished no more, and changed by somebody": (
        at_rest([ETH0], [{**LAST0, "securityGroups": ["g9"]}], OTHER_GROUPS, default_groups=("g0",), **LESS),
        SETTLED,
    ),
    "frozen": (at_rest([ETH0, ETH1], [LAST0], ONE, generation=2, spec=FROZEN, **LESS), PENDING),
    "frozen, while it is made": (
        at_rest([ETH0, ETH1], None, ONE, spec=FROZEN, status=status(resolved=None), **LESS),
        f"Rewire eth1 {TOLD} +NetworkReady:InSync",
    ),
    "not supported": (
        at_rest([ETH0, ETH1], [LAST0], ONE, backend={"supported": SUPPORTED - {"/network/interfaces"}}, **LESS),
        PENDING,
    ),
    "unplugged by somebody": (at_rest([ETH0], [LAST0], LOOSE, **LESS), f"Rewire eth0/plugged {TOLD} -NetworkReady:Waiting"),
    "unplugged by somebody, frozen": (
        at_rest([ETH0], [LAST0], LOOSE, spec=FROZEN, **LESS),
        f"Rewire eth0/plugged {TOLD} -NetworkReady:Waiting",
    ),
    "unplugged by somebody, warned only": (
        at_rest([ETH0], [LAST0], LOOSE, spec=WARN, **LESS),
        DRIFTED.replace("+NetworkReady:InSync", "-NetworkReady:Waiting"),
    ),
    "groups changed by somebody": (
        at_rest([WEB], [LAST_WEB], look(InterfaceShape("eth0", "n1", ("10.0.0.9",), "02:00:00:00:00:01", ("g2",))), **LESS),
        f"Rewire eth0/security_groups {TOLD} +NetworkReady:InSync",
    ),
    "groups changed by somebody, warned only": (
        at_rest([InterfaceShape("eth0", "n1", security_groups=("g1",))], [{**LAST0, "securityGroups": ["g1"]}], OTHER_GROUPS, spec=WARN, **LESS),
        DRIFTED,
    ),
    "groups changed by somebody, not looked at": (
        at_rest([InterfaceShape("eth0", "n1", security_groups=("g1",))], [{**LAST0, "securityGroups": ["g1"]}], OTHER_GROUPS, spec=OFF, **LESS),
        SETTLED,
    ),
    "groups changed by somebody, ignored": (
        at_rest([InterfaceShape("eth0", "n1", security_groups=("g1",))], [{**LAST0, "securityGroups": ["g1"]}], OTHER_GROUPS, spec=IGNORED, **LESS),
        SETTLED,
    ),
    "groups changed by somebody, then wished otherwise": (
        at_rest([InterfaceShape("eth0", "n1", security_groups=("g3",))], [{**LAST0, "securityGroups": ["g1"]}], OTHER_GROUPS, spec=WARN, generation=2, **LESS),
        f"Rewire eth0/security_groups {TOLD} +NetworkReady:InSync",
    ),
    "a port that is seen no more": (at_rest([ETH0, ETH1], [LAST0, LAST1], ONE), "prove | Running"),
    "a port that is gone": (
        at_rest([ETH0, ETH1], [LAST0, LAST1], ONE, proven=True),
        f"Rewire eth1 {TOLD} +NetworkReady:InSync",
    ),
    "a port that is gone, warned only": (at_rest([ETH0, ETH1], [LAST0, LAST1], ONE, proven=True, spec=WARN), DRIFTED),
    "a port whose creation was lost": (
        at_rest([ETH0, ETH1], [LAST0], ONE, operation=operation(OperationType.UPDATE, "port/eth1"), outcome_open=True, **LESS),
        "prove | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "a port whose creation was lost, and not found yet": (
        at_rest([ETH0, ETH1], [LAST0], ONE, operation=operation(OperationType.UPDATE, "port/eth1"), outcome_open=True, proven=True, **LESS),
        "nothing | Running | +Ready:Verifying +Reconciling:Verifying",
    ),
    "a port whose creation was lost, and was not made": (
        at_rest([ETH0, ETH1], [LAST0], ONE, operation=operation(OperationType.UPDATE, "port/eth1"), outcome_open=True, proven=True, nothing_made=True, **LESS),
        f"Rewire eth1 {TOLD} +NetworkReady:InSync",
    ),
    "a floating IP wished": (
        at_rest([FLOATING], [LAST0], ONE, generation=2, **LESS),
        f"Rewire eth0/floating_pool {TOLD} +NetworkReady:InSync",
    ),
    "a floating IP as wished": (at_rest([FLOATING], [LAST_FLOATING], floats(), **FLOATS), SETTLED),
    "a floating IP taken off by somebody": (
        at_rest([FLOATING], [LAST_FLOATING], floats(pool="", address=""), **FLOATS),
        f"Rewire eth0/floating_pool {TOLD} +NetworkReady:InSync",
    ),
    "a floating IP taken off by somebody, warned only": (
        at_rest([FLOATING], [LAST_FLOATING], floats(pool="", address=""), spec=WARN, **FLOATS),
        DRIFTED,
    ),
    "a floating IP deleted by somebody": (
        at_rest([FLOATING], [LAST_FLOATING], ONE, **FLOATS),
        "prove | Running",
    ),
    "a floating IP proven to be deleted by somebody": (
        at_rest([FLOATING], [LAST_FLOATING], ONE, proven=True, **FLOATS),
        f"Rewire eth0/floating_pool {TOLD} +NetworkReady:InSync",
    ),
    "a floating IP wished no more": (
        at_rest([ETH0], [LAST_FLOATING], floats(), generation=2, **FLOATS),
        f"Rewire eth0/floating {TOLD} +NetworkReady:InSync",
    ),
    "a floating IP wished no more, and off already": (
        at_rest([ETH0], [LAST_FLOATING], floats(pool="", address=""), generation=2, **FLOATS),
        f"Rewire eth0/floating {TOLD} +NetworkReady:InSync",
    ),
    "a floating IP with its interface": (
        at_rest([ETH1], [LAST_FLOATING, LAST1], look(InterfaceShape("eth0", "n1", floating_pool="x", floating_address="203.0.113.5"), ETH1, parts=(FIP,)), generation=2, trace=trace(SERVER, PORT, PORT1, FIP)),
        f"Rewire eth0 eth0/floating {TOLD} +NetworkReady:InSync",
    ),
    "a floating IP of somebody else": (
        at_rest([ETH0], [LAST0], look(InterfaceShape("eth0", "n1", floating_address="203.0.113.9")), **LESS),
        SETTLED,
    ),
    "a floating IP by its address instead": (
        at_rest([GIVEN], [LAST_FLOATING], floats(), generation=2, **FLOATS),
        f"Rewire eth0/floating_address {TOLD} +NetworkReady:InSync",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_what_is_next_for_the_interfaces(name: str) -> None:
    case, row = ROWS[name]
    assert line(decide(case)) == row


def test_what_waits_and_what_drifted_is_named_as_the_spec_writes_it() -> None:
    web = [InterfaceShape("eth0", "n1", security_groups=("g1",))]
    waits = decide(at_rest(web, [LAST0], OTHER_GROUPS, generation=2, spec=FROZEN, **LESS))
    assert waits.status["pendingChanges"] == [
        {
            "path": "/network/interfaces/eth0/securityGroups",
            "from": "g2",
            "to": "g1",
            "disruption": "Live",
            "waitingFor": "MaxDisruption",
        }
    ]
    told = decide(at_rest([ETH0], [LAST0], LOOSE, spec=WARN, **LESS)).status["drift"]
    assert [(row["path"], row["wanted"], row["found"]) for row in told] == [
        ("/network/interfaces/eth0/plugged", "yes", "no")
    ]


def test_what_was_applied_last_is_kept_where_a_change_waits() -> None:
    last = [{**LAST0, "securityGroups": ["g2"]}, LAST1]
    web = InterfaceShape("eth0", "n1", ("10.0.0.9",), security_groups=("g1",))
    there = look(InterfaceShape("eth0", "n1", ("10.0.0.9",), security_groups=("g2",)), ETH1)
    waits = decide(at_rest([web, InterfaceShape("eth2", "n2")], last, there, generation=2, spec=FROZEN))
    assert waits.status["resolved"]["interfaces"] == [
        {"name": "eth0", "network": "n1", "addresses": ["10.0.0.9"], "securityGroups": ["g2"]},
        {"name": "eth1", "network": "n2"},
    ]
    done = decide(at_rest([web], last, look(web), **LESS))
    assert done.status["resolved"]["interfaces"] == [
        {"name": "eth0", "network": "n1", "addresses": ["10.0.0.9"], "securityGroups": ["g1"]}
    ]


def test_what_is_proven_gone_leaves_the_ledger() -> None:
    going = LedgerRow("port/eth1", "p2", RowState.DELETING)
    decision = decide(at_rest([ETH0], [LAST0, LAST1], ONE, proven=True, trace=trace(SERVER, PORT, going)))
    assert decision.forget == ("port/eth1",)
    assert line(decision) == SETTLED


def test_a_port_that_is_not_ours_to_delete_leaves_the_ledger_once_it_is_unplugged() -> None:
    theirs = LedgerRow("port/eth1", "p2", ownership=Ownership.REFERENCED)
    rows = trace(SERVER, PORT, theirs)
    plugged = decide(at_rest([ETH0], [LAST0, LAST1], BOTH, trace=rows))
    assert line(plugged).startswith("Rewire eth1")
    assert plugged.forget == ()
    loose = look(ETH0, InterfaceShape("eth1", "n2", plugged=False))
    assert decide(at_rest([ETH0], [LAST0, LAST1], loose, trace=rows)).forget == ("port/eth1",)


def test_drift_is_told_once() -> None:
    decision = decide(at_rest([ETH0], [LAST0], LOOSE, **LESS))
    assert [(note.reason, note.warning) for note in decision.notes] == [("DriftDetected", True)]
    assert decision.notes[0].message == "interface eth0 was unplugged by somebody else; plugged in again"
    added = decide(at_rest([ETH0, ETH1], [LAST0], ONE, generation=2, **LESS))
    assert added.notes == ()


def test_a_floating_ip_that_is_not_ours_is_in_the_ledger_while_it_is_wished() -> None:
    there = look(InterfaceShape("eth0", "n1", floating_address="203.0.113.7"))
    asked = decide(at_rest([GIVEN], [LAST0], there, generation=2, **LESS))
    assert line(asked) == SETTLED
    assert asked.adopt == (REFERENCED,)
    rows = trace(SERVER, PORT, REFERENCED)
    kept = floats(pool="", address="203.0.113.7", row=REFERENCED)
    assert decide(at_rest([GIVEN], [LAST0], kept, trace=rows)).forget == ()
    going = decide(at_rest([ETH0], [LAST0], kept, generation=2, trace=rows))
    assert line(going).startswith("Rewire eth0/floating |")
    assert going.forget == ()
    off = decide(at_rest([ETH0], [LAST0], floats(pool="", address="", row=REFERENCED), trace=rows))
    assert (line(off), off.forget) == (SETTLED, ("floatingip/eth0",))


def test_a_part_that_was_made_twice_goes_once_nothing_else_is_to_be_done() -> None:
    extra = LedgerRow("extra/f9", "f9")
    there = look(InterfaceShape("eth0", "n1", floating_pool="x", floating_address="203.0.113.5"), parts=(FIP, extra))
    decision = decide(at_rest([FLOATING], [LAST_FLOATING], there, trace=trace(SERVER, PORT, FIP, extra)))
    assert line(decision).startswith("Discard extra/f9=f9")
    assert [note.reason for note in decision.notes] == ["DuplicateFound"]


def test_a_floating_ip_is_named_as_the_spec_writes_it() -> None:
    told = decide(at_rest([FLOATING], [LAST_FLOATING], floats(pool="", address=""), spec=WARN, **FLOATS))
    assert [row["path"] for row in told.status["drift"]] == ["/network/interfaces/eth0/floatingIP/pool"]
    waits = decide(at_rest([ETH0], [LAST_FLOATING], floats(), generation=2, spec=FROZEN, **FLOATS))
    assert [(row["path"], row["from"]) for row in waits.status["pendingChanges"]] == [
        ("/network/interfaces/eth0/floatingIP", "203.0.113.5")
    ]
