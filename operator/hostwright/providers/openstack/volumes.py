"""Volumes in the kind's words, and the bodies of the requests that make and use them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hostwright.core.names import MARK
from hostwright.core.port import LedgerRow, Ownership, Trace
from hostwright.kinds.virtualmachine.port import ROOT, DiskFound, DiskShape, Wanted
from hostwright.providers.openstack.resolve import Disk
from hostwright.providers.openstack.rows import RECORD_NAME, RECORD_NAMESPACE, VOLUME_DISK, VOLUME_MARK, Volume
from hostwright.providers.openstack.seen import SeenServer, SeenVolume

#: Keys of our own record on a volume, beside its mark and its disk.
VOLUME_RECORD = (RECORD_NAMESPACE, RECORD_NAME)


def main_volumes(
    volumes: Sequence[SeenVolume], trace: Trace, server_id: str
) -> tuple[dict[str, SeenVolume], list[SeenVolume]]:
    """(disk → its volume, those that are ours and too many): the ledger's first, else the attached, else the oldest.

    Of what is attached, only what bears our mark or stands in the ledger is the machine's. A backup that somebody
    restored bears our mark and name too: it takes no place that the ledger gives to another, and is not too many.
    """
    listed = {row.id: row.name.removeprefix("volume/") for row in trace.ledger if row.name.startswith("volume/")}
    extras = {row.id for row in trace.ledger if row.name.startswith("extra/")}
    chosen: dict[str, SeenVolume] = {}
    more: list[SeenVolume] = []
    ours = [seen for seen in volumes if seen.row.mark == trace.mark or seen.row.id in listed or seen.row.id in extras]
    for seen in sorted(
        ours,
        key=lambda seen: (
            seen.row.id not in listed,
            not server_id or server_id not in seen.row.servers,
            seen.row.created_at,
            seen.row.id,
        ),
    ):
        name = listed.get(seen.row.id) or seen.row.metadata.get(VOLUME_DISK, "")
        attached = bool(server_id) and server_id in seen.row.servers
        free = name not in listed.values() or seen.row.id in listed or attached
        if name and name not in chosen and free and seen.row.id not in extras:
            chosen[name] = seen
        elif seen.row.id in extras or (not seen.row.servers and _made_here(seen, name, trace)):
            more.append(seen)
    return chosen, more


def _made_here(seen: SeenVolume, name: str, trace: Trace) -> bool:
    """Inside the window of this very disk: that of another one may be open for days."""
    row, created = trace.row(f"volume/{name}"), _utc(seen.row.created_at)
    return created is not None and row is not None and row.window is not None and row.window.holds(created)


def _utc(text: str) -> datetime | None:
    """A time as Cinder writes it: without its zone, which is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def ownership(seen: SeenVolume, trace: Trace) -> Ownership:
    row = next((row for row in trace.ledger if row.id == seen.row.id), None)
    return row.ownership if row is not None else Ownership.CREATED


def disks(volumes: Mapping[str, SeenVolume], server: SeenServer | None, trace: Trace) -> tuple[DiskFound, ...]:
    return tuple(
        DiskFound(
            name,
            seen.row.id,
            seen.row.size,
            attached=server is not None and seen.held_by(server),
            broken=seen.row.broken,
            busy=_busy(seen.row),
            busy_since=_utc(seen.row.updated_at or seen.row.created_at),
            ours=ownership(seen, trace) is Ownership.CREATED,
        )
        for name, seen in sorted(volumes.items())
    )


def _busy(row: Volume) -> str:
    """Nothing but an administrator ends it when Cinder does not."""
    if not row.moving:
        return ""
    state = "in-use" if row.attachments else "available"
    remedy = f"an administrator says so (openstack volume set --state {state} {row.id})"
    return f"Cinder says {row.status}. If nothing is done any more, {remedy}"


def loose(
    server_id: str, volumes: Sequence[SeenVolume], own: Mapping[str, SeenVolume], *, image: str
) -> tuple[DiskShape, ...]:
    """On an imported machine, and no disk of it; the one it boots from, where that is one, is called root."""
    known = {seen.row.id for seen in own.values()}
    rows = [seen.row for seen in volumes if server_id in seen.row.servers and seen.row.id not in known]
    return tuple(
        DiskShape(ROOT if not image and row.boots(server_id) else row.id, row.size, row.id)
        for row in sorted(rows, key=lambda row: row.id)
    )


def unmarked(volumes: Mapping[str, SeenVolume]) -> tuple[LedgerRow, ...]:
    return tuple(
        LedgerRow(f"volume/{name}", seen.row.id)
        for name, seen in sorted(volumes.items())
        if not seen.row.mark.startswith(MARK)
    )


def mapping(wanted: Wanted, volume_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The image's own disk first, unless the first volume is the root. Nova deletes none of them with the server."""
    from_volume = wanted.shape.root_size is not None
    image = {
        "boot_index": 0,
        "uuid": wanted.image_id,
        "source_type": "image",
        "destination_type": "local",
        "delete_on_termination": True,
    }
    rows = [
        {
            "boot_index": 0 if from_volume and number == 0 else -1,
            "uuid": item,
            "source_type": "volume",
            "destination_type": "volume",
            "delete_on_termination": False,
        }
        for number, item in enumerate(volume_ids)
    ]
    return rows if from_volume else [image, *rows]


def volume_metadata(trace: Trace, disk: str) -> dict[str, str]:
    """Whose it is, and what it is to the machine."""
    record = {RECORD_NAMESPACE: trace.namespace, RECORD_NAME: trace.object_name}
    return {VOLUME_MARK: trace.mark, VOLUME_DISK: disk, **record}


def volume_body(trace: Trace, disk: Disk, image: str) -> dict[str, Any]:
    """The creating request: its mark is in it."""
    body: dict[str, Any] = {
        "name": f"{trace.name}-{disk.name}",
        "size": disk.size,
        "metadata": volume_metadata(trace, disk.name),
    }
    if disk.type:
        body["volume_type"] = disk.type
    if disk.zone:
        body["availability_zone"] = disk.zone
    if image:
        body["imageRef"] = image
    return {"volume": body}
