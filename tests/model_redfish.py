"""A BMC in memory at the seam of providers/redfish/client.py: pure, on whatever clock it is given."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from hostwright.kinds.physicalmachine.port import Access
from hostwright.providers.redfish.rows import (
    Bmc,
    Boot,
    Drive,
    Hardware,
    LoginRefused,
    Medium,
    Nic,
    NotSent,
    Power,
    Refused,
    System,
    Unanswered,
)

TYPES = ("On", "ForceOff", "GracefulShutdown", "ForceRestart", "PushPowerButton")
GOALS = {"On": Power.ON, "ForceOn": Power.ON, "GracefulShutdown": Power.OFF, "ForceOff": Power.OFF}
DEADLINE = 20.0
T = TypeVar("T")


class Trouble(StrEnum):
    """What happens to a request."""

    FAIL = "not done, and answered with 500"
    LOSE_REPLY = "done, and the connection is cut before the answer"
    CUT = "not done, and the connection is cut"
    SLOW = "done, and answered late"


@dataclass
class ModelBmc:
    """One server and its BMC. Nothing here waits: `now` is told."""

    uuid: str
    password: str = "right"
    power: Power = Power.OFF
    takes: float = 0.0  # seconds from a Reset that was taken to its effect
    deaf: bool = False  # the system does not go down when it is asked to
    dead: bool = False
    restart_seconds: float = 1.0
    mode: str = "UEFI"
    indicator: str = "Off"
    shows: Power | None = None  # instead of the truth
    ignores_settings: bool = False
    troubles: list[tuple[str, Trouble, float]] = field(default_factory=list)  # word of a request, what, seconds
    resets: list[str] = field(default_factory=list)
    restarts: int = 0
    logins_refused: int = 0
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    away_until: float = float("-inf")
    sessions: int = 0
    _coming: tuple[float, Power] | None = None

    def settle(self, now: float) -> None:
        if self._coming is not None and now >= self._coming[0]:
            self.power, self._coming = self._coming[1], None

    def reset(self, word: str, now: float) -> None:
        self.settle(now)
        self.resets.append(word)
        if word not in TYPES:
            raise Refused(400, "ActionParameterValueNotInList", f"no {word}")
        if not (word == "GracefulShutdown" and self.deaf):
            self._coming = (now + self.takes, GOALS[word])
            self.settle(now)

    def switch(self, power: Power) -> None:
        """Behind everybody's back."""
        self.power, self._coming = power, None

    def restart(self, now: float) -> None:
        self.restarts += 1
        self.sessions = 0
        self.away_until = now + self.restart_seconds

    def set(self, *, mode: str = "", indicator: str = "") -> None:
        if not self.ignores_settings:
            self.mode, self.indicator = mode or self.mode, indicator or self.indicator

    def system(self) -> System:
        return System(
            path=f"/redfish/v1/Systems/{self.uuid}",
            uuid=self.uuid,
            serial_number="SN1",
            manufacturer="Acme",
            model="R1",
            power=self.shows or self.power,
            health="OK",
            cpus=16,
            memory_mib=65536,
            indicator=self.indicator,
            boot=Boot(mode=self.mode),
            reset_types=TYPES,
            managers=("/redfish/v1/Managers/1",),
        )

    def hardware(self) -> Hardware:
        return Hardware(
            self.system(),
            bmcs=(Bmc("/redfish/v1/Managers/1", firmware="1.00", health="OK"),),
            drives=(Drive("d0", size_bytes=480 * 10**9), Drive("d1", size_bytes=480 * 10**9)),
            nics=(Nic("n0", mac="52:54:00:00:00:01"), Nic("n1", mac="52:54:00:00:00:02")),
            media=(Medium("Cd", types=("CD",)),),
        )

    def trouble(self, request: str) -> tuple[Trouble, float] | None:
        for item in self.troubles:
            if item[0] == request:
                self.troubles.remove(item)
                return item[1], item[2]
        return None


@dataclass
class ModelClient:
    """Keeps providers.redfish.client.Client."""

    bmc: ModelBmc
    access: Access
    monotonic: Callable[[], float]
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    seconds: float = DEADLINE
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    logged_in: bool = False

    async def system(self) -> System:
        return await self._ask("system", self.bmc.system)

    async def hardware(self) -> Hardware:
        return await self._ask("hardware", self.bmc.hardware)

    async def manager(self, system: System) -> Bmc:
        return await self._ask("manager", lambda: self.bmc.hardware().bmcs[0])

    async def reset(self, system: System, word: str) -> None:
        await self._ask("reset", lambda: self.bmc.reset(word, self.monotonic()))

    async def reset_bmc(self, bmc: Bmc) -> None:
        await self._ask("reset_bmc", lambda: self.bmc.restart(self.monotonic()))

    async def set_indicator(self, system: System, state: str) -> None:
        await self._ask("indicator", lambda: self.bmc.set(indicator=state))

    async def set_boot_mode(self, system: System, mode: str) -> None:
        await self._ask("boot", lambda: self.bmc.set(mode=mode))

    async def close(self) -> None:
        if self.logged_in:
            self.logged_in = False
            self.bmc.sessions = max(0, self.bmc.sessions - 1)

    async def _ask(self, request: str, work: Callable[[], T]) -> T:
        """One request in flight for each BMC, over at its deadline."""
        try:
            async with asyncio.timeout(self.seconds), self.turn:
                if self.bmc.dead:
                    await self.wait(self.seconds)
                self.bmc.requests += 1
                self.bmc.in_flight += 1
                self.bmc.most_in_flight = max(self.bmc.most_in_flight, self.bmc.in_flight)
                try:
                    return await self._served(request, work)
                finally:
                    self.bmc.in_flight -= 1
        except TimeoutError:
            raise (NotSent if self.bmc.dead else Unanswered)("no answer in time") from None

    async def _served(self, request: str, work: Callable[[], T]) -> T:
        await self.wait(0.001)
        now = self.monotonic()
        self.bmc.settle(now)
        if now < self.bmc.away_until:
            self.logged_in = False
            raise Unanswered("the connection was cut")
        self._log_in()
        trouble, seconds = self.bmc.trouble(request) or (None, 0.0)
        if trouble is Trouble.FAIL:
            raise Refused(500, "GeneralError", "a failure that was asked for")
        if trouble is Trouble.CUT:
            raise Unanswered("the connection was cut")
        outcome = work()
        if trouble is Trouble.LOSE_REPLY:
            raise Unanswered("the connection was cut")
        if trouble is Trouble.SLOW:
            await self.wait(seconds)
        return outcome

    def _log_in(self) -> None:
        """One try; a session that ended, or whose password was changed, is renewed once."""
        if self.logged_in and self.bmc.sessions:
            return
        if self.access.password != self.bmc.password:
            self.logged_in = False
            self.bmc.logins_refused += 1
            raise LoginRefused("401 the password does not fit")
        self.logged_in = True
        self.bmc.sessions += 1
