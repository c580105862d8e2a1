"""What each thousand settled machines costs the operator, and what a restart among them does: from 1,000 to 25,000."""

import asyncio
import http
import json
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aiohttp import web
from tests.bench.cluster import Tell, is_ready
from tests.bench.figures import Row
from tests.bench.fleet import Load, settled
from tests.bench.ground import Ground, ground
from tests.bench.plenty import Plenty, serving
from tests.bench.process import cost, cpu_per_minute, passes
from tests.bench.seed import MACHINES, Pattern, pattern, seed, stage
from tests.bench.site import opened
from tests.e2e.world import Running, eventually, machine

from hostwright.providers.simulated.model import CATALOG, Kept, Model, Settings
from hostwright.providers.simulated.site import Behaviour, Service
from hostwright.providers.simulated.state import StateFile

#: For a machine with less time: HOSTWRIGHT_BENCH_SIZES=1000,5000.
SIZES = tuple(int(size) for size in os.environ.get("HOSTWRIGHT_BENCH_SIZES", "1000,5000,10000,25000").split(","))
#: The bars of a start are for so many, or the next smaller size.
BARRED = max((size for size in SIZES if size <= 10_000), default=SIZES[0])
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """Of an operator, in seconds from its start on."""

    leading: float
    first_call: float  # for a machine that was applied at that moment
    settled: float  # the last pass over a machine
    passes: int
    calls: int  # at the site, until then, the new machine's own apart
    writes: int  # of the settled machines' objects
    cpu: float


@dataclass(frozen=True, slots=True)
class Place:
    here: Ground
    cluster: Plenty
    site: Service
    kubeconfig: Path

    @property
    def calls(self) -> int:
        return self.site.calls.total()


async def run(tell: Tell) -> list[Row]:
    loads: dict[int, Load] = {}
    starts: dict[int, Start] = {}
    taken = 0.0
    async with ground(tell, "simulated") as here:
        async with opened(here.site) as site:
            like = await pattern(here, site)
        async with _place(here, like) as place:
            _, base = await _measured(place, 0)
            made = 0
            for size in SIZES:
                await asyncio.to_thread(seed, like, place.cluster, place.site.model, range(made, size))
                place.site.write()
                made = size
                starts[size], loads[size] = await _measured(place, size)
                if size == BARRED:
                    taken = await _taken_over(place, size)
    what = f"{BARRED}: a standby holds the Lease → first call for a machine applied before"
    return [*_rows(base, loads, starts), Row(what, taken, "s", 3)]


@asynccontextmanager
async def _place(here: Ground, like: Pattern) -> AsyncIterator[Place]:
    """In this process: an API server's answers and the simulated site, both behind HTTP."""
    with tempfile.TemporaryDirectory(prefix="hostwright-bench-") as folder:
        state = StateFile(Path(folder) / "site.state")
        service = Service(Model(Kept(site=like.site, revision=0, catalog=CATALOG), Settings()), state, Behaviour())
        cluster = Plenty()
        async with (
            serving(*service.routes()) as site,
            serving(web.route("*", "/{path:.*}", cluster.answer)) as server,
        ):
            stage(like, cluster, site)
            kubeconfig = Path(folder) / "kubeconfig"
            kubeconfig.write_text(_kubeconfig(server))
            yield Place(here, cluster, service, kubeconfig)
        state.close()


def _kubeconfig(server: str) -> str:
    return f"""\
apiVersion: v1
kind: Config
current-context: bench
contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]
clusters: [{{name: bench, cluster: {{server: "{server}"}}}}]
users: [{{name: bench, user: {{token: bench}}}}]
"""


