"""PhysicalMachineClaim as we report it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import ConditionModel, Label, Name, Words

Word = Annotated[str, StringConstraints(max_length=32)]
Text = Annotated[str, StringConstraints(max_length=255)]


class MachineRef(Words):
    namespace: Label = Field(description="The server's namespace.")
    name: Name = Field(description="The PhysicalMachine's name.")


class Hardware(Words):
    manufacturer: Text | None = Field(default=None, description="Who made the server.")
    model: Text | None = Field(default=None, description="Its model.")
    cpu: int | None = Field(default=None, description="Number of logical processors.")
    memory: Word | None = Field(default=None, description="Memory, such as 512Gi.")


class PhysicalMachineClaimStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    phase: Word | None = Field(default=None, description="A word for people; conditions are for programs.")
    machine_ref: MachineRef | None = Field(
        default=None, description="The PhysicalMachine that is bound. It stays until the claim is deleted."
    )
    power_state: Word | None = Field(default=None, description="The server's power as found.")
    hardware: Hardware | None = Field(default=None, description="The server, as inspected.")
    conditions: list[ConditionModel] | None = Field(
        default=None, max_length=32, description="Conditions.", json_schema_extra={"x-list-map-key": "type"}
    )
