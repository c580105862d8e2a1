"""One sandbox with the simulated site, an OpenStack, a vCenter, two BMCs and a running operator, for all examples."""

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
        clouds: tuple[str, ...] = ("openstack",)
    except lab.LabUnavailable:
        clouds = ()
    directory = tmp_path_factory.mktemp("examples") / "box"
    box = sandbox.up(
        directory,
        sites=("simulated", *clouds, "vsphere", "redfish"),
        bmcs=2,
        manifests=manifests.install(),
        ephemeral=True,
        owner=os.getpid(),
        progress=print,
    )
    here = World(box)
    with here.operator() as running:
        running.leading()
        yield here
    sandbox.down(directory, wipe=True)
