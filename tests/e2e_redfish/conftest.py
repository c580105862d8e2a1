"""One sandbox with the Redfish site, its servers registered, for its end-to-end tests."""

from collections.abc import Iterator

import pytest
from tests.e2e.box import boxed
from tests.e2e.world import World

from hostwright.sandbox.redfish.lab import Bmcs
from hostwright.sandbox.sites.redfish import RACK

#: Servers r1-u01 to r1-u10, and as many in the next rack.
BMCS = 20


def number(machine: str) -> int:
    """Of the BMC of `r2-u03`."""
    rack, _, place = machine.removeprefix("r").partition("-u")
    return (int(rack) - 1) * RACK + int(place) - 1


def machine(number: int) -> str:
    """The other way round."""
    return f"r{number // RACK + 1}-u{number % RACK + 1:02d}"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with boxed(tmp_path_factory.mktemp("redfish") / "box", ("redfish",), bmcs=BMCS) as world:
        world.kubectl("apply", "-f", world.box.sites["redfish"]["machines"])
        with world.shared:
            yield world


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
