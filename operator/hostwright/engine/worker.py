"""Takes keys and gives each to its kind's pass; knows errors and back-off, nothing of machines."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hostwright.core.backoff import TRANSIENT
from hostwright.engine.ports import (
    Clock,
    ClusterUnavailableError,
    Key,
    LeaseLostError,
    ObjectGoneError,
    StaleBodyError,
    Telemetry,
    WriteRefusedError,
)
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.terms import Terms


@dataclass(frozen=True, slots=True)
class Again:
    """When to look at the key again: seconds, or None for when something moves."""

    after: float | None = None
    priority: Priority = Priority.TRANSITION


#: So many stale bodies in a row are retried at once, by when the watch has shown a newer one; then once a second.
STALE_TRIES = 5

#: Passes begin in one turn of the event loop for so many seconds, but for what users changed. With all workers in one
#: turn, each answer of a Provider and of the API server waits for that many passes: a fleet's start did for minutes.
SLICE = 0.01

Pass = Callable[[Key], Awaitable[Again]]
Reread = Callable[[Key], Awaitable[None]]


class Workers:
    """`count` tasks that take keys, `reserved` of them only what users changed; and stand-ins for those `away`."""

    def __init__(
        self,
        queue: WorkQueue,
        passes: Mapping[str, Pass],
        gate: Terms,
        clock: Clock,
        telemetry: Telemetry,
        reread: Reread,
    ) -> None:
        self._queue, self._passes, self._gate, self._clock, self._telemetry = queue, passes, gate, clock, telemetry
        self._reread = reread
        self._failures: dict[Key, int] = {}
        self._tasks: dict[asyncio.Task[None], Priority] = {}  # what it takes: that, and what is more urgent
        self._wanted: Counter[Priority] = Counter()
        self._present: Counter[Priority] = Counter()
        self._turn_began: float | None = None  # of the loop's turn in which passes begin now
        self._line: deque[asyncio.Future[None]] = deque()  # workers that it had no time for

    def start(self, count: int, reserved: int) -> None:
        self._wanted.update({Priority.USER: reserved, Priority.RESYNC: count - reserved})
        for only in self._wanted:
            self._fill(only)

    @contextmanager
    def away(self) -> Iterator[None]:
        """The running pass waits for a Provider: another worker stands in, or one slow Provider would delay all."""
        task = asyncio.current_task()
        only = self._tasks.get(task) if task is not None else None
        if only is None:  # no pass of ours
            yield
            return
        self._present[only] -= 1
        self._fill(only)
        try:
            yield
        finally:
            self._present[only] += 1

    def _fill(self, only: Priority) -> None:
        while self._present[only] < self._wanted[only]:
            self._present[only] += 1
            task = asyncio.create_task(self._work(only), name=f"hostwright worker {only.name.lower()}")
            self._tasks[task] = only
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """One that stood in, and is not needed any more; what died is kept to be seen."""
        if task.cancelled() or task.exception() is None:
            del self._tasks[task]

    async def drain(self, seconds: float) -> bool:
        """No further keys; wait for the passes under way. False when some did not end in time."""
        self._queue.close()
        if not self._tasks:
            return True
        _, pending = await asyncio.wait(self._tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        return not pending

    @property
    def began(self) -> bool:
        return bool(self._wanted)

    @property
    def dead(self) -> list[asyncio.Task[None]]:
        """Workers that ended by an error: the process must not go on without them."""
        return [task for task in self._tasks if task.done() and not task.cancelled() and task.exception() is not None]

    async def _work(self, only: Priority) -> None:
        while self._present[only] <= self._wanted[only] and (key := await self._next(only)) is not None:
            try:
                again = await self._one(key)
            finally:
                self._queue.done(key)
            if again.after is not None:
                self._queue.add_after(key, again.after, again.priority)
            await asyncio.sleep(0)  # a settled machine's pass waits for nothing: thousands would hold up the Lease
        self._present[only] -= 1

    async def _next(self, only: Priority) -> Key | None:
        """Taken in a turn of the loop that has time for it."""
        while only is not Priority.USER and self._turn_is_over():
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._line.append(turn)
            await turn
        return await self._queue.get(only=only)

    def _turn_is_over(self) -> bool:
        now = self._clock.monotonic()
        if self._turn_began is None:
            self._turn_began = now
            asyncio.get_running_loop().call_soon(self._next_turn)
        return now - self._turn_began >= SLICE

    def _next_turn(self) -> None:
        """One more worker in each turn, until they are as many as it has time for: to wake all costs each of them."""
        self._turn_began = None
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def _one(self, key: Key) -> Again:
        if not self._gate.held():
            return Again()  # every key is looked at when the Lease becomes ours
        self._gate.begin()
        began = self._clock.monotonic()
        outcome = "ok"
        try:
            again = await self._passes[key.kind](key)
        except StaleBodyError:
            outcome = "stale"
            again = await self._behind(key) if self._failed(key) >= STALE_TRIES else Again(0.05)
        except ObjectGoneError:
            outcome = "gone"
            again = await self._behind(key)
        except LeaseLostError:
            outcome = "lease"
            again = Again(1.0)
        except ClusterUnavailableError as error:
            outcome = "cluster"
            self._telemetry.hindered(key, error)
            again = self._back_off(key)
        except Exception as error:  # noqa: BLE001 - the one place: a bug is told with its traceback and backed off
            outcome = "bug"
            self._telemetry.failed(key, error)
            again = self._back_off(key)
        else:
            self._failures.pop(key, None)
        self._telemetry.passed(key, self._clock.monotonic() - began, outcome)
        return again

    async def _behind(self, key: Key) -> Again:
        """The object is another one than its watch has shown, or gone: it may be deaf, so the object is read."""
        try:
            await self._reread(key)
        except ClusterUnavailableError as error:
            self._telemetry.hindered(key, error)
            return self._back_off(key)
        except WriteRefusedError as error:
            self._telemetry.failed(key, error)
            return self._back_off(key)
        return Again(1.0)

    def _failed(self, key: Key) -> int:
        self._failures[key] = self._failures.get(key, 0) + 1
        return self._failures[key]

    def _back_off(self, key: Key) -> Again:
        return Again(TRANSIENT.delay(self._failed(key), random.random() / 4))  # noqa: S311 - jitter
