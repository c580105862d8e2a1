"""What a backend must offer to run PhysicalMachines: enrol a BMC, look, plan, perform, prove."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from hostwright.core.errors import Failure
from hostwright.core.port import Call, Done, Operation, Present, Receipt, Trace, Unsure, Wait

#: Logins that one Secret is given before none is tried any more (PROTOCOLS section 7).
LOGIN_TRIES = 2
#: What a call is to bring about: `Call.expect`, `status.operation.expect`, and the key of its receipt.
ON, SOFT, HARD, BMC_RESET, LOCATOR, BOOT, INSPECTION = (
    "power/on",
    "power/soft",
    "power/hard",
    "bmc/reset",
    "locator",
    "boot",
    "inspection",
)


@dataclass(frozen=True, slots=True)
class Access:
    """How one BMC is reached. Two are the same login when they are equal; `rejected` is no part of that."""

    address: str  # https://HOST[:PORT]
    username: str = field(repr=False)
    password: str = field(repr=False)
    system_id: str = ""
    insecure: bool = False  # asked for; whether the Provider allows it, the backend knows
    ca: bytes = field(default=b"", repr=False)  # PEM; empty: the system's authorities
    resource_version: str = ""  # of the Secret
    retry: str = ""  # requests.retry: a new token is a new Access, and so two more tries
    rejected: int = field(default=0, compare=False)  # logins refused before, from status.credentials


class Power(StrEnum):
    ON = "PoweredOn"
    OFF = "PoweredOff"
    STARTING = "PoweringOn"
    STOPPING = "PoweringOff"
    UNKNOWN = ""  # the BMC does not say, or says what we do not know (Paused)


class Reset(StrEnum):
    """A transition of power; never a restart in one, whose being carried out could not be seen."""

    ON = ON
    SOFT_OFF = SOFT
    HARD_OFF = HARD


@dataclass(frozen=True, slots=True)
class DiskFound:
    name: str  # unique within the server
    model: str = ""
    serial_number: str = ""
    size_bytes: int | None = None
    media: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class NicFound:
    name: str  # unique within the server
    mac_address: str = ""
    speed_mbps: int | None = None


@dataclass(frozen=True, slots=True)
class MediumFound:
    id: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """One look at all the hardware; what the BMC does not show is empty or None, never an error."""

    at: float  # monotonic seconds: when it began
    cpu: int | None = None
    memory_mib: int | None = None
    disks: tuple[DiskFound, ...] = ()
    nics: tuple[NicFound, ...] = ()
    media: tuple[MediumFound, ...] = ()
    bmc_firmware: str = ""
    http_boot: bool = False
    bios_settings: bool = False
    degraded: tuple[str, ...] = ()  # parts whose health is not OK
    missing: tuple[str, ...] = ()  # parts that the BMC has a link to and did not show


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server as its BMC says, and how the BMC answers.

    All but `failure`, `down_for` and `rejected` are of the last answered read; a failed one leaves them as they were.
    """

    answered: bool = True  # at least once since it was enrolled with this Access; if not, only the next three count
    failure: Failure | None = None  # why the last read failed; None: it was answered
    down_for: float | None = None  # seconds since it stopped answering; None while it answers
    rejected: int = 0  # logins refused with this Access, those before a restart included
    uuid: str = ""  # small letters
    serial_number: str = ""
    manufacturer: str = ""
    model: str = ""
    power: Power = Power.UNKNOWN
    soft_off: bool = True  # False: the BMC knows no soft power-off
    health: str = ""  # OK, Warning, Critical; empty: the BMC does not say
    boot_mode: str = ""  # UEFI or Legacy
    locator: str = ""  # Lit, Blinking, Dark; empty: there is none, or the BMC does not say
    inspection: Inspection | None = None  # the last one of this process


#: Present as soon as the BMC's first read has an outcome, answered or not; `as_of` is the start of the last answered
#: read (-inf: none). Unsure before that, and where it is not enrolled. A server is never Missing.
Look = Present[FoundServer] | Unsure


@dataclass(frozen=True, slots=True)
class SetPower:
    reset: Reset


@dataclass(frozen=True, slots=True)
class ResetBmc:
    """The BMC restarts, the server runs on."""


@dataclass(frozen=True, slots=True)
class Inspect:
    """Read all the hardware: many GETs and no change (Repeat.READ). The next look shows the `inspection`."""


@dataclass(frozen=True, slots=True)
class SetBootMode:
    mode: str  # UEFI or Legacy; in force with the next start


@dataclass(frozen=True, slots=True)
class SetLocator:
    state: str  # Lit, Blinking or Dark


Step = SetPower | ResetBmc | Inspect | SetBootMode | SetLocator


@dataclass(frozen=True, slots=True)
class Memory:
    """What plan may know beside the look: the open operation and when each call of ours was last answered."""

    operation: Operation | None = None
    receipts: dict[str, float] = field(default_factory=dict)  # Call.expect → monotonic end of its last answer


class PhysicalMachineProvider(Protocol):
    """What a backend MUST keep.

    `enrol`, `dismiss`, `look` and `plan` do no I/O. `perform` sends exactly one mutating request (an inspection: none),
    without a retry, and raises core.errors only; the failures of one BMC are its machine's, never the Provider's.
    `Trace.provider_id` is the recorded UUID, once there is one: `perform` reads the System first and sends nothing
    (raises IdentityChanged) where another UUID answers. After a Reset the System is read every second or two until its
    power is what was asked for, three minutes at the most. Reads of a session name machine ids as in the mark (without
    dashes) whose FoundServer changed, an outage's beginning and end included.
    """

    visibility_lag: float  # seconds a Reset that was taken may stay invisible

    def enrol(self, machine_id: str, access: Access) -> None:
        """Called in every pass; nothing happens where this Access is in use already.

        With another one, the BMC is read anew at once; what was found by the former stays until then, `rejected`
        starts at `access.rejected`, and no login is tried once it has reached LOGIN_TRIES.
        """
        ...

    def dismiss(self, machine_id: str) -> None:
        """No further request to this BMC; its session there is ended, where the BMC answers."""
        ...

    def look(self, trace: Trace) -> Look: ...

    def plan(self, step: Step, trace: Trace, look: Look, memory: Memory) -> Call | Wait | Done | Failure:
        """The one request of this step, whose `expect` is one of the words above.

        Done: it is reached already, by a look begun after the last receipt. Wait: a transition is under way, or the
        look began before the last receipt of `expect`. A Failure (InvalidConfiguration): the BMC knows no such request;
        nothing is sent. When a Reset may be repeated is decided by the kind: `plan` asks for it whenever it is given
        the step.
        """
        ...

    async def perform(self, call: Call) -> Receipt: ...

    async def prove(self, trace: Trace) -> Look:
        """One fresh read of the System. Raises core.errors where it is not answered."""
        ...
