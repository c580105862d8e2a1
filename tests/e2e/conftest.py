"""One sandbox with both sites for all end-to-end tests."""

import os
from collections.abc import Iterator

import pytest
from tests.e2e.world import World

from hostwright import sandbox
from hostwright.generate import manifests
from hostwright.sandbox.openstack import lab


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    try:
        lab.ensure_installed(print)
        sites: tuple[str, ...] = ("simulated", "openstack")
    except lab.LabUnavailable:
        sites = ("simulated",)
    directory = tmp_path_factory.mktemp("e2e") / "box"
    box = sandbox.up(
        directory, sites=sites, manifests=manifests.install(), ephemeral=True, owner=os.getpid(), progress=print
    )
    yield World(box)
    sandbox.down(directory, wipe=True)


@pytest.fixture(params=["sim", "os-lab"])
def provider(request: pytest.FixtureRequest, world: World) -> str:
    if request.param == "os-lab" and "openstack" not in world.box.sites:
        pytest.skip("the OpenStack lab cannot be installed here (MariaDB and memcached need root)")
    name: str = request.param
    return name
