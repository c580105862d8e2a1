"""Passes that wait for nothing, by the thousand: whoever else has work on the event loop has his turn among them."""

import asyncio

from tests.engine.process import Gate, Told
from tests.engine.virtual import Clock

from hostwright.engine.ports import Key
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.terms import Terms
from hostwright.engine.worker import SLICE, Again, Workers

PASSES, WORKERS = 1000, 4


class Slow(Clock):
    """Goes on when a pass says that it computes."""

    def __init__(self) -> None:
        super().__init__()
        self._spent = 0.0

    def spend(self, seconds: float) -> None:
        self._spent += seconds

    def monotonic(self) -> float:
        return self._spent


async def test_the_lease_is_renewed_while_a_fleet_is_looked_at() -> None:
    queue, looked = WorkQueue(), 0

    async def settled(_: Key) -> Again:
        nonlocal looked
        looked += 1
        return Again()

    async def reread(_: Key) -> None: ...

    workers = Workers(queue, {"VirtualMachine": settled}, Terms(Gate()), Clock(), Told(), reread)
    for number in range(PASSES):
        queue.add(Key("VirtualMachine", "team-a", f"web-{number}"), Priority.RESYNC)
    workers.start(WORKERS, 1)
    most, before = 0, 0
    while looked < PASSES:
        await asyncio.sleep(0)
        most, before = max(most, looked - before), looked
    assert await workers.drain(1.0)
    assert most <= WORKERS


async def test_passes_begin_in_one_turn_of_the_loop_for_a_hundredth_of_a_second() -> None:
    """Sixty-four that take a hundredth each would hold up each answer by more than half a second."""
    queue, clock, looked = WorkQueue(), Slow(), 0

    async def busy(_: Key) -> Again:
        nonlocal looked
        looked += 1
        clock.spend(SLICE / 2)
        return Again()

    async def reread(_: Key) -> None: ...

    workers = Workers(queue, {"VirtualMachine": busy}, Terms(Gate()), clock, Told(), reread)
    for number in range(PASSES):
        queue.add(Key("VirtualMachine", "team-a", f"web-{number}"), Priority.RESYNC)
    workers.start(64, 1)
    most, before = 0, 0
    while looked < PASSES:
        await asyncio.sleep(0)
        most, before = max(most, looked - before), looked
    assert await workers.drain(1.0)
    assert most <= 4  # two in a turn, and parts of two turns between two looks
