"""What is asked of one BMC and told as rows: one request in flight, each with a deadline for all of it."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Protocol, TypeVar

from sushy.resources.system.system import System as SushySystem

from hostwright.providers.redfish import translate
from hostwright.providers.redfish.endpoint import Endpoint
from hostwright.providers.redfish.errors import OF_BMC
from hostwright.providers.redfish.rows import (
    Bmc,
    Drive,
    Hardware,
    Medium,
    Nic,
    NoSuchSystem,
    NotSent,
    Refused,
    System,
    Unanswered,
    Unreadable,
)
from hostwright.providers.redfish.transport import Transport

#: Seconds for one turn: a request, with the login that it may need.
SECONDS = 20.0
#: For the end of a session: an operator that ends does not wait for a dead BMC.
CLOSING = 5.0
#: And for a thread whose connection was cut to notice it.
GRACE = 1.0
NOT_FOUND = 404
#: Parts of one kind looked at in an inspection; no status takes more.
PARTS = 64
T = TypeVar("T")
R = TypeVar("R")


class Client(Protocol):
    async def system(self) -> System:
        """One GET, once its path is known."""
        ...

    async def hardware(self) -> Hardware:
        """All that an inspection wants, in as many turns as there are parts."""
        ...

    async def reset(self, system: System, word: str) -> None:
        """One POST. The BMC took it, which is not yet that it was carried out."""
        ...

    async def manager(self, system: System) -> Bmc:
        """One GET: the first Manager of the System."""
        ...

    async def reset_bmc(self, bmc: Bmc) -> None:
        """One POST; the BMC is away for minutes after it."""
        ...

    async def set_indicator(self, system: System, state: str) -> None:
        """Lit, Blinking or Off."""
        ...

    async def set_boot_mode(self, system: System, mode: str) -> None:
        """UEFI or Legacy; in force with the next start."""
        ...

    async def close(self) -> None: ...


class RedfishClient:
    """Blocking work is done in the executor's threads, which all BMCs of a Provider share."""

    def __init__(
        self,
        endpoint: Endpoint,
        executor: Executor,
        monotonic: Callable[[], float],
        seconds: float = SECONDS,
        turn: asyncio.Lock | None = None,
    ) -> None:
        self._endpoint, self._executor, self._monotonic, self._seconds = endpoint, executor, monotonic, seconds
        self._transport = Transport(endpoint, monotonic)
        # Held until the thread ends, not only until its caller gives up; shared by all clients of one BMC.
        self._free = turn or asyncio.Lock()
        self._path = ""

    async def system(self) -> System:
        def work() -> System:
            path = self._path or self._find()
            try:
                row = translate.system(path, self._transport.document(path))
            except Refused as error:
                if error.status == NOT_FOUND:
                    self._path = ""  # looked for anew: a firmware update may rename it
                raise
            self._path = path
            return row

        return await self._turn(work)

    def _find(self) -> str:
        wanted = self._endpoint.system_id
        systems = translate.path_of(self._transport.root(), "Systems") or "/redfish/v1/Systems"
        paths = translate.members(self._transport.document(systems))
        names = [path.rstrip("/").rpartition("/")[2] for path in paths]
        if wanted:
            if wanted not in names:
                raise NoSuchSystem(f"no System {wanted!r} on this BMC, which has: {', '.join(names) or 'none'}")
            return paths[names.index(wanted)]
        if len(paths) != 1:
            raise NoSuchSystem(f"this BMC has {len(paths)} Systems: choose one by bmc.systemId: {', '.join(names)}")
        return paths[0]

    async def hardware(self) -> Hardware:
        system = await self.system()
        missing: list[str] = []
        bmcs = await self._each("managers", system.managers, translate.bmc, missing)
        nics = await self._each("nics", await self._members("nics", system.nics, missing), translate.nic, missing)
        stores = await self._members("disks", system.storage, missing)
        drives: list[Drive] = []
        for store in stores[:PARTS]:
            paths = await self._members("disks", store, missing, "Drives")
            drives += await self._each("disks", paths, translate.drive, missing)
        media_at = system.virtual_media or next((each.virtual_media for each in bmcs if each.virtual_media), "")
        slots = await self._members("virtual media", media_at, missing)
        media: Sequence[Medium] = await self._each("virtual media", slots, translate.medium, missing)
        wired: Sequence[Nic] = nics
        return Hardware(
            system, tuple(bmcs), tuple(drives[:PARTS]), tuple(wired), tuple(media), tuple(dict.fromkeys(missing))
        )

    async def _members(self, part: str, path: str, missing: list[str], key: str = "Members") -> tuple[str, ...]:
        if not path:
            return ()
        try:
            return translate.members(await self._turn(lambda: self._transport.document(path)), key)
        except (Refused, Unreadable):  # this part of it is broken or not built: the emulator says 500, others 404
            missing.append(part)
            return ()

    async def _each(
        self, part: str, paths: Sequence[str], row: Callable[[str, translate.Document], R], missing: list[str]
    ) -> list[R]:
        rows = []
        for path in paths[:PARTS]:
            try:
                rows.append(row(path, await self._turn(partial(self._transport.document, path))))
            except (Refused, Unreadable):
                missing.append(part)
        return rows

    async def reset(self, system: System, word: str) -> None:
        target = system.reset_target or f"{system.path}/Actions/ComputerSystem.Reset"
        await self._turn(lambda: self._transport.post(target, data={"ResetType": word}))

    async def manager(self, system: System) -> Bmc:
        path = system.managers[0]
        return await self._turn(lambda: translate.bmc(path, self._transport.document(path)))

    async def reset_bmc(self, bmc: Bmc) -> None:
        target = bmc.reset_target or f"{bmc.path}/Actions/Manager.Reset"
        kinds = bmc.reset_types
        kind = next((each for each in ("GracefulRestart", "ForceRestart") if each in kinds), "GracefulRestart")
        await self._turn(lambda: self._transport.post(target, data={"ResetType": kind}))

    async def set_indicator(self, system: System, state: str) -> None:
        """By sushy, which knows how each vendor wants its ETag: a GET, then a PATCH."""
        await self._turn(lambda: SushySystem(self._transport, system.path).set_indicator_led(state))

    async def set_boot_mode(self, system: System, mode: str) -> None:
        await self._turn(lambda: SushySystem(self._transport, system.path).set_system_boot_options(mode=mode))

    async def close(self) -> None:
        """Its session is ended, where the BMC still answers; else it ends by the BMC's own time."""
        try:
            await self._turn(self._transport.leave, CLOSING)
        except OF_BMC:
            return
        finally:
            self._transport.close()

    async def _turn(self, work: Callable[[], T], most: float = float("inf")) -> T:
        """In a thread, when no other request to this BMC is under way; over at the deadline, whatever the BMC does."""
        loop = asyncio.get_running_loop()
        seconds = min(self._seconds, most)
        deadline = self._monotonic() + seconds
        try:
            await asyncio.wait_for(self._free.acquire(), seconds)
        except TimeoutError:
            raise NotSent("the request before it has not ended") from None

        def turn() -> T:
            self._transport.wire.begin(deadline)
            return work()

        try:
            job = self._executor.submit(turn)
        except RuntimeError:  # the executor was shut down
            self._free.release()
            raise
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._free.release))
        ended = asyncio.wrap_future(job)
        ended.add_done_callback(lambda it: it.cancelled() or it.exception())  # seen, even when nobody waits any more
        try:
            await asyncio.wait({ended}, timeout=deadline - self._monotonic())
            if not ended.done() and not job.cancel():
                sent = self._transport.wire.cut()
                await asyncio.wait({ended}, timeout=GRACE)
                if not ended.done():  # in the resolver, say, which nothing interrupts; it will send nothing any more
                    raise (Unanswered if sent else NotSent)(f"no answer within {seconds:.0f} s")
        except asyncio.CancelledError:
            if not job.cancel():
                self._transport.wire.cut()
            raise
        if job.cancelled():
            raise NotSent("no thread was free in time")
        return job.result()
