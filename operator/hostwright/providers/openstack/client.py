"""What this folder asks of OpenStack, and its answers as rows; only `transport.py` below it does I/O.

Nova microversion 2.90 (Xena and newer), on an older cloud the newest it has, from 2.72 (Stein) on.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from hostwright.core.port import Sought
from hostwright.providers.openstack.errors import of_read
from hostwright.providers.openstack.read import document, part, rows, whole
from hostwright.providers.openstack.rows import (
    VOLUME_MARK,
    Action,
    Catalog,
    Flavor,
    FloatingIP,
    Image,
    KeyPair,
    Login,
    Name,
    Network,
    NotSent,
    Port,
    Refused,
    Reply,
    Request,
    SecurityGroup,
    Server,
    ServerGroup,
    Servers,
    Subnet,
    TooOld,
    Unanswered,
    Volume,
    Zone,
)
from hostwright.providers.openstack.section import ProviderSection
from hostwright.providers.openstack.transport import BLOCK_STORAGE, FLOOR, NEWEST, Transport, dotted

PAGE = 500
#: Names that are the same to every dialect of regular expressions.
NAME_AS_IT_IS = re.compile(r"[-A-Za-z0-9_]+")
#: Of ports and floating IPs: all that are read each minute in one. Cinder gives no more than 1000 at once.
NEUTRON_PAGE, CINDER_PAGE = 2000, 1000
GROUP_PAGE = 1000  # the most that Nova gives (osapi_max_limit)
MARKS = 50  # in one address of some 4,000 characters
#: A port as far as it is read: an administrator's list of all of them would be many times longer.
PORT_FIELDS = "".join(f"&fields={name}" for name in Port.__struct_fields__)
FLOATING_IP_FIELDS = "".join(f"&fields={name}" for name in FloatingIP.__struct_fields__)
#: Of a 406, tried: "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.104."
MAXIMUM = re.compile(r"maximum is (\d+)\.(\d+)")
#: Nova takes host names from here on.
HOSTNAMES = (2, 90)
#: The first that takes another `delete_on_termination` of a volume that is attached.
KEPT_VOLUMES = (2, 85)
P = TypeVar("P", Port, FloatingIP)


class Client(Protocol):
    """What the rest of the folder needs; the backend's model can be put here as well."""

    async def login(self) -> Login: ...
    async def catalog(self) -> Catalog: ...
    async def servers(self, since: str | None) -> tuple[list[Server], str, bool]:
        """(rows, Nova's Date of the first page, whether no page but the last was short: else rows may be missing)."""
        ...

    async def servers_tagged(self, mark: str) -> list[Server]: ...
    async def servers_alike(self, sought: Sought) -> list[Server]:
        """Those of the project that have all that is asked."""
        ...

    async def server(self, server_id: str) -> Server: ...
    async def action(self, server_id: str, *names: str) -> Action | None:
        """The newest of these names, or of any, as Nova records it."""
        ...

    async def server_groups(self) -> list[ServerGroup]:
        """All of the project."""
        ...

    async def server_group(self, group_id: str) -> ServerGroup: ...

    async def ports(self, marks: Sequence[str] = (), *, holder: str = "") -> list[Port]:
        """All of the project, or those that bear one of the marks, or those that this server holds."""
        ...

    async def port(self, port_id: str) -> Port: ...
    async def volumes(self, mark: str = "") -> list[Volume]:
        """All of the project, or those that bear the mark; none where there is no block storage for this user."""
        ...

    async def volume(self, volume_id: str) -> Volume: ...
    async def floating_ips(self, *, mark: str = "", address: str = "") -> list[FloatingIP]:
        """All of the project, or those that bear the mark or have the address; none where Neutron has no routers."""
        ...

    async def floating_ip(self, floating_ip_id: str) -> FloatingIP: ...
    async def send(self, request: Request, seconds: float) -> Reply: ...
    async def close(self) -> None: ...


