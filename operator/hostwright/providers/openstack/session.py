"""One working login at an OpenStack cloud."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from hostwright.core.errors import CredentialsMissing, InvalidConfiguration
from hostwright.core.names import mark_prefix
from hostwright.kinds.provider.port import Checked, Context, ImageFact, Marked, NetworkFact
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.openstack import errors
from hostwright.providers.openstack.calls import Fence
from hostwright.providers.openstack.client import Client, SdkClient
from hostwright.providers.openstack.groups import Groups
from hostwright.providers.openstack.inventory import QUICK, Inventory
from hostwright.providers.openstack.machines import Machines
from hostwright.providers.openstack.resolve import Names
from hostwright.providers.openstack.rows import Catalog, Login
from hostwright.providers.openstack.section import (
    SECTIONS,
    FailureDomainSection,
    NetworkSection,
    ProviderSection,
    StorageSection,
)

#: Seconds a server may stay invisible after its creating request ended: Nova's own RPC may still be under way.
VISIBILITY_LAG = 30.0


class Session:
    """Made by `open_session`."""

    quick = QUICK

    def __init__(self, client: Client, login: Login, names: Names, context: Context) -> None:
        self._client, self._login = client, login
        self._names = replace(names, project=login.project, hostnames=login.hostnames)
        self._prefix = mark_prefix(context.cluster_id)
        self._inventory = Inventory(client, context.monotonic, context.hasten)
        lag = VISIBILITY_LAG if context.visibility_lag is None else context.visibility_lag
        self._groups = Groups(client, lag)
        self.machines = Machines(
            client,
            inventory=self._inventory,
            names=lambda: self._names,
            region=login.region,
            monotonic=context.monotonic,
            visibility_lag=lag,
            fence=Fence(context.unfenced_networks, keeps_volumes=login.keeps_volumes),
        )

    @property
    def groups(self) -> Groups:
        return self._groups

    async def check(self) -> Checked:
        try:
            login = await self._client.login()
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        return Checked({"project": login.project, "region": login.region}, login.api_version, login.expires_at)

    async def load_catalog(self) -> None:
        try:
            catalog = await self._client.catalog()
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        self._names = replace(self._names, catalog=catalog)

    def networks(self) -> Sequence[NetworkFact]:
        return self._names.network_facts(self.machines.fence.unfenced)

    def image(self, section: Mapping[str, Any]) -> ImageFact:
        return self._names.image_fact(section)

    def marked(self) -> Sequence[Marked] | None:
        if not self._inventory.synced():
            return None
        rows = [
            Marked(seen.row.id, seen.row.name, "server", tag.rpartition(":")[2])
            for seen in self._inventory.servers.values()
            for tag in seen.row.tags
            if tag.startswith(self._prefix)
        ]
        rows += [
            Marked(seen.row.id, seen.row.name, "port", seen.row.description.rpartition(":")[2])
            for seen in self._inventory.ports.values()
            if seen.row.description.startswith(self._prefix)
        ]
        rows += [
            Marked(seen.row.id, seen.row.floating_ip_address, "floating IP", seen.row.description.rpartition(":")[2])
            for seen in self._inventory.floating_ips.values()
            if seen.row.description.startswith(self._prefix)
        ]
        rows += [
            Marked(seen.row.id, seen.row.name or "", "volume", seen.row.mark.rpartition(":")[2])
            for seen in self._inventory.volumes.values()
            if seen.row.mark.startswith(self._prefix)
        ]
        rows += [
            Marked(item.id, item.name, "server group", item.name.rpartition(":")[2])
            for item in self._groups.seen
            if item.name.rpartition(" ")[2].startswith(self._prefix)
        ]
        return rows

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


class OpenStack:
    """The backend."""

    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        if secret is None:
            raise CredentialsMissing("an OpenStack Provider needs spec.credentialsRef: a Secret with clouds.yaml.")
        try:
            section = ProviderSection.model_validate(spec.section(SECTIONS.key) or {})
        except ValidationError as error:
            raise InvalidConfiguration(f"spec.openstack: {error.errors()[0]['msg']}") from error
        return await open_session(
            SdkClient(section, secret, context.executor, context.monotonic), names_of(spec), context
        )


async def open_session(client: Client, names: Names, context: Context) -> Session:
    """Whatever keeps the client's Protocol will do."""
    try:
        login = await client.login()
    except errors.RAISED as error:
        await client.close()
        raise errors.of_read(error) from error
    return Session(client, login, names, context)


def names_of(spec: ProviderSpec) -> Names:
    """What the Provider calls its networks and storage classes; the catalog is not loaded yet."""
    networks = {
        item.name: NetworkSection.model_validate(item.section(SECTIONS.key) or {"network": item.name})
        for item in spec.networks
    }
    storage = {
        item.name: StorageSection.model_validate(item.section(SECTIONS.key) or {"volumeType": item.name})
        for item in spec.storage_classes or ()
    }
    domains = {
        item.name: FailureDomainSection.model_validate(item.section(SECTIONS.key) or {"computeAZ": item.name})
        for item in spec.failure_domains or ()
    }
    return Names(Catalog(), networks, storage, domains)
