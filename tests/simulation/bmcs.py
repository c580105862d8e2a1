"""BMCs in the simulation, behind the real provider: its client's requests go over the operator's wire."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.engine.process import Process
from tests.model_redfish import GOALS, ModelBmc

from hostwright.engine.ports import Key
from hostwright.kinds.physicalmachine.port import Access
from hostwright.kinds.provider.port import Backend, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.redfish.client import Client
from hostwright.providers.redfish.rows import Bmc, Hardware, NotSent, Power, System, Unanswered
from hostwright.providers.redfish.section import SECTIONS
from hostwright.providers.redfish.session import open_session

if TYPE_CHECKING:
    from tests.engine.wire import Wire
    from tests.simulation.world import World

#: Seconds until a client gives up on a BMC that does not answer.
DEADLINE = 20.0


@dataclass
class SimBmc(ModelBmc):
    """Keeps count of Resets that came twice, and may show for a while what was before."""

    lies: float = 0.0  # seconds
    swapped_at: float = float("-inf")
    pressed: bool = False  # somebody was at the button
    twice: list[str] = field(default_factory=list)  # Resets for what was carried out, or under way
    _ours: bool = False  # where it is, or goes, is by a Reset, and not by somebody at the button
    _before: tuple[float, Power] = (float("-inf"), Power.OFF)

    def settle(self, now: float) -> None:
        coming, power = self._coming, self.power
        super().settle(now)
        if coming is not None and self.power is not power:
            self._before = (coming[0], power)

    def reset(self, word: str, now: float) -> None:
        self.settle(now)
        going = self._coming[1] if self._coming is not None else self.power
        pulled = word == "ForceOff" and self._coming is not None
        if self._ours and going is GOALS[word] and not pulled:
            self.twice.append(f"{word} while {self.power}, to be {going}")
        super().reset(word, now)
        self._ours = self._ours or self._coming is not None or self.power is GOALS[word]

    def switch(self, power: Power) -> None:
        super().switch(power)
        self._ours, self.pressed, self._before = False, True, (float("-inf"), power)

    def seen(self, now: float) -> System:
        self.settle(now)
        self.shows = self._before[1] if now < self._before[0] + self.lies else None
        return self.system()


@dataclass
class RackClient:
    """Keeps providers.redfish.client.Client."""

    key: Key
    bmc: SimBmc
    wire: "Wire"
    world: "World"

    async def system(self) -> System:
        await self._reach()
        return self.bmc.seen(self._now())

    async def hardware(self) -> Hardware:
        await self._reach()
        return self.bmc.hardware()

    async def manager(self, system: System) -> Bmc:
        await self._reach()
        return self.bmc.hardware().bmcs[0]

    async def reset(self, system: System, word: str) -> None:
        await self._send("reset", word, lambda: self.bmc.reset(word, self._now()))

    async def reset_bmc(self, bmc: Bmc) -> None:
        await self._send("reset_bmc", "restart", lambda: self.bmc.restart(self._now()))

    async def set_indicator(self, system: System, state: str) -> None:
        await self._send("indicator", state, lambda: self.bmc.set(indicator=state))

    async def set_boot_mode(self, system: System, mode: str) -> None:
        await self._send("boot", mode, lambda: self.bmc.set(mode=mode))

    async def close(self) -> None: ...

    def _now(self) -> float:
        return self.world.clock.monotonic()

    async def _reach(self) -> None:
        await asyncio.sleep(0.005)
        if self.bmc.dead:
            await asyncio.sleep(DEADLINE)
            raise NotSent("no answer in time")

    async def _send(self, name: str, word: str, act: Callable[[], None]) -> None:
        await self._reach()

        def carried_out() -> None:
            if self.bmc.dead:
                raise Unanswered("the connection was cut")
            self.world.say(f"bmc: {word} at {self.key.name}, which is {self.bmc.power}")
            act()
            if self.world.metal is not None:
                self.world.metal.judge.acted(self.key, word)

        await self.wire.carry(name, carried_out, lost=Unanswered)


@dataclass
class RackBackend:
    """Keeps kinds.provider.port.Backend."""

    bmcs: Mapping[Key, SimBmc]
    wire: "Wire"
    world: "World"
    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, _secret: Mapping[str, bytes] | None, context: Context) -> Session:
        def client(access: Access) -> Client:
            key = Key("PhysicalMachine", "racks", access.address.removeprefix("https://"))
            return RackClient(key, self.bmcs[key], self.wire, self.world)

        session: Session = open_session(client, spec, context)
        return session


@dataclass
class MetalProcess(Process):
    """One operator over a site and a rack."""

    world: Any = None
    bmcs: Mapping[Key, SimBmc] = field(default_factory=dict)

    def backends(self) -> Mapping[str, Backend]:
        return {**super().backends(), "Redfish": RackBackend(self.bmcs, self.wire, self.world)}
