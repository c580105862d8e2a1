"""A machine's disks: what differs, what is kept at the end, and what status says of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hostwright.core.drift import Difference
from hostwright.core.errors import Failure, InvalidConfiguration
from hostwright.core.names import Disruption
from hostwright.core.port import LedgerRow, Ownership
from hostwright.kinds.virtualmachine.port import DiskFound, DiskShape, Found, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.storage import ROOT, Retention

DATA, ROOT_SIZE = "/dataDisks", "/rootDisk/size"
PATHS = frozenset({DATA, ROOT_SIZE})


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of a disk; of one that left the spec before anything was noted, nothing is deleted."""

    when_detached: str = Retention.RETAIN
    when_deleted: str = Retention.RETAIN


def name_of(row: Difference) -> str:
    """The disk that a difference concerns."""
    return ROOT if row.path == ROOT_SIZE else row.key.partition("/")[0]


def dropped(wanted: Wanted, found: Found) -> Iterator[Difference]:
    """Where no disk is wanted at all, those that are attached: an empty wish is not compared by itself."""
    if not wanted.shape.disks:
        for disk in found.shape.disks:
            yield Difference(DATA, disk.name, "absent", "present", Disruption.LIVE)


def by_user(situation: Situation, wanted: Wanted, row: Difference) -> bool:
    """The wish differs from what was last applied."""
    resolved = situation.status.resolved
    before = (resolved.disks or {} if resolved is not None else {}).get(name_of(row))
    return before != applied(wanted).get(name_of(row))


def applied(wanted: Wanted) -> dict[str, str]:
    """By name: the size, or the id of one that was there."""
    disks = {disk.name: _word(disk) for disk in wanted.shape.disks}
    return {**disks, **({ROOT: f"{wanted.shape.root_size}Gi"} if wanted.shape.root_size else {})}


def noted(situation: Situation, wanted: Wanted, found: Found) -> Situation:
    """With each disk in `status.resolved` from when it is attached until it is seen detached as wished.

    All else counts as applied when nothing is left to do, which may take weeks; a disk that is in use holds data.
    """
    resolved = situation.status.resolved
    if resolved is None or situation.observe_only:
        return situation
    before, wishes = resolved.disks or {}, applied(wanted)
    now = dict(before)
    for disk in found.disks:
        if disk.attached and disk.name in wishes:
            now.setdefault(disk.name, f"{disk.size}Gi" if disk.ours else disk.id)
        elif not disk.attached and disk.name not in wishes:
            now.pop(disk.name, None)
    if now == before:
        return situation
    resolved = resolved.model_copy(update={"disks": now or None})
    return replace(situation, status=situation.status.model_copy(update={"resolved": resolved}))


def shrinks(row: Difference) -> bool:
    """Of a difference in size: somebody made the disk larger than it is wanted."""
    return isinstance(row.wanted, int) and isinstance(row.found, int) and row.wanted < row.found


def too_small(row: Difference) -> Failure:
    """The user asks for less than there is."""
    return InvalidConfiguration(
        f"disk {name_of(row)!r} has {row.found}Gi and does not shrink to {row.wanted}Gi. Ask for {row.found}Gi or more."
    )


def refused(wanted: Wanted, found: Found) -> Mapping[str, Failure]:
    """By name: what the disk that has this name, attached or kept, cannot become."""
    there = {disk.name: disk for disk in found.disks}
    pairs = ((wish, there[wish.name]) for wish in wanted.shape.disks if wish.name in there)
    failures = ((wish.name, _refusal(wish, disk)) for wish, disk in pairs)
    return {name: failure for name, failure in failures if failure is not None}


def _refusal(wish: DiskShape, disk: DiskFound) -> Failure | None:
    if (wish.id and wish.id != disk.id) or (wish.size is not None and not disk.ours):
        asked = f"volume {wish.id}" if wish.id else "a new disk"
        return InvalidConfiguration(f"disk {wish.name!r} is volume {disk.id}. Choose another name for {asked}.")
    if not disk.attached and wish.size is not None and wish.size < disk.size:
        return InvalidConfiguration(
            f"disk {wish.name!r} was kept with {disk.size}Gi and does not shrink to {wish.size}Gi. "
            "Ask for its size, or choose another name for a new disk."
        )
    return None


def unseen(situation: Situation, found: Found | None) -> tuple[LedgerRow, ...]:
    """Disks of the ledger that do not show: a list proves nothing, and a second one is not made on its word."""
    there = {disk.id for disk in found.disks} if found is not None else set()
    return tuple(row for row in situation.trace.ledger if row.name.startswith("volume/") and row.id not in there)


def let_go(wanted: Wanted, found: Found) -> tuple[str, ...]:
    """Ledger names of disks that were there before us, are wanted no more and detached."""
    names = {disk.name for disk in wanted.shape.disks}
    return tuple(
        f"volume/{disk.name}" for disk in found.disks if not disk.ours and not disk.attached and disk.name not in names
    )


def taken_up(situation: Situation, wanted: Wanted, found: Found) -> tuple[LedgerRow, ...]:
    """Disks that were there before us and are attached as wished, and not in the ledger yet."""
    listed = {row.id for row in situation.trace.ledger}
    return tuple(
        LedgerRow(f"volume/{disk.name}", disk.id, ownership=Ownership.REFERENCED)
        for disk in wanted.shape.disks
        if disk.id and disk.id in found.plugged and disk.id not in listed
    )


def policies_of(situation: Situation) -> Mapping[str, Policy]:
    """By name, of every disk in the ledger: as the spec says, else as status.disks noted when it left the spec."""
    spec, found = situation.spec, {row.name: Policy() for row in situation.status.disks or ()}
    for row in situation.trace.ledger:
        if row.name.startswith("volume/"):
            found[row.name.partition("/")[2]] = Policy()
    for noted in situation.status.disks or ():
        found[noted.name] = Policy(noted.when_detached or Retention.RETAIN, noted.when_deleted or Retention.RETAIN)
    for disk in spec.data_disks or ():
        found[disk.name] = Policy(disk.retention.when_detached, disk.retention.when_deleted)
    if spec.root_disk is not None:
        found[ROOT] = Policy(when_deleted=spec.root_disk.retention.when_deleted)
    return found


def kept(situation: Situation) -> frozenset[str]:
    """Ids of the disks that stay when the machine is deleted: as written, and what was detached to be kept."""
    policies = policies_of(situation)
    wished = {disk.name for disk in situation.spec.data_disks or ()} | {ROOT}
    ids = set()
    for row in situation.trace.ledger:
        kind, _, name = row.name.partition("/")
        if kind == "volume":
            policy = policies[name]
            says = policy.when_deleted if name in wished else policy.when_detached
            if says == Retention.RETAIN:
                ids.add(row.id)
    return frozenset(ids)


def status(situation: Situation, found: Found) -> list[dict[str, Any]] | None:
    """`status.disks`."""
    policies = policies_of(situation)
    return [
        _row(disk, policies.get(disk.name, Policy())) for disk in sorted(found.disks, key=lambda each: each.name)
    ] or None


def _row(disk: DiskFound, policy: Policy) -> dict[str, Any]:
    row = {"name": disk.name, "id": disk.id, "size": f"{disk.size}Gi", "attached": disk.attached}
    ours = {"whenDetached": policy.when_detached, "whenDeleted": policy.when_deleted} if disk.ours else {}
    return {**row, **{name: str(word) for name, word in ours.items()}}


def _word(disk: DiskShape) -> str:
    return disk.id or f"{disk.size}Gi"
