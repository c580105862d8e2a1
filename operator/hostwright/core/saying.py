"""How a pass tells of work under way and of a failure, the same for every kind."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from hostwright.core import errors
from hostwright.core.conditions import Said
from hostwright.core.errors import Capacity, Failure, Rejected
from hostwright.core.names import Actor, Condition

WHO = {
    Actor.YOU: "You must act.",
    Actor.PLATFORM: "The platform team must act.",
    Actor.WAIT: "Nothing to do but wait.",
}


class Told(Protocol):
    """`status.lastError` as read back."""

    @property
    def reason(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def actor(self) -> str: ...


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def working(reason: str, message: str, *, ready: bool | None = False) -> tuple[Said, ...]:
    """Something is under way."""
    return (
        Said(Condition.READY, ready, reason, message),
        Said(Condition.RECONCILING, True, reason, message),
    )


def failed(failure: Failure, *, ready: bool | None = False) -> tuple[Said, ...]:
    """A failure: Rejected and Conflict are Stalled (somebody must act), all else goes on (Reconciling)."""
    sentence = failure.message if failure.message.endswith((".", "!", "?", "…")) else f"{failure.message}."
    goes_on = failure.goes_on if isinstance(failure, Capacity) else ""
    message = " ".join(filter(None, (sentence, goes_on, WHO[failure.actor])))
    blocker = Condition.RECONCILING if not stalls(failure) else Condition.STALLED
    return (
        Said(Condition.READY, ready, failure.reason, message),
        Said(blocker, True, failure.reason, message),
    )


def again(error: Told | None) -> tuple[Said, ...]:
    """The last failure once more, while its next attempt is not due: the words that stood there at first."""
    kind = getattr(errors, error.reason, None) if error is not None else None
    return failed(kind(error.message, actor=Actor(error.actor))) if error is not None and kind is not None else ()


def stalls(failure: Failure) -> bool:
    """Whether only somebody else can move it: told as Stalled, and looked at slowly."""
    return isinstance(failure, Rejected) or (failure.actor is not Actor.WAIT and not isinstance(failure, Capacity))


def last_error(failure: Failure, now: datetime, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """`status.lastError`; the same failure again keeps the first one's time and request id, so it causes no write.

    A request id that came to be known later is added.
    """
    row = {
        "reason": failure.reason,
        "code": failure.code or None,
        "message": failure.message,
        "requestID": failure.request_id or None,
        "actor": str(failure.actor),
        "at": stamp(now),
    }
    if before and all(before.get(name) == row[name] for name in ("reason", "message")):
        late = {"requestID": failure.request_id} if failure.request_id and not before.get("requestID") else {}
        return {**before, **late}
    return {name: value for name, value in row.items() if value is not None}
