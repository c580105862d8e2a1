"""OpenStack's part of the schema."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from hostwright.core.resource import BackendName, Said, Words
from hostwright.kinds.provider.port import Sections

MetadataKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[-a-zA-Z0-9_:. ]+$"),
    Said("a key of Nova's metadata has letters, digits, blanks and the signs - _ : ."),
]
MetadataValue = Annotated[str, StringConstraints(max_length=255)]
HintKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[-a-zA-Z0-9_:.]+$"),
    Said("a scheduler hint has letters, digits and the signs - _ : ."),
]
HintValue = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Interface(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"
    ADMIN = "admin"


class Named(Words):
    name: BackendName = Field(description="Its name on OpenStack.")


class ImageChoice(Words):
    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.name) != has(self.id)", "message": "set exactly one of name and id"}
            ]
        }
    )

    name: BackendName | None = Field(
        default=None, description="Name of the image; exactly one active image must bear it."
    )
    id: BackendName | None = Field(default=None, description="Or its id.")


class ProviderSection(Words):
    cloud_name: BackendName = Field(default="openstack", description="Which cloud of the Secret's clouds.yaml.")
    region: BackendName | None = Field(default=None, description="Region. Default: the one in clouds.yaml.")
    interface: Interface = Field(
        default=Interface.PUBLIC, description="Which endpoints of the catalog: public, internal or admin."
    )


class MachineSection(Words):
    flavor: Named | None = Field(default=None, description="A flavor by name, instead of classRef or resources.")
    key_pair: BackendName | None = Field(
        default=None, description="Key pair of the Provider's user. Another one is of class Replace."
    )
    config_drive: bool | None = Field(default=None, description="Give the server a config drive. Used at creation.")
    availability_zone: BackendName | None = Field(
        default=None, description="Availability zone. Another one is of class Replace."
    )
    server_group_id: BackendName | None = Field(
        default=None,
        alias="serverGroupID",
        description=(
            "Id of a server group that somebody else made: the server is made in it. Hostwright never deletes it. "
            "Another one is of class Replace."
        ),
    )
    scheduler_hints: dict[HintKey, Annotated[list[HintValue], Field(min_length=1, max_length=16)]] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description=(
            "Hints for Nova's scheduler, such as different_host: [<id of a server>]. One value is sent as a text, "
            "several as a list. Others are of class Replace."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "self.all(k, k != 'group')",
                    "message": "write openstack.serverGroupID, or placement.group, instead of the hint group",
                }
            ]
        },
    )
    metadata: dict[MetadataKey, MetadataValue] | None = Field(
        default=None,
        max_length=64,
        description="Server metadata. A change is made live; keys that others set stay; hostwright.… are our own.",
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "self.all(k, !k.startsWith('hostwright.'))",
                    "message": "metadata keys that begin with hostwright. are written by Hostwright itself",
                }
            ]
        },
    )


class ClassSection(Words):
    flavor: Named = Field(description="The flavor of this class, instead of the smallest that has exactly its size.")


class ImageSection(Words):
    image: ImageChoice = Field(description="The image on OpenStack.")


class NetworkSection(Words):
    network: BackendName = Field(description="Name or id of the network.")
    subnet: BackendName | None = Field(
        default=None, description="Name or id of the subnet addresses come from. Default: any."
    )


class FailureDomainSection(Words):
    compute_az: BackendName = Field(alias="computeAZ", description="Nova's availability zone.")
    volume_az: BackendName | None = Field(
        default=None, alias="volumeAZ", description="Cinder's availability zone for disks. Default: Cinder's own."
    )


class StorageSection(Words):
    volume_type: BackendName = Field(description="Name of Cinder's volume type.")


SECTIONS = Sections(
    key="openstack",
    provider_type="OpenStack",
    provider=ProviderSection,
    needs_credentials=True,
    read_at_rest=True,
    machine=MachineSection,
    machine_size_field="flavor",
    machine_class=ClassSection,
    image=ImageSection,
    network=NetworkSection,
    failure_domain=FailureDomainSection,
    storage_class=StorageSection,
    shape_paths={
        "/metadata": "/openstack/metadata",
        "/zone": "/openstack/availabilityZone",
        "/keyPair": "/openstack/keyPair",
        "/serverGroupID": "/openstack/serverGroupID",
        "/schedulerHints": "/openstack/schedulerHints",
    },
)
