"""One sandbox with the simulated site for the pools' end-to-end tests."""

import os
from collections.abc import Iterator

import pytest
from tests.charts.rights import forbidden
from tests.e2e.world import World

from hostwright import sandbox
from hostwright.generate import manifests


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("pools") / "box"
    box = sandbox.up(
        directory,
        sites=("simulated",),
        manifests=manifests.install(),
        ephemeral=True,
        owner=os.getpid(),
        progress=print,
    )
    world = World(box)
    with world.shared:
        yield world
    missing = forbidden(box.audit) if box.audit else ()
    sandbox.down(directory, wipe=True)
    assert not missing, "the operator, as the chart's ServiceAccount, had no right to this"


@pytest.fixture
def home(world: World) -> World:
    """A world in which the shared operator runs."""
    world.at_home()
    return world
