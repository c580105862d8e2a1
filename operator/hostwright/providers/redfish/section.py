"""Redfish's part of the schema."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import Said, Words
from hostwright.kinds.provider.port import Sections

#: Seconds between two reads of a BMC at rest, where limits.pollInterval is not given.
POLL = "60s"

Range = Annotated[
    str,
    StringConstraints(min_length=2, max_length=49, pattern=r"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$"),
    Said("write an address or a range, such as 10.0.12.0/24"),
]


class ProviderSection(Words):
    allowed_addresses: list[Range] = Field(
        min_length=1,
        max_length=64,
        description=(
            "Ranges in which BMCs may be, such as 10.0.12.0/24. Compared with the address that is connected to; "
            "nothing is sent to any other."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    allow_insecure_tls: bool = Field(
        default=False,
        alias="allowInsecureTLS",
        description=(
            "Allow machines whose bmc.tls.mode is Insecure, or whose address is plain http. "
            "Whoever is on the way can read the password."
        ),
    )


SECTIONS = Sections(
    key="redfish",
    provider_type="Redfish",
    provider=ProviderSection,
    provider_required=True,
    serves="PhysicalMachine",
    endpoint_each=True,
    poll_interval=POLL,
)
