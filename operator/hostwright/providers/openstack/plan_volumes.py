"""The next call on volumes, pure; its rows stand in the table of plan.py."""

from collections.abc import Iterator
from urllib.parse import quote

from hostwright.core.errors import Failure, InvalidConfiguration, VolumeInUse, VolumeNotFound
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Repeat, RowState, Trace, Wait
from hostwright.kinds.virtualmachine.port import ROOT, BringDisks, DiskFound, Found, Memory, Wanted
from hostwright.providers.openstack import volumes
from hostwright.providers.openstack.calls import CREATE_SECONDS, SEND_AGAIN, Fence, NewVolume, On, stale
from hostwright.providers.openstack.resolve import Disk
from hostwright.providers.openstack.rows import VOLUME_DISK, VOLUME_MARK
from hostwright.providers.openstack.seen import SeenVolume
from hostwright.providers.openstack.transport import BLOCK_STORAGE


def before_server(trace: Trace, wanted: Wanted, found: Found | None, fence: Fence) -> Call | Wait | Failure | None:
    """The disks that the server is made with, one after the other; None: all of them are there and free.

    Disks that were there before us are attached once it is up.
    """
    there = {disk.name: disk for disk in found.disks} if found is not None else {}
    waits: Wait | None = None
    for disk in new_disks(wanted):
        made = there.get(disk.name)
        if made is None:
            return create_volume(trace, wanted, disk)
        if not made.ours:
            return InvalidConfiguration(f"disk {disk.name!r} is volume {made.id}. Choose another name for a new disk.")
        seen = fence.volumes.get(made.id)
        if seen is None or seen.row.status != "available":
            waits = waits or Wait(f"Cinder makes the volume of disk {disk.name}")
    return waits


def new_disks(wanted: Wanted) -> Iterator[Disk]:
    """The disks that are made for the machine, the root first."""
    return (disk for disk in wanted.extra.disks if not disk.existing)


def create_volume(trace: Trace, wanted: Wanted, disk: Disk) -> Call:
    image = wanted.image_id if disk.name == ROOT else ""
    return Call(
        "create_volume",
        f"volume/{disk.name}",
        Repeat.INTENT,
        NewVolume(volumes.volume_body(trace, disk, image)),
        deadline=CREATE_SECONDS,
        message=f"creating disk {disk.name}",
    )


def bring(
    step: BringDisks, trace: Trace, wanted: Wanted | None, found: Found | None, memory: Memory, fence: Fence
) -> Call | Wait | Done | Failure:
    """Of a server at rest: one disk after the other; one that has to wait, or cannot be had, holds no other up."""
    if found is None or wanted is None:
        return Wait("the server is not seen")
    wishes = {disk.name: disk for disk in wanted.extra.disks}
    there = {disk.name: disk for disk in found.disks}
    waits: Wait | None = None
    failure: Failure | None = None
    for name in step.names:
        wish, disk = wishes.get(name), there.get(name)
        if wish is not None:
            answer = _attached(trace, wanted, found, wish, disk, memory, fence)
        elif disk is not None:
            answer = _gone(found, disk, memory, fence, delete=name in step.delete)
        else:
            continue
        match answer:
            case Call():
                return answer
            case Failure():
                failure = failure or answer
            case Wait():
                waits = waits or answer
    return waits or failure or Done()


def _attached(
    trace: Trace, wanted: Wanted, found: Found, wish: Disk, disk: DiskFound | None, memory: Memory, fence: Fence
) -> Call | Wait | Failure | None:
    """Made, attached and grown."""
    if disk is None and not wish.existing:
        return create_volume(trace, wanted, wish)
    item, row = (disk.id if disk is not None else wish.existing), f"volume/{wish.name}"
    seen = fence.volumes.get(item)
    if seen is None and item in fence.no_volumes:
        return VolumeNotFound(f"OpenStack has no volume {item!r} in this project (disk {wish.name!r}). Correct its id.")
    if seen is None:
        return Wait(f"disk {wish.name}: looking for volume {item}")
    if stale(row, seen.as_of, memory) or seen.row.moving:
        return Wait(f"disk {wish.name}: Cinder says {seen.row.status}")
    if found.id not in seen.row.servers:
        if seen.as_of - fence.attaching.get(item, float("-inf")) <= SEND_AGAIN:
            return Wait(f"disk {wish.name}: Nova attaches it")  # or could not: it is tried again after a while
        return _attach(found, wish, row, seen)
    if wish.size is not None and seen.row.size < wish.size:
        path = f"/v3/volumes/{item}/action"
        on = On(item, BLOCK_STORAGE, "POST", path, {"os-extend": {"new_size": wish.size}})
        return Call("extend_volume", row, Repeat.IDEMPOTENT, on, message=f"growing disk {wish.name}")
    return None


