"""One sandbox with the simulated site and an OpenStack: what a folder of end-to-end tests imports as its fixtures."""

import os
from collections.abc import Iterator

import pytest
from tests.charts.rights import forbidden
from tests.e2e.sites import Cloud
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
    world = World(box)
    # looked at often, so that what happens behind our back is seen soon; OpenStack keeps the default
    world.kubectl("patch", "hpr", "sim", "--type=merge", "-p", '{"spec":{"limits":{"pollInterval":"1s"}}}')
    with world.shared:
        yield world
    missing = forbidden(box.audit) if box.audit else ()
    sandbox.down(directory, wipe=True)
    assert not missing, "the operator, as the chart's ServiceAccount, had no right to this"


@pytest.fixture(params=["sim", "os-lab"])
def provider(request: pytest.FixtureRequest, world: World) -> str:
    if request.param == "os-lab" and "openstack" not in world.box.sites:
        pytest.skip("the OpenStack lab cannot be installed here (MariaDB and memcached need root)")
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def cloud(world: World) -> Cloud:
    if "openstack" not in world.box.sites:
        pytest.skip("the OpenStack lab cannot be installed here (MariaDB and memcached need root)")
    return world.cloud


@pytest.fixture
def home(world: World) -> World:
    """A world in which the shared operator runs."""
    world.at_home()
    return world
