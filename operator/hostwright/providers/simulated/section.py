"""The simulated site's part of the schema."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import BackendName, Said, Words
from hostwright.kinds.provider.port import Sections

Endpoint = Annotated[
    str,
    StringConstraints(min_length=8, max_length=255, pattern=r"^https?://[^\s/?#@]+/?$"),
    Said("write an address with no login and no path, such as http://127.0.0.1:9191"),
]


class ProviderSection(Words):
    endpoint: Endpoint = Field(description="Where `hostwright simulated serve` listens, such as http://127.0.0.1:9191.")


class ImageSection(Words):
    image: BackendName = Field(description="Name of the image at the site.")


class NetworkSection(Words):
    network: BackendName | None = Field(
        default=None, description="Name of the network at the site. Default: the name in this catalog."
    )


SECTIONS = Sections(
    key="simulated",
    provider_type="Simulated",
    provider=ProviderSection,
    provider_required=True,
    read_at_rest=True,
    image=ImageSection,
    network=NetworkSection,
)
