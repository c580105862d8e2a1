"""kopf goes on where our own list ended: it lists nothing at the start, and misses nothing but echoes from then on."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from hostwright.core.names import GROUP, VERSION
from hostwright.engine.first import FirstReading
from hostwright.engine.inbox import Inbox
from hostwright.engine.ports import Body, Key
from hostwright.engine.queue import WorkQueue
from hostwright.engine.store import Store
from hostwright.runtime import hooks
from hostwright.runtime.app import access_of
from hostwright.runtime.cluster import NAMESPACED, PLURALS, KubernetesCluster
from hostwright.runtime.listing import FirstList

HOME = f"/apis/{GROUP}/{VERSION}"
MACHINES = f"{HOME}/virtualmachines"
VERBS = ["get", "list", "watch"]


def _machine(name: str, version: int) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "uid": f"u-{name}", "resourceVersion": str(version)}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "VirtualMachine", "metadata": metadata, "spec": {}}


class Api:
    """Lists what it has; a watch is given the events that were put into its queue."""

    def __init__(self) -> None:
        self.machines = [_machine("a", 5), _machine("b", 6)]
        self.version = 70
        self.lists: Counter[str] = Counter()
        self.since: defaultdict[str, list[str]] = defaultdict(list)  # resourceVersions from which it was watched
        self.events: defaultdict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if "watch" in request.query:
            return await self._watch(request)
        found = _discovery(path)
        if found is None:
            self.lists[path] += 1
            items = self.machines if path == MACHINES else []
            found = {"metadata": {"resourceVersion": str(self.version)}, "items": items}
        return web.json_response(found)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.since[request.path].append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            event = await self.events[request.path].get()
            await response.write(json.dumps(event).encode() + b"\n")
            if event["type"] == "ERROR":
                return response


def _discovery(path: str) -> dict[str, Any] | None:
    version = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
    kinds = [
        {"name": plural, "kind": kind, "singularName": kind.lower(), "namespaced": kind in NAMESPACED, "verbs": VERBS}
        for kind, plural in PLURALS.items()
    ]
    space = {"name": "namespaces", "kind": "Namespace", "singularName": "namespace", "namespaced": False}
    known: dict[str, dict[str, Any]] = {
        "/api": {"versions": ["v1"]},
        "/apis": {"groups": [{"name": GROUP, "versions": [version], "preferredVersion": version}]},
        "/api/v1": {"resources": [{**space, "verbs": VERBS}]},
        HOME: {"resources": kinds},
    }
    return known.get(path)


class Place:
    def __init__(self, api: Api, cluster: KubernetesCluster) -> None:
        self.api, self.cluster, self.store = api, cluster, Store()
        self.inbox = Inbox(self.store, WorkQueue(), FirstReading(lambda _: False))
        self.first = FirstList(cluster, (), self.store, self.inbox)
        self.asked: set[str] = set()  # what kopf wanted to list
        self.shown: list[tuple[str | None, str, str]] = []  # by kopf: event, name, resourceVersion

    def observe(self, key: Key, event: str | None, body: Body) -> None:
        if key.kind == "VirtualMachine":
            self.shown.append((event, key.name, body["metadata"]["resourceVersion"]))
        self.inbox.observe(key, event, body)

    async def listed(self, collection: str) -> str:
        self.asked.add(collection)
        return await self.first.ended(collection)

    def names(self) -> list[str]:
        return sorted(key.name for key in self.store.keys("VirtualMachine"))

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not happened():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def _place(folder: Path) -> AsyncIterator[Place]:
    api = Api()
    app = web.Application()
    app.router.add_get("/{path:.*}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    named = {"name": "it", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}
    config = folder / "kubeconfig"
    context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    users = [{"name": "it", "user": {"token": "t"}}]
    text = {"kind": "Config", "current-context": "it", "contexts": [context], "clusters": [named], "users": users}
    config.write_text(yaml.safe_dump(text))
    cluster = await KubernetesCluster.connect(str(config), "it")
    place, stop = Place(api, cluster), asyncio.Event()

    async def started() -> None:
        """kopf asks at once, and waits."""

    async def access() -> hooks.Access:
        return access_of(await cluster.login())

    bound = hooks.registry(PLURALS, place.observe, started, started, access, place.listed, place.store.version)
    kopf = asyncio.create_task(hooks.run(bound, "it", (), stop))
    try:
        yield place
    finally:
        stop.set()
        await asyncio.wait_for(kopf, 20)
        await cluster.close()
        await runner.cleanup()


async def test_kopf_watches_from_where_our_list_ended_and_sees_what_happened_meanwhile(tmp_path: Path) -> None:
    async with _place(tmp_path) as place:
        api = place.api
        await place.until(lambda: MACHINES in place.asked)
        assert not api.since, "it watches nothing before our list has ended"
        await place.first.make()
        assert place.names() == ["a", "b"]
        api.events[MACHINES].put_nowait({"type": "DELETED", "object": _machine("a", 71)})
        api.events[MACHINES].put_nowait({"type": "ADDED", "object": _machine("c", 72)})
        await place.until(lambda: place.names() == ["b", "c"])
        assert api.since[MACHINES] == ["70"]
        assert api.lists[MACHINES] == 1, "ours alone"
        held = place.store.get(Key("VirtualMachine", "default", "b"))
        assert held is not None
        assert held["kind"] == "VirtualMachine"


async def test_what_kopf_lists_after_a_410_is_the_api_servers_own(tmp_path: Path) -> None:
    async with _place(tmp_path) as place:
        api = place.api
        await place.first.make()
        api.machines.append(_machine("d", 90))
        api.version = 95
        gone = {"kind": "Status", "code": 410, "message": "too old resource version"}
        api.events[MACHINES].put_nowait({"type": "ERROR", "object": gone})
        await place.until(lambda: place.names() == ["a", "b", "d"])
        await place.until(lambda: api.since[MACHINES] == ["70", "95"])
        assert api.lists[MACHINES] == 2


async def test_kopf_is_not_shown_what_is_kept_already(tmp_path: Path) -> None:
    async with _place(tmp_path) as place:
        await place.first.make()
        events = place.api.events[MACHINES]
        events.put_nowait({"type": "MODIFIED", "object": _machine("b", 6)})
        events.put_nowait({"type": "ADDED", "object": _machine("b", 5)})
        events.put_nowait({"type": "MODIFIED", "object": _machine("b", 71)})
        events.put_nowait({"type": "DELETED", "object": _machine("b", 71)})
        events.put_nowait({"type": "ADDED", "object": _machine("b", 73)})
        await place.until(lambda: len(place.shown) >= 3)
        assert place.shown == [("MODIFIED", "b", "71"), ("DELETED", "b", "71"), ("ADDED", "b", "73")]


async def test_after_a_list_of_its_own_kopf_is_shown_the_echo_too(tmp_path: Path) -> None:
    """What it listed may reach the store behind our own later write, and replaces that."""
    async with _place(tmp_path) as place:
        api, events = place.api, place.api.events[MACHINES]
        await place.first.make()
        api.version = 95
        events.put_nowait({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}})
        await place.until(lambda: len(api.since[MACHINES]) == 2)
        place.store.renew(Key("VirtualMachine", "default", "b"), {**_machine("b", 99), "kind": "VirtualMachine"})
        events.put_nowait({"type": "MODIFIED", "object": _machine("b", 99)})
        await place.until(lambda: ("MODIFIED", "b", "99") in place.shown)


async def test_our_calls_go_to_the_api_server_itself_as_kopfs_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each of them waits for two threads, which look for a proxy and for a login in ~/.netrc."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with _place(tmp_path) as place:
        await place.first.make(patience=())
        assert place.names() == ["a", "b"]
