"""Processes by identity: a pid counts only together with the moment its process started."""

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox.failure import SandboxError

MARK = "HOSTWRIGHT_SANDBOX_MARK"
"""In the environment of all that a sandbox starts, so that grandchildren and half-written records are found as well."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """The start time, in clock ticks since boot, makes a re-used pid another process."""

    pid: int
    start: int


def _stat(pid: int) -> tuple[str, int] | None:
    """State and start time; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks and parentheses
    return fields[0], int(fields[19])


def identify(pid: int) -> Identity | None:
    """None for a process that is gone, or that only waits to be buried by its parent."""
    stat = _stat(pid)
    return None if stat is None or stat[0] in "ZX" else Identity(pid, stat[1])


def alive(process: Identity) -> bool:
    return identify(process.pid) == process


@contextlib.contextmanager
def handle(process: Identity) -> Iterator[int | None]:
    """A pidfd, which stays bound to this process; None when it is gone or the pid is another's by now.

    A dead main thread whose other threads still end is not gone yet: its pidfd tells when it is.
    """
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        yield None
        return
    stat = _stat(process.pid)
    try:
        yield fd if stat is not None and stat[1] == process.start else None
    finally:
        os.close(fd)


def send(process: Identity, number: signal.Signals) -> None:
    with handle(process) as fd:
        if fd is not None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself: what was wanted
                signal.pidfd_send_signal(fd, number)


def gone(processes: Iterable[Identity], seconds: float) -> list[Identity]:
    """Waits for their end and returns those that are still there."""
    end = time.monotonic() + seconds
    left = []
    for process in processes:
        with handle(process) as fd:
            if fd is not None and not readable([fd], max(0.0, end - time.monotonic())):
                left.append(process)
    return left


def end(processes: Iterable[Identity], grace: float) -> None:
    """SIGTERM, `grace` seconds, SIGKILL."""
    left = list(processes)
    if grace > 0:
        for process in left:
            send(process, signal.SIGTERM)
        left = gone(left, grace)
    for process in left:
        send(process, signal.SIGKILL)
    stuck = gone(left, 10)
    if stuck:
        pids = ", ".join(str(process.pid) for process in stuck)
        raise SandboxError(
            f"process {pids} does not end, not even by SIGKILL", "It hangs in the kernel: look at dmesg."
        )


def readable(fds: Iterable[int], seconds: float) -> list[int]:
    """The descriptors with something to read; a pidfd becomes readable when its process ends."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _event in poll.poll(seconds * 1000)]


def marked(mark: str) -> list[Identity]:
    """All processes started with this mark, by anyone, at any depth."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                environment = Path(entry.path, "environ").read_bytes().split(b"\0")
            except OSError:  # another user's process, or one that just ended: not ours in either case
                continue
            process = identify(int(entry.name))
            if process is not None and wanted in environment:
                found.append(process)
    return found


def adopt_orphans() -> None:
    """Grandchildren whose parent ends become children of this process instead of leaving the sandbox."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def die_with_parent() -> Callable[[], None]:
    """To be run in a child between fork and exec: the kernel kills it when the calling process ends."""
    parent = os.getpid()

    def set_it() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended between the fork and the line above, so no signal will come
            os._exit(1)

    return set_it
