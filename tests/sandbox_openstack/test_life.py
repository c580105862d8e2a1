"""A lab beside another, over a stop and a crash, and nothing left of it in the end."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hostwright.sandbox.openstack import lab
from hostwright.sandbox.openstack.clone import clone_servers
from hostwright.sandbox.openstack.record import LabFacts

START = """
import signal, sys
from pathlib import Path
from hostwright.sandbox.openstack import lab
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
lab.start(Path(sys.argv[1]), progress=print, computes=1)
print("started", flush=True)
sys.stdin.read()
"""


def processes_of(directory: Path) -> dict[int, str]:
    """Every live process that has this folder on its command line or in its environment, but for pytest's own."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):  # ended, or not of this user: none of ours
            continue
        if str(directory).encode() in words:
            found[int(entry.name)] = words.split(b"\0")[0].decode()
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def folder(openstack_lab_files: None, tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "second"
    yield directory
    lab.stop(directory)


def starter(directory: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", START, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_two_labs_side_by_side_and_one_over_a_stop(openstack_lab: LabFacts, folder: Path, user_of: Any) -> None:
    with starter(folder) as process:
        assert process.stdout is not None
        lines = []
        while not lines or lines[-1] not in ("started\n", ""):
            lines.append(process.stdout.readline())
        assert lines[-1] == "started\n", lines
        first = lab.facts(folder)
        assert not set(first.ports.values()) & set(openstack_lab.ports.values())
        demo = user_of(first, first.cloud)
        server = demo.active_server("mine", [{"uuid": demo.network("app")}])
        assert user_of(openstack_lab, openstack_lab.cloud).called("mine") == []

        lab.stop(folder, keep=True)  # by another process than the one that started it
        process.communicate()
    assert processes_of(folder) == {}

    second = lab.start(folder, computes=1)
    demo = user_of(second, second.cloud)
    assert demo.called("mine") == [server]
    image = demo.cloud.image.get(f"/images/{demo.image}/file")
    assert len(image.content) == 1024, "the image's bytes are where the second start's database says"

    second = lab.restart(folder, "neutron")
    network = user_of(second, second.cloud).cloud.network
    network.get_endpoint()  # logged in, so that the lists are the first that the service is asked
    with ThreadPoolExecutor(9) as threads:
        lists = list(threads.map(lambda _: network.get("/networks").json()["networks"], range(9)))
    assert [sorted(row["name"] for row in rows) for rows in lists] == [["app", "db", "public"]] * 9

    lab.kill(folder, "nova")
    assert not listens(second.ports["nova"])
    third = lab.restart(folder, "nova")
    assert third.pids["nova"] != second.pids["nova"]
    assert {name: pid for name, pid in third.pids.items() if name != "nova"} == {
        name: pid for name, pid in second.pids.items() if name != "nova"
    }
    demo.cloud.compute.stop_server(server)  # the hypervisor still knows its guest
    demo.await_status(server, "SHUTOFF")

    clone_servers(folder, server, 250)
    assert len(demo.called("clone-.*")) == 250

    lab.stop(folder)
    assert processes_of(folder) == {}
    assert not any(listens(port) for port in third.ports.values())
    assert not folder.exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_a_starter_stopped_half_way(folder: Path, user_of: Any, how: signal.Signals) -> None:
    with starter(folder) as process:
        user_of.eventually(lambda: len(written_pids(folder)) > 3)
        pids = written_pids(folder)
        handles = [os.pidfd_open(pid) for pid in pids.values()]
        process.send_signal(how)
        process.communicate()
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)  # readable when the process has ended
    user_of.eventually(lambda: len(poll.poll(1000)) == len(handles), seconds=10)
    for handle in handles:
        os.close(handle)
    assert processes_of(folder) == {}


def test_stop_ends_no_stranger_with_a_former_pid(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as stranger:
        service = {"name": "nova", "argv": ["true"], "env": {}, "log": str(folder / "log/nova.log"), "port": 1}
        folder.mkdir()
        written = {"nova": {"service": service, "process": {"pid": stranger.pid, "start": 1}}}
        (folder / "lab.json").write_text(json.dumps(written))
        lab.stop(folder)
        assert stranger.poll() is None
        stranger.communicate()
    assert not folder.exists()


def test_what_is_not_the_labs_own_stays(folder: Path) -> None:
    folder.mkdir()
    (folder / "precious").write_text("mine")
    lab.stop(folder)
    assert (folder / "precious").read_text() == "mine"
    (folder / "precious").unlink()


def written_pids(directory: Path) -> dict[str, int]:
    try:
        text = json.loads((directory / "lab.json").read_text())
    except FileNotFoundError:
        return {}
    return {name: one["process"]["pid"] for name, one in text.items()}
