"""The operators' lives on one API server and one site, all drawn from one seed."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import cast

from tests.engine.operators import Operator
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG
from tests.engine.virtual import NOBODY, Clock, VirtualLoop
from tests.simulation.bmcs import MetalProcess
from tests.simulation.cloud import CloudProcess, SimCloud
from tests.simulation.cloud_hands import CloudHands, lead_there, make_cloud
from tests.simulation.dice import Decisions, Dice
from tests.simulation.draw import Drawn
from tests.simulation.hands import Hands
from tests.simulation.judge import Judge
from tests.simulation.metal import LAG, Metal
from tests.simulation.network import SimApi, SimCluster, SimLeases, SimWire
from tests.simulation.pools import Pools

#: Seconds by which wall clocks may differ (PROTOCOLS section 4 allows 60).
SKEW = 50.0


class Skewed(Clock):
    """A wall clock that is wrong; the other runs as it should."""

    def __init__(self, by: float) -> None:
        self._by = timedelta(seconds=by)

    def now(self) -> datetime:
        return super().now() + self._by


class World:
    """`quiet`: the faults are over."""

    def __init__(self, drawn: Drawn, given: Decisions | None = None) -> None:
        self.drawn, self.rng = drawn, Dice(drawn.seed * 2 + 1, given)
        self.clock = Clock()
        self.quiet = self.over = False
        self.api_away = False
        self.hand = ""  # whose request is being carried out; empty: a user's
        self.pools: Pools | None = None
        self.metal: Metal | None = None
        self.trace: list[str] = []
        self.used: set[str] = {name for name in ("late", "slow", "lists lag", "short pages") if name in drawn.faults}
        self.leases = SimLeases(self)
        self.api = SimApi(self.clock, world=self)
        self.site = site(visibility_lag=drawn.lists_lag, fenced=drawn.fenced)
        self.site.clock = self.clock
        self.site.model.revision = 10  # a page may end before the first of the rows
        self.cloud: SimCloud | None = make_cloud(self) if drawn.openstack else None
        self.hands: Hands | CloudHands = Hands(self) if self.cloud is None else CloudHands(self)
        self.hands.behaves(page_size=1 if "short pages" in drawn.faults else 1000)
        self.judge = Judge(self)
        self.operators: dict[int, Operator | None] = {}
        self.ending: dict[str, asyncio.Task[None]] = {}  # told to end
        self._named = 0
        for key, spec in CATALOG.items():
            self.api.apply(key, {**spec, "limits": {"pollInterval": "4s"}} if key.kind == "Provider" else spec)
        if drawn.pool:
            self.pools = Pools(self)
            self.pools.make()
        if drawn.metal:
            self.metal = Metal(self)
            self.metal.begin()
        if self.cloud is not None:
            lead_there(self)
        for slot in range(drawn.operators):
            self._begin(slot)

    def has(self, fault: str) -> bool:
        """Whether the seed has it, now."""
        there = not self.quiet and fault in self.drawn.faults
        if there:
            self.used.add(fault)
        return there

    def say(self, text: str) -> None:
        self.trace.append(f"{self.clock.monotonic() - 1000.0:10.3f} {text}")

    def _begin(self, slot: int) -> None:
        if self.over:
            return
        name = f"op{self._named}"
        self._named += 1
        self.say(f"{name} begins")
        wire = SimWire(world=self, owner=name)
        wire.die = lambda: self.kill(slot, name)
        lag = max(self.drawn.lists_lag + 1.0, LAG if self.metal is not None else 0.0)
        clock = Skewed(self.rng.uniform(-SKEW, SKEW, "skew") if self.has("skew") else 0.0)
        operator = Operator(self.api, self.site, self.leases, clock, name, wire, lag, self._cluster(wire), self._made())
        self.operators[slot] = operator

    def _made(self) -> Callable[..., Process]:
        bmcs = self.metal.bmcs if self.metal is not None else {}
        if self.cloud is not None:
            return partial(CloudProcess, world=self, bmcs=bmcs)
        return partial(MetalProcess, world=self, bmcs=bmcs) if self.metal is not None else Process

    def _cluster(self, wire: SimWire) -> SimCluster:
        return SimCluster(self.api, wire, world=self)

    def kill(self, slot: int, name: str) -> None:
        operator = self.operators.get(slot)
        if operator is None or operator.name != name:
            return
        self.say(f"{name} dies")
        if name in self.ending:
            self.ending.pop(name).cancel()
        self.judge.defects(operator)
        self._stop_dead(operator)
        self.operators[slot] = None
        wait = self.rng.choice((0.5, 3.0, 35.0), "dead for") if not self.quiet else 1.0
        asyncio.get_running_loop().call_later(wait, self._begin, slot, context=NOBODY)

    def alive(self) -> list[Operator]:
        return [operator for operator in self.operators.values() if operator is not None]

    # what fate does to operators and their API server

    def crash(self) -> None:
        slots = [slot for slot, operator in self.operators.items() if operator is not None]
        if slots:
            slot = self.rng.choice(slots, "who dies")
            operator = self.operators[slot]
            self.kill(slot, operator.name if operator else "")

    def stop(self, name: str = "") -> None:
        """SIGSTOP, and SIGCONT after a while."""
        frozen = self._loop().frozen()
        running = [each.name for each in self.alive() if each.name not in frozen and name in {"", each.name}]
        if not running:
            return
        name, seconds = self.rng.choice(running, "who stops"), self.rng.choice((3.0, 25.0, 70.0), "stopped for")
        self.say(f"{name} stands still for {seconds:.0f} s")
        self._loop().freeze(name)
        self._loop().call_later(seconds, self._go_on, name, context=NOBODY)

    def _go_on(self, name: str) -> None:
        if name in self._loop().frozen():
            self.say(f"{name} goes on")
            self._loop().thaw(name)

    def bid_end(self) -> None:
        """SIGTERM, as each new version of the operator begins with; the next one begins beside it."""
        living = [(slot, each) for slot, each in self.operators.items() if each and each.name not in self.ending]
        if living:
            slot, operator = self.rng.choice(living, "who is to end")
            self.say(f"{operator.name} is told to end")
            work = operator.context.copy().run(asyncio.ensure_future, self._end(slot, operator))
            self.ending[operator.name] = work

    async def _end(self, slot: int, operator: Operator) -> None:
        drained = await operator.terminate()
        self.ending.pop(operator.name, None)
        self.say(f"{operator.name} has ended" + ("" if drained else " with a call under way"))
        self.judge.defects(operator)
        self.operators[slot] = None
        self._loop().call_later(0.5, self._begin, slot, context=NOBODY)

    def deafen(self) -> None:
        living = self.alive()
        if living:
            operator, seconds = self.rng.choice(living, "who is deaf"), self.rng.choice((2.0, 20.0, 60.0), "deaf for")
            self.say(f"{operator.name} is deaf for {seconds:.0f} s")
            self.api.close_ears(operator.process.engine.inbox.observe, seconds)

    def lose_api(self) -> None:
        self.say("the API server is away")
        self.api_away = True
        self._loop().call_later(self.rng.choice((3.0, 15.0, 45.0), "away for"), self._api_back)

    def _api_back(self) -> None:
        self.api_away = False

    def calm_down(self) -> None:
        """No more faults."""
        self.quiet = True
        self.say("the faults are over")
        self._api_back()
        for name in self._loop().frozen():
            self._go_on(name)

    def end(self) -> None:
        self.over = True
        for task in self.ending.values():
            task.cancel()
        for operator in self.alive():
            self.judge.defects(operator)
            self._stop_dead(operator)

    def _stop_dead(self, operator: Operator) -> None:
        """One that stands still is killed as well as any other."""
        if operator.name in self._loop().frozen():
            self._loop().thaw(operator.name)
        operator.kill()

    def _loop(self) -> VirtualLoop:
        return cast("VirtualLoop", asyncio.get_running_loop())
