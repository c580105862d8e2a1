"""The way of a request: sent, applied on the far side, answered; and where on it a process dies or a reply is lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from tests.engine.virtual import NOBODY

T = TypeVar("T")


class Place(StrEnum):
    BEFORE = "Before"  # nothing was sent
    SENT = "Sent"  # on its way: applied whatever becomes of the sender
    ANSWERED = "Answered"  # applied, and the reply not read
    LOST = "Lost"  # applied, the sender lives and never gets the reply
    CUT = "Cut"  # the sender hears at once that the connection broke, and the request is applied all the same, later


@dataclass
class Wire:
    """All mutating requests of all processes, counted from 0; reads cannot be told apart by their outcome."""

    there: float = 0.005  # seconds until it is applied
    back: float = 0.005
    strikes: dict[int, Place] = field(default_factory=dict)
    next_of: dict[str, Place] = field(default_factory=dict)  # strikes the next request of that name
    die: Callable[[], None] = lambda: None
    lost: Callable[[str], Exception] = TimeoutError
    late: float = 0.0  # more seconds on the way for a request whose sender dies, or hears no more of it
    names: list[str] = field(default_factory=list)

    async def carry(self, name: str, apply: Callable[[], T], *, lost: Callable[[str], Exception]) -> T:
        """The answer of `apply`, made on the far side. Raises what it raises, and `lost` where the reply is lost."""
        place = self.strikes.get(len(self.names)) or self.next_of.pop(name, None)
        self.names.append(name)
        if place is Place.BEFORE:
            await self._die()
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        late = self.late if place in {Place.SENT, Place.CUT} else 0.0
        loop.call_at(loop.time() + self.there + late, _serve, apply, reply, context=NOBODY)
        if place is Place.SENT:
            await self._die()
        if place is Place.CUT:
            raise lost(f"the connection broke after {name} was sent")
        answer: T = await asyncio.shield(reply)
        if place is Place.LOST:
            raise lost(f"the reply to {name} was lost")
        if place is Place.ANSWERED:
            await self._die()
        await asyncio.sleep(self.back)
        return answer

    async def ask(self, look: Callable[[], T], *, mark: str | None = None) -> T:
        """A read: as things stand when it reaches the far side. `mark`: it asks for the machines of this one alone."""
        await asyncio.sleep(0.005)
        return look()

    async def _die(self) -> None:
        self.die()
        await asyncio.Event().wait()  # cancelled with all else of the process


def _serve(apply: Callable[[], Any], reply: "asyncio.Future[Any]") -> None:
    """The far side does it whether or not somebody waits."""
    try:
        answer = apply()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        if not reply.done():
            reply.set_exception(error)
            reply.exception()  # seen: nobody may be left to see it
        return
    if not reply.done():
        reply.set_result(answer)
