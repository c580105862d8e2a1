"""One working login at a vCenter."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from hostwright.core.errors import CredentialsMissing, InvalidConfiguration
from hostwright.core.names import mark_prefix
from hostwright.kinds.provider.port import Checked, Context, ImageFact, Marked, NetworkFact
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.vsphere import errors
from hostwright.providers.vsphere.client import Client, SdkClient
from hostwright.providers.vsphere.inventory import QUICK, Inventory
from hostwright.providers.vsphere.machines import Machines
from hostwright.providers.vsphere.resolve import Names
from hostwright.providers.vsphere.rows import Catalog, Login
from hostwright.providers.vsphere.section import SECTIONS, FailureDomainSection, NetworkSection, ProviderSection

#: A vCenter shows at once what it has answered.
VISIBILITY_LAG = 0.0


class Session:
    """Made by `open_session`."""

    quick = QUICK
    groups = None

    def __init__(self, client: Client, login: Login, names: Names, context: Context) -> None:
        self._client = client
        self._names = names
        self._prefix = mark_prefix(context.cluster_id)
        self._inventory = Inventory(client, context.monotonic, context.hasten)
        self.machines = Machines(
            client,
            inventory=self._inventory,
            names=lambda: self._names,
            vcenter=login.instance,
            monotonic=context.monotonic,
            visibility_lag=VISIBILITY_LAG if context.visibility_lag is None else context.visibility_lag,
        )

    async def check(self) -> Checked:
        try:
            login = await self._client.login()
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        return Checked({"instanceUUID": login.instance}, login.version)

    async def load_catalog(self) -> None:
        try:
            catalog = await self._client.catalog()
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        self._names = replace(self._names, catalog=catalog)

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
        await _let_go(self._client)


class VSphere:
    """The backend."""

    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        if secret is None:
            raise CredentialsMissing(
                "a vSphere Provider needs spec.credentialsRef: a Secret with username and password."
            )
        try:
            section = ProviderSection.model_validate(spec.section(SECTIONS.key) or {})
        except ValidationError as error:
            raise InvalidConfiguration(f"spec.vsphere: {error.errors()[0]['msg']}.") from error
        client = SdkClient(section, secret, context.executor, context.monotonic)
        return await open_session(client, Names(Catalog(), section, networks_of(spec), domains_of(spec)), context)


async def open_session(client: Client, names: Names, context: Context) -> Session:
    """Whatever keeps the client's Protocol will do."""
    try:
        login = await client.login()
    except BaseException as error:
        await _let_go(client)
        if isinstance(error, errors.RAISED):
            raise errors.of_read(error) from error
        raise
    return Session(client, login, names, context)


async def _let_go(client: Client) -> None:
    """A vCenter that cannot be reached ends an idle session by itself (after 30 minutes, by default)."""
    with contextlib.suppress(*errors.RAISED):
        await client.close()


def networks_of(spec: ProviderSpec) -> Mapping[str, str]:
    """Name in networkRef → the port group."""
    return {
        item.name: NetworkSection.model_validate(item.section(SECTIONS.key) or {"portGroup": item.name}).port_group
        for item in spec.networks
    }


def domains_of(spec: ProviderSpec) -> Mapping[str, FailureDomainSection]:
    """Name in failureDomain → where that is."""
    return {
        item.name: FailureDomainSection.model_validate(item.section(SECTIONS.key) or {})
        for item in spec.failure_domains or ()
    }
