"""However a sandbox ends, nothing of it stays behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hostwright import sandbox
from hostwright.sandbox import condition, keeping, record
from hostwright.sandbox.install import Kubectl
from hostwright.sandbox.keeping import Keeping
from hostwright.sandbox.processes import Identity, identify

LOOPS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def ports_of(box: sandbox.Sandbox, eyes: Any) -> list[int]:
    return [port for pid in box.pids.values() for _address, port in eyes.listeners(pid)]


def test_down_ends_all_and_up_finds_the_data_again(folder: Path, eyes: Any) -> None:
    first = sandbox.up(folder, sites=(), owner=os.getpid())
    Kubectl(first.kubectl, first.kubeconfig).run("create", "configmap", "kept")
    ports = ports_of(first, eyes)
    assert len(ports) == 4
    assert set(eyes.processes_of(folder)) >= set(first.pids.values())
    with pytest.raises(sandbox.SandboxError, match=r"runs in .* already"):
        sandbox.up(folder, sites=(), owner=os.getpid())

    assert sandbox.down(folder)
    assert eyes.processes_of(folder) == {}
    assert not [port for port in ports if eyes.listens(port)]
    assert not (folder / "kubeconfig").exists()
    assert not sandbox.down(folder), "a second time there is nothing to end"

    again = sandbox.up(folder, sites=(), owner=os.getpid())
    assert Kubectl(again.kubectl, again.kubeconfig).run("get", "configmap/kept", "-o", "name") == "configmap/kept\n"
    somebody_elses = folder / "notes.txt"
    somebody_elses.write_text("mine")
    sandbox.down(folder, wipe=True)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_two_side_by_side_and_a_keeper_killed_takes_only_its_own(tmp_path: Path, eyes: Any) -> None:
    folders = [tmp_path / "left", tmp_path / "right"]
    with ThreadPoolExecutor(2) as both:
        left, right = both.map(lambda folder: sandbox.up(folder, sites=(), owner=os.getpid()), folders)
    try:
        assert not set(ports_of(left, eyes)) & set(ports_of(right, eyes))
        os.kill(left.pids["keeper"], signal.SIGKILL)
        eyes.eventually(lambda: not eyes.processes_of(left.directory))

        def running() -> list[str]:
            seen = condition.look(left.directory)
            assert not seen.well
            return [name for name, process in seen.processes.items() if process.running]

        # A process that is being ended loses its command line some moments before it is gone.
        eyes.eventually(lambda: not running())
        assert condition.look(right.directory).well
        sandbox.down(left.directory)
        assert condition.look(right.directory).well
    finally:
        for folder in folders:
            sandbox.down(folder, wipe=True)
    assert eyes.processes_of(right.directory) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_up_ended_half_way_leaves_nothing(number: signal.Signals, folder: Path, cli: Any, eyes: Any) -> None:
    up = cli("up", "--dir", folder, "--no-sim")
    kept = eyes.eventually(lambda: (seen := record.read(folder)) and "kube-apiserver" in seen.children and seen)
    up.send_signal(number)
    _out, said = up.communicate(timeout=60)
    assert up.returncode != 0, said
    eyes.eventually(lambda: not eyes.processes_of(folder))
    assert identify(kept.children["etcd"].process.pid) != kept.children["etcd"].process
    sandbox.down(folder)
    assert not (folder / "sandbox.json").exists()


def test_a_component_that_ends_during_up_is_told_with_its_log(folder: Path, eyes: Any) -> None:
    def kill_the_api_server() -> None:
        kept = eyes.eventually(lambda: (seen := record.read(folder)) and seen.children.get("kube-apiserver"))
        os.kill(kept.process.pid, signal.SIGKILL)

    with ThreadPoolExecutor(1) as other:
        killing = other.submit(kill_the_api_server)
        with pytest.raises(sandbox.SandboxError, match=r"kube-apiserver ended(.|\n)*kube-apiserver\.log"):
            sandbox.up(folder, sites=(), owner=os.getpid())
        killing.result()
    assert eyes.processes_of(folder) == {}


def test_the_owners_end_is_the_sandboxs_end_and_the_command_line_tells(folder: Path, cli: Any, eyes: Any) -> None:
    with subprocess.Popen(LOOPS, stdin=subprocess.PIPE) as owner:
        up = cli("up", "--dir", folder, "--no-sim", "--owner", owner.pid, "--ephemeral")
        out, said = up.communicate(timeout=90)
        assert up.returncode == 0, said
        assert f"export KUBECONFIG={folder}/kubeconfig" in out
        status = cli("status", "--dir", folder, "--json")
        seen = json.loads(status.communicate(timeout=60)[0])
        assert status.returncode == 0
        assert seen["up"]
        assert all(process["running"] for process in seen["processes"].values())
        second = cli("up", "--dir", folder, "--no-sim")
        assert "sandbox down --dir" in second.communicate(timeout=60)[1]
        assert second.returncode == 1
        owner.kill()
    eyes.eventually(lambda: not eyes.processes_of(folder))
    status = cli("status", "--dir", folder)
    assert "Not all is well" in status.communicate(timeout=60)[0]
    assert status.returncode == 1
    down = cli("down", "--dir", folder, "--wipe")
    down.communicate(timeout=60)
    assert down.returncode == 0
    assert not folder.exists()


def test_a_pid_used_again_by_another_process_is_never_killed(tmp_path: Path) -> None:
    with subprocess.Popen(LOOPS, stdin=subprocess.PIPE) as stranger:
        me = identify(stranger.pid)
        assert me is not None
        before = Identity(me.pid, me.start - 1)
        record.write(tmp_path, record.Record("no-such-mark", before, {"etcd": record.Kept(before, "etcd.log")}))
        assert not sandbox.down(tmp_path)
        assert stranger.poll() is None
        # the same record with the true start time: the test can fail
        record.write(tmp_path, record.Record("no-such-mark", None, {"etcd": record.Kept(me, "etcd.log")}))
        sandbox.down(tmp_path)
        assert stranger.wait(5) == -signal.SIGKILL


@pytest.fixture
def keeper(tmp_path: Path, eyes: Any) -> Iterator[Keeping]:
    lock = record.lock(tmp_path)
    assert lock is not None
    keeper = keeping.start(tmp_path, lock)
    os.close(lock)
    yield keeper
    keeping.stop(tmp_path)
    assert eyes.processes_of(tmp_path) == {}


def test_grandchildren_end_too_also_after_the_keeper_was_killed(keeper: Keeping, eyes: Any) -> None:
    # the grandchild has a session of its own, which a signal to the child's group would miss
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
    child = keeper.spawn("parent", [sys.executable, "-c", code, "import signal; signal.pause()"])
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    grandchild = int(eyes.eventually(children.read_text))
    kept = record.read(keeper.directory)
    assert kept is not None
    assert kept.keeper is not None
    os.kill(kept.keeper.pid, signal.SIGKILL)
    keeping.stop(keeper.directory)
    assert identify(grandchild) is None


def test_the_lock_is_free_when_the_keeper_has_ended_and_not_before(keeper: Keeping) -> None:
    assert record.lock(keeper.directory) is None
    keeping.stop(keeper.directory)
    lock = record.lock(keeper.directory)
    assert lock is not None
    os.close(lock)


def test_what_cannot_be_started_is_said(keeper: Keeping) -> None:
    with pytest.raises(sandbox.SandboxError, match="cannot start ghost: FileNotFoundError"):
        keeper.spawn("ghost", ["/no/such/program"])
    keeper.spawn("one", [*LOOPS, str(keeper.directory)])


def test_a_folder_with_a_long_name_will_do(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 40)
    directory.mkdir()
    lock = record.lock(directory)
    assert lock is not None
    keeper = keeping.start(directory, lock)
    os.close(lock)
    process = keeper.spawn("sleeper", [sys.executable, "-c", "import signal; signal.pause()"])
    keeping.stop(directory)
    assert identify(process.pid) is None
