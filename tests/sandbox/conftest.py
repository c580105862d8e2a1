"""A running sandbox to look at, and eyes of the tests' own: the process table and the ports, not its records."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from hostwright import sandbox

T = TypeVar("T")
CLI = (sys.executable, "-c", "from hostwright.cli.sandbox import sandbox; sandbox()")


class Eyes:
    """Looks at the machine."""

    @staticmethod
    def processes_of(directory: Path) -> dict[int, str]:
        """Every live process that names this folder on its command line: the keeper and all it starts do."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if any(str(directory).encode() in word for word in words):
                found[int(entry.name)] = b" ".join(words[:3]).decode(errors="replace")
        return found

    @staticmethod
    def listens(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    @staticmethod
    def listeners(pid: int) -> set[tuple[str, int]]:
        """The addresses and ports a process listens on, read from the kernel."""
        targets = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        inodes = {target[8:-1] for target in targets if target.startswith("socket:[")}
        found = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:  # 0A: LISTEN
                    address, _, port = fields[1].partition(":")
                    found.add(("127.0.0.1" if address == "0100007F" else address, int(port, 16)))
        return found

    @staticmethod
    def eventually(look: Callable[[], T], seconds: float = 60) -> T:
        """The first true answer of a look."""
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            assert time.monotonic() < deadline, f"never came true; the last look saw {seen!r}"
            select.select([], [], [], 0.02)
        return seen


@pytest.fixture(scope="session")
def eyes() -> Eyes:
    return Eyes()


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandbox.Sandbox]:
    """One sandbox for all tests that only look at it or add to it."""
    directory = tmp_path_factory.mktemp("shared") / "box"
    yield sandbox.up(directory, sites=(), owner=os.getpid())
    sandbox.down(directory, wipe=True)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing runs any more after the test."""
    directory = tmp_path / "box"
    yield directory
    sandbox.down(directory, wipe=True)


@pytest.fixture
def cli() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts `hostwright sandbox …` as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> "subprocess.Popen[str]":
        argv = [*CLI, *(str(argument) for argument in arguments)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
