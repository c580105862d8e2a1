"""What can go wrong with one request, and a trial of it: at this call of this step, with an object of its own."""

import threading
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    KILLED_BEFORE = "killed before"  # the operator is killed, the request never arrives
    KILLED_AFTER = "killed after"  # it is carried out, and the operator killed before the answer
    LOST = "reply lost"  # it is carried out, then the connection is cut
    ERROR = "5xx"  # it is carried out, and answered with 503
    DELAYED = "delayed"  # it is passed on when the operator has given it up
    STALE = "stale read"  # it is carried out, and for a while everybody reads what was before


#: As a call's side and name: the `nth` of its step, whatever it is.
ANY = "*"
KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)


@dataclass(frozen=True, order=True)
class Call:
    """The `nth` request of this name in a step of a scenario; `side` is whom it is sent to."""

    step: str
    side: str
    name: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.step}: {self.side} {self.name}" + (f" ({self.nth}.)" if self.nth > 1 else "")


@dataclass(frozen=True)
class Plan:
    call: Call
    fault: Fault

    def __str__(self) -> str:
        return f"{self.call}, {self.fault}"


@dataclass
class Strike:
    """A plan under way. `met` is set when its call came; `held` while it is kept back."""

    plan: Plan
    subject: str
    call: Call | None = None  # the one that came
    met: threading.Event = field(default_factory=threading.Event)
    held: bool = False
    since: float = 0.0  # monotonic: when it was held back
    done: threading.Event = field(default_factory=threading.Event)  # nothing more comes of it
