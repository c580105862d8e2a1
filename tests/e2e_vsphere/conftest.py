"""One sandbox with the vSphere site for its end-to-end tests."""

from collections.abc import Iterator

import pytest
from tests.e2e.box import boxed
from tests.e2e.world import World

from hostwright.sandbox.vsphere.control import Control


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with boxed(tmp_path_factory.mktemp("vsphere") / "box", ("vsphere",)) as world, world.shared:
        yield world


@pytest.fixture
def behind(world: World) -> Iterator[Control]:
    """The hand behind the vCenter's back."""
    control = Control(world.box.sites["vsphere"]["control"])
    yield control
    control.clear_rules()
    control.times(clone=0.2, boot=0.2, shutdown=0.2)


@pytest.fixture
def home(world: World) -> World:
    """A world in which the shared operator runs."""
    world.at_home()
    return world
