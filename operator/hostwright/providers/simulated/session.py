"""One working login at a simulated site."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from hostwright.core.errors import CredentialsMissing, InvalidConfiguration
from hostwright.core.names import mark_prefix
from hostwright.kinds.provider.port import Checked, Context, ImageFact, Marked, NetworkFact
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.simulated import errors
from hostwright.providers.simulated.client import Client, HttpClient
from hostwright.providers.simulated.inventory import QUICK, Inventory
from hostwright.providers.simulated.machines import Machines
from hostwright.providers.simulated.resolve import Names
from hostwright.providers.simulated.rows import Site
from hostwright.providers.simulated.section import SECTIONS, NetworkSection, ProviderSection

TOKEN = "token"  # noqa: S105 - the key in the Secret
VISIBILITY_LAG = 0.0


class Session:
    """Made by `open_session`, which has loaded the catalog."""

    quick = QUICK
    groups = None

    def __init__(self, client: Client, site: Site, names: Names, context: Context) -> None:
        self._client = client
        self._names = names
        self._prefix = mark_prefix(context.cluster_id)
        self._inventory = Inventory(client, context.monotonic, context.hasten)
        lag = VISIBILITY_LAG if context.visibility_lag is None else context.visibility_lag
        self.machines = Machines(
            client,
            inventory=self._inventory,
            names=lambda: self._names,
            site=site.id,
            monotonic=context.monotonic,
            visibility_lag=lag,
        )

    async def check(self) -> Checked:
        try:
            return _checked(await self._client.site())
        except errors.RAISED as error:
            raise errors.of_read(error) from error

    async def load_catalog(self) -> None:
        try:
            catalog = await self._client.catalog()
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        self._names = Names(catalog, self._names.networks)

    def networks(self) -> Sequence[NetworkFact]:
        return self._names.network_facts()

    def image(self, section: Mapping[str, Any]) -> ImageFact:
        return self._names.image_fact(section)

    def marked(self) -> Sequence[Marked] | None:
        if not self._inventory.synced():
            return None
        rows = self._inventory.marked(self._prefix)
        return [Marked(row.id, row.name, "server", row.mark.rpartition(":")[2]) for row in rows]

    def synced(self) -> bool:
        return self._inventory.synced()

    async def read(self) -> Sequence[str]:
        try:
            return await self._inventory.read()
        except errors.RAISED as error:
            raise errors.of_read(error) from error

    def moving(self) -> bool:
        return self._inventory.moving()

    async def close(self) -> None:
        await self._client.close()


class Simulated:
    """The backend."""

    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        client = HttpClient(_endpoint(spec), _token(secret))
        try:
            return await open_session(client, networks_of(spec), context)
        except BaseException:
            await client.close()
            raise


async def open_session(client: Client, networks: Mapping[str, str], context: Context) -> Session:
    """Whatever keeps the client's Protocol will do: the HTTP client, or the model itself."""
    try:
        site = await client.site()
        catalog = await client.catalog()
    except errors.RAISED as error:
        raise errors.of_read(error) from error
    return Session(client, site, Names(catalog, networks), context)


def networks_of(spec: ProviderSpec) -> Mapping[str, str]:
    """Name in networkRef → name at the site."""
    names = {}
    for item in spec.networks:
        block = NetworkSection.model_validate(item.section(SECTIONS.key) or {})
        names[item.name] = block.network or item.name
    return names


def _endpoint(spec: ProviderSpec) -> str:
    try:
        return ProviderSection.model_validate(spec.section(SECTIONS.key) or {}).endpoint
    except ValidationError as error:
        raise InvalidConfiguration(
            "the Provider's simulated.endpoint must be an address such as http://127.0.0.1:9191."
        ) from error


def _token(secret: Mapping[str, bytes] | None) -> str:
    if secret is None:
        return ""
    token = secret.get(TOKEN, b"").decode(errors="replace").strip()
    if not token:
        raise CredentialsMissing(f"the Secret has no key {TOKEN!r}. Add it, or remove the Provider's credentialsRef.")
    return token


def _checked(site: Site) -> Checked:
    return Checked(identity={"site": site.id}, api_version=site.version)
