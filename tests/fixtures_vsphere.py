"""One vCenter for all tests of a session that ask for one (a pytest plugin)."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from hostwright.sandbox.processes import Identity, die_with_parent, identify
from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control
from hostwright.sandbox.vsphere.server import VCenter


class Children:
    """Processes that end with the test session, however it ends."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def spawn(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> Identity:
        with log.open("ab") as output:
            child = subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - two system calls, no lock is taken
            )
        self.started.append(child)
        identity = identify(child.pid)
        assert identity is not None, f"{name} ended at once"
        return identity

    def end(self) -> None:
        for child in self.started:
            child.terminate()
            child.wait(10)


@pytest.fixture(scope="session")
def vcenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    """Started with the first test that wants it, gone with the session."""
    children = Children()
    yield server.start(tmp_path_factory.mktemp("vsphere") / "vcenter", children.spawn, print)
    children.end()


@pytest.fixture
def vcenter_control(vcenter: VCenter) -> Iterator[Control]:
    """The hand behind the vCenter's back; no rule and no changed time is left to the next test."""
    control = Control(vcenter.control)
    control.clear_rules()
    control.times(clone=0.1, boot=0.1, shutdown=0.1)
    yield control
    control.clear_rules()
    control.times(clone=0.1, boot=0.1, shutdown=0.1)
