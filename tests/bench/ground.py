"""A sandbox for one part of the bench, with a bare client and a board of its API server."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.audit import Audit
from tests.bench.cluster import Board, Cluster, Tell, connected, watching
from tests.e2e.world import World

from hostwright import sandbox
from hostwright.generate import manifests


@dataclass(frozen=True, slots=True)
class Ground:
    world: World
    cluster: Cluster
    board: Board
    audit: Audit
    tell: Tell

    @property
    def site(self) -> str:
        """The simulated site's address."""
        return str(self.world.box.sites["simulated"]["endpoint"])


@asynccontextmanager
async def ground(tell: Tell, *sites: str) -> AsyncIterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="hostwright-bench-") as place:
        directory = Path(place) / "box"
        box = sandbox.up(
            directory, sites=sites, manifests=manifests.install(), ephemeral=True, owner=os.getpid(), progress=tell
        )
        try:
            if box.audit is None:
                raise RuntimeError("a control plane of our own writes an audit log")
            world = World(box)
            world.kubectl("get", "hvm")  # waits for as long as the API server prepares a kind that is new to it
            async with connected(box.kubeconfig) as cluster, watching(cluster) as board:
                yield Ground(world, cluster, board, Audit(box.audit), tell)
        finally:
            sandbox.down(directory, wipe=True)
