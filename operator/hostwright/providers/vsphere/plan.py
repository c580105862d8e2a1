"""The next call, pure.

| verb             | request                       | repeat     | when everything stops right after it                |
|------------------|-------------------------------|------------|-----------------------------------------------------|
| create_server    | CloneVM_Task, all in one spec | Fenced     | a task, then the machine with its mark, off; the    |
|                  |                               |            | second of a name in a folder: DuplicateName         |
| await_clone      | none: its task is read        | Idempotent | what was there before                               |
| power_on         | PowerOnVM_Task                | Idempotent | on; again: InvalidPowerState                        |
| power_off        | PowerOffVM_Task               | Idempotent | off; again: InvalidPowerState                       |
| shutdown_guest   | ShutdownGuest                 | Idempotent | the guest goes down by itself, or never             |
| set_tag          | SetField                      | Idempotent | that custom attribute set, all others as they were  |
| define_tag       | AddCustomFieldDef             | Idempotent | the attribute may be set on every machine           |
| remove_tag       | SetField, empty               | Idempotent | that attribute off this machine                     |
| set_metadata …   | ReconfigVM_Task, extraConfig  | Idempotent | those options set or gone, all others as they were  |
| set_mark …       | ReconfigVM_Task, extraConfig  | Idempotent | the mark and the record put back, or taken off      |
| delete_server    | Destroy_Task                  | Idempotent | the machine gone; while it is on: InvalidPowerState |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hostwright.core.errors import Bug
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Repeat, Trace, Wait
from hostwright.kinds.virtualmachine.port import (
    BringDisks,
    ConfirmResize,
    Create,
    Delete,
    Discard,
    Found,
    Inquire,
    Life,
    Look,
    Mark,
    Memory,
    Power,
    Rebuild,
    Release,
    Resize,
    Rewire,
    SetPower,
    Step,
    Update,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import PowerOffMode
from hostwright.providers.vsphere import translate
from hostwright.providers.vsphere.rows import Act, DefineAttribute, Place, Reconfigure, Request, SetAttribute

CREATE_SECONDS = 30.0
#: Between the answer that carried a row and the moment its receipt is counted from.
STAMPING = 0.05
SERVER = "server"
#: Characters that status.operation.expect holds.
LONGEST = 512


@dataclass(frozen=True, slots=True)
class NewMachine:
    wanted: Wanted
    trace: Trace


@dataclass(frozen=True, slots=True)
class Begun:
    """A clone whose task has ended, and whose machine is not seen."""

    trace: Trace


@dataclass(frozen=True, slots=True)
class Known:
    """What the session knows beside the look."""

    on: frozenset[str] = frozenset()  # ids of this machine's that are not off
    tools: frozenset[str] = frozenset()  # of those, where VMware Tools run
    defined: frozenset[str] = frozenset()  # custom attributes that the vCenter has
    asked: Mapping[str, float] = field(default_factory=dict)  # id → when its guest was asked to go down, monotonic
    pinned: Place | None = None  # the folder that the open creation was announced for


def plan(
    step: Step, trace: Trace, wanted: Wanted | None, look: Look, memory: Memory, known: Known
) -> Call | Wait | Done:
    found = look.found if isinstance(look, Present) else None
    as_of = look.as_of
    match step:
        case Create():
            return _create(trace, wanted, found, as_of, memory, known)
        case SetPower(power=power):
            return _power(power, wanted, found, as_of, memory, known)
        case Update():
            return _update(step, wanted, found, as_of, memory, known)
        case Resize() | ConfirmResize() | Rebuild() | Inquire():
            return Done()  # no change of size or image is supported here yet, so that none is asked for
        case Rewire():
            raise TypeError("interfaces are not in what vSphere supports")
        case BringDisks():
            raise Bug("a machine with disks of its own is not resolved here")
        case Mark(row=row):
            return _mark(row, trace, found, as_of, memory)
        case Delete():
            return _delete(trace, found, as_of, memory, known)
        case Discard(row=row):
            return _remove(row, found, as_of, memory, known) or Done()
        case Release():
            return _release(step, found, as_of, memory)


def _create(
    trace: Trace, wanted: Wanted | None, found: Found | None, as_of: float, memory: Memory, known: Known
) -> Call | Wait | Done:
    """The clone is whole when it is seen; it is then switched on and given its attributes."""
    if wanted is None:
        raise TypeError("a machine is made from a resolved spec")
    if found is None and trace.row(SERVER) is not None:  # made, and not seen: never a second one
        return Wait("vCenter has made the machine")
    if found is None and trace.task:
        return Call("await_clone", SERVER, Repeat.IDEMPOTENT, Begun(trace), message="asking what came of the clone")
    if found is None:
        return _clone(trace, wanted, known.pinned)
    if found.life is not Life.STEADY:
        return Wait(found.message or "vCenter clones the template")
    if wanted.shape.power is Power.ON and found.shape.power is Power.OFF:
        return _power(Power.ON, wanted, found, as_of, memory, known)
    tagged = _update(Update(("/tags",)), wanted, found, as_of, memory, known)
    if not isinstance(tagged, Done) or wanted.shape.power is not Power.ON or found.internal_addresses:
        return tagged
    return Wait("the guest boots")


def _clone(trace: Trace, wanted: Wanted, pinned: Place | None) -> Call:
    """Every attempt of one creation comes to the same path, whatever the Provider says since: the path is the fence."""
    folder = pinned or wanted.extra.folder
    new = NewMachine(replace(wanted, extra=replace(wanted.extra, folder=folder)), trace)
    place = f"{folder.path}/{trace.name}"
    return Call(
        "create_server",
        SERVER,
        Repeat.FENCED,
        new,
        deadline=CREATE_SECONDS,
        message=f"cloning machine {trace.name}",
        place=place if len(place) <= LONGEST else "",
    )


def _power(
    power: Power, wanted: Wanted | None, found: Found | None, as_of: float, memory: Memory, known: Known
) -> Call | Wait | Done:
    if found is None or wanted is None:
        return Wait("the machine is not seen")
    if found.life is not Life.STEADY or _stale(SERVER, as_of, memory):
        return Wait(found.message or "vCenter is at work on the machine")
    if found.shape.power is power:
        return Done()
    if power is Power.ON:
        return _call("power_on", Act(found.id, "PowerOnVM_Task"), "powering on")
    return _off(wanted, found, as_of, known)


def _off(wanted: Wanted, found: Found, as_of: float, known: Known) -> Call | Wait:
    """By the guest while it can be asked; by the switch where that is allowed, and when it did not help in time."""
    mode, asked = wanted.extra.power_off, known.asked.get(found.id)
    hard = _call("power_off", Act(found.id, "PowerOffVM_Task"), "powering off")
    if mode is PowerOffMode.HARD:
        return hard
    if asked is not None and as_of < asked + wanted.extra.power_off_seconds:
        return Wait("the guest goes down")
    if found.id in known.tools and asked is None:
        return _call("shutdown_guest", Act(found.id, "ShutdownGuest"), "asking the guest to go down")
    if mode is PowerOffMode.TRY_SOFT:
        return hard
    return Wait("the guest was asked to go down" if asked else "VMware Tools do not run, so the guest cannot be asked")


def _update(
    step: Update, wanted: Wanted | None, found: Found | None, as_of: float, memory: Memory, known: Known
) -> Call | Wait | Done:
    if found is None or wanted is None:
        return Wait("the machine is not seen")
    if _stale(SERVER, as_of, memory):
        return Wait("the change was sent")
    have, want = found.shape, wanted.shape
    for key, value in sorted(want.tags.items()):
        if step.names("/tags", key) and have.tags.get(key) != value:
            if key not in known.defined:
                return _call("define_tag", DefineAttribute(found.id, key), f"defining the custom attribute {key}")
            return _call("set_tag", SetAttribute(found.id, key, value), f"setting tag {key}")
    for key in step.drop_tags:
        if key in have.tags and key not in want.tags:
            return _call("remove_tag", SetAttribute(found.id, key, ""), f"removing tag {key}")
    changed = {
        key: value
        for key, value in want.metadata.items()
        if step.names("/metadata", key) and have.metadata.get(key) != value
    }
    if changed:
        return _call("set_metadata", Reconfigure(found.id, changed), "setting extraConfig")
    dropped = {key: "" for key in step.drop_metadata if key in have.metadata and key not in want.metadata}
    return _call("remove_metadata", Reconfigure(found.id, dropped), "removing extraConfig") if dropped else Done()


def _mark(row: LedgerRow, trace: Trace, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | Done:
    if found is None or all(bare.id != row.id for bare in found.unmarked):
        return Done()
    if _stale(row.name, as_of, memory):
        return Wait("the mark was sent")
    return _call("set_mark", Reconfigure(row.id, translate.mark(trace)), "putting the owner mark back")


def _delete(trace: Trace, found: Found | None, as_of: float, memory: Memory, known: Known) -> Call | Wait | Done:
    """By the ledger; when nothing of it is seen any more, only `prove` can say that it is gone."""
    waits: Wait | None = None
    for row in trace.ledger:
        if row.ownership is Ownership.REFERENCED:
            continue
        match _remove(row, found, as_of, memory, known):
            case Call() as call:
                return call
            case Wait() as wait:
                waits = wait
    return waits or Done()


def _remove(row: LedgerRow, found: Found | None, as_of: float, memory: Memory, known: Known) -> Call | Wait | None:
    """Off, then away; None: it is not seen."""
    if found is None or row.id not in {*(part.id for part in found.parts), *(twin.id for twin in found.twins)}:
        return None
    if _stale(row.name, as_of, memory):
        return Wait("vCenter is at work on the machine")
    verb, method, text = (
        ("power_off", "PowerOffVM_Task", "powering off")
        if row.id in known.on
        else ("delete_server", "Destroy_Task", "deleting")
    )
    request = Act(row.id, method)
    message = f"{text} machine {row.id}"
    return Call(verb, row.name, Repeat.IDEMPOTENT, request, destructive=True, message=message, row=row)


def _release(step: Release, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | Done:
    """Every machine of ours that bears our mark, one after the other."""
    if found is None:
        return Done()
    if _stale(SERVER, as_of, memory):
        return Wait("the mark's removal was sent")
    for twin in found.twins:
        if twin.id not in step.spare:
            return _call("remove_mark", Reconfigure(twin.id, translate.NO_MARK), f"releasing machine {twin.id}")
    return Done()


def _call(verb: str, request: Request, message: str) -> Call:
    return Call(verb, SERVER, Repeat.IDEMPOTENT, request, message=message)


def _stale(row: str, as_of: float, memory: Memory) -> bool:
    """Whether what we see of the row may be from before our last call on it."""
    return as_of + STAMPING < memory.receipts.get(row, float("-inf"))
