"""What a BMC says, frozen; a field that it leaves out is empty, unknown or None. And what became of a request."""

from dataclasses import dataclass, field
from enum import StrEnum


class Power(StrEnum):
    """DSP0268, Resource.PowerState."""

    ON = "On"
    OFF = "Off"
    POWERING_ON = "PoweringOn"
    POWERING_OFF = "PoweringOff"
    PAUSED = "Paused"
    UNKNOWN = ""  # the field is missing, null, or a word of the vendor's


@dataclass(frozen=True, slots=True)
class Boot:
    target: str = ""
    enabled: str = ""
    mode: str = ""
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class System:
    path: str
    uuid: str = ""  # small letters
    serial_number: str = ""
    manufacturer: str = ""
    model: str = ""
    bios_version: str = ""
    power: Power = Power.UNKNOWN
    health: str = ""
    state: str = ""
    cpus: int | None = None
    memory_mib: int | None = None
    indicator: str = ""
    boot: Boot = Boot()
    reset_target: str = ""
    reset_types: tuple[str, ...] = ()  # empty: the BMC does not say
    bios_settings: bool = False
    managers: tuple[str, ...] = ()
    nics: str = ""  # path of the collection, as the next two
    storage: str = ""
    virtual_media: str = ""


@dataclass(frozen=True, slots=True)
class Bmc:
    """What Redfish calls a Manager."""

    path: str
    firmware: str = ""
    model: str = ""
    health: str = ""
    virtual_media: str = ""
    reset_target: str = ""
    reset_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drive:
    id: str
    name: str = ""
    model: str = ""
    serial_number: str = ""
    size_bytes: int | None = None
    media: str = ""
    protocol: str = ""
    health: str = ""


@dataclass(frozen=True, slots=True)
class Nic:
    id: str
    mac: str = ""  # small letters
    link: str = ""
    speed_mbps: int | None = None


@dataclass(frozen=True, slots=True)
class Medium:
    id: str
    types: tuple[str, ...] = ()
    image: str = ""
    inserted: bool = False


@dataclass(frozen=True, slots=True)
class Hardware:
    """One inspection. `missing` says which parts the BMC has a link to and did not show."""

    system: System
    bmcs: tuple[Bmc, ...] = ()
    drives: tuple[Drive, ...] = ()
    nics: tuple[Nic, ...] = ()
    media: tuple[Medium, ...] = ()
    missing: tuple[str, ...] = field(default=())


class Refused(Exception):  # noqa: N818 - what happened, not a kind of error
    """The BMC answered, with a status that is no success."""

    def __init__(self, status: int, code: str, text: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {code}: {text}")
        self.status, self.code, self.text, self.retry_after = status, code, text, retry_after


class LoginRefused(Exception):  # noqa: N818
    """The user name and its password do not fit."""


class NotSent(Exception):  # noqa: N818
    """No byte of the request left us: no address, no connection, no TLS, or no time."""


class Outside(Exception):  # noqa: N818
    """The address, or where the BMC sent us on to, is not among the allowed ones. Nothing was sent there."""


class Unanswered(Exception):  # noqa: N818
    """The request was sent, or may have been, and no whole answer came."""


class Unreadable(Exception):  # noqa: N818
    """A success whose body says nothing to us."""


class NoSuchSystem(Exception):  # noqa: N818
    """`systemId` names no System of this BMC, or it is needed and empty."""
