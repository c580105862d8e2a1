"""A session under watch, and machines to be made through it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from tests.contract.driver import Driver
from tests.contract.harness import Harness

from hostwright.engine.watch import watched
from hostwright.kinds.provider.port import Session
from hostwright.kinds.virtualmachine.port import VirtualMachineProvider, Wanted


@dataclass
class Watched:
    """A session whose inventory is kept fresh, and what it said meanwhile."""

    session: Session
    soon: asyncio.Event  # set: the next read is due
    changed: list[str] = field(default_factory=list)
    answers: list[BaseException | None] = field(default_factory=list)

    @property
    def provider(self) -> VirtualMachineProvider:
        machines: VirtualMachineProvider = self.session.machines
        return machines

    def note(self, ids: Sequence[str]) -> None:
        self.changed.extend(ids)


@contextlib.asynccontextmanager
async def watching(harness: Harness) -> AsyncIterator[Watched]:
    soon = asyncio.Event()
    session = await harness.session(hasten=soon.set)
    seen = Watched(session, soon)
    task = asyncio.create_task(watched(session, soon, seen.note, seen.answers.append, harness.poll))
    try:
        async with asyncio.timeout(harness.patience):
            while not session.synced():
                assert not task.done(), "the watch ended"
                await asyncio.sleep(0.02)
        yield seen
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await session.close()


def new_machine(harness: Harness, watched: Watched) -> Driver:
    wanted = watched.provider.resolve(harness.spec(), harness.bindings())
    assert isinstance(wanted, Wanted), wanted
    return Driver(watched.provider, wanted, harness.patience)
