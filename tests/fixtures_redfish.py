"""Twenty BMCs that answer, kept by a keeper as in a sandbox, without a control plane beside them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hostwright.sandbox import keeping, record
from hostwright.sandbox.failure import silent
from hostwright.sandbox.processes import identify
from hostwright.sandbox.redfish.lab import Bmcs
from hostwright.sandbox.sites.redfish import Redfish
from hostwright.sandbox.sites.site import Facts


@dataclass(frozen=True, slots=True)
class Rack:
    directory: Path
    keeper: keeping.Keeping
    facts: Facts

    @property
    def bmcs(self) -> Bmcs:
        return Bmcs(self.facts["control"])

    def again(self, count: int) -> "Rack":
        """Stopped and started."""
        keeping.stop(self.directory)
        return start(self.directory, count)


def start(directory: Path, count: int) -> Rack:
    """Ends with this process."""
    directory.mkdir(exist_ok=True)
    lock = record.lock(directory)
    assert lock is not None
    keeper = keeping.start(directory, lock)
    keeper.own(identify(os.getpid()))
    os.close(lock)
    return Rack(directory, keeper, Redfish(bmcs=count).start(directory, keeper, silent))


@pytest.fixture(scope="session")
def shared_rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    rack = start(tmp_path_factory.mktemp("rack"), 20)
    yield rack
    keeping.stop(rack.directory)


@pytest.fixture
def rack(shared_rack: Rack) -> Rack:
    well(shared_rack)
    return shared_rack


def well(rack: Rack) -> None:
    """All well, all off, nothing asked yet."""
    bmcs = rack.bmcs
    for each in bmcs.all():
        bmcs.heal(each["number"])
        bmcs.set(each["number"], password=rack.facts["password"], restart_seconds=1.0)
        bmcs.switch(each["number"], "Off")
    bmcs.forget()
