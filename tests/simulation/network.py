"""The API server, the wires and the watches, with the faults of the seed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tests.engine.apiserver import ApiServer, FakeCluster, Subscriber, copied
from tests.engine.operators import TO_KUBERNETES, Leases
from tests.engine.virtual import NOBODY
from tests.engine.wire import Place, Wire

from hostwright.core.decision import Note
from hostwright.engine.ports import Body, ClusterUnavailableError, Key, StaleBodyError
from hostwright.runtime.checks import COMPARE_EVERY

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")
#: A pool's requests, which are as grave as those to a site.
OF_POOLS = {"apply", "delete_object", "own"}


@dataclass(eq=False)
class SimApi(ApiServer):
    """Tells the judge of every write; each watch shows things in order, late, twice or, for a while, not at all."""

    world: "World" = None  # type: ignore[assignment]
    shown_at: dict[Subscriber, float] = field(default_factory=dict)
    deaf: set[Subscriber] = field(default_factory=set)

    def patch_status(self, key: Key, patch: Body) -> Body:
        before = self.objects.get(key)
        after = super().patch_status(key, patch)
        self.world.judge.status_written(key, before or {}, after)
        return after

    def delete_of(self, key: Key, uid: str) -> None:
        if self.world.pools is not None:
            self.world.pools.judge.asked_to_delete(key)
        super().delete_of(key, uid)

    def drop_finalizer(self, key: Key, uid: str, finalizer: str) -> Body | None:
        before = copied(self.objects.get(key))
        after = super().drop_finalizer(key, uid, finalizer)
        self.world.judge.released(key, before or {})
        return after

    def _show(self, key: Key, event: str, body: dict[str, Any]) -> None:
        loop, world = asyncio.get_running_loop(), self.world
        world.say(f"etcd {event} {key.kind} {key.name} rv={body['metadata']['resourceVersion']}")
        if world.pools is not None:
            world.pools.stored(key, event, body)
        for subscriber in list(self.subscribers):
            lag = world.rng.uniform(0.002, world.drawn.watch_lag, "watch") if world.has("old watch") else 0.002
            at = max(self.shown_at.get(subscriber, 0.0) + 1e-4, loop.time() + lag)  # in order
            self.shown_at[subscriber] = at
            times = 2 if world.has("twice") and world.rng.chance(0.2, "twice") else 1
            for again in range(times):
                loop.call_at(at + 2e-5 * again, self._deliver, subscriber, key, event, copied(body), context=NOBODY)

    def _deliver(self, subscriber: Subscriber, key: Key, event: str, body: Body) -> None:
        if subscriber not in self.deaf:
            super()._deliver(subscriber, key, event, body)

    def close_ears(self, subscriber: Subscriber, seconds: float) -> None:
        """410, or a cut: what happens meanwhile is never told; then all is listed, and nothing says what is gone."""
        if subscriber in self.deaf:
            return
        self.deaf.add(subscriber)
        loop, known = asyncio.get_running_loop(), dict(self.objects)
        loop.call_later(seconds, self._list_anew, subscriber, context=NOBODY)
        loop.call_later(seconds + COMPARE_EVERY, self._compare, subscriber, known, context=NOBODY)

    def _compare(self, subscriber: Subscriber, known: dict[Key, Body]) -> None:
        """As runtime.checks does: what is gone and was never told is told."""
        for key, body in known.items():
            if subscriber in self.subscribers and key not in self.objects:
                subscriber(key, "DELETED", copied(body))

    def _list_anew(self, subscriber: Subscriber) -> None:
        self.deaf.discard(subscriber)
        if subscriber in self.subscribers:
            for key, body in self.objects.items():
                subscriber(key, None, copied(body))


class SimLeases(Leases):
    """Of the API server: away when it is."""

    def __init__(self, world: "World") -> None:
        super().__init__()
        self.world = world

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        if self.world.api_away:
            await asyncio.sleep(1.0)
            raise ClusterUnavailableError("the API server is away")
        return await super().raw(method, path, body)


@dataclass
class SimCluster(FakeCluster):
    """What an operator has of the API server."""

    world: "World" = None  # type: ignore[assignment]

    async def _reach(self, *, writes: bool = True) -> None:
        if self.world.api_away:
            await asyncio.sleep(1.0)
            raise ClusterUnavailableError("the API server is away")
        if writes and self.world.has("conflict") and self.world.rng.chance(0.05, "conflict"):
            raise StaleBodyError("409: somebody was faster")

    async def patch(self, key: Key, patch: Body) -> Body:
        await self._reach()
        return await super().patch(key, patch)

    async def patch_status(self, key: Key, patch: Body) -> Body:
        await self._reach()
        return await super().patch_status(key, patch)

    async def get(self, key: Key) -> Body | None:
        await self._reach(writes=False)
        return await super().get(key)

    async def drop_finalizer(self, key: Key, body: Body, finalizer: str) -> Body | None:
        await self._reach()
        return await super().drop_finalizer(key, body, finalizer)

    async def apply(self, key: Key, wanted: Body, *, force: bool) -> Body:
        await self._reach()
        return await super().apply(key, wanted, force=force)

    async def delete(self, key: Key, uid: str) -> None:
        await self._reach()
        await super().delete(key, uid)

    async def own(self, key: Key, body: Body, owners: Sequence[Mapping[str, Any]]) -> Body:
        await self._reach()
        return await super().own(key, body, owners)

    async def event(self, body: Body, note: Note) -> None:
        """A failing Event never fails a pass."""
        if not self.world.api_away:
            self.world.say(f"Event {body['metadata']['name']} {note.reason}: {note.message[:60]}")
            await super().event(body, note)


@dataclass
class SimWire(Wire):
    """One operator's requests; what becomes of each is drawn when it is sent."""

    world: "World" = None  # type: ignore[assignment]
    owner: str = ""

    async def carry(self, name: str, apply: Callable[[], T], *, lost: Callable[[str], Exception]) -> T:
        world, rng = self.world, self.world.rng
        to_site = name not in TO_KUBERNETES
        if to_site or name in OF_POOLS:
            world.judge.sent(self.owner, name)
        if not world.quiet:
            self.there, self.back = (rng.uniform(0.001, world.drawn.slow, "way") for _ in range(2))
            self.late = rng.uniform(0.0, world.drawn.late, "late")
            place = self._struck()
            if place is not None:
                self.strikes[len(self.names)] = place
        else:
            self.there = self.back = 0.005
        struck = self.strikes.get(len(self.names))
        world.say(f"{self.owner} sends {name}" + (f" ({struck})" if struck else ""))

        def carried() -> T:
            world.hand = self.owner
            try:
                answer = apply()
            finally:
                world.hand = ""
            if to_site:
                world.judge.carried_out(self.owner, name, answer)
            return answer

        return await super().carry(name, carried, lost=lost)

    def _struck(self) -> Place | None:
        world = self.world
        places = [Place.BEFORE, Place.SENT, Place.ANSWERED] if world.has("crash") else []
        places += [Place.LOST] if world.has("lost") else []
        places += [Place.CUT] if world.has("cut") else []
        if not places or not world.rng.chance(world.drawn.rate, "struck"):
            return None
        _, place = world.rng.named([(str(place), place) for place in places], "where")
        return place
