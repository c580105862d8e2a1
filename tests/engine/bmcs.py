"""Servers and their BMCs in memory, and an operator over them as a process that can be killed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.engine.process import Process
from tests.engine.virtual import Clock
from tests.engine.wire import Wire

from hostwright.core import errors
from hostwright.core.errors import Failure
from hostwright.core.port import Call, Done, Present, Receipt, Repeat, Trace, Unsure, Wait
from hostwright.kinds.physicalmachine.port import (
    BMC_RESET,
    BOOT,
    INSPECTION,
    LOCATOR,
    LOGIN_TRIES,
    Access,
    FoundServer,
    Inspect,
    Inspection,
    Look,
    Memory,
    Power,
    Reset,
    ResetBmc,
    SetBootMode,
    SetLocator,
    SetPower,
    Step,
)
from hostwright.kinds.provider.port import Backend, Checked, Context, ImageFact, Sections, Session
from hostwright.kinds.provider.resource import ProviderSpec

GOAL = {Reset.ON: Power.ON, Reset.SOFT_OFF: Power.OFF, Reset.HARD_OFF: Power.OFF}
#: Seconds between two reads of all BMCs at rest, and while something moves.
POLL, QUICK = 60.0, 1.0


@dataclass
class Bmc:
    """One server: what is asked of it takes effect after a while, or never."""

    clock: Clock
    uuid: str
    power: Power = Power.OFF
    takes: float = 3.0  # seconds from a Reset that was taken to its effect
    obeys: bool = True  # the system goes down when it is asked to
    deaf: bool = False  # Resets are taken, and nothing comes of them
    down: bool = False
    password: str = "right"
    health: str = "OK"
    boot_mode: str = "UEFI"
    locator: str = "Dark"
    ignores_settings: bool = False
    resets: list[Reset] = field(default_factory=list)
    bmc_resets: int = 0
    logins: int = 0  # that were refused
    reads: int = 0
    breaches: list[str] = field(default_factory=list)  # a Reset for a transition that was carried out, or under way
    _coming: tuple[float, Power] | None = None
    _ours: bool = False  # where it is, or goes, is by a Reset, and not by somebody at the button

    def settle(self) -> None:
        """What has come due since."""
        if self._coming is not None and self.clock.monotonic() >= self._coming[0]:
            self.power, self._coming = self._coming[1], None

    def reset(self, reset: Reset) -> None:
        self.settle()
        going = self._coming[1] if self._coming is not None else self.power
        pulled = reset is Reset.HARD_OFF and self._coming is not None
        if self._ours and going is GOAL[reset] and not pulled:
            self.breaches.append(f"{reset} at {self.clock.monotonic() - 1000:.1f} s, while {self.power}, to be {going}")
        self.resets.append(reset)
        if not self.deaf and (reset is not Reset.SOFT_OFF or self.obeys):
            self._coming, self._ours = (self.clock.monotonic() + self.takes, GOAL[reset]), True

    def behind_our_back(self, power: Power) -> None:
        self.power, self._coming, self._ours = power, None, False


@dataclass
class Rack:
    """BMCs by address."""

    clock: Clock
    bmcs: dict[str, Bmc] = field(default_factory=dict)

    def add(self, name: str, **more: Any) -> Bmc:
        bmc = self.bmcs[f"https://{name}"] = Bmc(self.clock, more.pop("uuid", f"uuid-{name}"), **more)
        return bmc


@dataclass
class Line:
    """What the session keeps of one BMC."""

    access: Access
    found: FoundServer | None = None
    as_of: float = float("-inf")
    down_since: float | None = None
    rejected: int = 0
    inspection: Inspection | None = None
    sent_at: float = float("-inf")


class RackMachines:
    """Keeps kinds.physicalmachine.port.PhysicalMachineProvider."""

    visibility_lag = 5.0

    def __init__(self, rack: Rack, wire: Wire, context: Context) -> None:
        self._rack, self._wire, self._context = rack, wire, context
        self.lines: dict[str, Line] = {}
        self.visibility_lag = 5.0 if context.visibility_lag is None else context.visibility_lag

    def enrol(self, machine_id: str, access: Access) -> None:
        line = self.lines.get(machine_id)
        if line is None:
            self.lines[machine_id] = Line(access, rejected=access.rejected)
        elif line.access != access:
            line.access, line.rejected = access, access.rejected
        else:
            return
        self._context.hasten()

    def dismiss(self, machine_id: str) -> None:
        self.lines.pop(machine_id, None)

    def look(self, trace: Trace) -> Look:
        line = self.lines.get(trace.machine_id)
        if line is None or line.found is None:
            return Unsure("the BMC was not asked yet")
        down = None if line.down_since is None else self._context.monotonic() - line.down_since
        found = line.found
        changed = {"down_for": down, "rejected": line.rejected, "inspection": line.inspection}
        return Present(_replaced(found, **changed), line.as_of)

    def plan(self, step: Step, _trace: Trace, look: Look, _memory: Memory) -> Call | Wait | Done | Failure:
        if not isinstance(look, Present):
            return Wait("not seen")
        match step:
            case SetPower(reset=reset):
                return Call("reset", reset, Repeat.INTENT, reset)
            case ResetBmc():
                return Call("reset_bmc", BMC_RESET, Repeat.INTENT)
            case Inspect():
                return Call("inspect", INSPECTION, Repeat.READ)
            case SetBootMode(mode=mode):
                return Call("set_boot", BOOT, Repeat.IDEMPOTENT, mode)
            case SetLocator(state=state):
                return Call("set_locator", LOCATOR, Repeat.IDEMPOTENT, state)

    async def prove(self, trace: Trace) -> Look:
        line = self.lines[trace.machine_id]
        failure = await self._read(line)
        if failure is not None:
            raise failure
        return self.look(trace)

    async def perform(self, call: Call) -> Receipt:
        raise NotImplementedError  # performed by one of the machine's own, below

    async def read_all(self) -> Sequence[str]:
        moved = []
        for machine_id, line in list(self.lines.items()):
            before = (line.found, line.down_since is None, line.rejected)
            await self._read(line)
            if before != (line.found, line.down_since is None, line.rejected):
                moved.append(machine_id.replace("-", ""))
        return moved

    def moving(self) -> bool:
        now = self._context.monotonic()
        transits = {Power.STARTING, Power.STOPPING}
        return any(
            line.found is None or line.found.power in transits or now - line.sent_at < 200
            for line in self.lines.values()
        )

    async def _read(self, line: Line) -> Failure | None:
        began = self._context.monotonic()
        bmc = self._rack.bmcs[line.access.address]
        failure = await self._contact(bmc, line)
        if failure is None:
            line.as_of, line.down_since, line.rejected = began, None, 0
            line.found = _seen(bmc)
            return None
        base = line.found or FoundServer(answered=False)
        line.found = _replaced(base, failure=failure)
        if not isinstance(failure, errors.CredentialsRejected):
            line.down_since = began if line.down_since is None else line.down_since
        return failure

    async def _contact(self, bmc: Bmc, line: Line) -> Failure | None:
        if line.rejected >= LOGIN_TRIES:
            return errors.CredentialsRejected("The BMC refuses the login.")
        await asyncio.sleep(0.005)
        bmc.reads += 1
        bmc.settle()
        if bmc.down:
            return errors.Unreachable("no connection to the BMC")
        if line.access.password != bmc.password:
            bmc.logins += 1
            line.rejected += 1
            return errors.CredentialsRejected("The BMC refuses the login.")
        return None


class Bound(RackMachines):
    """Knows whose call it performs: the engine gives a call no trace, so the plan puts the machine into it."""

    def plan(self, step: Step, trace: Trace, look: Look, memory: Memory) -> Call | Wait | Done | Failure:
        planned = super().plan(step, trace, look, memory)
        if isinstance(planned, Call):
            return Call(
                planned.verb, planned.expect, planned.repeat, (trace.machine_id, trace.provider_id, planned.arguments)
            )
        return planned

    async def perform(self, call: Call) -> Receipt:
        machine_id, uuid, argument = call.arguments
        line = self.lines[machine_id]
        bmc = self._rack.bmcs[line.access.address]
        failure = await self._contact(bmc, line)
        if failure is not None:
            raise failure
        if uuid and bmc.uuid != uuid:
            raise errors.IdentityChanged(f"server {bmc.uuid} answers")
        if call.verb == "inspect":
            began = self._context.monotonic()
            await asyncio.sleep(0.2)
            line.inspection = Inspection(began, cpu=32, memory_mib=262144, bmc_firmware="2.1")
            return Receipt()
        line.sent_at = self._context.monotonic()
        await self._wire.carry(call.expect, lambda: _act(bmc, call.verb, argument), lost=errors.Ambiguous)
        self._context.hasten()
        return Receipt()


def _act(bmc: Bmc, verb: str, argument: Any) -> None:
    match verb:
        case "reset":
            bmc.reset(Reset(argument))
        case "reset_bmc":
            bmc.bmc_resets += 1
        case "set_boot" if not bmc.ignores_settings:
            bmc.boot_mode = argument
        case "set_locator" if not bmc.ignores_settings:
            bmc.locator = argument


def _seen(bmc: Bmc) -> FoundServer:
    return FoundServer(
        uuid=bmc.uuid,
        serial_number=f"sn-{bmc.uuid}",
        manufacturer="Acme",
        model="R1",
        power=bmc.power,
        health=bmc.health,
        boot_mode=bmc.boot_mode,
        locator=bmc.locator,
    )


def _replaced(found: FoundServer, **changed: Any) -> FoundServer:
    return FoundServer(**{name: changed.get(name, getattr(found, name)) for name in FoundServer.__dataclass_fields__})


class RackSession:
    """Keeps kinds.provider.port.Session."""

    quick = QUICK

    def __init__(self, rack: Rack, wire: Wire, context: Context) -> None:
        self.machines = Bound(rack, wire, context)

    async def check(self) -> Checked:
        return Checked(identity={"site": "bmcs"})

    async def load_catalog(self) -> None: ...

    def networks(self) -> Sequence[Any]:
        return ()

    def image(self, section: Mapping[str, Any]) -> ImageFact:
        return ImageFact(message="a server has no images")

    def marked(self) -> None:
        return None

    def synced(self) -> bool:
        return True

    async def read(self) -> Sequence[str]:
        return await self.machines.read_all()

    def moving(self) -> bool:
        return self.machines.moving()

    async def close(self) -> None: ...


@dataclass
class RackBackend:
    """Keeps kinds.provider.port.Backend."""

    rack: Rack
    wire: Wire
    sections = Sections("redfish", "Redfish", serves="PhysicalMachine", endpoint_each=True)

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        session: Session = RackSession(self.rack, self.wire, context)
        return session


@dataclass
class RackProcess(Process):
    """One operator over a rack."""

    rack: Rack = field(default_factory=lambda: Rack(Clock()))

    def backends(self) -> Mapping[str, Backend]:
        return {**super().backends(), "Redfish": RackBackend(self.rack, self.wire)}
