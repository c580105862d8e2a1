"""The words a PhysicalMachine is written and reported in: bounded texts and closed lists."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from hostwright.core.resource import Said

#: scheme, host and port only: the client takes nothing else (providers/redfish/endpoint.py).
BmcAddress = Annotated[
    str,
    StringConstraints(
        min_length=9, max_length=255, pattern=r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?$"
    ),
    Said("write https://HOST or https://HOST:PORT, such as https://10.0.12.7"),
]
SystemId = Annotated[str, StringConstraints(max_length=128)]


class PowerState(StrEnum):
    POWERED_ON = "PoweredOn"
    POWERED_OFF = "PoweredOff"
    UNMANAGED = "Unmanaged"


class PowerOffMode(StrEnum):
    TRY_SOFT = "TrySoft"
    SOFT = "Soft"
    HARD = "Hard"


class BootMode(StrEnum):
    UEFI = "UEFI"
    LEGACY = "Legacy"
    UNMANAGED = "Unmanaged"


class Locator(StrEnum):
    LIT = "Lit"
    BLINKING = "Blinking"
    DARK = "Dark"
    UNMANAGED = "Unmanaged"


class ManagementPolicy(StrEnum):
    MANAGED = "Managed"
    OBSERVE_ONLY = "ObserveOnly"


class DeletionPolicy(StrEnum):
    RETAIN = "Retain"
    POWER_OFF = "PowerOff"


class TlsMode(StrEnum):
    VERIFY = "Verify"
    INSECURE = "Insecure"


class Phase(StrEnum):
    """`status.phase`: the first that fits (PROTOCOLS section 9), for people, never an input."""

    PENDING = "Pending"
    CONNECTING = "Connecting"
    INSPECTING = "Inspecting"
    HELD = "Held"
    FREE = "Free"
    CLAIMED = "Claimed"
    SERVICING = "Servicing"
    RELEASING = "Releasing"
    DELETING = "Deleting"
    FAILED = "Failed"
    UNKNOWN = "Unknown"
