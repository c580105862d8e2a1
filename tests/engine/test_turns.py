"""Passes that wait for nothing, by the thousand: whoever else has work on the event loop has his turn among them."""

import asyncio

from tests.engine.process import Gate, Told
from tests.engine.virtual import Clock

from hostwright.engine.ports import Key
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.worker import Again, Workers

PASSES, WORKERS = 1000, 4


async def test_the_lease_is_renewed_while_a_fleet_is_looked_at() -> None:
    queue, looked = WorkQueue(), 0

    async def settled(_: Key) -> Again:
        nonlocal looked
        looked += 1
        return Again()

    async def reread(_: Key) -> None: ...

    workers = Workers(queue, {"VirtualMachine": settled}, Gate(), Clock(), Told(), reread)
    for number in range(PASSES):
        queue.add(Key("VirtualMachine", "team-a", f"web-{number}"), Priority.RESYNC)
    workers.start(WORKERS, 1)
    most, before = 0, 0
    while looked < PASSES:
        await asyncio.sleep(0)
        most, before = max(most, looked - before), looked
    assert await workers.drain(1.0)
    assert most <= WORKERS
