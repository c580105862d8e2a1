"""Where a VirtualMachine stands to others of its group."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from hostwright.core.errors import Failure
from hostwright.core.resource import Label, Words


class GroupPolicy(StrEnum):
    AFFINITY = "Affinity"
    ANTI_AFFINITY = "AntiAffinity"
    SOFT_AFFINITY = "SoftAffinity"
    SOFT_ANTI_AFFINITY = "SoftAntiAffinity"


class Group(Words):
    name: Label = Field(
        description="Name of the group: machines of one namespace and one Provider that name the same group are in it."
    )
    policy: GroupPolicy = Field(
        description=(
            "Affinity: on one host. AntiAffinity: no two on one host, or the machine is not made. SoftAffinity and "
            "SoftAntiAffinity: as far as there is room. The same for all machines of the group."
        )
    )


class Placement(Words):
    group: Group | None = Field(
        default=None,
        description=(
            "On OpenStack: machines that are kept apart, or together, by a server group that Hostwright makes with the "
            "first of them and removes with the last. Another group is of class Replace: another machine is made in "
            "the place of this one where updatePolicy.maxDisruption allows it."
        ),
    )


@dataclass(frozen=True, slots=True)
class GroupBinding:
    """The group that the spec names, as the Provider's status has it."""

    name: str
    id: str = ""
    failure: Failure | None = None  # why a machine cannot be made in it now

    @property
    def word(self) -> str:
        """As MachineShape has it: made anew, it is another group."""
        return f"{self.name}/{self.id}" if self.id else self.name
