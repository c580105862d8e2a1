"""What a session keeps of one BMC: its client, what it last said, how it answers, and when it is asked next."""

import hashlib
from dataclasses import dataclass, replace

from hostwright.core.backoff import Backoff
from hostwright.core.errors import CredentialsRejected, Failure
from hostwright.kinds.physicalmachine.port import LOGIN_TRIES, Access, FoundServer, Inspection
from hostwright.providers.redfish import found
from hostwright.providers.redfish.client import Client
from hostwright.providers.redfish.rows import Power, System

#: Between two reads of a server whose power is under way, and for how long after a request (PhysicalMachineProvider).
QUICK, WATCHED = 1.0, 180.0
#: A BMC that does not answer is asked after 2, 4, 8 … seconds, at the latest every five minutes.
BREAKER = Backoff(2.0, 300.0)
#: But this often while one of our requests may be what keeps it away (a restart of the BMC).
AWAY = 15.0
#: From the first refused login to the second, which is the last.
SECOND_LOGIN = 5.0
NEVER = float("inf")
_MOVING = frozenset({Power.POWERING_ON, Power.POWERING_OFF})


@dataclass
class Line:
    """Changed by the inventory alone."""

    machine_id: str
    access: Access
    client: Client | None  # None: what is written of it cannot be used, which `failure` says
    failure: Failure | None = None
    system: System | None = None
    answered: bool = False  # with this Access
    asked: bool = False  # with this Access, with any outcome
    as_of: float = float("-inf")
    down_since: float | None = None
    rejected: int = 0
    failures: int = 0  # in a row
    inspection: Inspection | None = None
    watched_until: float = float("-inf")
    goal: Power | None = None
    due: float = float("-inf")

    @property
    def shut(self) -> bool:
        """Nothing is asked until another Access is given."""
        return self.client is None or self.rejected >= LOGIN_TRIES

    def found(self, now: float) -> FoundServer | None:
        """None: it was never asked."""
        if not self.asked and self.system is None:
            return None
        seen = found.server(self.system) if self.system is not None else FoundServer()
        return replace(
            seen,
            answered=self.answered or not self.asked,  # what a former Access showed stays until this one was tried
            failure=self.failure,
            down_for=None if self.down_since is None else now - self.down_since,
            rejected=self.rejected,
            inspection=self.inspection,
        )

    def say(self, system: System, began: float, now: float) -> None:
        """It answered. An answer that began before the last one is no news."""
        self.asked = self.answered = True
        self.failure, self.down_since, self.rejected, self.failures = None, None, 0, 0
        if began < self.as_of:
            return
        moving = self.system is not None and self.system.power in _MOVING
        if system.power in _MOVING and not moving:
            self.watched_until = max(self.watched_until, now + WATCHED)
        self.system, self.as_of = system, began
        if system.power is self.goal:
            self.goal = None

    def miss(self, failure: Failure, now: float) -> None:
        """It did not, or refused us."""
        self.asked = True
        self.failures += 1
        if self.failure is None or (self.failure.reason, self.failure.message) != (failure.reason, failure.message):
            self.failure = failure
        if isinstance(failure, CredentialsRejected):
            self.rejected += 1
            self.down_since = None
        elif self.down_since is None:
            self.down_since = now

    def touched(self, goal: Power | None, now: float) -> None:
        """A request was sent, or may have been."""
        self.goal, self.watched_until = goal, now + WATCHED

    def next_due(self, now: float, interval: float) -> float:
        """When it is asked again. At rest each BMC has its own place in the interval."""
        if self.shut:
            return NEVER
        watched = now < self.watched_until
        if self.failures:
            wait = BREAKER.delay(self.failures, self._share(10) / 10)
            if isinstance(self.failure, CredentialsRejected):
                wait = SECOND_LOGIN
            elif watched:
                wait = min(wait, AWAY)
            asked = self.failure.retry_after if self.failure is not None else None
            return now + max(wait, min(asked or 0.0, BREAKER.cap))
        moving = self.system is not None and self.system.power in _MOVING
        if watched and (moving or self.goal is not None):
            return now + min(QUICK, interval)
        left = (self._share(interval) - now) % interval
        return now + (left or interval)

    def _share(self, of: float) -> float:
        digest = hashlib.sha256(self.machine_id.encode()).digest()
        return int.from_bytes(digest[:4], "big") / 2**32 * of
