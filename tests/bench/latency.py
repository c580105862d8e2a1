"""From the API server's answer to a create until the first call reaches the provider, on an idle system."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.bench.cluster import MACHINES, Cluster
from tests.bench.figures import Row, percentile
from tests.bench.ground import Ground, ground
from tests.bench.site import Site, opened
from tests.e2e.world import machine

CREATES = 150
#: The first few pay for connections and imports; a user meets them once in a process's life.
WARM = 5


@dataclass(slots=True)
class Times:
    """By name, all of one clock."""

    answered: dict[str, float] = field(default_factory=dict)
    called: dict[str, float] = field(default_factory=dict)

    def milliseconds(self, since: dict[str, float], until: dict[str, float]) -> list[float]:
        return [1000 * (until[name] - since[name]) for name in list(self.answered)[WARM:]]


async def run(tell: Callable[[str], None]) -> list[Row]:
    async with ground(tell, "simulated") as here, opened(here.site) as site:
        # Its own delay before each answer would lie between the arrival and the stamp, and is not ours.
        await site.call("PATCH", "/control/settings", {"latency": 0, "buildSeconds": 0})
        bare = await _bare(here, site)
        with here.world.operator() as running:
            running.leading()
            ours = await _ours(here, site)
    return _rows(here, ours, bare)


def _rows(here: Ground, ours: Times, bare: Times) -> list[Row]:
    figures = ours.milliseconds(ours.answered, ours.called)
    watch = ours.milliseconds(ours.answered, here.board.added)
    same = bare.milliseconds(bare.answered, bare.called)
    rows = []
    for name, share, bar in (("p50", 0.5, 25.0), ("p99", 0.99, 150.0)):
        what, figure = f"apply answered → first provider call, {name} (n={len(figures)})", percentile(figures, share)
        loop = "a bare loop: watch, the same two writes, the call"
        rows.append(Row(what, figure, "ms", bar, "a bare watch shows the object", percentile(watch, share)))
        rows.append(Row(f"the same, {name}", figure, "ms", None, loop, percentile(same, share)))
    return rows


async def _ours(here: Ground, site: Site) -> Times:
    times = Times()

    async def settled(name: str) -> None:
        await here.board.until(lambda: name in here.board.ready, 30, f"{name} Ready")

    await _creates(here, "fast", times, settled)
    # The site stamps a machine when it has read the whole request.
    times.called = {row["objectName"]: row["createdAt"] for row in await site.machines() if row["objectName"]}
    return times


async def _bare(here: Ground, site: Site) -> Times:
    """What no controller with a durable intent can be faster than: the watch, two writes in turn, the call."""
    times = Times()
    made: asyncio.Queue[str] = asyncio.Queue()
    version = (await here.cluster.call("GET", MACHINES))["metadata"]["resourceVersion"]

    async def settled(_: str) -> None:
        await made.get()

    creates = asyncio.create_task(_creates(here, "bare", times, settled))
    loop = asyncio.create_task(_loop(here.cluster, site, version, made))
    done, left = await asyncio.wait({creates, loop}, timeout=300, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    if creates not in done:
        raise RuntimeError("the bare loop ended early") from (loop.exception() if loop in done else None)
    await creates
    rows = await site.machines()
    times.called = {row["name"]: row["createdAt"] for row in rows}
    for row in rows:
        await site.vanish(row["id"])
        await here.cluster.delete(row["name"])
    await here.board.until(lambda: not here.board.bodies, 30, "the bare loop's objects gone")
    return times


async def _creates(here: Ground, prefix: str, times: Times, settled: Callable[[str], Awaitable[None]]) -> None:
    for number in range(CREATES + WARM):
        name = f"{prefix}-{number}"
        await here.cluster.create(machine(name))
        times.answered[name] = time.time()
        await settled(name)
        if number % 25 == 0:
            here.tell(f"latency: {number} of {CREATES + WARM} creates ({prefix})")


async def _loop(cluster: Cluster, site: Site, version: str, made: asyncio.Queue[str]) -> None:
    async for line in cluster.lines(f"{MACHINES}?watch=1&resourceVersion={version}"):
        event = json.loads(line)
        if event["type"] != "ADDED":
            continue
        name, uid = event["object"]["metadata"]["name"], event["object"]["metadata"]["uid"]
        path = f"{MACHINES}/{name}"
        await cluster.merge(path, {"metadata": {"annotations": {"example.org/id": uid}}})
        await cluster.merge(f"{path}/status", {"status": {"machineID": uid, "phase": "Pending"}})
        await site.create(name)
        made.put_nowait(name)
