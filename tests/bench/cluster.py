"""A bare client of the sandbox's API server, and a board of what a watch has shown and when."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import load_config

MACHINES = "/apis/compute.hostwright.dev/v1alpha1/namespaces/default/virtualmachines"
Body = dict[str, Any]
Tell = Callable[[str], None]


class Cluster:
    """aiohttp and nothing else between us and the API server."""

    def __init__(self, http: aiohttp.ClientSession, server: str) -> None:
        self._http, self._server = http, server

    async def call(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Body:
        headers = {"Content-Type": content}
        data = None if body is None else json.dumps(body)
        async with self._http.request(method, self._server + path, data=data, headers=headers) as answer:
            answer.raise_for_status()
            said: Body = await answer.json()
            return said

    async def create(self, body: Body, path: str = MACHINES) -> Body:
        return await self.call("POST", path, body)

    async def merge(self, path: str, patch: Body) -> Body:
        return await self.call("PATCH", path, patch, "application/merge-patch+json")

    async def delete(self, name: str, path: str = MACHINES) -> Body:
        return await self.call("DELETE", f"{path}/{name}")

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """Of a watch, until it is cut."""
        forever = aiohttp.ClientTimeout(total=None, sock_read=None)
        async with self._http.get(self._server + path, timeout=forever) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                yield line


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[Cluster]:
    found = Configuration()
    await load_config(config_file=str(kubeconfig), client_configuration=found)
    context = ssl.create_default_context(cafile=found.ssl_ca_cert)
    context.load_cert_chain(found.cert_file, found.key_file)
    connector = aiohttp.TCPConnector(ssl=context, limit=128)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=1 << 20) as http:
        yield Cluster(http, found.host)


class Board:
    """The machines as one watch shows them."""

    def __init__(self, is_ready: Callable[[Body], bool]) -> None:
        self._is_ready = is_ready
        self.bodies: dict[str, Body] = {}
        self.added: dict[str, float] = {}  # when the watch delivered it first
        self.ready: dict[str, float] = {}  # when it was first Ready at its generation
        self.listeners: list[Callable[[float, Body], None]] = []
        self.watch: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    def take(self, at: float, kind: str, body: Body) -> None:
        name = body["metadata"]["name"]
        if kind == "DELETED":
            self.bodies.pop(name, None)
        else:
            self.bodies[name] = body
            self.added.setdefault(name, at)
            if name not in self.ready and self._is_ready(body):
                self.ready[name] = at
        for listener in self.listeners:
            listener(at, body)
        self.moved()

    def moved(self) -> None:
        self._moved.set()

    async def until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        """Looks again whenever something moved."""
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    if self.watch is not None and self.watch.done():
                        await self.watch  # raises what ended it
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            raise RuntimeError(f"{what}: not within {seconds:.0f} s") from error

    async def all_ready(self, names: Iterable[str], seconds: float, tell: Tell = print) -> None:
        left, told = set(names), 0.0

        def done() -> bool:
            nonlocal told
            left.difference_update([name for name in left if name in self.ready])
            if left and time.monotonic() - told > 5:
                told = time.monotonic()
                tell(f"waiting for {len(left)} machines to be Ready")
            return not left

        await self.until(done, seconds, f"{len(left)} machines Ready")


def is_ready(body: Body) -> bool:
    status = body.get("status") or {}
    fresh = status.get("observedGeneration") == body["metadata"]["generation"]
    return fresh and any(row["type"] == "Ready" and row["status"] == "True" for row in status.get("conditions") or ())


@asynccontextmanager
async def watching(
    cluster: Cluster, path: str = MACHINES, is_ready: Callable[[Body], bool] = is_ready
) -> AsyncIterator[Board]:
    """A board from now on; whoever waits for it learns of a watch that failed."""
    board = Board(is_ready)
    listed = await cluster.call("GET", path)
    for body in listed["items"]:
        board.take(time.time(), "ADDED", body)
    version = listed["metadata"]["resourceVersion"]

    async def watch(since: str) -> None:
        while True:  # the API server ends a watch whose client fell behind: it goes on where it was
            async for line in cluster.lines(f"{path}?watch=1&resourceVersion={since}"):
                at, event = time.time(), json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"the watch failed: {event['object']}")
                since = event["object"]["metadata"]["resourceVersion"]
                board.take(at, event["type"], event["object"])

    board.watch = asyncio.create_task(watch(version), name="bench watch")
    board.watch.add_done_callback(lambda _: board.moved())
    try:
        yield board
    finally:
        board.watch.cancel()
        await asyncio.gather(board.watch, return_exceptions=True)


async def many(work: Callable[[str], Any], names: Iterable[str], at_once: int) -> None:
    """The work for each name, so many at a time."""
    left = iter(list(names))

    async def lane() -> None:
        for name in left:
            await work(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(lane())
