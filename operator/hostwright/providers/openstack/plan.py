"""The next call, pure.

| verb          | request                      | repeat     | when everything stops right after it              |
|---------------|------------------------------|------------|---------------------------------------------------|
| create_port   | POST ports, MAC of ours      | Fenced     | one port with our mark; a second POST answers 409 |
| create_port   | POST ports, MAC not allowed  | Intent     | one port; a hasty second POST would make another  |
| create_port   | POST ports, at rest          | Intent     | one port, which is found by its mark, unplugged   |
| update_port   | PUT port                     | Idempotent | its addresses and groups as wished                |
| detach_port   | DELETE os-interface          | Idempotent | Nova unplugs the port; again: 202 or 404          |
| delete_port   | DELETE port                  | Idempotent | the port gone                                     |
| create_server | POST servers, our ports      | Intent     | one server in BUILD that owns the ports           |
| attach_port   | POST os-interface            | Idempotent | the port plugged in; again: 400/409 "in use"      |
| start, stop   | POST action                  | Idempotent | Nova at work; again: 409 "already"                |
| suspend, res… | POST action                  | Idempotent | Nova at work; again: 409 "while it is in vm_state"|
| resize        | POST action resize           | Intent     | Nova at work, then VERIFY_RESIZE, or as it was    |
| confirm_resi… | POST action confirmResize    | Idempotent | Nova at work; again: 400 "has not been resized"   |
| rebuild       | POST action rebuild          | Intent     | Nova at work; the word of it in the metadata      |
| ask_actions   | GET os-instance-actions      | Read       | nothing changed: what became of a resize          |
| create_volume | POST volumes               | Intent     | one volume with our mark; a second POST makes another |
| attach_volume | POST volume attachment     | Idempotent | Nova attaches it; again: 400/409 "already attached" |
| detach_volume | DELETE volume attachment   | Idempotent | Nova detaches it; again: 404 or 409               |
| extend_volume | POST action os-extend      | Idempotent | Cinder grows it; again: 400 "must be greater"     |
| delete_volume | DELETE volume              | Idempotent | Cinder deletes it; again: 404                     |
| set_tag …     | PUT/DELETE of one tag or key | Idempotent | that entry set or gone, all others as they were   |
| delete_server | DELETE server                | Idempotent | Nova deletes it; its ports stay, unplugged        |
| keep_volume   | PUT volume attachment        | Idempotent | Nova deletes the server without it, after an import |
| force_delete… | POST action forceDelete      | Idempotent | a SOFT_DELETED server gone (decisions/0013)       |
| create_float… | POST floatingips, on a port  | Intent     | one floating IP on that port; again: 409          |
| find_floating | GET floatingips              | Idempotent | all as it was                                     |
| associate     | PUT floatingip, not ours     | Intent     | it on our port, and in the ledger as not ours     |
| associate     | PUT floatingip, ours         | Idempotent | it on our port; if another has it by then: not    |
| disassociate  | PUT floatingip, not ours     | Idempotent | it on no port; if another has it by then: not     |
| delete_float… | DELETE floatingip            | Idempotent | it gone                                           |
| set_mark      | PUT tag, PUT port or the like | Idempotent | that thing as it was, with our mark              |
| remove_mark … | DELETE tag, PUT port …       | Idempotent | that thing as it was, without our mark            |
"""

from typing import Any
from urllib.parse import quote

