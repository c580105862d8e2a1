"""The blast-radius breaker of one Provider: how many machines and disks may be taken away in an hour."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from hostwright.core.conditions import find
from hostwright.core.errors import DestructiveLimitReached, Failure
from hostwright.core.names import Condition
from hostwright.core.port import Call
from hostwright.kinds.provider.resource import Limits

HOUR = 3600.0
#: First words of the ledger names of what holds data; a port or an address is made again as it was.
COUNTED = frozenset({"server", "extra", "volume"})
ACKNOWLEDGED = "destructiveAcknowledged"


def thing(call: Call, machine: str, word: str) -> str:
    """What the call takes away, by several calls perhaps: off, then gone. `word` tells one rebuild from the next."""
    return f"{call.row.id if call.row is not None else machine}/{word}"


class Breaker:
    """Counts each thing once, however often its deletion is sent, and whatever the reason.

    The count starts anew with the process. That it is open is kept in the Provider's status, and ends when somebody
    changes the acknowledgement.
    """

    def __init__(self, name: str, limits: Limits, status: Mapping[str, Any], monotonic: Callable[[], float]) -> None:
        self._name, self._monotonic = name, monotonic
        self._limit: int | None = None
        self._taken: OrderedDict[str, float] = OrderedDict()  # what was taken away → when
        self.open = False
        self.handled = limits.destructive_acknowledged  # a value that is there at first sight is only recorded
        self.told(status)
        self.follow(limits)

    @property
    def watches(self) -> bool:
        return self._limit is not None

    def told(self, status: Mapping[str, Any]) -> None:
        """What the Provider's status says: the operator that had the Lease before may have opened or closed it."""
        allowed = find(status.get("conditions") or [], Condition.DESTRUCTIVE_OPERATIONS_ALLOWED)
        if allowed is not None:
            self.open = allowed["status"] == "False"
        if (handled := status.get("handled")) is not None:
            self.handled = handled.get(ACKNOWLEDGED, "")

    def follow(self, limits: Limits) -> None:
        """A changed acknowledgement, or the end of the limit, closes it; the count begins anew."""
        self._limit = limits.max_destructive_per_hour
        if limits.destructive_acknowledged != self.handled or self._limit is None:
            self.handled = limits.destructive_acknowledged
            self.open = False
            self._taken.clear()

    def frozen(self, call: Call, key: str) -> Failure | None:
        """Why this call would not be made, while it is open: nothing is asked of the backend for it."""
        held = self.open and self.watches and self._counts(call) and key not in self._taken
        return self.failure() if held else None

    def refuses(self, call: Call, key: str) -> Failure | None:
        """Why this call is not made now; None: it is made, and counted. `key` names what is taken away by it."""
        if self._limit is None or not self._counts(call):
            return None
        now = self._monotonic()
        while self._taken and now - next(iter(self._taken.values())) >= HOUR:
            self._taken.popitem(last=False)
        if key in self._taken:  # sent once more
            return None
        if self.open or len(self._taken) >= self._limit:
            self.open = True
            return self.failure()
        self._taken[key] = now
        return None

    def _counts(self, call: Call) -> bool:
        return call.destructive and call.expect.partition("/")[0] in COUNTED

    def failure(self) -> DestructiveLimitReached:
        return DestructiveLimitReached(
            f"Provider {self._name!r} allows {self._limit} deletions and rebuilds of machines and disks an hour, and "
            "more were asked for: nothing is taken away until its spec.limits.destructiveAcknowledged is changed."
        )
