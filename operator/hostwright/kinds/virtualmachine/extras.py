"""Which of several machines with our mark is the machine, which are extras of ours, and which are left alone."""

from dataclasses import dataclass

from hostwright.core.errors import OwnershipMismatch
from hostwright.core.port import LedgerRow, Operation, Ownership, Trace
from hostwright.kinds.virtualmachine import change
from hostwright.kinds.virtualmachine.port import Found, Life, Twin

_RANK = {
    Life.STEADY: 0,
    Life.CHANGING: 0,
    Life.RESIZED: 0,
    Life.HELD: 0,
    Life.BUILDING: 1,
    Life.FAILED: 2,
    Life.DELETING: 3,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """`keep` is the machine's id; `extras` are ours to delete; `strangers` bear our mark and are left alone."""

    keep: str
    extras: tuple[Twin, ...] = ()
    strangers: tuple[Twin, ...] = ()


def judge(found: Found, trace: Trace) -> Judgement:
    """PROTOCOLS section 4: only what is in our ledger, or was created inside one of our windows under our name."""
    if not found.twins:
        return Judgement(keep=found.id)
    listed = {row.id for row in trace.ledger if row.ownership is not Ownership.REFERENCED}
    twins = found.twins
    if found.id in listed and all(twin.id != found.id for twin in twins):  # somebody took our mark off it
        twins = (Twin(found.id, trace.name, found.life, found.created_at), *twins)
    ours = [twin for twin in twins if twin.id in listed or _made_by_us(twin, trace)]
    strangers = tuple(twin for twin in twins if twin not in ours)
    if not ours:
        return Judgement(keep="", strangers=strangers)
    survivor = min(ours, key=lambda twin: _order(twin, trace))
    extras = tuple(twin for twin in ours if twin is not survivor and twin.life is not Life.DELETING)
    return Judgement(keep=survivor.id, extras=extras, strangers=strangers)


def shows(found: Found, operation: Operation, trace: Trace) -> bool:
    """Whether what the operation was to make is there: a copy that bears our mark is not it."""
    if change.is_one(operation):
        return change.shows(found, operation)
    strangers = {twin.id for twin in judge(found, trace).strangers}
    return any(part.name == operation.part and part.id not in strangers for part in found.parts)


def named_wrongly(found: Found, remedy: str = "") -> OwnershipMismatch:
    """Of what the ledger names and is shown not to be ours."""
    rows = ", ".join(f"{row.name}={row.id}" for row in found.foreign)
    return OwnershipMismatch(
        f"status.resources names what bears another owner's mark, or neither mark nor name of this machine, and it is "
        f"left alone: {rows}. If it is this machine's, put its owner mark back on it there.{remedy}"
    )


def extra_row(twin: Twin) -> LedgerRow:
    """The ledger row under which an extra is deleted."""
    return LedgerRow(name=f"extra/{twin.id}", id=twin.id)


def _made_by_us(twin: Twin, trace: Trace) -> bool:
    if twin.name != trace.name:
        return False
    # No ledger and no window at all: a restored backup, or a lost status. Mark and name alone are then the record.
    if not trace.ledger and not trace.windows:
        return (twin.namespace, twin.object_name) == (trace.namespace, trace.object_name)
    return trace.made_here(twin.created_at)


def _order(twin: Twin, trace: Trace) -> tuple[int, int, int, float, str]:
    """ACTIVE before BUILD before ERROR, then who owns the ports, then the ledger's, then the oldest."""
    row = trace.row("server")
    return (
        _RANK.get(twin.life, 2),
        -twin.ports,
        0 if row is not None and row.id == twin.id else 1,
        twin.created_at.timestamp() if twin.created_at else float("inf"),
        twin.id,
    )
