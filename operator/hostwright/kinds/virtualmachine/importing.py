"""How a machine that is there before its object is named: by its id, or by what exactly one machine has."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from hostwright.core.resource import BackendName, Said, Words
from hostwright.kinds.virtualmachine.values import SET, ImportPolicy

MachineId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"),
    Said("write the machine's id as the backend has it, such as 5f0c7c0e-7f0b-4c55-9e2b-5b4a5b1c9a10"),
]
#: Nova takes no comma and no slash in a tag, and 60 characters (nova.objects.tag).
BackendTag = Annotated[
    str,
    StringConstraints(min_length=1, max_length=60, pattern=r"^[^,/\x00-\x1f\x7f]+$"),
    Said("write a tag as the backend has it, without ',' and '/', such as legacy or team=shop"),
]


class ImportFilter(Words):
    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.name) || has(self.tags)", "message": "set name, or tags, or both"}
            ]
        }
    )

    name: BackendName | None = Field(default=None, description="The machine's whole name on the backend.")
    tags: list[BackendTag] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description="Tags of the backend's machine, all of which it has.",
        json_schema_extra=SET,
    )


class Import(Words):
    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.id) != has(self.filter)", "message": "set exactly one of id and filter"}
            ]
        }
    )

    id: MachineId | None = Field(default=None, description="The machine's id on the backend.")
    filter: ImportFilter | None = Field(
        default=None, description="Or what exactly one machine of the Provider's project has."
    )
    policy: ImportPolicy = Field(
        default=ImportPolicy.ADOPT,
        description="Adopt waits until there is such a machine; AdoptOrCreate makes one where none is found.",
    )
