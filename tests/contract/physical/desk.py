"""The least engine over BMCs: enrol, look, plan, perform, look again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.contract.physical.harness import Harness, trace

from hostwright.core.port import Call, Done, Present
from hostwright.engine.watch import watched
from hostwright.kinds.physicalmachine.port import FoundServer, Memory, PhysicalMachineProvider, Step
from hostwright.kinds.provider.port import Session


@dataclass
class Desk:
    harness: Harness
    session: Session
    told: list[str] = field(default_factory=list)
    answers: list[BaseException | None] = field(default_factory=list)
    receipts: dict[str, float] = field(default_factory=dict)

    @property
    def machines(self) -> PhysicalMachineProvider:
        machines: PhysicalMachineProvider = self.session.machines
        return machines

    def note(self, ids: Sequence[str]) -> None:
        self.told.extend(ids)

    def enrol(self, number: int = 0, **access: Any) -> None:
        self.machines.enrol(trace(number).machine_id, self.harness.access(number, **access))

    async def enrolled(self, number: int = 0) -> FoundServer:
        """Seen for the first time."""
        self.enrol(number)
        return await self.until(lambda found: found.answered and found.failure is None, "it is seen", number)

    def found(self, number: int = 0) -> FoundServer | None:
        look = self.machines.look(trace(number))
        return look.found if isinstance(look, Present) else None

    def as_of(self, number: int = 0) -> float:
        look = self.machines.look(trace(number))
        return look.as_of

    async def until(self, holds: Callable[[FoundServer], bool], what: str, number: int = 0) -> FoundServer:
        """Only by what the session notices itself."""
        deadline = time.monotonic() + self.harness.patience
        while (found := self.found(number)) is None or not holds(found):
            assert time.monotonic() < deadline, f"not in {self.harness.patience} s: {what}; {found}"
            await asyncio.sleep(0.02)
        return found

    def plan(self, step: Step, number: int = 0) -> Any:
        there = trace(number, self.harness.uuid(number))
        return self.machines.plan(step, there, self.machines.look(there), Memory(receipts=self.receipts))

    def call(self, step: Step, number: int = 0) -> Call:
        planned = self.plan(step, number)
        assert isinstance(planned, Call), planned
        return planned

    async def send(self, step: Step, number: int = 0) -> None:
        """Whatever comes of it, a look of before says nothing any more."""
        call = self.call(step, number)
        try:
            await self.machines.perform(call)
        finally:
            self.receipts[call.expect] = time.monotonic()

    async def reach(self, step: Step, number: int = 0) -> None:
        """Sent once, and seen to be done."""
        await self.send(step, number)
        deadline = time.monotonic() + self.harness.patience
        while self.plan(step, number) != Done():
            assert time.monotonic() < deadline, f"{step} is not seen: {self.found(number)}"
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watching(harness: Harness, poll: str = "1s") -> AsyncIterator[Desk]:
    session = await harness.session(poll)
    desk = Desk(harness, session)
    task = asyncio.create_task(watched(session, asyncio.Event(), desk.note, desk.answers.append, 60.0))
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await session.close()
    assert [answer for answer in desk.answers if answer is not None] == [], "one BMC's failure is not the Provider's"
