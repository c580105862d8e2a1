"""Which key is looked at next: coalescing, single-flight, four priorities, round-robin by namespace, delays."""

import asyncio
import heapq
import itertools
from collections import OrderedDict, deque
from enum import IntEnum

from hostwright.engine.ports import Key


class Priority(IntEnum):
    """Smaller goes first."""

    USER = 0  # somebody changed the object
    TRANSITION = 1  # something is under way
    DRIFT = 2  # the backend changed
    RESYNC = 3


class WorkQueue:
    """Keys to look at. For one event loop; no locks."""

    def __init__(self) -> None:
        # namespace → its keys in their order: a key leaves from any place at one step, as when thousands turn urgent
        self._ready: dict[Priority, OrderedDict[str, OrderedDict[Key, None]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._waiting: dict[Key, Priority] = {}
        self._running: set[Key] = set()
        self._dirty: dict[Key, Priority] = {}
        self._due: dict[Key, tuple[float, Priority]] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._idle: deque[tuple[Priority, asyncio.Future[None]]] = deque()
        self._closed = False

    def add(self, key: Key, priority: Priority) -> None:
        """Look at the key soon. While it is being looked at, it is looked at once more afterwards."""
        if self._closed:
            return
        if key in self._running:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
            return
        self._due.pop(key, None)
        before = self._waiting.get(key)
        if before is not None and before <= priority:
            return
        if before is not None:
            self._take_out(key, before)
        self._waiting[key] = priority
        self._ready[priority].setdefault(key.namespace, OrderedDict())[key] = None
        self._wake(priority)

    def add_after(self, key: Key, delay: float, priority: Priority) -> None:
        """Look at the key after `delay` seconds; an earlier time that is set already stays, a sooner add wins."""
        if delay <= 0:
            self.add(key, priority)
            return
        if self._closed or key in self._waiting:
            return
        at = asyncio.get_running_loop().time() + delay
        before = self._due.get(key)
        if before is not None and before[0] <= at:
            return
        self._due[key] = (at, priority)
        heapq.heappush(self._heap, (at, next(self._order), key))
        self._arm()

    async def get(self, *, only: Priority = Priority.RESYNC) -> Key | None:
        """The next key of priority `only` or more urgent; None once the queue is closed."""
        while not self._closed:
            key = self._pop(only)
            if key is not None:
                self._running.add(key)
                self._pass_on()  # it may have taken another key than it was woken for
                return key
            await self._turn(only)
        return None

    def done(self, key: Key) -> None:
        """The look at the key ended; what was added meanwhile goes on now."""
        self._running.discard(key)
        priority = self._dirty.pop(key, None)
        if priority is not None:
            self.add(key, priority)

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._due.pop(key, None)
        self._dirty.pop(key, None)
        priority = self._waiting.pop(key, None)
        if priority is not None:
            self._take_out(key, priority)

    def close(self) -> None:
        """No further key is given out."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for _ in range(len(self._idle)):
            self._wake(Priority.USER)

    def depth(self) -> dict[Priority, int]:
        counts = dict.fromkeys(Priority, 0)
        for priority in self._waiting.values():
            counts[priority] += 1
        return counts

    @property
    def running(self) -> int:
        return len(self._running)

    def _pop(self, only: Priority) -> Key | None:
        for priority in Priority:
            if priority > only:
                return None
            lanes = self._ready[priority]
            if lanes:
                namespace, lane = next(iter(lanes.items()))
                key, _ = lane.popitem(last=False)
                lanes.move_to_end(namespace)  # the next namespace's turn
                if not lane:
                    del lanes[namespace]
                del self._waiting[key]
                return key
        return None

    def _take_out(self, key: Key, priority: Priority) -> None:
        lane = self._ready[priority].get(key.namespace)
        if lane is not None and key in lane:
            del lane[key]
            if not lane:
                del self._ready[priority][key.namespace]
        self._waiting.pop(key, None)

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        while self._heap and self._stale(self._heap[0]):
            heapq.heappop(self._heap)
        if not self._heap:
            return
        at = self._heap[0][0]
        if self._timer is not None and not self._timer.cancelled() and loop.time() < self._timer.when() <= at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(at, self._fire)

    def _fire(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._heap and (self._stale(self._heap[0]) or self._heap[0][0] <= now):
            entry = heapq.heappop(self._heap)
            if not self._stale(entry):
                key = entry[2]
                _, priority = self._due.pop(key)
                self.add(key, priority)
        self._timer = None
        self._arm()

    def _stale(self, entry: tuple[float, int, Key]) -> bool:
        due = self._due.get(entry[2])
        return due is None or due[0] != entry[0]

    async def _turn(self, only: Priority) -> None:
        """Until a key was added that this one may take: one is woken for one key, as waking all costs each of them."""
        mine: tuple[Priority, asyncio.Future[None]] = (only, asyncio.get_running_loop().create_future())
        self._idle.append(mine)
        try:
            await mine[1]
        except asyncio.CancelledError:
            if mine in self._idle:
                self._idle.remove(mine)
            else:  # woken and cancelled in one step: what it was woken for is another's
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        for priority, lanes in self._ready.items():
            if lanes:
                self._wake(priority)

    def _wake(self, priority: Priority) -> None:
        """The one that waits longest of those that may take a key of this priority."""
        for place, (only, turn) in enumerate(self._idle):
            if priority <= only and not turn.done():
                del self._idle[place]
                turn.set_result(None)
                return
