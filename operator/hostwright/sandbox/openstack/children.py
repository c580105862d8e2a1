"""Start and end the processes of a lab; none of them outlives the process that started it."""

import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox import processes
from hostwright.sandbox.openstack.failures import LabFailed
from hostwright.sandbox.processes import Identity, die_with_parent, identify
from hostwright.sandbox.waiting import tail

Spawn = Callable[[str, Sequence[str], Mapping[str, str], Path], int]

_ours: dict[int, subprocess.Popen[bytes]] = {}  # children of this very process, to be buried when they end


@dataclass(frozen=True, slots=True)
class Service:
    """How one process of the lab is run; ``port`` is where it answers."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    port: int


@dataclass(frozen=True, slots=True)
class Running:
    """A service, and the process that runs it."""

    service: Service
    process: Identity


def spawn(name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> int:
    """Start a child of this process that the kernel kills when this process ends."""
    if threading.current_thread() is not threading.main_thread():
        # prctl(2): the parent whose death counts is the thread that forked, not the process
        raise LabFailed(f"{name} would die with this thread", "Start the lab in the main thread, or hand in a spawn.")
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv,
            env=env,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in the terminal is for us, not for these
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - two system calls, no lock is taken
        )
    _ours[child.pid] = child
    return child.pid


def start(service: Service, by: Spawn) -> Running:
    process = identify(by(service.name, service.argv, service.env, service.log))
    if process is None:
        raise LabFailed(f"{service.name} ended at once", tail(service.log))
    return Running(service, process)


def run(argv: Sequence[str], env: Mapping[str, str], log: Path, seconds: float) -> None:
    """Run a command to its end."""
    with log.open("ab") as output:
        done = subprocess.run(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
            preexec_fn=die_with_parent(),
        )
    if done.returncode:
        raise LabFailed(f"{' '.join(argv)} ended with {done.returncode}", tail(log))


def end(identities: Iterable[Identity], grace: float) -> None:
    """Ask them to end, make them after so many seconds (at once without grace), and bury our own."""
    identities = list(identities)
    processes.end(identities, grace)
    for process in identities:
        child = _ours.pop(process.pid, None)
        if child is not None:
            child.wait()
