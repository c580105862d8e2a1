"""vSphere's part of the schema."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import BackendName, Said, Words
from hostwright.kinds.provider.port import Sections

Server = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[-.a-zA-Z0-9]+(:[0-9]{1,5})?$"),
    Said("write a host name or an address, with its port or without, such as vc.example.com:8443"),
]
Thumbprint = Annotated[
    str,
    StringConstraints(max_length=96, pattern=r"^([0-9a-fA-F]{2}:?){32}$"),
    Said("write the 32 bytes of a SHA-256 in hex, with colons or without"),
]
OptionKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[-a-zA-Z0-9_.:]+$"),
    Said("a key of extraConfig has letters, digits, '-', '_', '.' and ':'"),
]
OptionValue = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class ProviderSection(Words):
    server: Server = Field(description="Address of the vCenter, such as vc.example.com or vc.example.com:8443.")
    datacenter: BackendName = Field(description="Name or path of the datacenter. All else is looked for in it.")
    thumbprint: Thumbprint | None = Field(
        default=None,
        description=(
            "SHA-256 of the vCenter's certificate in hex. It is then trusted, and no other. "
            "Default: by the Secret's ca.crt, else by the system's authorities."
        ),
    )
    insecure: bool = Field(
        default=False, description="Trust whatever certificate is shown. Whoever is on the way can read the password."
    )
    folder: BackendName | None = Field(
        default=None, description="Name or path of the folder for machines. Default: the datacenter's own."
    )
    resource_pool: BackendName | None = Field(
        default=None, description="Name or path of the resource pool. Default: the cluster's own."
    )
    cluster: BackendName | None = Field(
        default=None, description="Name or path of the cluster. Default: the only one there is."
    )
    datastore: BackendName | None = Field(
        default=None, description="Name or path of the datastore. Default: the template's."
    )


class MachineSection(Words):
    folder: BackendName | None = Field(
        default=None, description="Name or path of the folder. Default: the Provider's. Used at creation."
    )
    resource_pool: BackendName | None = Field(
        default=None, description="Name or path of the resource pool. Default: the Provider's. Used at creation."
    )
    cluster: BackendName | None = Field(
        default=None, description="Name or path of the cluster. Default: the Provider's. Used at creation."
    )
    datastore: BackendName | None = Field(
        default=None, description="Name or path of the datastore. Default: the Provider's. Used at creation."
    )
    extra_config: dict[OptionKey, OptionValue] | None = Field(
        default=None,
        max_length=64,
        description=(
            "Options of the machine's extraConfig. A change is made live; keys that others set stay; "
            "hostwright.… and guestinfo.… are our own."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "self.all(k, !k.startsWith('hostwright.') && !k.startsWith('guestinfo.'))",
                    "message": "options that begin with hostwright. or guestinfo. are written by Hostwright itself",
                }
            ]
        },
    )


class ImageSection(Words):
    template: BackendName = Field(description="Name or path of the template, such as /dc1/vm/templates/ubuntu-24.04.")


class NetworkSection(Words):
    port_group: BackendName = Field(description="Name or path of the port group.")


class FailureDomainSection(Words):
    """Each stands in for the Provider's own; what is not said here is the Provider's."""

    cluster: BackendName | None = Field(default=None, description="Name or path of the cluster.")
    resource_pool: BackendName | None = Field(default=None, description="Name or path of the resource pool.")
    datastore: BackendName | None = Field(default=None, description="Name or path of the datastore.")
    folder: BackendName | None = Field(default=None, description="Name or path of the folder.")


SECTIONS = Sections(
    key="vsphere",
    provider_type="VSphere",
    provider=ProviderSection,
    provider_required=True,
    needs_credentials=True,
    machine=MachineSection,
    image=ImageSection,
    network=NetworkSection,
    failure_domain=FailureDomainSection,
    shape_paths={"/metadata": "/vsphere/extraConfig", "/zone": "/failureDomain"},
)
