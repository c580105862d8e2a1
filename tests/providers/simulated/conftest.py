"""Simulated sites as processes of their own."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVE = (sys.executable, "-c", "from hostwright.cli.simulated import simulated; simulated()", "serve")


@dataclass
class Running:
    url: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a site on this test's own state file and returns once it listens."""
    started: list[Running] = []

    def begin(*options: str) -> Running:
        command = [*SERVE, "--state", str(tmp_path / "state.db"), "--latency", "0", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        match = re.search(r"http://[0-9.]+:[0-9]+", process.stdout.readline())
        assert match, "the site did not start"
        started.append(Running(match.group(), process))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill()
