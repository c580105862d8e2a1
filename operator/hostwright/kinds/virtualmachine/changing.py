"""What takes a machine down for a while: what is next of it, and what is told when it comes to nothing.

The operation stands in the status until the machine shows what came of it, so that a resize which waits for its
confirmation is known as ours by whoever comes next. No other operation takes its place before that.
"""

from dataclasses import replace
from typing import Any

from hostwright.core.decision import Decision, Note
from hostwright.core.errors import Failure, MachineHeld, RebuildTimedOut, ResizeTimedOut
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import Missing, Operation, OperationType, Present
from hostwright.kinds.virtualmachine import change, rebuilding, say
from hostwright.kinds.virtualmachine.absent import wait_until
from hostwright.kinds.virtualmachine.extras import shows
from hostwright.kinds.virtualmachine.port import (
    ConfirmResize,
    Found,
    Inquire,
    Life,
    Power,
    Resize,
    SetPower,
    Step,
    Wanted,
)
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import Named
from hostwright.kinds.virtualmachine.steady import Gap
from hostwright.kinds.virtualmachine.verdict import SLOW, failed

_VERIFYING = "verifying the outcome of the last call"


def verify(situation: Situation, operation: Operation) -> Decision[Step] | None:
    """The outcome of a change is open: what shows is judged; else its quiet time is waited out. None: it shows."""
    look = situation.look
    if isinstance(look, Present) and shows(look.found, operation, situation.trace):
        return None
    if isinstance(look, Missing):
        return None
    return Decision(
        needs_proof="" if situation.proven else "the outcome of the last call is unknown",
        said=say.working(Reason.VERIFYING, _VERIFYING, ready=situation.ready_now),
        phase=situation.phase,
        look_again=1.0,
    )


def settle(situation: Situation, wanted: Wanted, found: Found) -> tuple[Situation, dict[str, Any]]:
    """What a change has reached counts as applied at once, whatever is wished since; and the status that says so."""
    resolved, made = situation.status.resolved, change.remake_of(situation.operation)
    if resolved is None or situation.observe_only or not change.landed(found, situation.operation):
        return situation, {}
    if made is not None:
        status, told = rebuilding.settled(situation, wanted, made)
        return replace(situation, status=status), told
    as_wished = wanted.shape.size == found.shape.size
    size = Named(
        name=wanted.size_name if as_wished else found.size_name,
        id=wanted.size_id if as_wished else found.shape.size,
    )
    resolved = resolved.model_copy(update={"machine_class": size})
    status = situation.status.model_copy(update={"resolved": resolved})
    return replace(situation, status=status), {"resolved": resolved.model_dump(by_alias=True, exclude_none=True)}


def was_moved(situation: Situation, wanted: Wanted) -> bool:
    """The image's name leads elsewhere since the rebuild was asked for: what was used is pinned first."""
    image = situation.status.resolved.image if situation.status.resolved else None
    return image is not None and image.name == wanted.image_name and image.id != wanted.image_id


def stale(situation: Situation, found: Found) -> Decision[Step] | None:
    """A look from before the answer to a change tells nothing: what it led to may be under way."""
    operation = situation.operation
    if situation.fresh or operation is None or operation.next_retry_at or not change.is_one(operation):
        return None
    return under_way(situation, found)


def under_way(situation: Situation, found: Found) -> Decision[Step]:
    """The backend is at work. Of a change of ours the words stay the same: each would be a write."""
    operation = situation.operation
    text = found.message or "the provider is at work on the machine"
    if situation.observe_only or operation is None or operation.next_retry_at or not change.is_one(operation):
        return _stuck(situation, found, text) or Decision(
            said=say.working(Reason.WAITING, text), phase=situation.phase, look_again=1.0
        )
    size = change.size_of(operation)
    reason, words = (Reason.RESIZING, f"resizing to {size}") if size else (Reason.REBUILDING, "rebuilding")
    decision: Decision[Step] = Decision(
        said=say.working(reason, words),
        phase=Phase.UPDATING,
        look_again=1.0,
    )
    return _timed(situation, operation, decision, text)


def _stuck(situation: Situation, found: Found, text: str) -> Decision[Step] | None:
    """What is not ours is waited for, and told when the backend does not come to its end: its host may be down."""
    limit = situation.spec.timeouts.resize
    if not situation.deadline_passed(found.since, limit):
        return None
    words = (
        f"the provider holds the machine: for longer than {limit} nothing has come of what it does ({text}). "
        "The host may be down. It is left alone until that is over."
    )
    return failed(MachineHeld(words, request_id=found.request_id), look_again=60.0)


