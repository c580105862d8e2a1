"""The API server, the wires and the watches, with the faults of the seed."""

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from tests.engine.apiserver import ApiServer, FakeCluster, Subscriber, copied
from tests.engine.operators import TO_KUBERNETES, Leases
from tests.engine.virtual import OWNER
from tests.engine.wire import Place, Wire
from tests.simulation import judge_upkeep
from tests.simulation.cloud import Said
from tests.simulation.judge import OF_POOLS
from tests.simulation.metal import LATE

from hostwright.core.decision import Note
from hostwright.engine.ports import Body, ClusterUnavailableError, Key, StaleBodyError
from hostwright.providers.redfish.rows import Refused as RefusedByBmc
from hostwright.providers.simulated.client import Unanswered
from hostwright.providers.simulated.rows import Code, Page, Problem, Refused
from hostwright.runtime.checks import COMPARE_EVERY

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")
Told = TypeVar("Told", Body, Body | None)
#: What a read may be answered with where all is well: by the site, by a proxy before it, by nobody.
ODD: tuple[tuple[str, Exception], ...] = (
    ("500", Refused(500, Problem(code=Code.FAILED, message="it failed"))),
    ("503", Refused(503, Problem(code="", message="no backend"))),
    ("401", Refused(401, Problem(code=Code.UNAUTHORIZED, message="who are you"))),
    ("403", Refused(403, Problem(code="", message="forbidden"))),
    ("404", Refused(404, Problem(code="", message="no such path"))),
    ("nothing", Unanswered("no answer")),
)
#: What a write may be answered with although it was carried out, or was not.
TOO_MANY = 429
FAILS = tuple((str(status), status) for status in (500, 503, 408, TOO_MANY))
OF_BMCS = {"reset", "reset_bmc", "indicator", "boot"}


