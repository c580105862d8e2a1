"""The textbook's kopf operator beside ours: the same machines, on the same site and API server, one after the other."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.cluster import Board, Tell, many, watching
from tests.bench.figures import Row, percentile
from tests.bench.ground import Ground, ground
from tests.bench.peer import Hostwright, Peer, Textbook
from tests.bench.process import cost, cpu_per_minute
from tests.bench.site import Site, opened

#: The textbook's twenty threads each wait for a server, so it cannot cope with many more.
SINGLES, MANY, CLIENTS, OFF = 20, 200, 16, 8
#: Of the simulated site, and of what counts as silence, in seconds.
BUILD, QUIET, STEADY, AFTER_START = 1.0, 10.0, 120.0, 90.0


@dataclass(slots=True)
class Found:
    """Of one of them."""

    first_call: list[float] = field(default_factory=list)  # ms from the API server's answer on
    shown: list[float] = field(default_factory=list)  # ms from active on the site to ready in Kubernetes
    last_call: float = 0.0
    last_ready: float = 0.0
    life_writes: float = 0.0  # for each machine until ready
    life_calls: float = 0.0
    life_cpu: float = 0.0  # ms
    hourly: float = 0.0  # calls for each settled machine
    steady_writes: int = 0
    steady_cpu: float = 0.0  # seconds a minute
    repaired: list[float] = field(default_factory=list)
    start_calls: int = 0
    start_writes: int = 0
    start_cpu: float = 0.0
    last_gone: float = 0.0
    end_writes: float = 0.0


async def run(tell: Tell) -> list[Row]:
    found: dict[str, Found] = {}
    async with ground(tell, "simulated") as here, opened(here.site) as site:
        book = Textbook()
        book.prepare(here)
        for peer in (Hostwright(), book):
            async with watching(here.cluster, peer.path, peer.is_ready) as board:
                found[peer.name] = await Trial(here, site, peer, board).run()
    return rows(found["hostwright"], found["textbook"])


@dataclass(slots=True)
class Trial:
    here: Ground
    site: Site
    peer: Peer
    board: Board
    found: Found = field(default_factory=Found)

    async def run(self) -> Found:
        names = [f"peer-{number}" for number in range(MANY)]
        with self.peer.run(self.here) as pid:
            await self._singles()
            await self._silence()
            await self._many(pid, names)
            await self._steady(pid)
            await self._off(names[:OFF])
        await self._started()
        return self.found

    async def _singles(self) -> None:
        """One after the other, on an idle system."""
        for number in range(SINGLES):
            name = f"single-{number}"
            await self.here.cluster.create(self.peer.body(name), self.peer.path)
            answered = time.time()
            await self.board.until(lambda name=name: name in self.board.ready, 120, f"{name} ready")  # type: ignore[misc]
            made = (await self._created())[name]
            self.found.first_call.append(1000 * (made - answered))
            self.found.shown.append(1000 * (self.board.ready[name] - made - BUILD))
            if number % 5 == 0:
                self._tell(f"{number} of {SINGLES} alone")

    async def _many(self, pid: int, names: Sequence[str]) -> None:
        self.here.audit.skip()
        calls, before, began = await self._calls(), cost(pid), time.time()
        await many(lambda name: self.here.cluster.create(self.peer.body(name), self.peer.path), names, CLIENTS)
        await self.board.all_ready(names, 600, self._tell)
        made = await self._created()
        self.found.last_call = max(made[name] for name in names) - began
        self.found.last_ready = max(self.board.ready[name] for name in names) - began
        await self._silence()
        self.found.life_writes = self._written() / MANY
        self.found.life_calls = (await self._calls() - calls) / MANY
        self.found.life_cpu = 1000 * (cost(pid).cpu - before.cpu) / MANY

    async def _steady(self, pid: int) -> None:
        self.here.audit.skip()
        calls, before = await self._calls(), cost(pid)
        self._tell(f"settled: measuring for {STEADY:.0f} s")
        await asyncio.sleep(STEADY)
        machines = MANY + SINGLES
        self.found.hourly = (await self._calls() - calls) * 3600 / STEADY / machines
        self.found.steady_writes = self._written()
        self.found.steady_cpu = cpu_per_minute(before, cost(pid))

    async def _off(self, names: Sequence[str]) -> None:
        """Switched off behind its back, at as many points of a minute, until it is switched on again."""
        keys = {self.peer.made_for(row): row["id"] for row in await self.site.machines()}

        async def one(number: int, name: str) -> None:
            await asyncio.sleep(number * 60 / OFF)
            await self.site.call("PATCH", f"/control/machines/{keys[name]}", {"poweredOn": False})
            off = time.time()
            while not (await self.site.call("GET", f"/v1/machines/{keys[name]}"))["poweredOn"]:
                await asyncio.sleep(0.2)
            self.found.repaired.append(time.time() - off)

        self._tell(f"{OFF} machines are switched off")
        async with asyncio.timeout(300):
            await asyncio.gather(*(one(number, name) for number, name in enumerate(names)))
        await self._silence()

    async def _started(self) -> None:
        """After the kill: what a start costs where nothing changed; then all is deleted."""
        self.here.audit.skip()
        calls = await self._calls()
        with self.peer.run(self.here) as pid:
            self._tell(f"started anew: measuring for {AFTER_START:.0f} s")
            await asyncio.sleep(AFTER_START)
            self.found.start_calls = await self._calls() - calls
            self.found.start_writes, self.found.start_cpu = self._written(), cost(pid).cpu
            left, began = list(self.board.bodies), time.time()
            await many(lambda name: self.here.cluster.delete(name, self.peer.path), left, CLIENTS)
            await self.board.until(lambda: not self.board.bodies, 600, "all objects gone")
            self.found.last_gone = time.time() - began
            self.found.end_writes = self._written() / len(left)

    async def _silence(self) -> None:
        """Until there was no write for a while."""
        audit, still = self.here.audit.copy(), time.monotonic()
        while time.monotonic() - still < QUIET:
            if any(self._ours(write.resource) for write in audit.writes()):
                still = time.monotonic()
            await asyncio.sleep(0.5)

    def _written(self) -> int:
        """Of its objects, since the last time; Events apart."""
        return sum(write.kept and self._ours(write.resource) for write in self.here.audit.writes())

    def _ours(self, resource: str) -> bool:
        return resource.partition("/")[0] == self.peer.path.rpartition("/")[2]

    async def _created(self) -> dict[str, float]:
        return {self.peer.made_for(row): float(row["createdAt"]) for row in await self.site.machines()}

    async def _calls(self) -> int:
        """Of the operator, but for one list of ours in a life: the control API is not counted."""
        return sum((await self.site.call("GET", "/control"))["calls"].values())

    def _tell(self, line: str) -> None:
        self.here.tell(f"{self.peer.name}: {line}")


def rows(ours: Found, theirs: Found) -> list[Row]:
    def row(what: str, figure: str, unit: str = "", bar: float | None = None) -> Row:
        return Row(what, getattr(ours, figure), unit, bar, "textbook", getattr(theirs, figure))

    def share(what: str, figure: str, part: float, unit: str) -> Row:
        mine, other = (percentile(getattr(found, figure), part) for found in (ours, theirs))
        return Row(what, mine, unit, None, "textbook", other)

    n = f"{MANY} at once"
    return [
        share(f"apply answered → first provider call, p50 (n={SINGLES})", "first_call", 0.5, "ms"),
        share("the same, the slowest", "first_call", 1.0, "ms"),
        share(f"active on the site → ready in Kubernetes, p50 (n={SINGLES})", "shown", 0.5, "ms"),
        share("the same, the slowest", "shown", 1.0, "ms"),
        row(f"{n}: the last create on the site", "last_call", "s"),
        row(f"{n}: the last one ready", "last_ready", "s"),
        row(f"{n}: object writes for each, until ready", "life_writes"),
        row(f"{n}: provider calls for each, until ready", "life_calls"),
        row(f"{n}: the operator's CPU for each, until ready", "life_cpu", "ms"),
        row(f"{MANY + SINGLES} settled: provider calls for each machine-hour", "hourly"),
        row(f"{MANY + SINGLES} settled: object writes in {STEADY:.0f} s", "steady_writes"),
        row(f"{MANY + SINGLES} settled: CPU", "steady_cpu", "s/min"),
        share(f"switched off → on again, median of {OFF}", "repaired", 0.5, "s"),
        share("the same, the slowest", "repaired", 1.0, "s"),
        row(f"restart with {MANY + SINGLES}: provider calls in {AFTER_START:.0f} s", "start_calls"),
        row("the same: object writes", "start_writes"),
        row("the same: CPU", "start_cpu", "s"),
        row(f"{MANY + SINGLES} deleted: the last one gone", "last_gone", "s"),
        row("the same: object writes for each", "end_writes"),
    ]
