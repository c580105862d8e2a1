"""One sandbox with the OpenStack lab, in which everything that can go wrong goes wrong at once."""

from collections.abc import Iterator

import pytest
from tests.e2e.box import boxed
from tests.e2e.world import World


@pytest.fixture(scope="session")
def world(openstack_lab_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with boxed(tmp_path_factory.mktemp("trouble") / "box", ("openstack",)) as world, world.shared:
        yield world
