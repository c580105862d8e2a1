"""The HTTP client of a simulated site: login, timeouts, frozen rows; the provider's only I/O."""

import asyncio
from http import HTTPStatus
from typing import Protocol, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec

from hostwright.providers.simulated.rows import (
    Catalog,
    Entry,
    Hardware,
    Machine,
    MachineRequest,
    Owner,
    Page,
    Problem,
    Refused,
    Remake,
    Site,
    Table,
)

T = TypeVar("T")

READ_SECONDS = 20.0
CONNECT_SECONDS = 5.0
#: Connections kept to one site; the engine's own limit is lower by default.
CONNECTIONS = 256
SITE_HEADER = "X-Site"
_ENTRY = {Table.TAGS: "tag", Table.METADATA: "metadata"}


class NotSent(Exception):  # noqa: N818 - what happened, not an error of ours
    """No connection: nothing reached the site."""


class Unanswered(Exception):  # noqa: N818 - what happened, not an error of ours
    """The request may have reached the site; no whole answer came back."""


class Elsewhere(Exception):  # noqa: N818 - what happened, not an error of ours
    """Another site answered than the one this client first spoke to: nothing it says counts for our machines."""


class Client(Protocol):
    """One request each, never repeated. Raises Refused, NotSent, Unanswered, Elsewhere."""

    async def site(self) -> Site: ...

    async def catalog(self) -> Catalog: ...

    async def page(
        self, *, since: int | None = None, after: int = 0, limit: int = 500, mark: str | None = None
    ) -> Page: ...

    async def machine(self, machine_id: str) -> Machine: ...

    async def create(self, request: MachineRequest) -> Machine: ...

    async def start(self, machine_id: str) -> Machine: ...

    async def stop(self, machine_id: str) -> Machine: ...

    async def resize(self, machine_id: str, size: Hardware) -> Machine: ...

    async def rebuild(self, machine_id: str, remake: Remake) -> Machine: ...

    async def set_entry(self, machine_id: str, table: Table, entry: Entry) -> Machine: ...

    async def remove_entry(self, machine_id: str, table: Table, key: str) -> Machine: ...

    async def set_mark(self, machine_id: str, owner: Owner) -> Machine: ...

    async def remove_mark(self, machine_id: str) -> Machine: ...

    async def delete(self, machine_id: str) -> Machine: ...

    async def close(self) -> None: ...


class HttpClient:
    """Every write is a POST: aiohttp repeats PUT and DELETE by itself when a kept connection breaks, POST never."""

    def __init__(self, endpoint: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._base = endpoint.rstrip("/") + "/v1"
        self._site = ""
        self._http = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            raise_for_status=False,
        )

    async def site(self) -> Site:
        """Who answers now; the first answer is the site that all others are held to."""
        site = await self._read("/site", Site, any_site=True)
        self._site = self._site or site.id
        return site

    async def catalog(self) -> Catalog:
        return await self._read("/catalog", Catalog)

    async def page(
        self, *, since: int | None = None, after: int = 0, limit: int = 500, mark: str | None = None
    ) -> Page:
        asked = {"since": since, "after": after or None, "limit": limit, "mark": mark}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return await self._read(f"/machines?{query}", Page)

    async def machine(self, machine_id: str) -> Machine:
        return await self._read(f"/machines/{quote(machine_id, safe='')}", Machine)

    async def create(self, request: MachineRequest) -> Machine:
        return await self._request("POST", "/machines", Machine, msgspec.json.encode(request))

    async def start(self, machine_id: str) -> Machine:
        return await self._act(machine_id, "start")

    async def stop(self, machine_id: str) -> Machine:
        return await self._act(machine_id, "stop")

    async def resize(self, machine_id: str, size: Hardware) -> Machine:
        return await self._act(machine_id, "resize", msgspec.json.encode(size))

    async def rebuild(self, machine_id: str, remake: Remake) -> Machine:
        return await self._act(machine_id, "rebuild", msgspec.json.encode(remake))

    async def set_entry(self, machine_id: str, table: Table, entry: Entry) -> Machine:
        return await self._act(machine_id, f"set-{_ENTRY[table]}", msgspec.json.encode(entry))

    async def remove_entry(self, machine_id: str, table: Table, key: str) -> Machine:
        return await self._act(machine_id, f"remove-{_ENTRY[table]}", msgspec.json.encode(Entry(key=key)))

    async def set_mark(self, machine_id: str, owner: Owner) -> Machine:
        return await self._act(machine_id, "set-mark", msgspec.json.encode(owner))

    async def remove_mark(self, machine_id: str) -> Machine:
        return await self._act(machine_id, "remove-mark")

    async def delete(self, machine_id: str) -> Machine:
        return await self._act(machine_id, "delete")

    async def close(self) -> None:
        await self._http.close()

    async def _act(self, machine_id: str, action: str, body: bytes = b"") -> Machine:
        return await self._request("POST", f"/machines/{quote(machine_id, safe='')}/{action}", Machine, body)

    async def _read(self, path: str, kind: type[T], *, any_site: bool = False) -> T:
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._request("GET", path, kind, any_site=any_site)
        except TimeoutError as error:
            raise Unanswered(f"no answer within {READ_SECONDS:g} s") from error

    async def _request(
        self, method: str, path: str, kind: type[T], body: bytes | None = None, *, any_site: bool = False
    ) -> T:
        try:
            async with self._http.request(method, self._base + path, data=body) as reply:
                content = await reply.read()
        except aiohttp.ClientConnectorError as error:
            raise NotSent(f"cannot connect: {error.os_error.strerror or error}") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise NotSent(f"cannot connect within {CONNECT_SECONDS:g} s") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unanswered(f"the connection ended before the answer: {type(error).__name__}") from error
        site = reply.headers.get(SITE_HEADER, "")
        if self._site and site and site != self._site and not any_site:
            raise Elsewhere(f"site {site} answers, not {self._site}")
        if reply.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _refusal(reply.status, content, reply.headers.get("Retry-After"))
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Unanswered(f"the answer is not a {kind.__name__}: {error}") from error


def _refusal(status: int, content: bytes, retry_after: str | None) -> Refused:
    """What is not the site's own words came from something in between, such as a proxy."""
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except (msgspec.DecodeError, msgspec.ValidationError):
        problem = Problem(code="", message=content[:200].decode(errors="replace"))
    try:
        seconds = float(retry_after) if retry_after else None
    except ValueError:  # an HTTP date: the endpoint pauses for as long as we choose
        seconds = None
    return Refused(status, problem, seconds)
