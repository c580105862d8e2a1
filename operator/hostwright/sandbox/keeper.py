"""The keeper: parent of all processes of one sandbox, so that they end when it does, however it ends.

It restarts nothing. `up` starts it, hands it what to run over a socket in the sandbox's directory, and leaves; it ends
with SIGTERM, or when its owner disappears. Until `up` has succeeded the owner is `up` itself.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostwright.sandbox import record
from hostwright.sandbox.processes import MARK, Identity, adopt_orphans, alive, die_with_parent, end, identify, marked

GRACE = 2.0
"""Seconds from SIGTERM to SIGKILL; all that runs here keeps its data safe by itself."""
LINE = 1 << 20


@dataclass(slots=True)
class Child:
    popen: subprocess.Popen[bytes]
    kept: record.Kept
    abrupt: bool


class Keeper:
    def __init__(self, directory: Path, mark: str) -> None:
        self.directory = directory
        self.mark = mark
        self.children: dict[str, Child] = {}
        self.owner_fd: int | None = None
        self.over = asyncio.Event()
        self.me = Identity(os.getpid(), 0)

    def write(self) -> None:
        children = {name: child.kept for name, child in self.children.items()}
        record.write(self.directory, record.Record(self.mark, self.me, children))

    async def run(self, owner: Identity | None, ready_fd: int) -> None:
        me = identify(os.getpid())
        if me is None:
            raise RuntimeError("no entry in /proc for this process")
        self.me = me
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.over.set)
        loop.add_signal_handler(signal.SIGCHLD, self.reap)
        self.own(owner)
        self.write()
        server = await asyncio.start_unix_server(self.serve, sock=record.listen(self.directory), limit=LINE)
        os.write(ready_fd, b"1")
        os.close(ready_fd)
        await self.over.wait()
        server.close()
        self.end_all()

    def own(self, owner: Identity | None) -> None:
        """From now on the sandbox ends when this process does."""
        loop = asyncio.get_running_loop()
        if self.owner_fd is not None:
            loop.remove_reader(self.owner_fd)
            os.close(self.owner_fd)
            self.owner_fd = None
        if owner is None:
            return
        try:
            self.owner_fd = os.pidfd_open(owner.pid)
        except ProcessLookupError:
            self.over.set()
            return
        loop.add_reader(self.owner_fd, self.over.set)
        if not alive(owner):
            self.over.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = self.answer(json.loads(await reader.readline()))
        except (OSError, ValueError, KeyError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(ConnectionError):  # who asked is gone: nobody to tell
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "spawn":
                process = self.spawn(request)
                return {"pid": process.pid, "start": process.start}
            case "own":
                owner = request["owner"]
                self.own(None if owner is None else Identity(*owner))
                return {}
            case other:
                raise ValueError(f"the keeper cannot {other!r}")

    def spawn(self, request: dict[str, Any]) -> Identity:
        self.reap()  # whoever starts one anew has seen its end, perhaps before us
        name = request["name"]
        before = self.children.get(name)
        if before is not None and before.kept.exit is None:
            raise ValueError(f"{name} runs already, as process {before.kept.process.pid}")
        log = Path(request["log"])
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            popen = subprocess.Popen(
                request["argv"],
                env={**request["env"], MARK: self.mark},
                cwd=request["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for `up`, not for these
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - this process has one thread
            )
        process = identify(popen.pid) or Identity(popen.pid, 0)
        self.children[name] = Child(popen, record.Kept(process, str(log)), request["abrupt"])
        self.write()
        return process

    def reap(self) -> None:
        """Buries children, adopted ones included."""
        changed = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            for child in self.children.values():
                if child.popen.pid == pid:
                    child.popen.returncode = os.waitstatus_to_exitcode(status)
                    child.kept = record.Kept(child.kept.process, child.kept.log, child.popen.returncode)
                    changed = True
        if changed:
            self.write()

    def end_all(self) -> None:
        """Ends all descendants; politely first where that makes a difference."""
        asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)
        end([child.kept.process for child in self.children.values() if child.abrupt], 0)
        grace = GRACE
        while rest := [process for process in marked(self.mark) if process != self.me]:
            end(rest, grace)
            self.reap()
            grace = 0.0  # whoever was forked meanwhile


def main(directory: str, mark: str, owner: str, ready_fd: str) -> None:
    if os.fork():
        os._exit(0)  # the starter waits for this one; the keeper belongs to init
    os.setsid()
    adopt_orphans()
    pid, _, start = owner.partition(":")
    asyncio.run(Keeper(Path(directory), mark).run(Identity(int(pid), int(start)), int(ready_fd)))


if __name__ == "__main__":
    main(*sys.argv[1:])
