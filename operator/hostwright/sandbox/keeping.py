"""The other end of the keeper's socket: starts the keeper and asks it to start processes."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostwright.sandbox import record
from hostwright.sandbox.failure import SandboxError
from hostwright.sandbox.processes import MARK, Identity, alive, end, identify, marked


@dataclass(frozen=True, slots=True)
class Keeping:
    """A running keeper, by its directory."""

    directory: Path

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        *,
        abrupt: bool = False,
    ) -> Identity:
        """Starts a program as a child of the keeper; its output is appended to the log.

        `abrupt`: nothing is lost when it is killed without being asked first.
        """
        request = {
            "do": "spawn",
            "name": name,
            "argv": [str(word) for word in argv],
            "env": dict(os.environ if env is None else env),
            "log": str(self.log(name) if log is None else log),
            "cwd": str(self.directory),
            "abrupt": abrupt,
        }
        answer = self._ask(request)
        return Identity(answer["pid"], answer["start"])

    def own(self, owner: Identity | None) -> None:
        """The sandbox ends when this process does; None: when it is told to."""
        self._ask({"do": "own", "owner": None if owner is None else [owner.pid, owner.start]})

    def log(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as line, record.at_socket(self.directory) as path:
                line.settimeout(30)
                line.connect(path)
                line.sendall(json.dumps(request).encode() + b"\n")
                answer: dict[str, Any] = json.loads(line.makefile().readline() or '{"error": "it ended meanwhile"}')
        except OSError as error:
            raise SandboxError(
                f"the sandbox in {self.directory} does not run (its keeper does not answer: {error})",
                f"hostwright sandbox up --dir {self.directory}",
            ) from error
        if "error" in answer:
            raise SandboxError(f"cannot start {request.get('name', 'it')}: {answer['error']}")
        return answer


def start(directory: Path, lock: int) -> Keeping:
    """Starts a keeper owned by this process, until `own` says otherwise."""
    me = identify(os.getpid())
    if me is None:
        raise SandboxError("this process has no entry in /proc", "The sandbox needs Linux with /proc mounted.")
    mark = secrets.token_hex(16)
    record.write(directory, record.Record(mark, None, {}))  # before anything runs, so that `down` finds it in any case
    keeping = Keeping(directory)
    log = keeping.log("keeper")
    log.parent.mkdir(exist_ok=True)
    ready, ready_end = os.pipe()
    argv = [sys.executable, "-m", "hostwright.sandbox.keeper", str(directory), mark, f"{me.pid}:{me.start}"]
    with os.fdopen(ready, "rb") as answer, log.open("ab") as output:
        try:
            subprocess.run(
                [*argv, str(ready_end)],
                env={**os.environ, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[ready_end, lock],  # the lock is free again when the keeper has ended
                check=True,
            )
        finally:
            os.close(ready_end)
        if answer.read(1) != b"1":
            raise SandboxError("the sandbox's keeper did not start", f"Read {log}.")
    return keeping


def stop(directory: Path) -> bool:
    """Ends the keeper and all it started, whatever is left of them; False when nothing ran."""
    kept = record.read(directory)
    if kept is None:
        return False
    recorded = [child.process for child in kept.children.values()]
    ran = marked(kept.mark)
    keeper = [kept.keeper] if kept.keeper is not None and alive(kept.keeper) else []
    end(keeper or ran, grace=15)  # the keeper gives its children 2 s
    while rest := [process for process in {*marked(kept.mark), *recorded} if alive(process)]:
        end(rest, grace=0)
    for name in (record.FILE, record.SOCKET):
        (directory / name).unlink(missing_ok=True)
    return bool(ran)
