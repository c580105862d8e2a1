"""One OpenStack lab for all tests of a session that ask for one (a pytest plugin)."""

from collections.abc import Iterator

import pytest

from hostwright.sandbox.openstack import lab
from hostwright.sandbox.openstack.faults_client import Faults


@pytest.fixture(scope="session")
def openstack_lab_files() -> None:
    """Skip where the lab cannot be installed: MariaDB and memcached come from Debian, which wants root."""
    try:
        lab.ensure_installed(print)
    except lab.LabUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def openstack_lab(openstack_lab_files: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.LabFacts]:
    """Started with the first test that wants it, gone with the session (with this process, however it ends)."""
    directory = tmp_path_factory.mktemp("openstack") / "lab"
    yield lab.start(directory, progress=print)
    lab.stop(directory)


@pytest.fixture
def openstack_faults(openstack_lab: lab.LabFacts) -> Iterator[Faults]:
    """The shared lab's fault rules; none is left to the next test."""
    faults = Faults(openstack_lab.faults_file)
    faults.clear()
    yield faults
    faults.clear()