def _attach(found: Found, wish: Disk, row: str, seen: SeenVolume) -> Call | Wait | Failure:
    item = seen.row.id
    if seen.row.servers and not seen.row.multiattach:
        other = ", ".join(sorted(seen.row.servers))
        return VolumeInUse(f"volume {item} of disk {wish.name!r} is attached to server {other}. Detach it there first.")
    if seen.row.status not in {"available", "in-use"}:
        return Wait(f"disk {wish.name}: Cinder says {seen.row.status}")
    on = On(
        found.id,
        "compute",
        "POST",
        f"/servers/{found.id}/os-volume_attachments",
        {"volumeAttachment": {"volumeId": item}},
        other=item,
    )
    listed = LedgerRow(row, item, ownership=Ownership.REFERENCED) if wish.existing else None
    return Call("attach_volume", row, Repeat.IDEMPOTENT, on, message=f"attaching disk {wish.name}", row=listed)


def _gone(found: Found, disk: DiskFound, memory: Memory, fence: Fence, *, delete: bool) -> Call | Wait | None:
    """Detached, and deleted where that is asked."""
    row, seen = f"volume/{disk.name}", fence.volumes.get(disk.id)
    if seen is None or stale(row, seen.as_of, memory) or seen.row.moving:
        return Wait(f"disk {disk.name} is on its way out")
    if found.id in seen.row.servers:
        path = f"/servers/{found.id}/os-volume_attachments/{disk.id}"
        on = On(found.id, "compute", "DELETE", path, other=disk.id)
        return Call("detach_volume", row, Repeat.IDEMPOTENT, on, message=f"detaching disk {disk.name}")
    if delete and disk.ours and not seen.row.servers:
        return delete_volume(LedgerRow(row, disk.id), seen, memory)
    return None


def delete_volume(row: LedgerRow, seen: SeenVolume, memory: Memory) -> Call | Wait:
    """By id. A volume is given free some time after its server is gone; a deletion that does not end is sent again."""
    sent = memory.receipts.get(row.name, float("-inf"))
    if seen.row.status == "deleting" or row.state is RowState.DELETING:
        if seen.as_of - sent <= SEND_AGAIN or seen.row.status == "deleting":
            return Wait("Cinder deletes the volume")
    elif seen.row.servers or seen.row.moving:
        return Wait(f"volume {row.id}: Cinder says {seen.row.status}")
    on = On(row.id, BLOCK_STORAGE, "DELETE", f"/v3/volumes/{row.id}")
    text = f"deleting volume {row.id}"
    return Call("delete_volume", row.name, Repeat.IDEMPOTENT, on, destructive=True, message=text, row=row)


def unmark(row: LedgerRow, seen: SeenVolume, memory: Memory) -> Call | Wait | None:
    """Our mark goes last: it leads here until the end. None: nothing of ours is on it."""
    for key in (*volumes.VOLUME_RECORD, VOLUME_DISK, VOLUME_MARK):
        if key in seen.row.metadata:
            if stale(row.name, seen.as_of, memory):  # until it is seen without the last one
                return Wait(f"volume {row.id} is being released")
            on = On(row.id, BLOCK_STORAGE, "DELETE", f"/v3/volumes/{row.id}/metadata/{quote(key)}")
            return Call("remove_mark", row.name, Repeat.IDEMPOTENT, on, message=f"releasing volume {row.id}")
    return None


def mark(row: LedgerRow, trace: Trace, seen: SeenVolume) -> Call:
    metadata = volumes.volume_metadata(trace, row.name.partition("/")[2])
    on = On(row.id, BLOCK_STORAGE, "POST", f"/v3/volumes/{seen.row.id}/metadata", {"metadata": metadata})
    return Call("set_mark", row.name, Repeat.IDEMPOTENT, on, message=f"set mark of {row.name}")
