"""A reverse proxy between the operator and all it speaks to; each request that changes something may meet a fault."""

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from tests.faults.calls import KUBE, Asked
from tests.faults.plan import Fault, Strike
from tests.faults.stage import Stage
from yarl import URL

#: Seconds for which everybody reads what was before a change; the operators' visibility lag is as long.
STALE = 3.0
#: A request that its sender gave up arrives this much later, in seconds: within the visibility lag.
LATE = 0.5
#: No caller of ours waits for longer, in seconds.
PATIENCE = 90.0
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "host"})


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Side:
    """One server that stands behind a port of ours."""

    name: str
    upstream: str
    tls: ssl.SSLContext | None = None
    read: dict[str, Answer] = field(default_factory=dict)  # the last answer of each read
    before: dict[str, Answer] = field(default_factory=dict)  # those from before a change
    stale_until: float = 0.0

    def freeze(self) -> None:
        """From now on everybody reads what was."""
        if time.monotonic() > self.stale_until:
            self.before = dict(self.read)
        self.stale_until = time.monotonic() + STALE

    @property
    def stale(self) -> bool:
        return time.monotonic() < self.stale_until


class Proxy:
    """All ports on one event loop, in a thread of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._thread.start()
        self._http: aiohttp.ClientSession | None = None
        self._runners: list[web.ServerRunner] = []

    def open(self, side: Side, served: ssl.SSLContext | None = None) -> int:
        """The port behind which it stands."""
        return asyncio.run_coroutine_threadsafe(self._open(side, served), self._loop).result(20)

    async def _open(self, side: Side, served: ssl.SSLContext | None) -> int:
        if self._http is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=5)
            timeout = aiohttp.ClientTimeout(total=None)
            self._http = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(side, request)

        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.2)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served)
        await site.start()
        return int(runner.addresses[0][1])

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _handle(self, side: Side, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(side.name, request.method, request.path_qs, body, request.headers.get("Content-Type", ""))
        if asked.watches:
            return await self._watched(side, asked, request)
        # in a thread: whose request it is may have to be asked at the backend
        subject, strike = await asyncio.to_thread(self.stage.meet, asked)
        try:
            if strike is not None:
                answer = await self._struck(side, asked, request, strike)
            else:
                answer = await self._plain(side, asked, request)
        except aiohttp.ClientError:
            answer = None
        finally:
            if strike is not None:
                strike.done.set()
        if answer is None:
            return _cut(request)
        self.stage.answered(asked, subject, answer.status, answer.body)
        return web.Response(status=answer.status, headers=list(answer.headers), body=answer.body)

    async def _plain(self, side: Side, asked: Asked, request: web.BaseRequest) -> Answer:
        if not asked.reads or side.name == KUBE:  # a GET there is a consistent read; its watches may lag
            return await self._pass_on(side, asked, request)
        if asked.waits:
            answer = await self._pass_on(side, asked, request)
            while side.stale:
                await asyncio.sleep(0.05)
            return answer
        if side.stale and asked.same in side.before:
            return side.before[asked.same]
        answer = await self._pass_on(side, asked, request)
        side.read[asked.same] = answer
        return answer

    async def _struck(self, side: Side, asked: Asked, request: web.BaseRequest, strike: Strike) -> Answer | None:
        """None: the connection is cut."""
        fault, answer = strike.plan.fault, None
        if fault is Fault.STALE:
            side.freeze()
        if fault not in {Fault.KILLED_BEFORE, Fault.DELAYED}:
            answer = await self._pass_on(side, asked, request)
            self.stage.answered(asked, strike.subject, answer.status, answer.body)
        strike.since, strike.held = time.monotonic(), True
        strike.met.set()
        if fault in {Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.DELAYED}:
            await _given_up(request)
            strike.held = False
        if fault is Fault.DELAYED:
            await asyncio.sleep(LATE)
            late = await self._pass_on(side, asked, request)
            self.stage.answered(asked, strike.subject, late.status, late.body)
        if fault is Fault.ERROR:
            return Answer(503, (("Content-Type", "text/plain"),), b"a fault that was asked for")
        return answer if fault is Fault.STALE else None

    async def _pass_on(self, side: Side, asked: Asked, request: web.BaseRequest) -> Answer:
        async with self._send(side, asked, request) as reply:
            content = await reply.read()
            return Answer(reply.status, _headers(reply), content)

    def _send(self, side: Side, asked: Asked, request: web.BaseRequest) -> "aiohttp.client._RequestContextManager":
        assert self._http is not None
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP]
        return self._http.request(
            asked.method,
            URL(side.upstream + asked.path, encoded=True),
            headers=headers,
            data=asked.body or None,
            ssl=side.tls if side.tls is not None else True,
            allow_redirects=False,
            skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),  # as it came, nothing more
        )

    async def _watched(self, side: Side, asked: Asked, request: web.BaseRequest) -> web.StreamResponse:
        """As it comes, but for a while nothing comes where a stale read is asked for."""
        async with self._send(side, asked, request) as reply:
            response = web.StreamResponse(status=reply.status, headers=list(_headers(reply)))
            await response.prepare(request)
            while not _gone(request):
                try:
                    async with asyncio.timeout(1):
                        chunk = await reply.content.readany()
                except TimeoutError:
                    continue
                while side.stale:
                    await asyncio.sleep(0.05)
                if _gone(request):
                    break
                if not chunk:
                    await response.write_eof()
                    break
                await response.write(chunk)
            return response


def _headers(reply: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in reply.headers.items() if name.lower() not in HOP)


async def _given_up(request: web.BaseRequest) -> None:
    """Until its sender is gone: killed, or at the end of its patience."""
    deadline = time.monotonic() + PATIENCE
    while not _gone(request) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)


def _gone(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cut(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


@contextmanager
def proxy(stage: Stage) -> Iterator[Proxy]:
    made = Proxy(stage)
    try:
        yield made
    finally:
        made.close()