async def _measured(place: Place, size: int) -> tuple[Start, Load]:
    """A start among so many, and a quiet minute after it."""
    here, name = place.here, f"newcomer-{size}"
    place.cluster.writes.clear()
    calls = place.calls
    _no_lease(place)
    began = time.time()
    _apply(place, name)
    with here.world.operator("--kubeconfig", str(place.kubeconfig)) as running:
        await asyncio.to_thread(running.leading)
        leading = time.time() - began
        called = await _called(place, name)
        ended = await settled(here, running, size)
        writes = sum(count for path, count in place.cluster.writes.items() if "/fleet-" in path)
        spent = cost(running.process.pid).cpu
        passed = passes(running.http())
        start = Start(leading, called - began, ended - began, passed, place.calls - calls - 1, writes, spent)
        return start, await _load(place, running, size)


async def _taken_over(place: Place, size: int) -> float:
    """One that has seen everything waits; the leader is killed, and its Lease runs out."""
    here, name = place.here, f"heir-{size}"
    _no_lease(place)
    login = ("--kubeconfig", str(place.kubeconfig))
    with here.world.operator(*login, "--identity", "first") as first:
        await asyncio.to_thread(first.leading)
        await settled(here, first, size)
        with here.world.operator(*login, "--identity", "second") as second:
            await asyncio.to_thread(eventually, lambda: _synced(second), 600, "the standby ready")
            first.kill()
            _apply(place, name)
            called = await _called(place, name)
            line = next(line for line in second.text().splitlines() if '"leading"' in line)
            return called - datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()


def _synced(running: Running) -> bool:
    try:
        with urllib.request.urlopen(f"{running.http()}/readyz") as answer:
            return bool(answer.status == http.HTTPStatus.OK)
    except urllib.error.HTTPError:
        return False


def _no_lease(place: Place) -> None:
    """A killed one's would last 30 s."""
    for path in [path for path in place.cluster.objects if "/leases/" in path]:
        del place.cluster.objects[path]


def _apply(place: Place, name: str) -> None:
    body = machine(name)
    metadata = {**body["metadata"], "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    place.cluster.put(f"{MACHINES}/{name}", {**body, "metadata": metadata, "status": {"observedGeneration": -1}})


async def _called(place: Place, name: str) -> float:
    """When it was created on the site, once it is Ready."""
    while not is_ready(place.cluster.get(f"{MACHINES}/{name}") or {}):
        await asyncio.sleep(0.2)
    return next(row.created_at for row in place.site.model.machines.values() if row.object_name == name)


async def _load(place: Place, running: Running, size: int) -> Load:
    before = cost(running.process.pid)
    await asyncio.sleep(MINUTE)
    after = cost(running.process.pid)
    place.here.tell(f"{size} settled machines: {after.resident:.0f} MiB")
    return Load(cpu_per_minute(before, after), after.resident)


def _rows(base: Load, loads: dict[int, Load], starts: dict[int, Start]) -> list[Row]:
    rows = [Row("CPU, no machine", base.cpu, "s/min"), Row("resident, no machine", base.resident, "MiB")]
    for size, found in loads.items():
        start, barred = starts[size], size == BARRED
        rows += [
            Row(f"CPU, {size} settled", found.cpu, "s/min", None, "no machine", base.cpu),
            Row(f"resident, {size} settled", found.resident, "MiB", None, "no machine", base.resident),
            Row(f"{size}: start → first call for a machine applied then", start.first_call, "s", 8 if barred else None),
            Row(f"{size}: start → last pass over a machine", start.settled, "s", 30 if barred else None),
            Row(f"{size}: passes over machines until then", start.passes),
            Row(f"{size}: provider calls of the start", start.calls, "", 60 if barred else None),
            Row(f"{size}: writes of settled machines at the start", start.writes, "", 0),
            Row(f"{size}: the operator's CPU until settled", start.cpu, "s"),
        ]
    low, high = SIZES[max(0, min(1, len(SIZES) - 2))], SIZES[-1]
    if high > low:
        grown = loads[high].resident - loads[low].resident
        rows.append(Row(f"resident for each thousand, {low} → {high}", 1000 * grown / (high - low), "MiB", 8))
    rows.append(Row("CPU for each thousand", 1000 * (loads[high].cpu - base.cpu) / high, "s/min", 0.3))
    return rows
