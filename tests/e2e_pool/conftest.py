"""One sandbox with the simulated site for the pools' end-to-end tests."""

from collections.abc import Iterator

import pytest
from tests.e2e.box import boxed
from tests.e2e.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with boxed(tmp_path_factory.mktemp("pools") / "box", ("simulated",)) as world, world.shared:
        yield world


@pytest.fixture
def home(world: World) -> World:
    """A world in which the shared operator runs."""
    world.at_home()
    return world
