"""Thirty servers on the OpenStack lab: by Hostwright, and by the script that somebody would write instead."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.cluster import Tell, many
from tests.bench.figures import Row, percentile
from tests.bench.ground import Ground, ground
from tests.e2e.world import machine

from hostwright.sandbox.openstack import clouds

SERVERS, THREADS = 30, 8
#: Who goes first alternates, so that neither has the warmer lab.
ORDER = ("script", "hostwright", "hostwright", "script", "script", "hostwright")
#: Seconds between two looks of the script at a server: Hostwright's own tempo while something builds.
LOOK = 1


async def run(tell: Tell) -> list[Row]:
    async with ground(tell, "openstack") as here:
        with here.world.operator() as running:
            running.leading()
            runs: dict[str, Callable[[Ground, str], Awaitable[float]]] = {"script": _script, "hostwright": _ours}
            took: dict[str, list[float]] = {name: [] for name in runs}
            for name in ("hostwright", "script"):  # once, small: logins, caches, the first server of all
                await runs[name](here, "warm")
            for number, name in enumerate(ORDER):
                took[name].append(await runs[name](here, f"round-{number}"))
                tell(f"{name}: {SERVERS} servers in {took[name][-1]:.1f} s")
    ours, theirs = percentile(took["hostwright"], 0.5), percentile(took["script"], 0.5)
    rounds = f"{len(ORDER) // 2} rounds each"
    return [
        Row(f"{SERVERS} creates → all Ready on OpenStack, ours / script", ours / theirs, "", 1.25),
        Row(
            f"{SERVERS} creates → all Ready, median of {rounds}",
            ours,
            "s",
            None,
            f"openstacksdk, {THREADS} threads",
            theirs,
        ),
        Row("the slowest round", max(took["hostwright"]), "s", None, "the script's slowest", max(took["script"])),
    ]


def _names(prefix: str) -> list[str]:
    count = THREADS if prefix == "warm" else SERVERS
    return [f"{prefix}-{number}" for number in range(count)]


async def _ours(here: Ground, prefix: str) -> float:
    names = _names(prefix)
    began = time.time()
    await many(lambda name: here.cluster.create(machine(name, "os-lab")), names, THREADS)
    await here.board.all_ready(names, 300, here.tell)
    took = max(here.board.ready[name] for name in names) - began
    await many(here.cluster.delete, names, THREADS)
    await here.board.until(lambda: not here.board.bodies, 300, f"the objects of {prefix} gone")
    return took


async def _script(here: Ground, prefix: str) -> float:
    facts = here.world.box.sites["openstack"]
    with clouds.connect(facts["clouds"], facts["cloud"]) as cloud:
        return await asyncio.to_thread(_by_hand, cloud, _names(prefix))


def _by_hand(cloud: Any, names: Iterable[str]) -> float:
    """Names are looked up once; each server gets a port, is created, and is awaited by the thread that made it."""
    began = time.time()
    network = cloud.network.find_network("app", ignore_missing=False).id
    image = cloud.image.find_image("tiny", ignore_missing=False).id
    flavor = cloud.compute.find_flavor("small", ignore_missing=False).id

    def make(name: str) -> tuple[str, str]:
        port = cloud.network.create_port(name=name, network_id=network)
        server = cloud.compute.create_server(name=name, image_id=image, flavor_id=flavor, networks=[{"port": port.id}])
        cloud.compute.wait_for_server(server, interval=LOOK, wait=300)
        return server.id, port.id

    def remove(made: tuple[str, str]) -> None:
        server = cloud.compute.get_server(made[0])
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, interval=LOOK, wait=300)
        cloud.network.delete_port(made[1])

    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(make, names))
        took = time.time() - began
        list(pool.map(remove, made))
    return took
