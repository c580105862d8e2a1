"""Which of several machines with our mark is the machine, which are extras of ours, and which are left alone."""

from dataclasses import dataclass, replace

from hostwright.core.errors import OwnershipMismatch
from hostwright.core.port import LedgerRow, Operation, Ownership, Trace, Window
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
#: Beginnings of names in the ledger: what may be made for a machine that is there.
_LATER = ("volume/", "floatingip/")

#: How a row leaves the ledger by hand: what is there is taken up anew.
BY_HAND = "take it out of the status (kubectl edit --subresource=status): what is ours is taken up again"


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
    trace = believed(found, trace)
    listed = {row.id for row in trace.ledger if row.ownership is not Ownership.REFERENCED}
    twins = found.twins
    if found.id in listed and all(twin.id != found.id for twin in twins):  # somebody took our mark off it
        twins = (Twin(found.id, trace.name, found.life, found.created_at), *twins)
    ours = [twin for twin in twins if twin.id in listed or _made_by_us(twin, trace)]
    strangers = tuple(twin for twin in twins if twin not in ours)
    if not ours:
        return Judgement(keep="", strangers=strangers)
    survivor = min(ours, key=lambda twin: _order(twin, trace))
    others = tuple(twin for twin in ours if twin is not survivor and twin.life is not Life.DELETING)
    if not _told(trace):  # mark and name are enough to take one up, and not enough to delete another
        return Judgement(keep=survivor.id, strangers=(*strangers, *others))
    return Judgement(keep=survivor.id, extras=others, strangers=strangers)


def believed(found: Found, trace: Trace) -> Trace:
    """Led by what tells of something that we made, or imported.

    A status can be written by hand, and be lost. What names another's thing tells nothing of ours; nor does what names
    nothing that is there, and was in no window of ours: of what we make, and of what is taken up later, it is kept.
    """
    there = {part.id for part in found.parts} | {twin.id for twin in found.twins}
    foreign = {row.id for row in found.foreign}
    rows = tuple(row for row in trace.ledger if row.id not in foreign and _tells(row, there))
    theirs = {row.window for row in trace.ledger if row.id in foreign} - {row.window for row in rows}
    return replace(trace, ledger=rows, windows=tuple(each for each in trace.windows if each not in theirs))


def _tells(row: LedgerRow, there: set[str]) -> bool:
    if row.ownership is Ownership.CREATED:
        return row.window is not None or row.id in there
    return row.ownership is Ownership.ADOPTED


def window_of(found: Found, trace: Trace, item: str) -> Window | None:
    """Of a machine that is ours by mark and name alone: no copy that is made later is."""
    made = next((twin.created_at for twin in found.twins if twin.id == item), None)
    own = believed(found, trace)
    return Window(made, made) if made is not None and not own.ledger and not own.windows else None


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
        f"left alone: {rows}. If it is this machine's, put its owner mark back on it there; "
        f"if the row was written by hand, {BY_HAND}.{remedy}"
    )


def extra_row(twin: Twin) -> LedgerRow:
    """The ledger row under which an extra is deleted."""
    return LedgerRow(name=f"extra/{twin.id}", id=twin.id)


def _made_by_us(twin: Twin, trace: Trace) -> bool:
    if twin.name != trace.name:
        return False
    if not _told(trace):  # mark and name alone are then the record
        return (twin.namespace, twin.object_name) == (trace.namespace, trace.object_name)
    return twin.created_at is not None and any(window.holds(twin.created_at) for window in _windows(trace))


def _told(trace: Trace) -> bool:
    """Something tells of a machine that we made: not after a lost status, nor in a restored backup."""
    return any(not row.name.startswith(_LATER) for row in trace.ledger) or bool(_windows(trace))


def _windows(trace: Trace) -> list[Window]:
    """In which machines were made: in that of a part that came later, a user's clone would be taken for ours."""
    server = trace.row("server")
    later = [row for row in trace.ledger if _came_later(row, server)]
    others = {*trace.beside, *(row.window for row in later)} - {row.window for row in trace.ledger if row not in later}
    return [window for window in trace.windows if window not in others]


def _came_later(row: LedgerRow, server: LedgerRow | None) -> bool:
    """A disk always may; a port is made before its machine, or again. What is no such part tells of machines itself."""
    if not row.name.startswith("port/") or row.window is None or server is None:
        return row.name.startswith(_LATER)
    made = server.window.end if server.window is not None else None
    return made is None or row.window.start > made


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
