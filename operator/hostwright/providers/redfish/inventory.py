"""All BMCs of a Provider as last seen: each asked by itself, one request at a time, the dead ones ever less often."""

import asyncio
import heapq
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from hostwright.core.errors import Bug, CredentialsRejected, Failure
from hostwright.kinds.physicalmachine.port import LOGIN_TRIES, Access, FoundServer
from hostwright.providers.redfish.client import Client
from hostwright.providers.redfish.errors import OF_BMC, of_read
from hostwright.providers.redfish.line import NEVER, Line
from hostwright.providers.redfish.rows import Power

#: Seconds that one read waits for news, and between two reads.
PATIENCE, QUICK = 5.0, 0.02
#: Of the places for reads, those that BMCs may take which did not answer the last time: each holds one for 20 s.
SUSPECTS = 4


class Inventory:
    """One for each session; for one event loop."""

    def __init__(
        self, connect: Callable[[Access], Client], monotonic: Callable[[], float], interval: float, places: int
    ) -> None:
        self._connect, self._monotonic, self._interval = connect, monotonic, interval
        self._lines: dict[str, Line] = {}
        self._due: list[tuple[float, str]] = []  # a heap; an entry counts only while it is its line's own time
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(max(1, places))
        self._suspects = asyncio.Semaphore(max(1, places // SUSPECTS))
        self._told: dict[str, None] = {}
        self._news = asyncio.Event()

    def line(self, machine_id: str) -> Line | None:
        return self._lines.get(machine_id)

    def found(self, line: Line) -> FoundServer | None:
        return line.found(self._monotonic())

    # -- who is there

    def enrol(self, machine_id: str, access: Access) -> None:
        before = self._lines.get(machine_id)
        if before is not None and before.access == access:
            return
        line = Line(machine_id, access, None, rejected=access.rejected)
        try:
            line.client = self._connect(access)
        except Failure as failure:
            line.miss(failure, self._monotonic())
        if line.rejected >= LOGIN_TRIES and line.failure is None:
            line.asked, line.failure = True, CredentialsRejected("The BMC refused the login before.")
        if before is not None:
            self._let_go(before)
            line.system, line.as_of, line.inspection = before.system, before.as_of, before.inspection
        self._lines[machine_id] = line
        self._tell(line)
        self._at(line, NEVER if line.shut else self._monotonic())

    def dismiss(self, machine_id: str) -> None:
        line = self._lines.pop(machine_id, None)
        if line is not None:
            self._let_go(line)

    def _let_go(self, line: Line, *, dead: bool = False) -> None:
        """Its login is given back; a BMC that is gone ends it by itself."""
        turn = self._turns.pop(line.machine_id, None)
        if turn is not None:
            turn.cancel()
        if line.client is not None and not dead:
            closing = asyncio.get_running_loop().create_task(line.client.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """A process that ends has two seconds for this: the dead are not asked."""
        lines, self._lines = self._lines, {}
        for line in lines.values():
            self._let_go(line, dead=line.failures > 0)
        await asyncio.gather(*self._closing)

    # -- reading

    async def read(self) -> Sequence[str]:
        """Who has news, when there is any, or nobody after a while."""
        until = self._monotonic() + PATIENCE
        while not self._told:
            self._news.clear()
            now = self._monotonic()
            next_due = self._start_due(now)
            if now >= until:
                break
            try:
                async with asyncio.timeout(min(until, next_due) - now):
                    await self._news.wait()
            except TimeoutError:
                continue
        told = [machine_id.replace("-", "") for machine_id in self._told]
        self._told.clear()
        self._start_due(self._monotonic())
        return told

    def soon(self, line: Line) -> None:
        """Something was asked of it: how it stands now is read at once."""
        self._at(line, self._monotonic())

    def touched(self, line: Line, goal: Power | None) -> None:
        """Another Access may have been given meanwhile: what was asked is looked for by that one."""
        line = self._lines.get(line.machine_id, line)
        line.touched(goal, self._monotonic())
        self.soon(line)

    def _at(self, line: Line, due: float) -> None:
        line.due = due
        if due != NEVER:
            heapq.heappush(self._due, (due, line.machine_id))
            self._news.set()

    def _start_due(self, now: float) -> float:
        """Begins what is due; when the next one is."""
        while self._due:
            due, machine_id = self._due[0]
            line = self._lines.get(machine_id)
            if line is None or line.due != due or machine_id in self._turns:
                heapq.heappop(self._due)  # its turn under way ends with a time of its own
            elif due <= now:
                heapq.heappop(self._due)
                self._turns[machine_id] = asyncio.get_running_loop().create_task(
                    self._turn(line), name=f"hostwright bmc {machine_id}"
                )
            else:
                return due
        return NEVER

    async def _turn(self, line: Line) -> None:
        asked_for = line.due
        try:
            async with AsyncExitStack() as places:
                if line.failures:
                    await places.enter_async_context(self._suspects)
                await places.enter_async_context(self._places)
                await self.ask(line)
        finally:
            if self._lines.get(line.machine_id) is line:
                self._turns.pop(line.machine_id, None)
                now = self._monotonic()
                again = line.due != asked_for and line.due <= now and not line.shut  # touched meanwhile
                self._at(line, now if again else line.next_due(now, self._interval))

    async def ask(self, line: Line) -> Failure | None:
        """One read of its System, and why it failed; none where none may be tried."""
        if line.client is None or line.shut:
            return line.failure
        before, began = line.found(0.0), self._monotonic()
        failure: Failure | None = None
        try:
            system = await line.client.system()
        except OF_BMC as error:
            failure = of_read(error)
            line.miss(failure, self._monotonic())
        except Exception as error:  # noqa: BLE001 - what one BMC says may be anything, and is not to stop the others
            failure = Bug(f"{type(error).__name__} while its BMC was read: {error}")
            failure.__cause__ = error
            line.miss(failure, self._monotonic())
        else:
            line.say(system, began, self._monotonic())
        self.settle(line, before)
        return failure

    def settle(self, line: Line, before: FoundServer | None) -> None:
        """Tell of it, where it is another now; how long it is away is no news."""
        now = line.found(0.0)
        moved = (before is None) != (now is None) or (
            before is not None and now is not None and _lasting(before) != _lasting(now)
        )
        if moved and self._lines.get(line.machine_id) is line:
            self._tell(line)

    def _tell(self, line: Line) -> None:
        self._told[line.machine_id] = None
        self._news.set()


def _lasting(found: FoundServer) -> tuple[object, ...]:
    return tuple(getattr(found, name) for name in FoundServer.__dataclass_fields__ if name != "down_for")
