"""One sandbox with the Redfish site, its servers registered, for its end-to-end tests."""

import os
from collections.abc import Iterator

import pytest
from tests.charts.rights import forbidden
from tests.e2e.world import World

from hostwright import sandbox
from hostwright.generate import manifests
from hostwright.sandbox.redfish.lab import Bmcs
from hostwright.sandbox.sites.redfish import RACK

#: Servers r1-u01 to r1-u10, and as many in the next rack.
BMCS = 20


def number(machine: str) -> int:
    """Of the BMC of `r2-u03`."""
    rack, _, place = machine.removeprefix("r").partition("-u")
    return (int(rack) - 1) * RACK + int(place) - 1


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("redfish") / "box"
    box = sandbox.up(
        directory,
        sites=("redfish",),
        manifests=manifests.install(),
        ephemeral=True,
        owner=os.getpid(),
        progress=print,
        bmcs=BMCS,
    )
    world = World(box)
    world.kubectl("apply", "-f", box.sites["redfish"]["machines"])
    with world.shared:
        yield world
    missing = forbidden(box.audit) if box.audit else ()
    sandbox.down(directory, wipe=True)
    assert not missing, "the operator, as the chart's ServiceAccount, had no right to this"


@pytest.fixture
def bmcs(world: World) -> Iterator[Bmcs]:
    """The hand behind the BMCs' back."""
    control = Bmcs(world.box.sites["redfish"]["control"])
    yield control
    for each in control.all():
        control.heal(each["number"])


@pytest.fixture
def home(world: World) -> World:
    """A world in which the shared operator runs, and every server is free."""
    world.at_home()
    world.kubectl("delete", "hpc", "--all", "--timeout=60s")
    world.kubectl("wait", "hpm", "--all", "--for=jsonpath={.status.phase}=Free", "--timeout=90s")
    return world