from hostwright.core.errors import Failure, VolumesNotKept
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Repeat, RowState, Trace, Wait
from hostwright.kinds.virtualmachine.port import (
    ROOT,
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
from hostwright.providers.openstack import plan_change, plan_volumes, translate
from hostwright.providers.openstack.calls import CREATE_SECONDS, SEND_AGAIN, SERVER, Fence, NewServer, On, stale
from hostwright.providers.openstack.plan_floating import let_go
from hostwright.providers.openstack.plan_network import create_port, delete_part, plug_in, rewire
from hostwright.providers.openstack.rows import REBUILT, RECORD_NAME, RECORD_NAMESPACE, Part


def plan(
    step: Step, trace: Trace, wanted: Wanted | None, look: Look, memory: Memory, fence: Fence
) -> Call | Wait | Done | Failure:
    found = look.found if isinstance(look, Present) else None
    match step:
        case Create():
            return _create(trace, wanted, found, memory, fence)
        case SetPower(power=power):
            return _power(power, found, look.as_of, memory)
        case Update():
            return _update(step, wanted, found, look.as_of, memory)
        case Resize() | ConfirmResize() | Rebuild() | Inquire():
            return plan_change.plan(step, trace, wanted, found, look.as_of, memory)
        case Rewire():
            return rewire(step, trace, wanted, found, memory, fence)
        case BringDisks():
            return plan_volumes.bring(step, trace, wanted, found, memory, fence)
        case Mark(row=row):
            return _mark(row, trace, found, look.as_of, memory, fence)
        case Delete(keep=keep):
            return _delete(trace, found, look.as_of, memory, fence, keep)
        case Discard(row=row):
            return _discard(row, found, look.as_of, memory, fence)
        case Release():
            return _release(step, trace, found, memory, fence)


def _create(
    trace: Trace, wanted: Wanted | None, found: Found | None, memory: Memory, fence: Fence
) -> Call | Wait | Done | Failure:
    if wanted is None:
        raise TypeError("a machine is made from a resolved spec")
    there = {part.name: part.id for part in found.parts} if found else {}
    if found is not None and found.life is Life.STEADY:
        return plug_in(found, memory, fence)
    if SERVER in there and found is not None:
        # One wording for the whole build: Nova's changing task would cost a status write each time.
        return Wait("Nova builds the server" if found.life is Life.BUILDING else found.message or "Nova is at work")
    if trace.row(SERVER) is not None:  # made, and not seen yet: never a second one
        return Wait("Nova has accepted the server")
    # Fenced ports first: the first of them makes the whole machine fenced.
    for interface in sorted(wanted.shape.interfaces, key=lambda item: item.network in fence.unfenced):
        if f"port/{interface.name}" not in there:
            return create_port(trace, wanted, interface, fence)
    for row in (*trace.ledger, *(found.parts if found else ())):
        if row.name == f"extra/{row.id}" and row.id in there.values() and row.id not in _servers(found, fence):
            return _delete_part(row, memory, fence)
    disks = plan_volumes.before_server(trace, wanted, found, fence)
    if disks is not None:
        return disks
    if wanted.shape.group and not wanted.extra.group:  # lost since this one was begun; never made outside of it
        return Wait(f"group {wanted.shape.group} is being made")
    volumes = tuple(there[f"volume/{disk.name}"] for disk in plan_volumes.new_disks(wanted))
    ports = tuple(there[f"port/{interface.name}"] for interface in wanted.shape.interfaces)
    return Call(
        "create_server",
        SERVER,
        Repeat.INTENT,
        NewServer(wanted, trace, ports, volumes),
        deadline=CREATE_SECONDS,
        message=f"creating server {trace.name}",
    )


#: A change of power that came to nothing is asked for again after so many seconds.
POWER_AGAIN = 300.0
#: Every way leads over ACTIVE: from there to a power state, and back from it.
_TO = {
    Power.OFF: ("stop", "os-stop"),
    Power.SUSPENDED: ("suspend", "suspend"),
}
_FROM = {
    Power.OFF: ("start", "os-start"),
    Power.SUSPENDED: ("resume", "resume"),
}


def _power(power: Power, found: Found | None, as_of: float, memory: Memory) -> Call | Wait | Done:
    if found is None:
        return Wait("the server is not seen")
    if found.life is not Life.STEADY or stale(SERVER, as_of, memory):
        return Wait(found.message or "Nova is at work")
    if found.shape.power is power:
        return Done()
    if found.power_failed and as_of - memory.receipts.get(SERVER, float("-inf")) <= POWER_AGAIN:
        return Wait(found.power_failed)
    rests = found.shape.power or Power.ON
    verb, request = _TO[power] if rests is Power.ON else _FROM[rests]
    on = On(found.id, "compute", "POST", f"/servers/{found.id}/action", {request: None})
    return Call(verb, SERVER, Repeat.IDEMPOTENT, on, message=f"{verb} the server")


def _update(
    step: Update, wanted: Wanted | None, found: Found | None, as_of: float, memory: Memory
) -> Call | Wait | Done:
    if found is None or wanted is None:
        return Wait("the server is not seen")
    if stale(SERVER, as_of, memory):
        return Wait("the change was sent")
    base, have, want = f"/servers/{found.id}", found.shape, wanted.shape
    for key, value in sorted(want.tags.items()):
        if step.names("/tags", key):
            held = translate.values(have.tags.get(key))
            for old in held:
                if old != value:  # another value of the key is another tag for Nova
                    return _entry("remove_tag", found.id, "DELETE", _tag(base, key, old))
            if not held:
                return _entry("set_tag", found.id, "PUT", _tag(base, key, value))
    for key in step.drop_tags:
        for old in translate.values(have.tags.get(key)) if key not in want.tags else ():
            return _entry("remove_tag", found.id, "DELETE", _tag(base, key, old))
    changed = {
        key: value
        for key, value in want.metadata.items()
        if step.names("/metadata", key) and have.metadata.get(key) != value
    }
    if changed:
        return _entry("set_metadata", found.id, "POST", f"{base}/metadata", {"metadata": changed})
    for key in step.drop_metadata:
        if key in have.metadata and key not in want.metadata:
            return _entry("remove_metadata", found.id, "DELETE", f"{base}/metadata/{quote(key)}")
    return Done()


def _mark(
    row: LedgerRow, trace: Trace, found: Found | None, as_of: float, memory: Memory, fence: Fence
) -> Call | Wait | Done:
    if found is None or all(bare.id != row.id for bare in found.unmarked):
        return Done()
    if row.name == SERVER:
        if stale(SERVER, as_of, memory):
            return Wait("the mark was put back")
        return _entry("set_mark", row.id, "PUT", f"/servers/{row.id}/tags/{quote(trace.mark)}")
    if (volume := fence.volumes.get(row.id)) is not None:
        return plan_volumes.mark(row, trace, volume)
    on = _described(row.id, trace.mark, fence)
    return Call("set_mark", row.name, Repeat.IDEMPOTENT, on, message=f"set mark of {row.name}")


def _tag(base: str, key: str, value: str) -> str:
    return f"{base}/tags/{quote(f'{key}={value}', safe='')}"


def _entry(verb: str, server: str, method: str, path: str, body: Any = None) -> Call:
    return Call(
        verb, SERVER, Repeat.IDEMPOTENT, On(server, "compute", method, path, body), message=verb.replace("_", " ")
    )


def _servers(found: Found | None, fence: Fence) -> set[str]:
    """Ids that are servers': what is not here is a port."""
    shown = {twin.id for twin in found.twins} | ({found.id} if found.id else set()) if found else set()
    return shown | fence.servers


def _delete(
    trace: Trace, found: Found | None, as_of: float, memory: Memory, fence: Fence, keep: frozenset[str]
) -> Call | Wait | Done | Failure:
    """By the ledger, what holds others first; when nothing of it is seen any more, only `prove` can judge."""
    lost = _lost_with_it(trace, fence, keep)
    if lost is not None:
        return lost
    seen = {part.id for part in found.parts} | {twin.id for twin in found.twins} if found else set()
    servers = _servers(found, fence)
    rows = [row for row in trace.ledger if row.ownership is not Ownership.REFERENCED and row.id in seen]
    for row in trace.ledger:  # before the server and its ports, while they are still told apart from another's
        if row.name.startswith(f"{Part.FLOATING_IP}/"):
            port = fence.floating[row.id].port if row.id in fence.floating else ""
            match let_go(row, port if port in fence.ports else "", memory, fence):
                case Call() | Wait() as next_:
                    return next_
    held = False
    for row in rows:
        if row.id in servers:
            held = True
            match _keep_volumes(row, trace, as_of, memory, fence, keep) or _remove_server(
                row, found, as_of, memory, fence
            ):
                case Call() as call:
                    return call
    if held:
        return Wait("Nova deletes the server")
    waits: Wait | None = None
    for row in rows:
        match _let_go(row, memory, fence) if row.id in keep else _delete_part(row, memory, fence):
            case Call() as call:
                return call
            case Wait() as wait:
                waits = waits or wait
    return waits or Done()


def _goes_along(row: LedgerRow, trace: Trace, fence: Fence, keep: frozenset[str]) -> list[str]:
    """Whoever made the machine may have asked Nova to delete volumes with it: none that is not to go is lost so.

    Of those that somebody else made only the root disk may go, where its retention says so.
    """
    ours = (
        item for item in trace.ledger if item.ownership is not Ownership.REFERENCED or item.name == f"volume/{ROOT}"
    )
    going = {item.id for item in ours} - keep
    return [volume for volume in fence.ending.get(row.id, ()) if volume not in going]


def _lost_with_it(trace: Trace, fence: Fence, keep: frozenset[str]) -> Failure | None:
    """Told before anything is taken away: whoever lets go of the machine then has it whole."""
    if fence.keeps_volumes:
        return None
    for row in trace.ledger:
        lost = _goes_along(row, trace, fence, keep) if row.ownership is not Ownership.REFERENCED else []
        if lost:
            return VolumesNotKept(
                f"Nova would delete volumes {', '.join(lost)} with server {row.id}: whoever attached them asked for "
                "that (delete_on_termination), and this cloud's Nova takes no change of it (2.85 and newer do). Detach "
                f"them (openstack server remove volume {row.id} {lost[0]}), or set spec.deletionPolicy: Retain."
            )
    return None


def _keep_volumes(
    row: LedgerRow, trace: Trace, as_of: float, memory: Memory, fence: Fence, keep: frozenset[str]
) -> Call | Wait | None:
    for volume in _goes_along(row, trace, fence, keep):
        if stale(row.name, as_of, memory):
            return Wait("Nova was told to keep a volume")
        path = f"/servers/{row.id}/os-volume_attachments/{volume}"
        body = {"volumeAttachment": {"volumeId": volume, "delete_on_termination": False}}
        on = On(row.id, "compute", "PUT", path, body, other=volume)
        return Call("keep_volume", row.name, Repeat.IDEMPOTENT, on, message=f"keeping volume {volume}")
    return None


def _let_go(row: LedgerRow, memory: Memory, fence: Fence) -> Call | Wait | None:
    volume = fence.volumes.get(row.id)
    return plan_volumes.unmark(row, volume, memory) if volume is not None else None


def _delete_part(row: LedgerRow, memory: Memory, fence: Fence) -> Call | Wait:
    """A part that is no server."""
    volume = fence.volumes.get(row.id)
    return plan_volumes.delete_volume(row, volume, memory) if volume is not None else delete_part(row, fence)


def _discard(row: LedgerRow, found: Found | None, as_of: float, memory: Memory, fence: Fence) -> Call | Wait | Done:
    if row.id in _servers(found, fence):
        return _remove_server(row, found, as_of, memory, fence)
    known = row.id in fence.ports or row.id in fence.floating or row.id in fence.volumes
    return _delete_part(row, memory, fence) if known else Done()


def _remove_server(row: LedgerRow, found: Found | None, as_of: float, memory: Memory, fence: Fence) -> Call | Wait:
    if row.id in fence.reclaimable and not stale(row.name, as_of, memory):
        on = On(row.id, "compute", "POST", f"/servers/{row.id}/action", {"forceDelete": None})
        text = f"deleting server {row.id}, which Nova keeps as SOFT_DELETED"
        return Call("force_delete_server", row.name, Repeat.IDEMPOTENT, on, destructive=True, message=text, row=row)
    lives = {twin.id: twin.life for twin in found.twins} if found else {}
    going = row.state is RowState.DELETING or lives.get(row.id) is Life.DELETING
    # After a restart the receipt is not known; the row's state says that the deletion was sent; once more does no harm.
    if going and as_of - memory.receipts.get(row.name, float("-inf")) <= SEND_AGAIN:
        return Wait("Nova deletes the server")
    on = On(row.id, "compute", "DELETE", f"/servers/{row.id}")
    return Call(
        "delete_server", row.name, Repeat.IDEMPOTENT, on, destructive=True, message=f"deleting server {row.id}", row=row
    )


def _release(step: Release, trace: Trace, found: Found | None, memory: Memory, fence: Fence) -> Call | Wait | Done:
    """Marks off, one thing after the other: the ports first, so that the server's mark leads here until the end."""
    if found is None:
        return Done()
    for part in found.parts:
        if (volume := fence.volumes.get(part.id)) is not None:
            ours = volume.row.mark == trace.mark  # one that was there may bear the mark of another machine
            if ours and (next_ := plan_volumes.unmark(part, volume, memory)) is not None:
                return next_
        elif part.id in fence.marked and part.id not in {twin.id for twin in found.twins}:
            on = _described(part.id, "", fence)
            return Call("remove_mark", part.name, Repeat.IDEMPOTENT, on, message=f"releasing {part.name} {part.id}")
    spared = found.id in step.spare or bool(found.rivals)  # what is written there may be another's
    for key in sorted(translate.placed(found.shape)) if not spared else ():
        return _entry("remove_metadata", found.id, "DELETE", f"/servers/{found.id}/metadata/{key}")
    if found.rebuilt and not spared:
        return _entry("remove_metadata", found.id, "DELETE", f"/servers/{found.id}/metadata/{REBUILT}")
    for key in (RECORD_NAMESPACE, RECORD_NAME):
        if found.id and not spared and any(found.recorded) and found.recorded[key == RECORD_NAME]:
            return _entry("remove_metadata", found.id, "DELETE", f"/servers/{found.id}/metadata/{key}")
    for twin in found.twins:
        if twin.id in step.spare:
            continue
        return _entry("remove_mark", twin.id, "DELETE", f"/servers/{twin.id}/tags/{quote(trace.mark)}")
    return Done()


def _described(item: str, text: str, fence: Fence) -> On:
    """The mark of a port or a floating IP is its description."""
    what = "floatingip" if item in fence.floating else "port"
    return On(item, "network", "PUT", f"/v2.0/{what}s/{item}", {what: {"description": text}})
