"""Fifty servers on the OpenStack lab, with a port and a data volume each: by Hostwright, and by the script that one
would write instead."""

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
from hostwright.sandbox.openstack.config import VOLUME_TYPE

SERVERS, THREADS = 50, 8
#: Who goes first alternates, so that neither has the warmer lab.
ORDER = ("script", "hostwright", "hostwright", "script", "script", "hostwright")
#: Seconds between two looks of the script at a server: Hostwright's own tempo while something builds.
LOOK = 1
#: Seconds that anything is waited for.
WAIT = 600
DATA = {"name": "data", "size": "1Gi", "storageClass": "standard"}


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
        Row(
            f"{SERVERS} creates with a port and a volume → all Ready on OpenStack, ours / script",
            ours / theirs,
            "",
            1.15,
        ),
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
    await many(lambda name: here.cluster.create(machine(name, "os-lab", dataDisks=[DATA])), names, THREADS)
    await here.board.all_ready(names, WAIT, here.tell)
    took = max(here.board.ready[name] for name in names) - began
    await many(here.cluster.delete, names, THREADS)
    await here.board.until(lambda: not here.board.bodies, WAIT, f"the objects of {prefix} gone")
    return took


async def _script(here: Ground, prefix: str) -> float:
    facts = here.world.box.sites["openstack"]
    with clouds.connect(facts["clouds"], facts["cloud"]) as cloud:
        return await asyncio.to_thread(_by_hand, cloud, _names(prefix))


def _by_hand(cloud: Any, names: Iterable[str]) -> float:
    """Names are looked up once; each server is made with its port and volume by one thread, which waits for it."""
    began = time.time()
    network = cloud.network.find_network("app", ignore_missing=False).id
    image = cloud.image.find_image("tiny", ignore_missing=False).id
    flavor = cloud.compute.find_flavor("small", ignore_missing=False).id

    def make(name: str) -> tuple[str, str]:
        port = cloud.network.create_port(name=name, network_id=network)
        volume = cloud.block_storage.create_volume(name=name, size=1, volume_type=VOLUME_TYPE)
        cloud.block_storage.wait_for_status(volume, "available", interval=LOOK, wait=WAIT)
        server = cloud.compute.create_server(
            name=name,
            image_id=image,
            flavor_id=flavor,
            networks=[{"port": port.id}],
            block_device_mapping=_disks(image, volume.id),
        )
        cloud.compute.wait_for_server(server, interval=LOOK, wait=WAIT)
        return server.id, port.id

    def remove(made: tuple[str, str]) -> None:
        server = cloud.compute.get_server(made[0])
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, interval=LOOK, wait=WAIT)
        cloud.network.delete_port(made[1])

    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(make, names))
        took = time.time() - began
        list(pool.map(remove, made))
    return took


def _disks(image: str, volume: str) -> list[dict[str, Any]]:
    """The root disk from the image, and the volume beside it, which goes with the server."""
    root = {"uuid": image, "source_type": "image", "destination_type": "local", "boot_index": 0}
    data = {"uuid": volume, "source_type": "volume", "destination_type": "volume", "boot_index": -1}
    return [{**each, "delete_on_termination": True} for each in (root, data)]
