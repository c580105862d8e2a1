"""The life of an intent: when a call may be sent, when its outcome must be verified, when nothing was made.

A call whose outcome we know is settled. Any other written intent is verified: what a look finds is adopted at once; a
new attempt needs the call's deadline and the backend's visibility lag passed on our own monotonic clock since our
first sight of the intent, and a complete, answered look begun after that moment which found nothing (PROTOCOLS
section 2). Failed looks prolong the wait.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hostwright.core.port import Call, Operation, OperationType

#: A call that was not sent this many seconds after its intent is abandoned and the intent rewritten.
SEND_WITHIN = 5.0


class Standing(StrEnum):
    """Where an operation stands for this process."""

    OPEN = "Open"  # its outcome is unknown: verify
    SETTLED = "Settled"  # we saw the answer, or proved that nothing was made


@dataclass(frozen=True, slots=True)
class Quiet:
    """When the outcome of an intent can be judged."""

    first_seen: float  # monotonic: our first sight of it, the writing of it included
    length: float  # seconds: the call's deadline + the visibility lag

    @property
    def over_at(self) -> float:
        return self.first_seen + self.length

    def proves_nothing_made(self, look_began: float) -> bool:
        """Whether an answered, complete look that found nothing and began then proves that nothing was made."""
        return look_began > self.over_at


def begin(
    call: Call, kind: OperationType, expect: str, *, new_id: str, now: datetime, previous: Operation | None
) -> Operation:
    """The intent of the next call: the next attempt where the same thing was tried before, else a first one."""
    again = previous is not None and previous.expect == expect and previous.type == kind
    if again and previous is not None:
        return replace(
            previous,
            attempt=previous.attempt + 1,
            started_at=now,
            deadline=now + timedelta(seconds=call.deadline),
            task="",
            next_retry_at=None,
        )
    same_work = previous is not None and previous.type == kind
    return Operation(
        id=previous.id if same_work and previous is not None else new_id,
        type=kind,
        expect=expect,
        attempt=1,
        started_at=now,
        deadline=now + timedelta(seconds=call.deadline),
        window_start=now,
    )
