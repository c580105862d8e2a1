"""MachineImage as administrators write it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hostwright.core.access import AllowedNamespaces, From, LabelSelector
from hostwright.core.resource import ConditionModel, Label, NameRef, Open, Quantity, Text, Words

KIND = "MachineImage"
PLURAL = "machineimages"
SHORT = "hmi"

Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class OperatingSystem(Words):
    type: Literal["Linux", "Windows", "Other"] | None = Field(
        default=None, description="Linux, Windows or Other. For people."
    )
    family: Word | None = Field(default=None, description="Such as ubuntu. For people.")
    version: Word | None = Field(default=None, description="Such as 24.04. For people.")
    architecture: Word | None = Field(default=None, description="Such as x86_64. For people.")


class Requirements(Words):
    min_memory: Quantity | None = Field(default=None, description="The least memory of a machine with this image.")


class Source(Open):
    name: Label = Field(description="Name of the source. The key of the list.")
    provider_ref: NameRef | None = Field(
        default=None, description="The Provider this source is for. Exactly one of providerRef and providerSelector."
    )
    provider_selector: LabelSelector | None = Field(default=None, description="Or: all Providers with these labels.")


class MachineImageSpec(Words):
    os: OperatingSystem | None = Field(default=None, description="What is in the image. For people.")
    requirements: Requirements | None = Field(default=None, description="What a machine needs to run it.")
    sources: list[Source] = Field(
        min_length=1,
        max_length=64,
        description="Where the image is, for each Provider.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    allowed_namespaces: AllowedNamespaces = Field(
        default=AllowedNamespaces(from_=From.ALL), description="The namespaces that may use this image. Default: all."
    )


class ImageOnProvider(Words):
    name: Annotated[str, StringConstraints(max_length=253)] = Field(description="The Provider.")
    id: Annotated[str, StringConstraints(max_length=255)] | None = Field(
        default=None, description="The image's id there."
    )
    ready: bool = Field(default=False, description="Whether machines can be made from it there.")
    message: Text = Field(default="", description="Why not.")


class MachineImageStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    providers: list[ImageOnProvider] | None = Field(
        default=None,
        max_length=256,
        description="The image on each Provider.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    conditions: list[ConditionModel] | None = Field(
        default=None, max_length=16, description="Conditions.", json_schema_extra={"x-list-map-key": "type"}
    )


COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("OS", ".spec.os.family", "string", 0),
    ("Version", ".spec.os.version", "string", 0),
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
)
SPEC_RULES: tuple[tuple[str, str], ...] = ()
#: CEL on each element of spec.sources.
SOURCE_RULES: tuple[tuple[str, str], ...] = (
    ("has(self.providerRef) != has(self.providerSelector)", "set exactly one of providerRef and providerSelector"),
)
