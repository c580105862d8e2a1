"""A session's inventory kept fresh: one read after the other, sooner while something moves or was touched."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hostwright.core.errors import Failure
from hostwright.engine.waiting import set_within
from hostwright.kinds.provider.port import Session


async def watched(
    session: Session,
    soon: asyncio.Event,
    changed: Callable[[Sequence[str]], None],
    answered: Callable[[BaseException | None], None],
    interval: float,
    look: Callable[[Session], Awaitable[Sequence[str]]] | None = None,
    rest: Callable[[], Awaitable[bool]] | None = None,
) -> None:
    """Until cancelled. `changed` gets whom a read concerns; `answered` hears of every read, None or why it failed.

    `look` reads in its own way; `rest` is True after a pause in place of ours.
    """
    while True:
        try:
            told = await (session.read() if look is None else look(session))
        except Failure as failure:
            answered(failure)
        else:
            answered(None)
            if told:
                changed(told)
        if rest is None or not await rest():
            await _pause(session, soon, interval)


async def _pause(session: Session, soon: asyncio.Event, interval: float) -> None:
    if not session.moving() and not soon.is_set() and not await set_within(soon, interval):
        return
    soon.clear()
    await asyncio.sleep(min(session.quick, interval))
