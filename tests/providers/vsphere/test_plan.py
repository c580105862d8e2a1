"""The next call, as a table."""

from dataclasses import replace
from typing import Any

import pytest
from tests.providers.vsphere.samples import LISTED, TRACE, machine, off, present, wanted

from hostwright.core.port import Call, Done, LedgerRow, Missing, Ownership, Repeat, Wait
from hostwright.kinds.virtualmachine.port import (
    Create,
    Delete,
    Discard,
    Mark,
    Memory,
    Power,
    Release,
    SetPower,
    Step,
    Update,
)
from hostwright.providers.vsphere.plan import Known, plan
from hostwright.providers.vsphere.rows import ON, Act, DefineAttribute, Machine, Reconfigure, SetAttribute

FRESH = Memory(receipts={"server": 90.0})
TOUCHED = Memory(receipts={"server": 110.0})
NOTHING = Missing(100.0)
ROW = LedgerRow("server", "vm-9")


def known(*machines: Machine, defined: tuple[str, ...] = ("team",), **asked: float) -> Known:
    on = frozenset(row.id for row in machines if row.power == ON)
    tools = frozenset(row.id for row in machines if row.tools)
    return Known(on, tools, frozenset(defined), {item.replace("_", "-"): at for item, at in asked.items()})


def verb(step: Step, *machines: Machine, wish: Any = None, memory: Memory = FRESH, knows: Known | None = None) -> str:
    look = present(*machines) if machines else NOTHING
    trace = LISTED if machines else TRACE
    answer = plan(step, trace, wish or wanted(tags={"team": "a"}), look, memory, knows or known(*machines))
    return answer.verb if isinstance(answer, Call) else type(answer).__name__


tagged = machine(attributes={"team": "a"})
off_tagged = off(attributes={"team": "a"})


@pytest.mark.parametrize(
    ("step", "machines", "expected"),
    [
        (Create(), (), "create_server"),
        (Create(), (off(),), "power_on"),
        (Create(), (machine(),), "set_tag"),
        (Create(), (replace(tagged, addresses={}),), "Wait"),
        (Create(), (tagged,), "Done"),
        (Create(), (replace(tagged, configured=False),), "Wait"),
        (SetPower(Power.ON), (off(),), "power_on"),
        (SetPower(Power.ON), (machine(),), "Done"),
        (SetPower(Power.OFF), (machine(),), "shutdown_guest"),
        (SetPower(Power.OFF), (replace(machine(), tools=False),), "power_off"),
        (SetPower(Power.OFF), (off(),), "Done"),
        (SetPower(Power.OFF), (replace(machine(), power="suspended"),), "Wait"),
        (Mark(ROW), (machine(options={"hostwright.mark": ""}),), "set_mark"),
        (Mark(ROW), (machine(),), "Done"),
        (Delete(), (machine(),), "power_off"),
        (Delete(), (off(),), "delete_server"),
        (Delete(), (replace(machine(), power="suspended"),), "delete_server"),
        (Discard(ROW), (off(),), "delete_server"),
        (Discard(LedgerRow("server", "vm-404")), (off(),), "Done"),
        (Release(), (machine(),), "remove_mark"),
    ],
)
def test_one_call_brings_the_step_forward(step: Step, machines: tuple[Machine, ...], expected: str) -> None:
    assert verb(step, *machines) == expected


@pytest.mark.parametrize("step", [SetPower(Power.OFF), Update(("/tags",)), Delete(), Release(), SetPower(Power.ON)])
def test_nothing_is_sent_on_what_was_seen_before_our_last_call(step: Step) -> None:
    assert verb(step, machine(), memory=TOUCHED) == "Wait"


def test_a_clone_is_fenced_and_says_all_at_once() -> None:
    call = plan(Create(), TRACE, wanted(), NOTHING, FRESH, Known())
    assert isinstance(call, Call)
    assert (call.repeat, call.expect, call.deadline) == (Repeat.FENCED, "server", 30.0)


def test_what_was_made_and_is_not_seen_is_not_made_again() -> None:
    assert isinstance(plan(Create(), LISTED, wanted(), NOTHING, FRESH, Known()), Wait)


@pytest.mark.parametrize(
    ("mode", "tools", "asked", "expected"),
    [
        ("Hard", True, None, "power_off"),
        ("TrySoft", True, 95.0, "Wait"),
        ("TrySoft", True, 100.0 - 181.0, "power_off"),
        ("TrySoft", False, None, "power_off"),
        ("Soft", True, None, "shutdown_guest"),
        ("Soft", True, 100.0 - 181.0, "Wait"),
        ("Soft", False, None, "Wait"),
    ],
)
def test_power_off_by_mode(mode: str, tools: bool, asked: float | None, expected: str) -> None:
    row = replace(machine(), tools=tools)
    knows = known(row, **({"vm_9": asked} if asked is not None else {}))
    assert verb(SetPower(Power.OFF), row, wish=wanted(powerOffMode=mode), knows=knows) == expected


def test_an_attribute_is_defined_before_it_is_set_and_taken_off_by_an_empty_value() -> None:
    wish = wanted(tags={"tier": "web"})
    row = machine(attributes={"team": "a", "theirs": "x"})
    step = Update(("/tags",), drop_tags=("team", "never-there"))
    first = plan(step, LISTED, wish, present(row), FRESH, known(row))
    assert isinstance(first, Call)
    assert first.arguments == DefineAttribute("vm-9", "tier")
    then = plan(step, LISTED, wish, present(row), FRESH, known(row, defined=("team", "tier")))
    assert isinstance(then, Call)
    assert then.arguments == SetAttribute("vm-9", "tier", "web")
    row = replace(row, attributes={"team": "a", "tier": "web", "theirs": "x"})
    last = plan(step, LISTED, wish, present(row), FRESH, known(row))
    assert isinstance(last, Call)
    assert last.arguments == SetAttribute("vm-9", "team", "")


def test_options_of_others_stay() -> None:
    wish = wanted(vsphere={"extraConfig": {"a.b": "1"}})
    row = machine(options={"old": "z", "theirs": "x"})
    step = Update(("/metadata",), drop_metadata=("old",))
    change = plan(step, LISTED, wish, present(row), FRESH, known(row))
    assert isinstance(change, Call)
    assert change.arguments == Reconfigure("vm-9", {"a.b": "1"})
    row = machine(options={"a.b": "1", "old": "z", "theirs": "x"})
    drop = plan(step, LISTED, wish, present(row), FRESH, known(row))
    assert isinstance(drop, Call)
    assert drop.arguments == Reconfigure("vm-9", {"old": ""})


def test_deletion_is_by_the_ledger_only() -> None:
    stranger = replace(machine(), id="vm-77", name="a-copy")
    ours = off()
    call = plan(Delete(), LISTED, None, present(stranger, ours), FRESH, known(stranger, ours))
    assert isinstance(call, Call)
    assert (call.arguments, call.destructive, call.row) == (Act("vm-9", "Destroy_Task"), True, ROW)
    kept = replace(LISTED, ledger=(replace(ROW, ownership=Ownership.REFERENCED),))
    assert isinstance(plan(Delete(), kept, None, present(ours, trace=kept), FRESH, known(ours)), Done)
