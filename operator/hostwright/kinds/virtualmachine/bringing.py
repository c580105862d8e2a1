"""What is next for the disks of a machine: looked for, made, attached, grown, detached, removed; told when lost."""

from dataclasses import replace
from datetime import datetime

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import BuildFailed, DiskTimedOut, MachineFailed
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import CLOCK_TOLERANCE, LedgerRow, OperationType
from hostwright.kinds.virtualmachine import disks, say
from hostwright.kinds.virtualmachine.absent import wait_until
from hostwright.kinds.virtualmachine.lost import disk_gone, disks_held, forgotten
from hostwright.kinds.virtualmachine.port import BringDisks, Discard, DiskFound, Found, Step, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.storage import ROOT, Retention
from hostwright.kinds.virtualmachine.verdict import SLOW, failed


def bring(situation: Situation, wanted: Wanted, found: Found, names: tuple[str, ...]) -> Decision[Step] | None:
    """The next thing for these disks, and for those that are detached and not to be kept."""
    policies = disks.policies_of(situation)
    kept = {disk.name for disk in wanted.shape.disks} | {ROOT}
    going = [
        disk.name
        for disk in found.disks
        if disk.ours
        and disk.name not in kept
        and (not disk.attached or disk.name in names)  # its detaching may wait, or be drift that is only reported
        and policies.get(disk.name, disks.Policy()).when_detached == Retention.DELETE
    ]
    lost = disks.unseen(situation, found)
    if lost and not situation.proven:
        return Decision(needs_proof="a disk is not seen", phase=situation.phase)
    if lost:
        return disk_gone(situation, wanted, lost) or forgotten(situation, lost)
    if (told := broken(situation, found)) is not None:
        return told
    every = tuple(dict.fromkeys((*names, *going)))
    if not every:
        return None
    there = {disk.name for disk in found.disks}
    operation = situation.operation
    if operation is not None and operation.part.startswith("volume/") and operation.part[len("volume/") :] not in there:
        waits = wait_until(situation, operation.next_retry_at)  # it was refused, or could not be made
        if waits is not None:
            return waits
    new = any(disk.size is not None and disk.name in names and disk.name not in there for disk in wanted.shape.disks)
    text = f"bringing disks to what is wanted: {', '.join(every)}"
    decision: Decision[Step] = Decision(
        step=BringDisks(every, frozenset(going)),
        operation=OperationType.CREATE if new else OperationType.UPDATE,
        said=(
            *say.working(Reason.UPDATING, text),
            *say.present(found),
            Said(Condition.DISKS_READY, False, Reason.UPDATING, text),
        ),
        phase=Phase.UPDATING,
    )
    return late(situation, found, every, decision)


def late(situation: Situation, found: Found, names: tuple[str, ...], decision: Decision[Step]) -> Decision[Step]:
    """The decision, told as a failure where the backend does not come to an end with one of these disks."""
    limit = situation.spec.timeouts.resize
    disk = next(
        (
            each
            for each in found.disks
            if each.name in names and each.busy and situation.deadline_passed(each.busy_since, limit)
        ),
        None,
    )
    if disk is None:
        return decision
    failure = DiskTimedOut(f"disk {disk.name!r} ({disk.id}) is not done after {limit}: {disk.busy}. It is waited for.")
    said = tuple(item for item in decision.said if item.type not in _TOLD_BY_IT)
    disks_ready = Said(Condition.DISKS_READY, False, failure.reason, failure.message)
    return replace(decision, failure=failure, said=(*say.failed(failure), *said, disks_ready))


_TOLD_BY_IT = frozenset({Condition.READY, Condition.RECONCILING, Condition.DISKS_READY})


def broken(situation: Situation, found: Found) -> Decision[Step] | None:
    """A disk that the backend could not make is removed, and made again with Capacity's back-off.

    One that may hold data is only told: a backend calls a volume broken for other reasons, too.
    """
    wished = disks.applied(situation.wanted) if isinstance(situation.wanted, Wanted) else {}
    rows = [disk for disk in found.disks if disk.broken and disk.ours and not disk.attached and disk.name in wished]
    if not rows or situation.observe_only:
        return None
    disk = next((disk for disk in rows if _new(situation, disk)), None)
    if disk is None:
        text = (
            f"disk {rows[0].name!r} ({rows[0].id}) is in error on the backend, and is left alone as it may hold data."
        )
        return replace(failed(MachineFailed(text), look_again=SLOW), phase=situation.phase)
    failure = BuildFailed(f"the backend could not make disk {disk.name!r} ({disk.id}): it is removed and made again.")
    return Decision(
        step=Discard(LedgerRow(f"volume/{disk.name}", disk.id)),
        operation=OperationType.CREATE,
        failure=failure,
        said=say.failed(failure),
        phase=situation.phase,
        notes=(Note(failure.reason, failure.message, disk.id, warning=True),),
    )


def _new(situation: Situation, disk: DiskFound) -> bool:
    """It was never attached: made for a machine that was never up, or since there was something to do last."""
    if disk.name in disks_held(situation).get("disks", {}):
        return False
    row = situation.trace.row(f"volume/{disk.name}")
    if row is None or row.window is None:  # of a lost status: nobody knows
        return False
    if not situation.provisioned:
        return True
    ready = next((each for each in situation.status.conditions or () if each.type == Condition.READY), None)
    if ready is None or ready.status == "True":
        return False
    return row.window.start + CLOCK_TOLERANCE >= datetime.fromisoformat(ready.last_transition_time)


def ready(wanted: Wanted, found: Found) -> tuple[Said, ...]:
    """DisksReady of a machine with nothing left to do."""
    if not wanted.shape.disks and not found.disks:
        return ()
    there = {disk.name for disk in found.disks if disk.attached}
    missing = [disk.name for disk in wanted.shape.disks if disk.name not in there]
    if missing:
        return (Said(Condition.DISKS_READY, False, Reason.WAITING, f"not attached: {', '.join(missing)}"),)
    return (Said(Condition.DISKS_READY, True, Reason.IN_SYNC),)
