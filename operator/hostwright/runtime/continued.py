"""kopf's way to the API server: its first list of a kind is where our own list ended, and no echo comes to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec

from hostwright.engine.ports import Key

#: Of a collection's path: the resourceVersion at which it was listed, told once; empty: it has to be listed.
Listed = Callable[[str], Awaitable[str]]
#: Of an object: the resourceVersion that is kept of it; None: there is no such object.
Kept = Callable[[Key], int | None]


async def nothing(collection: str) -> str:  # noqa: ARG001 - as Listed has it
    """Of a process that lists nothing itself."""
    return ""


def nobody(key: Key) -> int | None:  # noqa: ARG001 - as Kept has it
    """Of a process that keeps nothing."""
    return None


class Continued:
    """What kopf uses of an aiohttp session; its own sessions are closed by it."""

    def __init__(self, session: aiohttp.ClientSession, server: str, listed: Listed, kept: Kept) -> None:
        self._session, self._server, self._listed, self._kept = session, server.rstrip("/"), listed, kept
        self._anew: set[str] = set()  # collections that kopf has listed, and not watched since

    @property
    def headers(self) -> Any:
        return self._session.headers

    @property
    def closed(self) -> bool:
        return self._session.closed

    async def close(self) -> None:
        await self._session.close()

    async def request(self, method: str, url: str, **words: Any) -> "aiohttp.ClientResponse | News | Nothing":
        """A watch, and a list that is no first one, goes to the API server."""
        address = urlsplit(url.removeprefix(self._server))
        asked = parse_qs(address.query)
        if method.lower() == "get" and not {"watch", "continue"} & asked.keys():
            version = await self._listed(address.path)
            if version:
                return Nothing(version)
            self._anew.add(address.path)
        response = await self._session.request(method, url, **words)
        if "watch" not in asked or response.status >= 300:  # noqa: PLR2004
            return response
        if address.path in self._anew:  # what it listed, and shows us later, replaces what is kept: the echo mends that
            self._anew.discard(address.path)
            return response
        return News(response, self._kept)


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    resource_version: str = msgspec.field(default="", name="resourceVersion")


class _Object(msgspec.Struct):
    kind: str = ""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Event(msgspec.Struct):
    type: str
    object: _Object


_event = msgspec.json.Decoder(_Event)


class News:
    """A watch's answer, and its content, without what is kept already: the echoes of our own writes, most of all.

    kopf takes each event through a task of its own, and the store would drop it in the end.
    """

    def __init__(self, response: aiohttp.ClientResponse, kept: Kept) -> None:
        self._response, self._kept = response, kept
        self.status, self.content, self.close = response.status, self, response.close

    async def __aenter__(self) -> Self:
        await self._response.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._response.__aexit__(kind, error, trace)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, and what stands behind the last one."""
        rest = b""
        async for data in self._response.content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            news = [line for line in lines if not self._is_kept(line)]
            if news:
                yield b"\n".join([*news, b""])
        yield rest

    def _is_kept(self, line: bytes) -> bool:
        try:
            event = _event.decode(line)
        except msgspec.DecodeError:  # kopf says what is wrong with it
            return False
        metadata, version = event.object.metadata, event.object.metadata.resource_version
        if event.type not in {"ADDED", "MODIFIED"} or not version.isdigit():
            return False
        kept = self._kept(Key(event.object.kind, metadata.namespace, metadata.name))
        return kept is not None and kept >= int(version)


class Nothing:
    """An answered list without objects: all that there is up to its resourceVersion is known."""

    status = 200

    def __init__(self, version: str) -> None:
        self._version = version

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    async def json(self) -> dict[str, Any]:
        return {"items": [], "metadata": {"resourceVersion": self._version}}
