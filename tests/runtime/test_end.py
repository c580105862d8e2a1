"""A start or an end that goes wrong ends the process: kopf would try the handler again after a minute."""

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from hostwright.runtime import hooks
from hostwright.runtime.cluster import PLURALS

SECONDS = 10.0
ROOT = Path(__file__).parents[2]


class NoStartError(Exception):
    pass


class Bound:
    """An operator's handlers that fail where they are told to."""

    def __init__(self, *, start: bool, end: bool) -> None:
        self.stop = asyncio.Event()
        self._start, self._end = start, end
        self.ended = 0

    async def run(self) -> None:
        bound = hooks.registry(PLURALS, lambda *_: None, self._started, self._stopping, self._access)
        await asyncio.wait_for(hooks.run(bound, "me", (), self.stop), SECONDS)

    async def _started(self) -> None:
        if self._start:
            raise NoStartError("made in another cluster")
        self.stop.set()

    async def _stopping(self) -> None:
        self.ended += 1
        if self._end:
            raise NoStartError("a session hangs")

    async def _access(self) -> hooks.Access:
        return hooks.Access(server="http://127.0.0.1:9")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_user_that_has_no_name_can_run_it() -> None:
    """As in a Pod. First as it is, so that all is imported that another user might not be allowed to read."""
    script = """
import asyncio, os
from tests.runtime.test_end import Bound
asyncio.run(Bound(start=False, end=False).run())
for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
os.setuid(65532)
asyncio.run(Bound(start=False, end=False).run())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_start_that_is_refused_ends_at_once_and_says_why() -> None:
    with pytest.raises(hooks.EndedError) as told:
        await Bound(start=True, end=False).run()
    assert str(told.value.__cause__) == "made in another cluster"


async def test_an_error_while_ending_does_not_hold_the_end() -> None:
    bound = Bound(start=False, end=True)
    before = _open_sessions()  # another test's may not be collected yet
    with pytest.raises(hooks.EndedError) as told:
        await bound.run()
    assert [session for session in _open_sessions() if not any(session is known for known in before)] == []
    assert str(told.value.__cause__) == "a session hangs"
    assert bound.ended == 1


def _open_sessions() -> list[aiohttp.ClientSession]:
    return [found for found in gc.get_objects() if isinstance(found, aiohttp.ClientSession) and not found.closed]
