"""An API server's answers for more objects than one machine's etcd would hold beside all else: lists, watches, patches.

It keeps no rules: what it is filled with comes from a real API server. Each write is counted, and each watch told.
"""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from tests.engine.apiserver import merged

from hostwright.core.names import GROUP, VERSION
from hostwright.runtime.cluster import NAMESPACED, PLURALS

Body = dict[str, Any]
HOME = f"/apis/{GROUP}/{VERSION}"
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
NAMESPACE = {"name": "namespaces", "kind": "Namespace", "singularName": "namespace", "namespaced": False}


@dataclass(eq=False)
class Plenty:
    """Objects by their path, as JSON; the path of a collection is what stands before the last `/`."""

    objects: dict[str, bytes] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)  # by path
    version: int = 1_000_000
    _watches: dict[str, set[asyncio.Queue[bytes]]] = field(default_factory=dict)

    def get(self, path: str) -> Body | None:
        text = self.objects.get(path)
        return None if text is None else json.loads(text)

    def put(self, path: str, body: Body) -> Body:
        """Created or replaced, and shown to whoever watches."""
        self.version += 1
        kind = "MODIFIED" if path in self.objects else "ADDED"
        body["metadata"]["resourceVersion"] = str(self.version)
        body["metadata"].setdefault("uid", str(uuid.uuid4()))
        self.objects[path] = json.dumps(body, separators=(",", ":")).encode()
        event = b'{"type":"%b","object":%b}\n' % (kind.encode(), self.objects[path])
        for queue in self._watches.get(_plural(path), ()):
            queue.put_nowait(event)
        return body

    def fill(self, path: str, body: Body) -> None:
        """As `put` where nobody watches."""
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.objects[path] = json.dumps(body, separators=(",", ":")).encode()

    # -- what is asked of it

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path, method = request.path, request.method
        if method == "GET":
            found = _discovery(path)
            if found is not None:
                return web.json_response(found)
            if "watch" in request.query:
                return await self._watch(request)
            if path in self.objects:
                return _json(self.objects[path])
            if path.rpartition("/")[2] in {*PLURALS.values(), "namespaces"}:
                return self._list(request)
            return web.json_response({"message": f"{path} not found"}, status=404)
        body = await request.json()
        self.writes[path] += 1
        if method == "PATCH":
            return self._patched(path, body)
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
        return web.json_response(self.put(path, body), status=201 if method == "POST" else 200)

    def _patched(self, path: str, patch: Body) -> web.Response:
        path = path.removesuffix("/status")
        body = self.get(path)
        if body is None:
            return web.json_response({"message": f"{path} not found"}, status=404)
        if patch["metadata"].get("resourceVersion") not in {None, body["metadata"]["resourceVersion"]}:
            return web.json_response({"message": "the object has been modified"}, status=409)
        return web.json_response(self.put(path, merged(body, patch)))

    def _list(self, request: web.Request) -> web.Response:
        plural, limit = _plural(request.path + "/"), int(request.query.get("limit", "1000000"))
        start = int(request.query.get("continue") or 0)
        paths = [path for path in self.objects if _plural(path) == plural]
        page = paths[start : start + limit]
        rows = [self.objects[path] for path in page]
        if "PartialObjectMetadataList" in request.headers.get("Accept", ""):
            rows = [json.dumps({"metadata": json.loads(row)["metadata"]}).encode() for row in rows]
        more = str(start + limit) if start + limit < len(paths) else ""
        metadata = json.dumps({"resourceVersion": str(self.version), "continue": more}).encode()
        return _json(b'{"metadata":%b,"items":[%b]}' % (metadata, b",".join(rows)))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        watches = self._watches.setdefault(_plural(request.path + "/"), set())
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        watches.add(queue)
        try:
            while True:
                await response.write(await queue.get())
        except ConnectionResetError:  # who watched was killed
            return response
        finally:
            watches.discard(queue)


def _plural(path: str) -> str:
    return path.split("/")[-2]


def _json(text: bytes) -> web.Response:
    return web.Response(body=text, content_type="application/json")


def _discovery(path: str) -> Body | None:
    version = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
    match path:
        case "/api":
            return {"versions": ["v1"]}
        case "/apis":
            return {"groups": [{"name": GROUP, "versions": [version], "preferredVersion": version}]}
        case "/api/v1":
            return {"resources": [{**NAMESPACE, "verbs": VERBS}]}
        case _ if path == HOME:
            kinds = [
                {"name": plural, "kind": kind, "singularName": kind.lower(), "namespaced": kind in NAMESPACED}
                for kind, plural in PLURALS.items()
            ]
            return {"resources": [{**kind, "verbs": VERBS} for kind in kinds]}
    return None


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    """The address at which they are served."""
    app = web.Application(client_max_size=1 << 24)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
