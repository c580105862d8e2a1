"""A Provider as one machine of it sees it in one pass."""

from dataclasses import dataclass

from hostwright.core.errors import Failure


@dataclass(frozen=True, slots=True)
class Backend:
    exists: bool = True
    connected: bool = True  # a session is there
    synced: bool = True  # the inventory's first full sweep is complete
    down_for: float | None = None  # seconds since it stopped answering
    failure: Failure | None = None  # why there is no session, or why nothing may be sent
    machines: int = 1  # that name it
    paused: bool = False
