"""A start or an end that goes wrong ends the process: kopf would try the handler again after a minute."""

import asyncio
import gc

import aiohttp
import pytest

from hostwright.runtime import hooks
from hostwright.runtime.cluster import PLURALS

SECONDS = 10.0


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
        await asyncio.wait_for(hooks.run(bound, (), self.stop), SECONDS)

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


async def test_a_start_that_is_refused_ends_at_once_and_says_why() -> None:
    with pytest.raises(hooks.EndedError) as told:
        await Bound(start=True, end=False).run()
    assert str(told.value.__cause__) == "made in another cluster"


async def test_an_error_while_ending_does_not_hold_the_end() -> None:
    bound = Bound(start=False, end=True)
    with pytest.raises(hooks.EndedError) as told:
        await bound.run()
    left = [found for found in gc.get_objects() if isinstance(found, aiohttp.ClientSession) and not found.closed]
    assert left == []
    assert str(told.value.__cause__) == "a session hangs"
    assert bound.ended == 1
