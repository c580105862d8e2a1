"""MachineClass as administrators write it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.access import AllowedNamespaces, From
from hostwright.core.resource import ConditionModel, Open, Quantity, Text, Words

KIND = "MachineClass"
PLURAL = "machineclasses"
SHORT = "hmc"


class Deprecated(Words):
    message: Text = Field(description="Shown to whoever uses the class.")
    replacement: Annotated[str, StringConstraints(max_length=253)] | None = Field(
        default=None, description="The class to use instead."
    )


class MachineClassSpec(Open):
    cpu: int = Field(ge=1, le=1024, description="Number of virtual CPUs. Immutable.")
    memory: Quantity = Field(
        description="Memory, such as 512Mi or 16Gi. Immutable.",
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "quantity(self).compareTo(quantity('16Mi')) >= 0 && quantity(self).compareTo(quantity('64Ti')) <= 0",
                    "message": "memory is between 16Mi and 64Ti",
                }
            ]
        },
    )
    allowed_namespaces: AllowedNamespaces = Field(
        default=AllowedNamespaces(from_=From.ALL), description="The namespaces that may use this class. Default: all."
    )
    deprecated: Deprecated | None = Field(
        default=None, description="Set to tell users to move on; machines keep working."
    )


class MachineClassStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    conditions: list[ConditionModel] | None = Field(
        default=None, max_length=16, description="Conditions.", json_schema_extra={"x-list-map-key": "type"}
    )


COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("CPU", ".spec.cpu", "integer", 0),
    ("Memory", ".spec.memory", "string", 0),
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
)
SPEC_RULES: tuple[tuple[str, str], ...] = (
    ("self.cpu == oldSelf.cpu && self.memory == oldSelf.memory", "cpu and memory are immutable: make a new class"),
)
