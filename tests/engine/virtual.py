"""Virtual time: an event loop whose clock jumps to the next timer when nothing is ready."""

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
#: More turns of the loop than any of these lives needs: what goes round in circles ends as an error.
TURNS = 400_000
#: Timers, from which on they are cleared of the cancelled ones.
MANY = 100
START = datetime(2026, 1, 1, tzinfo=UTC)


#: Whose code runs: what a process starts is its own, whatever it waits for.
OWNER: contextvars.ContextVar[str] = contextvars.ContextVar("OWNER", default="")
#: In it runs what is nobody's: the network, the far side.
NOBODY = contextvars.Context()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Real callbacks in real order; no second is ever waited for. An owner can be frozen, as SIGSTOP does."""

    def __init__(self, most: int = TURNS) -> None:
        super().__init__()
        self._now = 1000.0
        self._turns, self._most = 0, most
        self._frozen: dict[str, list[asyncio.Handle]] = {}

    def freeze(self, owner: str) -> None:
        self._frozen[owner] = []

    def frozen(self) -> tuple[str, ...]:
        return tuple(self._frozen)

    def thaw(self, owner: str) -> None:
        """All that came due meanwhile, in its order, at once."""
        self._ready.extend(self._frozen.pop(owner))  # type: ignore[attr-defined]

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        """One turn, as the base class makes it, without a look at sockets: there are none."""
        self._turns += 1
        if self._turns > self._most:
            raise RuntimeError(f"no rest after {self._most} turns of the loop, at {self._now - 1000.0:.1f} s")
        timers: list[Any] = self._scheduled  # type: ignore[attr-defined]
        ready: Any = self._ready  # type: ignore[attr-defined]
        self._prune(timers)
        soon = self._now + self._clock_resolution  # type: ignore[attr-defined]
        if timers and ((not ready and not self._stopping) or timers[0]._when < soon):  # type: ignore[attr-defined]
            self._move(timers[0]._when)
            soon = self._now + self._clock_resolution  # type: ignore[attr-defined]
        elif not ready and not self._stopping:  # type: ignore[attr-defined]
            raise RuntimeError("nothing is ready and nothing is due: everything waits for ever")
        while timers and timers[0]._when < soon:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            held = self._frozen.get(handle._context.get(OWNER, "")) if self._frozen else None
            if held is None:
                handle._run()
            else:
                held.append(handle)

    def _prune(self, timers: list[Any]) -> None:
        """Timers that were cancelled: all of them where they are the most, else those that are next."""
        if len(timers) > MANY and self._timer_cancelled_count > len(timers) / 2:  # type: ignore[has-type]
            for timer in timers:
                timer._scheduled = not timer._cancelled
            timers[:] = [timer for timer in timers if not timer._cancelled]
            heapq.heapify(timers)
            self._timer_cancelled_count = 0
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
            self._timer_cancelled_count = max(0, self._timer_cancelled_count - 1)

    def _move(self, when: float) -> None:
        """To a timer that fires now. Time goes on even where a wait is too short to be told from none."""
        self._now = when if when > self._now else self._now + 1e-9


class Clock:
    """Implements engine.ports.Clock on the running loop's time."""

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic() - 1000.0)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def run(work: Coroutine[Any, Any, T], turns: int = TURNS) -> T:
    """To its end, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(turns)) as runner:
        return runner.run(work)


async def until(look: Callable[[], bool], seconds: float, what: str = "") -> None:
    """Until the look is true; looked at ten times a (virtual) second."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not look():
        assert loop.time() < end, f"never came true: {what}"
        await asyncio.sleep(0.1)
