"""A TCP connection that is made and closed again, for readiness probes."""

import asyncio
import os

#: Seconds until no answer is one.
WITHIN = 2.0


async def dial(address: str, port: int) -> str:
    """Why it does not answer; empty: it does. Nothing is sent."""
    try:
        async with asyncio.timeout(WITHIN):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return f"{address} gives no answer within {WITHIN:.0f} s"
    except OSError as error:
        words = os.strerror(error.errno).lower() if error.errno else type(error).__name__
        return f"{address} says: {words}"
    writer.close()
    return ""
