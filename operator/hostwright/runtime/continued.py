"""kopf's way to the API server, on which its first list of a kind is answered with where our own list ended."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import aiohttp

#: Of a collection's path: the resourceVersion at which it was listed, told once; empty: it has to be listed.
Listed = Callable[[str], Awaitable[str]]


async def nothing(collection: str) -> str:  # noqa: ARG001 - as Listed has it
    """Of a process that lists nothing itself."""
    return ""


class Continued:
    """What kopf uses of an aiohttp session; its own sessions are closed by it."""

    def __init__(self, session: aiohttp.ClientSession, server: str, listed: Listed) -> None:
        self._session, self._server, self._listed = session, server.rstrip("/"), listed

    @property
    def headers(self) -> Any:
        return self._session.headers

    @property
    def closed(self) -> bool:
        return self._session.closed

    async def close(self) -> None:
        await self._session.close()

    async def request(self, method: str, url: str, **words: Any) -> "aiohttp.ClientResponse | Nothing":
        """A watch, and a list that is no first one, goes to the API server."""
        address = urlsplit(url.removeprefix(self._server))
        asked = parse_qs(address.query)
        if method.lower() == "get" and not {"watch", "continue"} & asked.keys():
            version = await self._listed(address.path)
            if version:
                return Nothing(version)
        return await self._session.request(method, url, **words)


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