def resized(situation: Situation, found: Found) -> Decision[Step]:
    """Confirmed where we asked for that size, also when another one is wished since; else told, and left alone."""
    operation = situation.operation
    if operation is None or not change.landed(found, operation):
        text = f"the provider holds the machine: {found.message}. It is left alone until that is over."
        return failed(MachineHeld(text, code=found.code, request_id=found.request_id), look_again=SLOW)
    if situation.observe_only:
        return under_way(situation, found)
    decision: Decision[Step] = Decision(
        step=ConfirmResize(),
        operation=OperationType.RESIZE,
        expect=operation.expect,
        said=say.working(Reason.RESIZING, f"confirming the resize to {change.size_of(operation)}"),
        phase=Phase.UPDATING,
    )
    return _timed(situation, operation, decision, found.message)


def half_way(situation: Situation) -> Decision[Step] | None:
    """A resize of ours to be confirmed, which needs nothing of the spec: left so, the backend would hold room twice."""
    look = situation.look
    if situation.observe_only or not isinstance(look, Present) or look.found.life is not Life.RESIZED:
        return None
    return resized(situation, look.found) if change.landed(look.found, situation.operation) else None


def heavy(situation: Situation, wanted: Wanted, found: Found, gap: Gap) -> Decision[Step] | None:
    """One after the other: the size first, which an image may need."""
    if gap.size is not None:
        return resize(situation, wanted, found, gap)
    return rebuilding.rebuild(situation, wanted, found, gap) if gap.rebuild else None


def resize(situation: Situation, wanted: Wanted, found: Found, gap: Gap) -> Decision[Step]:
    """Sent; and where it was accepted and the machine rests with its old size, it is asked why, and tried again."""
    size, operation = gap.size or "", situation.operation
    base: Decision[Step] = Decision(
        operation=OperationType.RESIZE,
        expect=change.to_size(size),
        said=(*say.working(Reason.RESIZING, f"resizing to {wanted.size_name}"), *say.present(found)),
        phase=say.phase_of(found),  # it may be refused, and is under way once that is seen
    )
    if operation is not None and change.size_of(operation) == size:
        if operation.next_retry_at is None:
            return replace(base, step=Inquire("resize"))
        waits = wait_until(situation, operation.next_retry_at)
        if waits is not None:
            return replace(waits, phase=say.phase_of(found))
    if found.shape.power is Power.SUSPENDED:
        return replace(base, step=SetPower(Power.ON), operation=OperationType.POWER, expect="")
    return replace(base, step=Resize(size), notes=_drift(situation, gap))


def done(situation: Situation, found: Found) -> tuple[Note, ...]:
    """The Event of a change that has just been reached."""
    operation = situation.operation
    if operation is None or not change.landed(found, operation):
        return ()
    if change.remake_of(operation) is not None:
        image = situation.status.resolved.image if situation.status.resolved else None
        name = (image.name if image else None) or found.shape.image
        return (Note(Reason.REBUILT, f"rebuilt from image {name}", operation.id),)
    return (Note(Reason.RESIZED, f"resized to {found.size_name or found.shape.size}", operation.id),)


def _drift(situation: Situation, gap: Gap) -> tuple[Note, ...]:
    row = next((row for row in gap.corrected if row.path == "/classRef"), None)
    if row is None or not situation.ready_now:
        return ()
    text = f"was resized to {row.found} by somebody else; resized back"
    return (Note(Reason.DRIFT_DETECTED, text, f"{row.path}/{say.stamp(situation.now)}", warning=True),)


def _timed(situation: Situation, operation: Operation, decision: Decision[Step], words: str) -> Decision[Step]:
    """One that takes too long is told, and goes on."""
    limit = situation.spec.timeouts.resize
    if not situation.deadline_passed(operation.started_at, limit):
        return decision
    failure: Failure = ResizeTimedOut(f"the resize takes longer than {limit}: {words}")
    if change.remake_of(operation) is not None:
        failure = RebuildTimedOut(f"the rebuild takes longer than {limit}: {words}")
    said = tuple(item for item in decision.said if item.type not in _BLOCKERS)
    return replace(decision, failure=failure, said=(*say.failed(failure), *said))


_BLOCKERS = frozenset({Condition.READY, Condition.RECONCILING})
