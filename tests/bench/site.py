"""A bare client of the simulated site: what it holds, how it behaves, and machines made past Hostwright."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp


class Site:
    def __init__(self, http: aiohttp.ClientSession, endpoint: str) -> None:
        self._http, self._endpoint = http, endpoint

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body)
        async with self._http.request(method, self._endpoint + path, data=data) as answer:
            answer.raise_for_status()
            said: dict[str, Any] = await answer.json()
            return said

    async def machines(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        page = await self.call("GET", "/v1/machines")
        rows += page["machines"]
        while page["more"]:
            page = await self.call("GET", f"/v1/machines?after={page['more']}")
            rows += page["machines"]
        return rows

    async def create(self, name: str) -> dict[str, Any]:
        """As Hostwright's own call for `machine(name)`, without a mark."""
        request = {
            "name": name,
            "image": "image-tiny",
            "cpu": 1,
            "memoryMiB": 512,
            "hostname": name,
            "interfaces": [{"name": "eth0", "network": "network-app"}],
        }
        return await self.call("POST", "/v1/machines", request)

    async def vanish(self, key: str) -> dict[str, Any]:
        return await self.call("DELETE", f"/control/machines/{key}")


@asynccontextmanager
async def opened(endpoint: str) -> AsyncIterator[Site]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256)) as http:
        yield Site(http, endpoint)
