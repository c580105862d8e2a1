"""How hard one Provider is worked: adaptive concurrency, an optional rate, fair by namespace."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from hostwright.engine.ports import LeaseLostError

#: Seconds of one window. It doubles the limit while none of its answers was a complaint, and is short then: with 5 s a
#: pool of 1,000 was made in 1.7 times what 64 places allow. After the first complaint a window adds one.
DOUBLING, WINDOW = 1.0, 5.0
START = 8


class Slots:
    """Places for calls in flight. Grows while answers are good, halves at a 429, 503 or timeout."""

    def __init__(
        self,
        cap: int,
        monotonic: Callable[[], float],
        start: int = START,
        away: Callable[[], AbstractContextManager[None]] = nullcontext,  # around each wait for a place, and its use
    ) -> None:
        self._cap = cap
        self._limit = min(start, cap)
        self._monotonic = monotonic
        self._away = away
        self._slow_start = True
        self._window_began = monotonic()
        self._used = 0
        self._waiters: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._paused_until = float("-inf")
        self._resume: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def limit(self) -> int:
        return self._limit

    @property
    def in_flight(self) -> int:
        return self._used

    @property
    def pause(self) -> float:
        """Seconds for which the endpoint asked us to wait."""
        return max(0.0, self._paused_until - self._monotonic())

    def set_cap(self, cap: int) -> None:
        self._cap = cap
        self._limit = min(self._limit, cap)

    @asynccontextmanager
    async def place(self, namespace: str) -> AsyncIterator[None]:
        """Hold one place; waiting namespaces take turns."""
        with self._away():
            await self._take(namespace)
            try:
                yield
            finally:
                self._release()

    async def _take(self, namespace: str) -> None:
        if self._closed:
            raise LeaseLostError("the process ends")
        if self._used >= self._limit:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.setdefault(namespace, deque()).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.exception() is None:
                    self._release()
                raise
        else:
            self._used += 1

    def close(self) -> None:
        """The process ends: who waits for a place gets none. What holds one goes on."""
        self._closed = True
        for line in self._waiters.values():
            for turn in line:
                if not turn.done():
                    turn.set_exception(LeaseLostError("the process ends"))
        self._waiters.clear()

    def good(self) -> None:
        """An answer without complaint: once each window, and only while the places are used."""
        now = self._monotonic()
        window = DOUBLING if self._slow_start else WINDOW
        if now - self._window_began < window or self._used < self._limit // 2:
            return
        self._window_began = now
        self._limit = min(self._cap, self._limit * 2 if self._slow_start else self._limit + 1)
        self._admit()

    def bad(self, retry_after: float | None = None) -> None:
        """The endpoint complained: half as much, and a pause if it asked for one (clamped to 15 minutes)."""
        now = self._monotonic()
        if retry_after is not None:
            self._paused_until = max(self._paused_until, now + min(max(retry_after, 1.0), 900.0))
        if now - self._window_began >= 1.0 or self._slow_start:
            self._limit = max(1, self._limit // 2)
            self._window_began = now
        self._slow_start = False

    def _release(self) -> None:
        self._used -= 1
        self._admit()

    def _admit(self) -> None:
        if self._waiters and self.pause > 0:
            if self._resume is None:
                self._resume = asyncio.get_running_loop().call_later(self.pause, self._resumed)
            return
        while self._waiters and self._used < self._limit:
            namespace, line = next(iter(self._waiters.items()))
            turn = line.popleft()
            self._waiters.move_to_end(namespace)
            if not line:
                del self._waiters[namespace]
            if not turn.done():
                self._used += 1
                turn.set_result(None)

    def _resumed(self) -> None:
        self._resume = None
        self._admit()


class Bucket:
    """A token bucket; `rate` None means no limit."""

    def __init__(self, rate: float | None, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._tokens = float(rate or 0)
        self._at = monotonic()

    def set_rate(self, rate: float | None) -> None:
        self._rate = rate

    def wait(self) -> float:
        """Take one token: how many seconds to wait before sending (0 with no limit)."""
        if not self._rate:
            return 0.0
        now = self._monotonic()
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1
        return 0.0 if self._tokens >= 0 else -self._tokens / self._rate
