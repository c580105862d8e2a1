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
START = datetime(2026, 1, 1, tzinfo=UTC)


#: Whose code runs: what a process starts is its own, whatever it waits for.
OWNER: contextvars.ContextVar[str] = contextvars.ContextVar("OWNER", default="")
#: In it runs what is nobody's: the network, the far side.
NOBODY = contextvars.Context()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Real callbacks in real order; no second is ever waited for. An owner can be frozen, as SIGSTOP does."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 1000.0
        self._turns = 0
        self._frozen: dict[str, list[Callable[[], Any]]] = {}

    def freeze(self, owner: str) -> None:
        self._frozen[owner] = []

    def frozen(self) -> tuple[str, ...]:
        return tuple(self._frozen)

    def thaw(self, owner: str) -> None:
        """All that came due meanwhile, in its order, at once."""
        for callback in self._frozen.pop(owner):
            callback()

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_soon(self._unless_frozen(callback), *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_at(when, self._unless_frozen(callback), *args, context=context)

    def _unless_frozen(self, callback: Any) -> Any:
        def run(*args: Any) -> None:
            held = self._frozen.get(OWNER.get())
            if held is None:
                callback(*args)
            else:
                context = contextvars.copy_context()
                held.append(lambda: self.call_soon(callback, *args, context=context))

        return run

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        self._turns += 1
        if self._turns > TURNS:
            raise RuntimeError(f"no rest after {TURNS} turns of the loop, at {self._now - 1000.0:.1f} s")
        timers: list[Any] = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False
            self._timer_cancelled_count = max(0, self._timer_cancelled_count - 1)  # type: ignore[has-type]
        if not self._ready and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise RuntimeError("nothing is ready and nothing is due: everything waits for ever")
            self._move(timers[0].when())
        elif timers and timers[0].when() < self._now + self._clock_resolution:  # type: ignore[attr-defined]
            self._move(timers[0].when())
        super()._run_once()  # type: ignore[misc]

    def _move(self, when: float) -> None:
        """To a timer that fires now. Time goes on even where a wait is too short to be told from none."""
        self._now = when if when > self._now else self._now + 1e-9


class Clock:
    """Implements engine.ports.Clock on the running loop's time."""

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic() - 1000.0)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def run(work: Coroutine[Any, Any, T]) -> T:
    """To its end, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


async def until(look: Callable[[], bool], seconds: float, what: str = "") -> None:
    """Until the look is true; looked at ten times a (virtual) second."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not look():
        assert loop.time() < end, f"never came true: {what}"
        await asyncio.sleep(0.1)
