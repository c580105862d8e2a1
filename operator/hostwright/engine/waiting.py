"""A wait for what may happen, or for its time to be over."""

import asyncio


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether it was set in that time; None: for as long as it takes."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
