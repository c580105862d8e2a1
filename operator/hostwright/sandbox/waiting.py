"""Waiting by looking: until something answers, its process ends, or the time is over."""

import contextlib
import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hostwright.sandbox.failure import Progress, SandboxError
from hostwright.sandbox.processes import Identity, handle, readable

Look = Callable[[], str | None]
"""None when all is well, else what is not, in words."""

BETWEEN = 0.05
TELL_AFTER = 2.0
WHY_AFTER = 15.0
"""What is missing is told only when a start takes longer than it should; until then it says nothing to a reader."""


def until(what: str, look: Look, seconds: float, progress: Progress, needs: Mapping[Path, Identity]) -> None:
    """Looks until it is well. `needs` are the processes, by their logs, without which it never will be."""
    begin = time.monotonic()
    told = begin + TELL_AFTER
    with contextlib.ExitStack() as stack:
        logs = {stack.enter_context(handle(process)): log for log, process in needs.items()}
        while (missing := look()) is not None:
            now = time.monotonic()
            ended = [logs[None]] if None in logs else []
            ended += [logs[fd] for fd in readable([fd for fd in logs if fd is not None], BETWEEN)]
            if ended:
                raise SandboxError(f"{ended[0].stem} ended while {what} was awaited", tail(ended[0]))
            if now - begin > seconds:
                logs_there = ", ".join(str(log) for log in needs)
                raise SandboxError(f"{what} is not ready after {seconds:.0f} s: {missing}", f"Read {logs_there}.")
            if now > told:
                why = f": {missing}" if now - begin > WHY_AFTER else ""
                progress(f"waiting for {what}{why} ({now - begin:.0f} s)")
                told += TELL_AFTER


def tail(log: Path, lines: int = 8) -> str:
    """The end of a log, with its name, for a failure's message."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join([f"Read {log}; it ends with:", *(f"  {line[:300]}" for line in text)])


def answers(port: int, path: str, tls: ssl.SSLContext | None = None) -> Look:
    """A look at `GET path` on the loopback address: well is 200."""

    def look() -> str | None:
        if tls is None:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        else:
            line = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=tls)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            body = answer.read().decode(errors="replace").strip()
        except (OSError, http.client.HTTPException) as error:
            return f"{path}: {error}"
        finally:
            line.close()
        if answer.status == http.client.OK:
            return None
        failed = [part for part in body.splitlines() if part.startswith("[-]")]
        return f"{path} says {answer.status} {' '.join(failed or [body])[:200]}"

    return look