@dataclass(eq=False)
class SimApi(ApiServer):
    """Tells the judge of every write; each watch shows things in order, late, twice or, for a while, not at all."""

    world: "World" = None  # type: ignore[assignment]
    shown_at: dict[Subscriber, float] = field(default_factory=dict)
    homes: dict[Subscriber, contextvars.Context] = field(
        default_factory=dict
    )  # whose it is: who stands still hears late
    deaf: set[Subscriber] = field(default_factory=set)
    missed: dict[Subscriber, dict[Key, Body]] = field(default_factory=dict)  # deletions that it was not told of

    def subscribe(self, subscriber: Subscriber) -> None:
        self.homes[subscriber] = contextvars.copy_context()
        for key, body in self.objects.items():
            self.world.judge.shown(OWNER.get(), key, body)
        super().subscribe(subscriber)

    def patch_status(self, key: Key, patch: Body) -> Body:
        before = self.objects.get(key)
        after = super().patch_status(key, patch)
        self.world.judge.status_written(key, before or {}, after)
        return after

    def delete_of(self, key: Key, uid: str, version: str = "") -> None:
        if self.world.pools is not None:
            self.world.pools.judge.asked_to_delete(key)
        before = copied(self.objects.get(key))
        super().delete_of(key, uid, version)
        judge_upkeep.deleted(self.world, key, before or {})

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
        if world.metal is not None:
            world.metal.stored(key, event, body)
        world.judge.stored(key, body)
        for subscriber in list(self.subscribers):
            lag = world.rng.uniform(0.002, world.drawn.watch_lag, "watch") if world.has("old watch") else 0.002
            at = max(self.shown_at.get(subscriber, 0.0) + 1e-4, loop.time() + lag)  # in order
            self.shown_at[subscriber] = at
            times = 2 if world.has("twice") and world.rng.chance(0.2, "twice") else 1
            for again in range(times):
                home = self.homes[subscriber]
                loop.call_at(at + 2e-5 * again, self._deliver, subscriber, key, event, copied(body), context=home)

    def _deliver(self, subscriber: Subscriber, key: Key, event: str, body: Body) -> None:
        if subscriber not in self.deaf:
            self.world.judge.shown(OWNER.get(), key, None if event == "DELETED" else body)
            super()._deliver(subscriber, key, event, body)
        elif event == "DELETED":
            self.missed.setdefault(subscriber, {})[key] = body

    def close_ears(self, subscriber: Subscriber, seconds: float) -> None:
        """410, or a cut: what happens meanwhile is never told; then all is listed, and nothing says what is gone."""
        if subscriber in self.deaf:
            return
        self.deaf.add(subscriber)
        loop, home = asyncio.get_running_loop(), self.homes[subscriber]
        loop.call_later(seconds, self._list_anew, subscriber, context=home)
        loop.call_later(seconds + COMPARE_EVERY, self._compare, subscriber, context=home)

    def _compare(self, subscriber: Subscriber) -> None:
        """As runtime.checks does: what is gone and was never told is told."""
        for key, body in self.missed.pop(subscriber, {}).items():
            if subscriber in self.subscribers and key not in self.objects:
                self.world.judge.shown(OWNER.get(), key, None)
                subscriber(key, "DELETED", copied(body))

    def _list_anew(self, subscriber: Subscriber) -> None:
        self.deaf.discard(subscriber)
        if subscriber in self.subscribers:
            for key, body in self.objects.items():
                self.world.judge.shown(OWNER.get(), key, body)
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
        await asyncio.sleep(0.01)  # there and back: half the turns of a quiet life are the Lease's
        return self._serve(method, body)


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
        self.world.judge.patches(key, patch)
        await self._reach()
        return self._told(key, await super().patch(key, patch))

    async def patch_status(self, key: Key, patch: Body) -> Body:
        self.world.judge.patches(key, patch)
        await self._reach()
        return self._told(key, await super().patch_status(key, patch))

    async def get(self, key: Key) -> Body | None:
        await self._reach(writes=False)
        return self._told(key, await super().get(key))

    def _told(self, key: Key, body: Told) -> Told:
        self.world.judge.shown(OWNER.get(), key, body)
        return body

    async def drop_finalizer(self, key: Key, body: Body, finalizer: str) -> Body | None:
        await self._reach()
        return await super().drop_finalizer(key, body, finalizer)

    async def apply(self, key: Key, wanted: Body, *, force: bool) -> Body:
        await self._reach()
        return await super().apply(key, wanted, force=force)

    async def delete(self, key: Key, uid: str, version: str = "") -> None:
        await self._reach()
        await super().delete(key, uid, version)

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
        world, judge = self.world, self.world.judge
        to_site = name not in TO_KUBERNETES
        told = judge.sends(self.owner, name, grave=to_site or name in OF_POOLS)
        if not world.quiet:
            self.there, self.back = (world.rng.uniform(0.001, world.drawn.slow, "way") for _ in range(2))
            late = min(world.drawn.late, LATE) if name in OF_BMCS else world.drawn.late
            self.late = world.rng.uniform(0.0, late, "late")
            place = self._struck()
            if place is not None:
                self.strikes[len(self.names)] = place
        else:
            self.there = self.back = 0.005
        fails = self._fails() if to_site else ""
        struck = self.strikes.get(len(self.names))
        world.say(f"{self.owner} sends {name}" + (f" ({struck})" if struck else "") + (f" ({fails})" if fails else ""))
        touched: list[str] = []

        def carried() -> T:
            if fails and not fails.startswith("done"):
                raise _refusal(name, fails)
            world.hand = self.owner
            try:
                answer = apply()
            finally:
                world.hand = ""
            row = _shown(answer)
            if to_site and name not in OF_BMCS and row is not None:
                touched.append(getattr(row, "id", ""))
                judge.carried_out(self.owner, name, row, told)
            if fails:
                raise _refusal(name, fails)
            return answer

        if world.has("stop") and world.rng.chance(world.drawn.rate / 4, "stops here"):
            world.stop(self.owner)
        try:
            answer = await super().carry(name, carried, lost=lost)
        except Exception:
            if touched:
                judge.unheard(self.owner, touched[0])
            raise
        judge.answered(self.owner, world.clock.monotonic(), _shown(answer))  # a reply shows the machine, too
        return answer

    async def ask(self, look: Callable[[], T], *, mark: str | None = None) -> T:
        world, began = self.world, self.world.clock.monotonic()
        await asyncio.sleep(0.005)
        if world.has("odd answers") and world.rng.chance(world.drawn.rate / 2, "odd"):
            what, error = world.rng.named(ODD, "odd answer")
            world.say(f"{self.owner} reads, and is answered {what}")
            if error is not None:
                raise error
        answer = look()
        if isinstance(answer, Page) and world.has("short pages") and world.rng.chance(0.3, "empty page"):
            answer = msgspec.structs.replace(answer, machines=(), more=1)  # no row bears that number: all come after
        world.judge.answered(self.owner, began, _shown(answer), of_one=mark is not None)
        return answer

    def _struck(self) -> Place | None:
        world = self.world
        places = [Place.BEFORE, Place.SENT, Place.ANSWERED] if world.has("crash") else []
        places += [Place.LOST] if world.has("lost") else []
        places += [Place.CUT] if world.has("cut") else []
        if not places or not world.rng.chance(world.drawn.rate, "struck"):
            return None
        _, place = world.rng.named([(str(place), place) for place in places], "where")
        return place

    def _fails(self) -> str:
        """A 5xx, or the like, in place of the answer: `done` or not."""
        world = self.world
        if not world.has("fails") or not world.rng.chance(world.drawn.rate, "fails"):
            return ""
        name, status = world.rng.named(FAILS, "fails with")
        done = "done " if world.rng.chance(0.6, "fails after") else ""
        return f"{done}{name}" if status is not None else ""


def _shown(answer: Any) -> Any:
    """Of an answer of OpenStack: the machine, or the machines; None: it is of something else."""
    return answer.told if isinstance(answer, Said) else answer


def _refusal(name: str, words: str) -> Exception:
    status = int(words.rpartition(" ")[2])
    if name in OF_BMCS:
        return RefusedByBmc(status, "GeneralError", "the BMC failed")
    code = Code.TOO_MANY_REQUESTS if status == TOO_MANY else Code.FAILED
    return Refused(status, Problem(code=code, message="the site failed"))
