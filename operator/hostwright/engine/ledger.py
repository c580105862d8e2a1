"""Pure: status fields to values and back (ledger rows, the operation), and the trace of a machine."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hostwright.core.names import mark_prefix, owner_mark, provider_name
from hostwright.core.port import LedgerRow, Operation, OperationType, Ownership, RowState, Trace, Window
from hostwright.engine.ports import Key


def stamp(moment: datetime | None) -> str | None:
    """A time as Kubernetes writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else None


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def rows_of(status: Mapping[str, Any]) -> tuple[LedgerRow, ...]:
    """`status.resources` as values."""
    return tuple(_row(raw) for raw in status.get("resources") or ())


def rows_to(rows: Iterable[LedgerRow]) -> list[dict[str, Any]]:
    return [
        {
            "name": row.name,
            "id": row.id,
            "state": str(row.state),
            "ownership": str(row.ownership),
            **({"window": _window_to(row.window)} if row.window else {}),
        }
        for row in rows
    ]


def merge(
    rows: Iterable[LedgerRow], made: Iterable[LedgerRow], gone: Iterable[str], window: Window | None = None
) -> tuple[LedgerRow, ...]:
    """The ledger after a receipt: made rows replace those of their name (keeping the window), gone ones leave."""
    merged = {row.name: row for row in rows}
    for row in made:
        before = merged.get(row.name)
        kept = row.window or (before.window if before is not None and before.id == row.id else None) or window
        merged[row.name] = LedgerRow(row.name, row.id, row.state, row.ownership, kept)
    for name in gone:
        merged.pop(name, None)
    return tuple(merged.values())


def operation_of(status: Mapping[str, Any]) -> Operation | None:
    """`status.operation` as a value."""
    raw = status.get("operation")
    if not raw:
        return None
    return Operation(
        id=raw["id"],
        type=OperationType(raw["type"]),
        expect=raw.get("expect", ""),
        attempt=raw.get("attempt", 1),
        started_at=moment(raw.get("startedAt")),
        deadline=moment(raw.get("deadline")),
        window_start=moment(raw.get("windowStart")),
        task=raw.get("task") or "",
        next_retry_at=moment(raw.get("nextRetryAt")),
    )


def operation_to(operation: Operation | None) -> dict[str, Any] | None:
    if operation is None:
        return None
    raw = {
        "id": operation.id,
        "type": str(operation.type),
        "attempt": operation.attempt,
        "expect": operation.expect,
        "startedAt": stamp(operation.started_at),
        "deadline": stamp(operation.deadline),
        "windowStart": stamp(operation.window_start),
        "task": operation.task or None,
        "nextRetryAt": stamp(operation.next_retry_at),
    }
    return {name: value for name, value in raw.items() if value is not None}


def trace_of(
    key: Key, machine_id: str, cluster_id: str, rows: tuple[LedgerRow, ...], operation: Operation | None
) -> Trace:
    """How the backend recognises the machine."""
    server = next((row.id for row in rows if row.name == "server"), None)
    windows = [row.window for row in rows if row.window is not None]
    opened: list[Window] = []
    if operation is not None and operation.window_start is not None and operation.makes:
        # Only what makes something has a window: by a restart's, a user's clone of that time would be taken for ours.
        opened.append(Window(operation.window_start))
    creates = operation is not None and operation.type is OperationType.CREATE
    a_disk = operation is not None and operation.part.startswith("volume/")  # made like a machine, and none
    begun = operation is not None and operation.type is OperationType.CREATE and operation.next_retry_at is None
    making = operation if begun else None  # a refused one made nothing
    return Trace(
        machine_id=machine_id,
        mark=owner_mark(cluster_id, machine_id),
        mark_prefix=mark_prefix(cluster_id),
        name=provider_name(key.namespace, key.name, machine_id),
        namespace=key.namespace,
        object_name=key.name,
        provider_id=server,
        ledger=rows,
        windows=(*windows, *opened),
        beside=() if creates and not a_disk else tuple(opened),
        task=making.task if making is not None else "",
        place=making.place if making is not None else "",
        making=operation.part if operation is not None and operation.makes else "",
    )


def _row(raw: Mapping[str, Any]) -> LedgerRow:
    window = raw.get("window") or {}
    start = moment(window.get("from"))
    return LedgerRow(
        name=raw["name"],
        id=raw["id"],
        state=RowState(raw.get("state", "Created")),
        ownership=Ownership(raw.get("ownership", "Created")),
        window=Window(start, moment(window.get("to"))) if start is not None else None,
    )


def _window_to(window: Window) -> dict[str, Any]:
    raw = {"from": stamp(window.start), "to": stamp(window.end)}
    return {name: value for name, value in raw.items() if value is not None}
