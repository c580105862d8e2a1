"""PhysicalMachineClaim as users write it, its printer columns and rules; the status stands in status.py."""

from enum import StrEnum

from pydantic import Field

from hostwright.core.access import LabelSelector
from hostwright.core.resource import Quantity, Token, Words
from hostwright.kinds.physicalmachineclaim.status import PhysicalMachineClaimStatus

__all__ = ["PhysicalMachineClaimSpec", "PhysicalMachineClaimStatus", "PowerState"]

KIND = "PhysicalMachineClaim"
PLURAL = "physicalmachineclaims"
SHORT = "hpc"


class PowerState(StrEnum):
    POWERED_ON = "PoweredOn"
    POWERED_OFF = "PoweredOff"


class Phase(StrEnum):
    """`status.phase`: for people, never an input."""

    PENDING = "Pending"
    BOUND = "Bound"
    RELEASING = "Releasing"
    UNKNOWN = "Unknown"


class Minimum(Words):
    cpu: int | None = Field(default=None, ge=1, le=65536, description="The least number of logical processors.")
    memory: Quantity | None = Field(default=None, description="The least memory, such as 256Gi.")


class PhysicalMachineClaimSpec(Words):
    selector: LabelSelector | None = Field(
        default=None,
        description="Labels that the PhysicalMachine must have. Empty: any will do. Immutable once one is bound.",
    )
    minimum: Minimum | None = Field(
        default=None, description="The least hardware that will do. Empty: any. Immutable once a server is bound."
    )
    power_state: PowerState = Field(
        default=PowerState.POWERED_ON,
        description="PoweredOn or PoweredOff: what the server is kept at while bound. A change is made at once.",
    )
    restarted_at: Token | None = Field(
        default=None,
        description="Any new value, usually the time, restarts the server once. The value present at binding is only recorded.",
    )


#: Printer columns: (name, JSON path, type, priority); priority 1 shows with -o wide.
COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string", 0),
    ("Status", ".status.phase", "string", 0),
    ("Machine", ".status.machineRef.name", "string", 0),
    ("Power", ".status.powerState", "string", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("Model", ".status.hardware.model", "string", 1),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
)

SPEC_RULES: tuple[tuple[str, str], ...] = ()


def _fixed(field: str) -> tuple[str, str]:
    """At the root, since the status says whether a server is bound; remove-then-add does not evade it."""
    new, old = f"self.spec.{field}", f"oldSelf.spec.{field}"
    bound = "has(oldSelf.status) && has(oldSelf.status.machineRef)"
    same = f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"
    return f"!({bound}) || ({same})", f"{field} is immutable once a server is bound: delete the claim and make another"


OBJECT_RULES: tuple[tuple[str, str], ...] = (_fixed("selector"), _fixed("minimum"))
