"""What a sandbox's directory says about its processes: `keeper.json`, the lock and the socket."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox.processes import Identity

FILE = "keeper.json"
SOCKET = "keeper.sock"
LOCK = "keeper.lock"


@dataclass(frozen=True, slots=True)
class Kept:
    """One process the keeper started; `exit` is its exit status once it has ended, negative for a signal."""

    process: Identity
    log: str
    exit: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    mark: str
    keeper: Identity | None
    children: Mapping[str, Kept]


def write_file(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else's eyes."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def write(directory: Path, record: Record) -> None:
    text = {
        "mark": record.mark,
        "keeper": None if record.keeper is None else {"pid": record.keeper.pid, "start": record.keeper.start},
        "children": {
            name: {"pid": kept.process.pid, "start": kept.process.start, "log": kept.log, "exit": kept.exit}
            for name, kept in record.children.items()
        },
    }
    write_file(directory / FILE, json.dumps(text, indent=2) + "\n")


def read(directory: Path) -> Record | None:
    try:
        text = json.loads((directory / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    keeper = text["keeper"]
    return Record(
        text["mark"],
        None if keeper is None else Identity(keeper["pid"], keeper["start"]),
        {
            name: Kept(Identity(child["pid"], child["start"]), child["log"], child["exit"])
            for name, child in text["children"].items()
        },
    )


@contextlib.contextmanager
def at_socket(directory: Path) -> Iterator[str]:
    """The keeper's socket under a short name: a socket's path may have 107 characters, a directory's any number."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)


def listen(directory: Path) -> socket.socket:
    (directory / SOCKET).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    with at_socket(directory) as path:
        server.bind(path)
    return server


def lock(directory: Path) -> int | None:
    """A descriptor holding the directory's lock; None when a sandbox runs there. The keeper inherits it for life."""
    fd = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
