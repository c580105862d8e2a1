"""A machine's time: when it is over, what is said of that before, and the deletion of its object then."""

from dataclasses import replace
from datetime import datetime, timedelta

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.names import Condition, Reason
from hostwright.core.quantity import to_seconds
from hostwright.core.saying import stamp
from hostwright.kinds.virtualmachine.port import Step
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.values import NEVER

#: A deletion that was asked for and is not seen yet is asked for again after this many seconds.
ASK_AGAIN = 10.0


def expires_at(situation: Situation) -> datetime | None:
    """None: never."""
    after, born = situation.spec.expire_after, situation.born_at
    return None if after == NEVER or born is None else born + timedelta(seconds=to_seconds(after))


def expired(situation: Situation) -> bool:
    """Its object is to go now. What is protected, or of a paused Provider, stays until it is so no more."""
    end = expires_at(situation)
    held = situation.spec.deletion_protection or situation.backend.paused
    return end is not None and end <= situation.now and not held


def expire(situation: Situation) -> Decision[Step]:
    """The object is deleted as if its user had done it: deletionPolicy says what becomes of the machine."""
    moment = stamp(expires_at(situation) or situation.now)
    text = f"expireAfter {situation.spec.expire_after} was over at {moment}: this object is deleted"
    return Decision(
        remove=True, phase=situation.phase, notes=(Note(Reason.EXPIRED, text, moment),), look_again=ASK_AGAIN
    )


def dated(situation: Situation, decision: Decision[Step]) -> Decision[Step]:
    """Looked at when its time is over, and told until then. Where a look learns nothing, nothing is told either."""
    end = expires_at(situation)
    moment = stamp(end) if end is not None else None
    if decision.said and moment != situation.status.expires_at:
        decision = replace(decision, status={**decision.status, "expiresAt": moment})
    if end is None:
        return decision
    said = tuple(_with_end(situation, end, item) for item in decision.said)
    left = (end - situation.now).total_seconds()
    if left > 0 and (decision.look_again is None or left < decision.look_again):
        decision = replace(decision, look_again=left)
    return replace(decision, said=said)


def _with_end(situation: Situation, end: datetime, item: Said) -> Said:
    """What is ready says so; of all else the message is for what stands in its way."""
    if item.type is not Condition.READY or not item.status:
        return item
    text = f"is deleted at {stamp(end)}"
    if end <= situation.now:
        why = "deletionProtection is true" if situation.spec.deletion_protection else "its Provider is paused"
        text = f"expired at {stamp(end)}, and kept while {why}"
    return replace(item, message=f"{item.message}; {text}")
