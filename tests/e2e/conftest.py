"""One sandbox with both sites for all end-to-end tests."""

import os
from collections.abc import Iterator

import pytest
from tests.charts.rights import forbidden
from tests.e2e.outage import Stories, stories
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


@pytest.fixture(scope="session")
def long_stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    with stories(tmp_path_factory.mktemp("stories")) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _begin_long_stories(request: pytest.FixtureRequest) -> None:
    """They take minutes, so they begin before the first test, if there is one that asks for them."""
    if any("long_stories" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("long_stories")
