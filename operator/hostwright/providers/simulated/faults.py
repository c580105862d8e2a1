"""What goes wrong on request: the next calls of a verb, and outages. Pure; the site does what is said here."""

from collections.abc import Sequence
from enum import StrEnum

from hostwright.providers.simulated.rows import Row

ANY = "*"


class Kind(StrEnum):
    REFUSE = "Refuse"  # answered with status and message, nothing done
    LOSE_REPLY = "LoseReply"  # done, and the connection is cut before the answer
    APPLY_THEN_FAIL = "ApplyThenFail"  # done, and answered with status
    CUT = "Cut"  # the connection is cut, nothing done
    DELAY = "Delay"  # done and answered, that many seconds late
    TRUNCATE = "Truncate"  # a list that ends early and says it is complete


class Outage(StrEnum):
    OFF = "Off"
    ERROR = "Error"  # every call is answered with 503
    CUT = "Cut"  # every connection is cut
    HANG = "Hang"  # no call is ever answered


class Fault(Row, frozen=True, kw_only=True):
    """The next `count` calls of `verb` (or `*`)."""

    kind: Kind
    verb: str = ANY
    count: int = 1
    status: int = 500
    code: str = "Failed"
    message: str = "a failure that was asked for"
    retry_after: float | None = None
    seconds: float = 1.0


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        if fault.count > 0:
            self._waiting.append((fault, fault.count))

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, verb: str) -> Fault | None:
        """The fault of this call, counted down."""
        for at, (fault, left) in enumerate(self._waiting):
            if fault.verb in (ANY, verb):
                if left > 1:
                    self._waiting[at] = (fault, left - 1)
                else:
                    del self._waiting[at]
                return fault
        return None

    def waiting(self) -> Sequence[tuple[Fault, int]]:
        return tuple(self._waiting)
