"""Asks machines whether they answer: a few tasks for all of them, and only a change of the answer wakes a key."""

import asyncio
import heapq
import itertools
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hostwright.core.probed import Probed
from hostwright.engine.ports import Body, Clock, Dial, Gate, Key
from hostwright.engine.queue import Priority
from hostwright.engine.targets import Network, Target, refusal, target_of, was_available
from hostwright.engine.waiting import set_within

KIND = "VirtualMachine"
#: Connections under way at once in each lane; where thousands do not answer, their periods grow.
AT_ONCE = 64
#: So many failures in a row turn what passed; one lost packet is none of them.
FAILURES = 3


@dataclass(slots=True)
class _Watched:
    """One machine that is probed, and what came of it."""

    target: Target
    was: bool  # available by its status, as last seen: told before, perhaps by another process
    failures: int = 0
    passing: bool | None = None  # None: nobody can say yet
    since: float = 0.0
    message: str = ""

    def learn(self, why: str, now: float) -> bool:
        """Whether the answer is another one by now. `why` it failed; empty: it passed."""
        self.failures = self.failures + 1 if why else 0
        turns = not why or self.failures >= FAILURES or (self.passing is None and not self.was)
        if not turns or self.passing is (not why):
            return False
        self.passing, self.since, self.message = not why, now, why
        return True


class _Lane:
    """Machines in the order in which they are due, and places for a few at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Key, _Watched]] = []
        self._order = itertools.count()
        self._stirred = asyncio.Event()
        self.room = asyncio.Semaphore(AT_ONCE)

    def plan(self, after: float, key: Key, watched: _Watched) -> None:
        heapq.heappush(self._heap, (self._clock.monotonic() + after, next(self._order), key, watched))
        self._stirred.set()

    def stir(self) -> None:
        self._stirred.set()

    async def due(self) -> tuple[Key, _Watched] | None:
        """The next one, if it is due; None after a wait for it."""
        left = self._heap[0][0] - self._clock.monotonic() if self._heap else None
        if left is not None and left <= 0:
            _, _, key, watched = heapq.heappop(self._heap)
            return key, watched
        self._stirred.clear()
        await set_within(self._stirred, left)
        return None


class Prober:
    """Follows the store. Nothing of it is kept by a restart, and nothing is told before a first answer."""

    def __init__(
        self,
        dial: Dial,
        gate: Gate,
        clock: Clock,
        wake: Callable[[Key, Priority], None],
        jitter: Callable[[], float],
        refused: Sequence[Network] = (),
    ) -> None:
        self._dial, self._gate, self._clock, self._wake, self._jitter = dial, gate, clock, wake, jitter
        self._refused = refused
        self._watched: dict[Key, _Watched] = {}
        #: Those that answer wait for none that does not: one tenant's dead machines delay nobody else's living ones.
        self._answering, self._silent = _Lane(clock), _Lane(clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None

    def follow(self, key: Key, body: Body | None) -> None:
        """The store keeps this body now; None: the object left."""
        if key.kind != KIND:
            return
        target = target_of(body) if body is not None else None
        if target is None or body is None:
            self._watched.pop(key, None)
            return
        known = self._watched.get(key)
        if known is not None and known.target == target:
            known.was = was_available(body)
            return
        watched = self._watched[key] = _Watched(target, was_available(body))
        # One that is told as available waits for its place in the period: a restart meets thousands of them.
        place = zlib.crc32(str(key).encode()) % 1000 / 1000 * target.period if watched.was else self._jitter()
        self._plan(place, key, watched)

    def forget(self) -> None:
        """The Lease changed hands: what was learnt before is old, and what another leader told stands in the status."""
        for key, watched in self._watched.items():
            self._watched[key] = _Watched(watched.target, watched.was)
            self._plan(self._jitter(), key, self._watched[key])

    def probed(self, key: Key) -> Probed | None:
        watched = self._watched.get(key)
        if watched is None or watched.passing is None:
            return None
        return Probed(watched.passing, self._clock.monotonic() - watched.since, watched.message)

    def __len__(self) -> int:
        return len(self._watched)

    async def run(self) -> None:
        """Until it is cancelled."""
        lanes = [asyncio.create_task(self._serve(lane)) for lane in (self._answering, self._silent)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for task in (*lanes, *self._tasks):
                task.cancel()

    async def _serve(self, lane: _Lane) -> None:
        while True:
            if self._broken is not None:
                raise self._broken
            due = await lane.due()
            if due is None or self._watched.get(due[0]) is not due[1]:  # it left, or is another target by now
                continue
            key, watched = due
            if not self._gate.held():  # only who leads asks; the turn of the Lease plans all of them anew
                self._plan(watched.target.period, key, watched)
                continue
            await lane.room.acquire()
            task = asyncio.create_task(self._probe(lane, key, watched), name=f"hostwright probe {key}")
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _probe(self, lane: _Lane, key: Key, watched: _Watched) -> None:
        try:
            why = await self._ask(watched.target)
        finally:
            lane.room.release()
        if self._watched.get(key) is not watched:
            return
        if watched.learn(why, self._clock.monotonic()):
            self._wake(key, Priority.TRANSITION)
        self._plan(watched.target.period * (0.875 + self._jitter()), key, watched)

    async def _ask(self, target: Target) -> str:
        """Empty as soon as one address answers; else why the first does not."""
        first = ""
        for address in target.addresses:
            why = refusal(address, self._refused)
            why = why or await self._dial(address, target.port)
            if not why:
                return ""
            first = first or why
        return first

    def _plan(self, after: float, key: Key, watched: _Watched) -> None:
        answers = watched.was if watched.passing is None else watched.passing
        (self._answering if answers else self._silent).plan(after, key, watched)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """One that failed is a defect of ours: it is raised where it is seen."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
            self._answering.stir()
            self._silent.stir()