class SdkClient:
    """One login."""

    def __init__(
        self,
        spec: ProviderSection,
        secret: Mapping[str, bytes],
        executor: Executor,
        monotonic: Callable[[], float],
    ) -> None:
        self._transport = Transport(spec, secret, executor, monotonic)
        self._project = ""
        self._types: frozenset[str] | None = None  # of volumes, as read last
        self._no_volumes = False  # Cinder refuses this user

    async def login(self) -> Login:
        access = await self._transport.login()
        self._project = access.project_id or ""
        version = await self._negotiated()
        expires = await self._expiry(access.user_id, access.application_credential_id)
        has, named = (version >= HOSTNAMES, version >= KEPT_VOLUMES), f"compute {dotted(version)}"
        return Login(self._project, self._transport.region, named, expires, *has)

    async def _negotiated(self) -> tuple[int, int]:
        """Nova's microversion from now on: a Nova that does not have ours says which it has. Raises TooOld."""
        try:
            await self._get("compute", "/servers?limit=1")
        except Refused as refusal:
            named = MAXIMUM.search(refusal.text)
            if refusal.status != 406 or named is None:  # noqa: PLR2004
                raise
            newest = (int(named[1]), int(named[2]))
            if newest < FLOOR:
                raise TooOld(
                    f"Nova's newest microversion is {dotted(newest)}, and the oldest that is enough is {dotted(FLOOR)} "
                    "(Stein): upgrade the cloud. Nothing is done there until then."
                ) from refusal
            self._transport.microversion = min(newest, NEWEST)
            await self._get("compute", "/servers?limit=1")
        return self._transport.microversion

    async def _expiry(self, user: str, credential: str | None) -> datetime | None:
        """Of an application credential; a password has none that Keystone tells."""
        if not credential:
            return None
        try:
            reply = await self._get("identity", f"/v3/users/{user}/application_credentials/{credential}")
        except Refused as refusal:
            if refusal.status in {401, 403, 404}:  # its access rules may forbid even this
                return None
            raise
        text = part(reply, "application_credential", dict[str, Any]).get("expires_at")
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None

    async def catalog(self) -> Catalog:
        paths = {
            "flavors": ("compute", "/flavors/detail?limit=1000"),
            "networks": ("network", "/v2.0/networks?fields=id&fields=name&fields=project_id&fields=router:external"),
            "subnets": ("network", "/v2.0/subnets?fields=id&fields=name&fields=network_id"),
            "security_groups": ("network", "/v2.0/security-groups?fields=id&fields=name&fields=project_id"),
            "keypairs": ("compute", "/os-keypairs?limit=1000"),
            "availabilityZoneInfo": ("compute", "/os-availability-zone"),
        }
        groups = await self._group_ids()
        replies = await asyncio.gather(*(self._get(*path) for path in paths.values()))
        answers = dict(zip(paths, replies, strict=True))
        pairs = part(answers["keypairs"], "keypairs", list[KeyPair])
        types, away = await self._volume_types()
        return Catalog(
            flavors=part(answers["flavors"], "flavors", tuple[Flavor, ...]),
            images=tuple(await self._images()),
            networks=part(answers["networks"], "networks", tuple[Network, ...]),
            subnets=part(answers["subnets"], "subnets", tuple[Subnet, ...]),
            security_groups=part(answers["security_groups"], "security_groups", tuple[SecurityGroup, ...]),
            key_pairs=frozenset(row.keypair.name for row in pairs),
            zones=frozenset(
                row.name for row in part(answers["availabilityZoneInfo"], "availabilityZoneInfo", list[Zone])
            ),
            server_groups=groups,
            volume_types=types,
            storage_away=away,
        )

    async def _volume_types(self) -> tuple[frozenset[str] | None, str]:
        """(names, why they are not known now). A Cinder that is down, or refuses this user, takes only disks away."""
        if not self._transport.has(BLOCK_STORAGE):
            return None, ""
        try:
            reply = await self._get(BLOCK_STORAGE, f"/v3/{self._project}/types")
        except (Refused, NotSent, Unanswered) as error:
            self._no_volumes = isinstance(error, Refused) and error.status in {401, 403, 404}
            if self._no_volumes:  # its access rules, or the cloud's policy, may leave it out
                return None, ""
            return (frozenset(), of_read(error).message) if self._types is None else (self._types, "")
        self._no_volumes = False
        self._types = frozenset(row.name for row in part(reply, "volume_types", list[Name]))
        return self._types, ""

    async def _images(self) -> list[Image]:
        images: list[Image] = []
        path = f"/v2/images?limit={PAGE}"
        while path:
            reply = await self._get("image", path)
            page = document(reply)
            images.extend(rows(page, "images", list[Image]))
            path = page.get("next") or ""
        return images

    async def servers(self, since: str | None) -> tuple[list[Server], str, bool]:
        found: list[Server] = []
        sizes: list[int] = []
        date, marker = "", ""
        while True:
            query = (
                f"?limit={PAGE}"
                + (f"&changes-since={since}" if since else "")
                + (f"&marker={marker}" if marker else "")
            )
            try:
                reply, stamp = await self._transport.get("compute", f"/servers/detail{query}")
            except Refused as refusal:
                if marker and refusal.status == 400 and "marker" in refusal.text:  # deleted meanwhile  # noqa: PLR2004
                    return found, date, False
                raise
            date = date or stamp
            page = whole(reply, Servers).servers
            if not page:  # only this is the end: while servers are built, any page may be short (tried)
                return found, date, all(size == sizes[0] for size in sizes[:-1]) and sizes[-1:] <= sizes[:1]
            found.extend(page)
            sizes.append(len(page))
            marker = page[-1].id

    async def servers_tagged(self, mark: str) -> list[Server]:
        reply = await self._get("compute", f"/servers/detail?tags={mark}")
        return list(whole(reply, Servers).servers)

    async def servers_alike(self, sought: Sought) -> list[Server]:
        """Nova takes the name as a regular expression, and each database has its own: the exact one is chosen here."""
        if sought.id:
            try:
                return [await self.server(sought.id)]
            except Refused as refusal:
                if refusal.status != 404 or sought.id not in refusal.text:  # noqa: PLR2004 - a proxy says 404 too
                    raise
                return []
        name = f"&name={quote(f'^{sought.name}$')}" if NAME_AS_IT_IS.fullmatch(sought.name) else ""
        tags = f"&tags={','.join(quote(tag) for tag in sought.tags)}" if sought.tags else ""
        reply = await self._get("compute", f"/servers/detail?limit={PAGE}{name}{tags}")
        return [row for row in whole(reply, Servers).servers if sought.name in {"", row.name}]

    async def server(self, server_id: str) -> Server:
        reply = await self._get("compute", f"/servers/{server_id}")
        return part(reply, "server", Server)

    async def _group_ids(self) -> frozenset[str] | None:
        try:
            return frozenset(row.id for row in await self.server_groups())
        except Refused as refusal:
            if refusal.status in {403, 404}:  # its access rules, or the cloud's policy, may leave them out
                return None
            raise

    async def server_groups(self) -> list[ServerGroup]:
        """In pages that overlap by one row: where that one has moved, something was deleted meanwhile."""
        found: list[ServerGroup] = []
        while True:
            start = max(0, len(found) - 1)
            reply = await self._get("compute", f"/os-server-groups?limit={GROUP_PAGE}&offset={start}")
            page = part(reply, "server_groups", list[ServerGroup])
            if found and (not page or page[0].id != found[-1].id):
                raise Unanswered("the list of server groups changed while it was read")
            found[start:] = page
            if len(page) < GROUP_PAGE:
                return found

    async def server_group(self, group_id: str) -> ServerGroup:
        reply = await self._get("compute", f"/os-server-groups/{group_id}")
        return part(reply, "server_group", ServerGroup)

    async def action(self, server_id: str, *names: str) -> Action | None:
        path = f"/servers/{server_id}/os-instance-actions"
        listed = part(await self._get("compute", path), "instanceActions", list[Action])
        rows_ = (row for row in listed if not names or row.action in names)
        newest = max(rows_, key=lambda row: row.start_time, default=None)
        if newest is None:
            return None
        return part(await self._get("compute", f"{path}/{newest.request_id}"), "instanceAction", Action)

    async def ports(self, marks: Sequence[str] = (), *, holder: str = "") -> list[Port]:
        if not marks:
            return await self._ports(f"&device_id={holder}" if holder else "")
        parts = [marks[start : start + MARKS] for start in range(0, len(marks), MARKS)]
        return [row for part in parts for row in await self._ports("".join(f"&description={mark}" for mark in part))]

    async def _ports(self, filters: str) -> list[Port]:
        return await self._paged("ports", list[Port], PORT_FIELDS + filters)

    async def _paged(self, what: str, kind: type[list[P]], filters: str) -> list[P]:
        """Of Neutron."""
        found: list[P] = []
        query = f"/v2.0/{what}?project_id={self._project}&limit={NEUTRON_PAGE}{filters}"
        marker = ""
        while True:
            page = document(await self._get("network", query + marker))
            listed = rows(page, what, kind)
            found.extend(listed)
            if not listed or not any(link.get("rel") == "next" for link in page.get(f"{what}_links", ())):
                return found
            marker = f"&marker={listed[-1].id}"

    async def floating_ips(self, *, mark: str = "", address: str = "") -> list[FloatingIP]:
        filters = FLOATING_IP_FIELDS + (f"&description={mark}" if mark else "")
        filters += f"&floating_ip_address={address}" if address else ""
        try:
            return await self._paged("floatingips", list[FloatingIP], filters)
        except Refused as refusal:
            if refusal.status in {403, 404}:  # a policy that gives users none, or a Neutron without its router plugin
                return []
            raise

    async def floating_ip(self, floating_ip_id: str) -> FloatingIP:
        reply = await self._get("network", f"/v2.0/floatingips/{floating_ip_id}")
        return part(reply, "floatingip", FloatingIP)

    async def port(self, port_id: str) -> Port:
        reply = await self._get("network", f"/v2.0/ports/{port_id}")
        return part(reply, "port", Port)

    async def volumes(self, mark: str = "") -> list[Volume]:
        if not self._transport.has(BLOCK_STORAGE) or self._no_volumes:
            return []
        found: list[Volume] = []
        query = f"/v3/{self._project}/volumes/detail?limit={CINDER_PAGE}"
        query += "&metadata=" + quote(str({VOLUME_MARK: mark})) if mark else ""
        marker = ""
        while True:
            page = document(await self._get(BLOCK_STORAGE, query + marker))
            listed = rows(page, "volumes", list[Volume])
            found.extend(listed)
            if not listed or not any(link.get("rel") == "next" for link in page.get("volumes_links", ())):
                # which filters there are says whoever runs the cloud; another one is ignored, and all of them listed
                return [row for row in found if mark in {"", row.mark}]
            marker = f"&marker={listed[-1].id}"

    async def volume(self, volume_id: str) -> Volume:
        reply = await self._get(BLOCK_STORAGE, f"/v3/{self._project}/volumes/{volume_id}")
        return part(reply, "volume", Volume)

    async def send(self, request: Request, seconds: float) -> Reply:
        path = request.path
        if request.service == BLOCK_STORAGE:
            path = path.replace("/v3/", f"/v3/{self._project}/", 1)
        return (
            await self._transport.request(
                request.service, request.method, path, request.body, seconds, revision=request.revision
            )
        )[0]

    async def close(self) -> None:
        await self._transport.close()

    async def _get(self, service: str, path: str) -> Reply:
        return (await self._transport.get(service, path))[0]
