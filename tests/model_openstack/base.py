"""What the services of the model share: the time, what comes due, pages, and what is too young to be listed."""

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from tests.model_openstack.rows import Build, FloatingIP, Port, Server, Settings, Volume

T = TypeVar("T", Server, Port, Volume, FloatingIP)


class State:
    """All that there is, by id in the order of its creation. Pure: the time is given."""

    def __init__(self, now: Callable[[], float], settings: Settings | None = None) -> None:
        self._now, self.settings = now, settings or Settings()
        self.servers: dict[str, Server] = {}
        self.deleted: dict[str, tuple[Server, float]] = {}  # Nova lists the deletion as a change, for ever
        self.ports: dict[str, Port] = {}
        self.volumes: dict[str, Volume] = {}
        self.floating_ips: dict[str, FloatingIP] = {}
        self.groups: dict[str, dict[str, Any]] = {}  # server groups; of members also those that are gone
        self.images = {"i-1": "tiny"}
        self.builds: deque[Build] = deque()
        self.lost_starts = 0  # so many changes of power are accepted, and come to nothing
        self.revision = 0  # grows with every change
        self.most: Counter[str] = Counter()  # of what there were at once, by what the judge counts
        self._numbers = itertools.count(1)
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    # -- time

    def now(self) -> float:
        return self._now()

    def next_number(self) -> int:
        return next(self._numbers)

    def touched(self) -> None:
        self.revision += 1

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now() + seconds, self.next_number(), work))

    def advance(self) -> None:
        """End the work whose time has come."""
        while self._due and self._due[0][0] <= self.now():
            heapq.heappop(self._due)[2]()
            self.touched()

    # -- lists

    def listed(self, rows: Iterable[T]) -> list[T]:
        """Without what no list shows yet."""
        shown = self.now() - self.settings.visibility_lag
        return [row for row in rows if row.created <= shown]

    def page(self, rows: list[T], query: Mapping[str, list[str]]) -> list[T]:
        """After the marker. Raises KeyError where that is no more."""
        start = 0
        if "marker" in query:
            marker = query["marker"][0]
            start = next((place + 1 for place, row in enumerate(rows) if row.id == marker), 0)
            if not start:
                raise KeyError(marker)
        limit = int(query["limit"][0]) if "limit" in query else self.settings.page_size
        return rows[start : start + min(limit, self.settings.page_size)]
