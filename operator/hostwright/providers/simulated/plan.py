"""The next call, pure.

| verb                         | request            | repeat     | when everything stops right after it            |
|------------------------------|--------------------|------------|-------------------------------------------------|
| create_server                | POST machines      | Fenced     | one machine with our name and mark, in building |
| start, stop                  | POST …/start       | Idempotent | the machine at work on it, then on or off       |
| resize                       | POST …/resize      | Idempotent | the machine with its new size                   |
| rebuild                      | POST …/rebuild     | Intent     | the machine anew, with the word of it           |
| set_tag, set_metadata        | POST …/set-tag     | Idempotent | that entry set, all others as they were         |
| remove_tag, remove_metadata  | POST …/remove-tag  | Idempotent | that entry gone, all others as they were        |
| set_mark                     | POST …/set-mark    | Idempotent | the machine as it was, with mark and record     |
| remove_mark                  | POST …/remove-mark | Idempotent | the machine as it was, without mark and record  |
| delete_server                | POST …/delete      | Idempotent | the machine going, then gone                    |
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hostwright.core.errors import Bug, Failure, Transient
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Repeat, RowState, Trace, Wait
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
from hostwright.providers.simulated.rows import Hardware, Owner, Remake, Table
from hostwright.providers.simulated.translate import request

CREATE_SECONDS = 30.0
#: A deletion that was accepted and does not end is sent again after this long.
SEND_AGAIN = 30.0
#: Between the last byte of a reply, when its row is as fresh as can be, and the moment its receipt is counted from.
STAMPING = 0.05
SERVER = "server"


@dataclass(frozen=True, slots=True)
class On:
    """What a call acts on: a machine, and what it gets."""

    id: str
    table: Table = Table.TAGS
    key: str = ""
    value: str = ""
    owner: Owner | None = None
    size: Hardware | None = None
    remake: Remake | None = None


def plan(step: Step, trace: Trace, wanted: Wanted | None, look: Look, memory: Memory) -> Call | Wait | Done | Failure:
    found = look.found if isinstance(look, Present) else None
    as_of = look.as_of
    match step:
        case Create():
            return _create(trace, wanted, found)
        case SetPower(power=power):
            return _power(power, found, as_of, memory)
        case Update():
            return _update(step, wanted, found, as_of, memory)
        case Resize():
            return _resize(step, wanted, found, as_of, memory)
        case Rebuild():
            return _rebuild(step, wanted, found, as_of, memory)
        case ConfirmResize():
            return Done()  # a resize is whole with its call
        case Inquire():
            return Transient(f"the {step.action} did not reach the site: it is asked for again")
        case Rewire():
            raise TypeError("interfaces are not in what a simulated site supports")
        case BringDisks():
            raise Bug("a machine with disks of its own is not resolved here")
        case Mark(row=row):
            return _mark(row, trace, found, as_of, memory)
        case Delete():
            return _delete(trace, found, as_of, memory)
        case Discard(row=row):
            return _remove(row, found, as_of, memory) or Done()
        case Release():
            return _release(step, found, as_of, memory)


def _create(trace: Trace, wanted: Wanted | None, found: Found | None) -> Call | Wait | Done:
    if found is None:
        if wanted is None:
            raise TypeError("a machine is made from a resolved spec")
        return Call(
            verb="create_server",
            expect=SERVER,
            repeat=Repeat.FENCED,
            arguments=request(wanted, trace),
            deadline=CREATE_SECONDS,
            message=f"creating machine {trace.name}",
        )
    if found.life is Life.STEADY:
        return Done()
    return Wait({Life.BUILDING: "the site builds the machine"}.get(found.life, found.message or "the site is at work"))


def _power(power: Power, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | Done:
    if found is None:
        return Wait("the machine is not seen")
    if found.life is not Life.STEADY or _stale(SERVER, as_of, memory):
        return Wait(found.message or "the site is at work on the machine")
    if found.shape.power is power:
        return Done()
    verb = "start" if power is Power.ON else "stop"
    return Call(verb, SERVER, Repeat.IDEMPOTENT, On(found.id), message=f"{verb} the machine")


def _resize(
    step: Resize, wanted: Wanted | None, found: Found | None, as_of: float, memory: Memory
) -> Call | Wait | Done:
    if found is None or wanted is None:
        return Wait("the machine is not seen")
    if found.life is not Life.STEADY or _stale(SERVER, as_of, memory):
        return Wait(found.message or "the site is at work on the machine")
    if found.shape.size == step.size:
        return Done()
    size = Hardware(cpu=wanted.extra.cpu, memory_mib=wanted.extra.memory_mib)
    return Call(
        "resize", SERVER, Repeat.IDEMPOTENT, On(found.id, size=size), message=f"resizing the machine to {step.size}"
    )


def _rebuild(
    step: Rebuild, wanted: Wanted | None, found: Found | None, as_of: float, memory: Memory
) -> Call | Wait | Done:
    if found is None or wanted is None:
        return Wait("the machine is not seen")
    if found.life is not Life.STEADY or _stale(SERVER, as_of, memory):
        return Wait(found.message or "the site is at work on the machine")
    if found.rebuilt == step.word:
        return Done()
    on = On(found.id, remake=Remake(image=step.image, word=step.word, ssh_keys=wanted.extra.ssh_keys))
    text = f"rebuilding the machine from image {step.image}"
    return Call("rebuild", SERVER, Repeat.INTENT, on, destructive=True, message=text)


def _update(
    step: Update, wanted: Wanted | None, found: Found | None, as_of: float, memory: Memory
) -> Call | Wait | Done:
    if found is None or wanted is None:
        return Wait("the machine is not seen")
    if _stale(SERVER, as_of, memory):
        return Wait("the change was sent")
    tables: tuple[tuple[str, Table, str, Mapping[str, str], Mapping[str, str], tuple[str, ...]], ...] = (
        ("/tags", Table.TAGS, "tag", wanted.shape.tags, found.shape.tags, step.drop_tags),
        ("/metadata", Table.METADATA, "metadata", wanted.shape.metadata, found.shape.metadata, step.drop_metadata),
    )
    for path, table, word, want, have, drop in tables:
        for key, value in sorted(want.items()):
            if step.names(path, key) and have.get(key) != value:
                on = On(found.id, table, key, value)
                return Call(f"set_{word}", SERVER, Repeat.IDEMPOTENT, on, message=f"setting {word} {key}")
        for key in drop:
            if key in have and key not in want:
                on = On(found.id, table, key)
                return Call(f"remove_{word}", SERVER, Repeat.IDEMPOTENT, on, message=f"removing {word} {key}")
    return Done()


def _mark(row: LedgerRow, trace: Trace, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | Done:
    if found is None or all(bare.id != row.id for bare in found.unmarked):
        return Done()
    if _stale(SERVER, as_of, memory):
        return Wait("the mark was put back")
    owner = Owner(mark=trace.mark, namespace=trace.namespace, object_name=trace.object_name)
    return Call("set_mark", SERVER, Repeat.IDEMPOTENT, On(row.id, owner=owner), message=f"set mark of machine {row.id}")


def _delete(trace: Trace, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | Done:
    """By the ledger; when nothing of it is seen any more, only `prove` can say that it is gone."""
    waits: Wait | None = None
    for row in trace.ledger:
        if row.ownership is Ownership.REFERENCED:
            continue
        match _remove(row, found, as_of, memory):
            case Call() as call:
                return call
            case Wait() as wait:
                waits = wait
    return waits or Done()


def _remove(row: LedgerRow, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | None:
    """None: it is not seen."""
    if found is None or row.id not in _seen(found):
        return None
    sent = memory.receipts.get(row.name, float("-inf"))
    going = _seen(found)[row.id] is Life.DELETING or row.state is RowState.DELETING
    if going and as_of - sent <= SEND_AGAIN:
        return Wait("the site deletes the machine")
    if _stale(row.name, as_of, memory):
        return Wait("the deletion was sent")
    return Call(
        "delete_server",
        row.name,
        Repeat.IDEMPOTENT,
        On(row.id),
        destructive=True,
        message=f"deleting machine {row.id}",
        row=row,
    )


def _release(step: Release, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | Done:
    """Every machine of ours that bears our mark, one after the other."""
    if found is None:
        return Done()
    if _stale(SERVER, as_of, memory):
        return Wait("the mark's removal was sent")
    for twin in found.twins:
        if twin.life is not Life.DELETING and twin.id not in step.spare:
            return Call("remove_mark", SERVER, Repeat.IDEMPOTENT, On(twin.id), message=f"releasing machine {twin.id}")
    return Done()


def _seen(found: Found) -> Mapping[str, Life]:
    """How every machine that is there lives. A part that is neither the machine nor marked is taken as standing."""
    others = {part.id: Life.STEADY for part in found.parts}
    return {**others, **{twin.id: twin.life for twin in found.twins}, found.id: found.life}


def _stale(row: str, as_of: float, memory: Memory) -> bool:
    """Whether what we see of the row may be from before our last call on it."""
    return as_of + STAMPING < memory.receipts.get(row, float("-inf"))
