"""A thousand machines on the simulated site: time to Ready, silence once settled, and a restart."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.audit import Write, but_leases, of_machines
from tests.bench.cluster import MACHINES, Tell, many
from tests.bench.figures import Row, percentile
from tests.bench.ground import Ground, ground
from tests.bench.process import cost, cpu_per_minute, passes
from tests.bench.site import Site, opened
from tests.e2e.world import Running, machine

SMALL = 1_000
CLIENTS = 16
#: As many calls at once as a Provider is given by default at the most.
AT_ONCE = 64
SILENCE = 120.0
#: Seconds without a pass, after which the fleet counts as settled.
STILL = 5.0
EVENTS = "/api/v1/namespaces/default/events"


@dataclass(frozen=True, slots=True)
class Load:
    cpu: float  # seconds a minute
    resident: float  # MiB


async def run(tell: Tell) -> list[Row]:
    async with ground(tell, "simulated") as here, opened(here.site) as site:
        floor = await _bare_machines(here, site)
        with here.world.operator() as first:
            first.leading()
            await settled(here, first)
            here.audit.skip()
            before = cost(first.process.pid)
            took = await grow(here, 0, SMALL)
            await settled(here, first)
            each = (cost(first.process.pid).cpu - before.cpu) / SMALL
            life = here.audit.writes()
            rows = _ready(took, floor, life, each)
            await load(here, first, SILENCE, f"{SMALL} settled machines")
            rows += _silence(here.audit.writes())
            first.kill()
        rows.insert(1, _same(took, await _bare_writes(here, life)))
        lists = await _lists(here, site)
        with here.world.operator() as second:
            rows += await _restarted(here, site, second, lists)
    return rows


def _ready(took: float, floor: float, life: Sequence[Write], cpu: float) -> list[Row]:
    what = f"{SMALL} creates → all Ready"
    each = list(of_machines(life).values())
    return [
        Row(what, took, "s", None, f"a bare client makes {SMALL} on the site, {AT_ONCE} at once", floor),
        Row(f"object writes until settled, the most of {len(each)}", max(each), "", 4),
        Row("Events for each machine", _events(life) / SMALL),
        Row("the operator's CPU for each machine until settled", 1000 * cpu, "ms"),
    ]


def _same(took: float, same: float) -> Row:
    return Row("the same", took, "s", None, f"a bare client makes the same Kubernetes writes, {AT_ONCE} at once", same)


def _silence(silent: Sequence[Write]) -> list[Row]:
    others = but_leases(silent)
    minutes = f"{SILENCE / 60:.0f} minutes, {SMALL} settled"
    renewals = len(silent) - sum(others.values())
    return [
        Row(f"API writes but Lease renewals in {minutes} {_named(others)}", sum(others.values()), "", 0),
        Row(f"Events in {minutes}", _events(silent), "", 0),
        Row(f"Lease renewals in {minutes}", renewals),
    ]


async def settled(here: Ground, running: Running, least: int = 0) -> float:
    """When the last pass over a machine ended: there were so many, and none for a while since; by the wall clock."""
    url, before, last, told = running.http(), -1, time.time(), 0.0
    while time.time() - last < STILL or before < least:
        now = passes(url)
        if now != before:
            before, last = now, time.time()
        if time.time() - told > STILL:
            told = time.time()
            here.tell(f"settling: {before} passes over machines until now")
        await asyncio.sleep(0.2)
    return last


async def load(here: Ground, running: Running, seconds: float, what: str) -> Load:
    here.audit.skip()
    before = cost(running.process.pid)
    while (left := before.at + seconds - time.monotonic()) > 0:
        here.tell(f"{what}: measuring for {left:.0f} s more")
        await asyncio.sleep(min(left, 20.0))
    after = cost(running.process.pid)
    return Load(cpu_per_minute(before, after), after.resident)


async def grow(here: Ground, start: int, end: int) -> float:
    """Seconds from the first create to the last Ready."""
    names = [f"fleet-{number}" for number in range(start, end)]
    began = time.time()
    await many(lambda name: here.cluster.create(machine(name)), names, CLIENTS)
    here.tell(f"{len(names)} created in {time.time() - began:.1f} s")
    await here.board.all_ready(names, 900, here.tell)
    return max(here.board.ready[name] for name in names) - began


async def _restarted(here: Ground, site: Site, running: Running, lists: float) -> list[Row]:
    """Killed with a settled fleet, started anew, with a newcomer applied at once."""
    here.audit.skip()
    began = time.time()
    await here.cluster.create(machine("newcomer"))
    await here.board.all_ready(["newcomer"], 120, here.tell)
    called = next(row["createdAt"] for row in await site.machines() if row["objectName"] == "newcomer")
    ended = await settled(here, running)
    writes = [write for write in here.audit.writes() if write.name != "newcomer"]
    status = sum(write.resource == "virtualmachines/status" for write in writes)
    others = but_leases(write for write in writes if write.resource != "events" or "newcomer" not in write.name)
    return [
        Row(f"status writes of {SMALL} settled machines at a restart", status, "", 0),
        Row(f"all writes but Lease and newcomer at a restart {_named(others)}", sum(others.values()), "", 0),
        Row(f"start → last pass over {SMALL} machines", ended - began, "s", None, "bare lists of both sides", lists),
        Row("start → first call for a machine applied meanwhile", called - began, "s"),
    ]


async def _bare_machines(here: Ground, site: Site) -> float:
    here.tell(f"a bare client makes {SMALL} machines on the site")
    began = time.time()
    await many(site.create, [f"bare-{number}" for number in range(SMALL)], AT_ONCE)
    rows = await site.machines()
    while any(row["state"] != "Active" for row in rows):
        await asyncio.sleep(0.1)
        rows = await site.machines()
    took = time.time() - began
    if len(rows) != SMALL:
        raise RuntimeError(f"{len(rows)} machines on the site, not {SMALL}")
    await many(site.vanish, [row["id"] for row in rows], AT_ONCE)
    return took


async def _bare_writes(here: Ground, life: Sequence[Write]) -> float:
    """The same number of creates, patches and Events, in the same order for each machine, by a bare client."""
    patches = round(_count(life, "virtualmachines") / SMALL)
    statuses = round(_count(life, "virtualmachines/status") / SMALL)
    events = round(_events(life) / SMALL)
    here.tell(f"a bare client: {SMALL} times a create, {patches} + {statuses} patches and {events} Events")

    async def one(name: str) -> None:
        uid = (await here.cluster.create(machine(name)))["metadata"]["uid"]
        path = f"{MACHINES}/{name}"
        for number in range(patches):
            await here.cluster.merge(path, {"metadata": {"annotations": {"example.org/id": f"{uid}/{number}"}}})
        for number in range(statuses):
            said = {
                "type": "Ready",
                "status": "False",
                "reason": "Working",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            row = {**said, "message": f"step {number}", "observedGeneration": 1}
            await here.cluster.merge(f"{path}/status", {"status": {"machineID": uid, "conditions": [row]}})
        for number in range(events):
            about = {"kind": "VirtualMachine", "name": name, "namespace": "default", "uid": uid}
            event = {
                "metadata": {"name": f"{name}.{number}"},
                "involvedObject": about,
                "reason": "Bare",
                "type": "Normal",
            }
            await here.cluster.call("POST", EVENTS, event)

    names = [f"bare-{number}" for number in range(SMALL)]
    began = time.time()
    await many(one, names, AT_ONCE)
    took = time.time() - began
    await many(here.cluster.delete, names, AT_ONCE)
    return took


async def _lists(here: Ground, site: Site) -> float:
    """What a restart cannot do without: all objects and all machines, read once."""
    took = []
    for _ in range(3):
        began = time.time()
        await here.cluster.call("GET", MACHINES)
        await site.machines()
        took.append(time.time() - began)
    return percentile(took, 0.5)


def _count(writes: Sequence[Write], resource: str) -> int:
    return sum(write.kept and write.resource == resource for write in writes)


def _events(writes: Sequence[Write]) -> int:
    return _count(writes, "events")


def _named(writes: Counter[str]) -> str:
    return f"({', '.join(f'{number} {what}' for what, number in sorted(writes.items()))})" if writes else ""
