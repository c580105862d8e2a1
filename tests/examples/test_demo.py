"""`hostwright demo` as a process, with and without a terminal; the process table says what is left."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.world import eventually

DEMO = (sys.executable, "-m", "hostwright.cli.main", "demo")


def _left(folder: Path) -> list[str]:
    """Every process that names the folder on its command line or has it in an open file."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
                files = [str(fd.readlink()) for fd in (entry / "fd").iterdir()]
            except OSError:  # it has just ended
                continue
            if str(folder).encode() in words or any(file.startswith(str(folder)) for file in files):
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.mark.parametrize(("site", "provider"), [("simulated", "sim"), ("openstack", "os-lab"), ("vsphere", "vc-lab")])
def test_without_a_terminal_it_tells_its_steps_and_leaves_nothing(
    tmp_path: Path, request: pytest.FixtureRequest, site: str, provider: str
) -> None:
    if site == "openstack":
        request.getfixturevalue("openstack_lab_files")  # skips where the lab cannot be installed
    folder = tmp_path / "box"
    asked = [*DEMO, "--site", site, "--dir", str(folder)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=400, check=False)
    text = done.stdout
    assert done.returncode == 0, text + done.stderr
    steps = [
        f"1. Set up a sandbox with the {site} site",
        "2. Start the operator",
        f"3. Apply quickstart/machines.yaml: web-1, web-2, db-1 on Provider {provider}",
        "Pending",
        "Running",
        "4. Stop web-2",
        "Stopped",
        "5. Switch web-1 off on the site",
        "Event about web-1: Warning DriftDetected",
        "Event about web-1: Normal Ready",
        "6. Delete db-1",
        "db-1 is gone, on the site too",
        "7. Take everything down",
        "nothing is left of it",
    ]
    _told_in_order(text, steps)
    assert _left(folder) == []
    assert not folder.exists()


def test_on_bare_metal_servers_are_registered_powered_repaired_claimed_and_given_back(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    asked = [*DEMO, "--site", "redfish", "--dir", str(folder)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [
        "1. Set up a sandbox with the redfish site",
        "3. Apply a PhysicalMachine for each of 5 BMCs on Provider bmc-lab",
        "Free",
        "4. Power on r1-u05",
        "PoweredOn",
        "5. Switch r1-u05 off at the server",
        "Event about r1-u05: Warning DriftDetected",
        "Event about r1-u05: Normal Ready: powered on",
        "6. Claim a server for a team: web-2",
        "r1-u01 is claimed by web-2, and powered on",
        "7. Delete the claim web-2",
        "r1-u01 is free again, and off",
        "8. Take everything down",
        "nothing is left of it",
    ]
    _told_in_order(done.stdout, steps)
    assert _left(folder) == []
    assert not folder.exists()


def _told_in_order(text: str, steps: list[str]) -> None:
    places = [text.find(step) for step in steps]
    assert -1 not in places, (steps[places.index(-1)], text)
    assert places == sorted(places), text


def test_a_folder_with_something_in_it_is_refused_and_kept(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    done = subprocess.run([*DEMO, "--dir", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert "another --dir" in done.stderr
    assert mine.read_text() == "precious"


class Terminal:
    """The demo on a pseudo-terminal, and what it wrote there."""

    def __init__(self, folder: Path) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*DEMO, "--dir", str(folder)], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.text = ""

    def await_text(self, wanted: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while wanted not in self.text:
            assert time.monotonic() < deadline, f"{wanted!r} never came: {self.text[-3000:]}"
            self.drain(0.2)
            assert self.process.poll() is None, self.text[-3000:]

    def drain(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            seen = os.read(self.master, 65536)
        except OSError:  # EIO: the other end is closed
            return False
        self.text += seen.decode(errors="replace")
        return bool(seen)

    def ended(self, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.text[-3000:]}"
            self.drain(0.1)
        while self.drain(0.1):
            pass
        return int(self.process.returncode)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    shown = Terminal(tmp_path / "box")
    yield shown
    if shown.process.poll() is None:
        shown.process.kill()
    shown.process.wait()
    os.close(shown.master)


def test_on_a_terminal_it_stays_up_until_ctrl_c(terminal: Terminal, tmp_path: Path) -> None:
    terminal.await_text("Ctrl-C here takes everything down", 400)
    folder = tmp_path / "box"
    assert f"export KUBECONFIG={folder}/kubeconfig" in terminal.text
    assert terminal.text.count("READY") > 1, "the table is drawn anew"
    assert _left(folder)
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.ended(60) == 0
    assert "nothing is left of it" in terminal.text
    assert _left(folder) == []
    assert not folder.exists()


def test_killed_it_takes_its_processes_along(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "box"
    terminal.await_text("Apply quickstart", 400)
    assert any("operator" in line for line in _left(folder))
    terminal.process.kill()
    terminal.process.wait()
    eventually(lambda: not _left(folder), 40, "no process is left")
