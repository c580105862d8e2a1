"""The simulated site behind HTTP: the model, made durable, with the delays and faults that were asked for."""

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from hostwright.providers.simulated.faults import Fault, Faults, Kind, Outage
from hostwright.providers.simulated.model import PAGE, Model
from hostwright.providers.simulated.rows import (
    Code,
    Entry,
    Hardware,
    Machine,
    MachineRequest,
    Owner,
    Page,
    Problem,
    Refused,
    Remake,
    Table,
    refused,
)
from hostwright.providers.simulated.state import StateFile

#: Every answer of the machine API names the site, so that a client notices when it talks to another one.
SITE_HEADER = "X-Site"
BODY_LIMIT = 1 << 20

T = TypeVar("T")
Answer = Callable[[web.Request, float], Awaitable[msgspec.Struct]]


class Behaviour(msgspec.Struct):
    """What is not the model's: how answers travel, and who may ask."""

    latency: float = 0.05
    token: str = ""
    outage: Outage = Outage.OFF


class Service:
    """The machine API. Each call is one step of the model at one moment, in the file before it is answered."""

    def __init__(self, model: Model, state: StateFile, behaviour: Behaviour) -> None:
        self.model = model
        self.state = state
        self.behaviour = behaviour
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self._resumed = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        actions = {
            "start": lambda _, key, now: self.model.start(now, key),
            "stop": lambda _, key, now: self.model.stop(now, key),
            "resize": lambda body, key, now: self.model.resize(now, key, decode(body, Hardware)),
            "rebuild": lambda body, key, now: self.model.rebuild(now, key, decode(body, Remake)),
            "delete": lambda _, key, now: self.model.delete(now, key),
            "set-mark": lambda body, key, now: self.model.set_mark(now, key, decode(body, Owner)),
            "remove-mark": lambda _, key, now: self.model.remove_mark(now, key),
            "set-tag": lambda body, key, now: self.model.set_entry(now, key, Table.TAGS, _entry(body)),
            "remove-tag": lambda body, key, now: self.model.remove_entry(now, key, Table.TAGS, _entry(body)),
            "set-metadata": lambda body, key, now: self.model.set_entry(now, key, Table.METADATA, _entry(body)),
            "remove-metadata": lambda body, key, now: self.model.remove_entry(now, key, Table.METADATA, _entry(body)),
        }
        return [
            web.get("/healthz", _healthz),
            web.get("/v1/site", self._handler("site", self._site)),
            web.get("/v1/catalog", self._handler("catalog", self._catalog)),
            web.get("/v1/machines", self._handler("list", self._list)),
            web.get("/v1/machines/{key}", self._handler("get", self._get)),
            web.post("/v1/machines", self._handler("create", self._create)),
            *(
                web.post(f"/v1/machines/{{key}}/{verb}", self._handler(verb, self._act(action)))
                for verb, action in actions.items()
            ),
        ]

    def set_outage(self, outage: Outage) -> None:
        self.behaviour.outage = outage
        if outage is Outage.HANG:
            self._resumed.clear()
        else:
            self._resumed.set()

    def write(self) -> None:
        """Make durable what the model did."""
        self.state.save(self.model)

    async def _site(self, _: web.Request, now: float) -> msgspec.Struct:
        return self.model.info(now)

    async def _catalog(self, _: web.Request, __: float) -> msgspec.Struct:
        return self.model.catalog

    async def _list(self, request: web.Request, now: float) -> msgspec.Struct:
        query = request.query
        try:
            since = int(query["since"]) if "since" in query else None
            after, limit = int(query.get("after", "0")), int(query.get("limit", str(PAGE)))
        except ValueError as error:
            raise refused(400, Code.INVALID, "since, after and limit are numbers") from error
        return self.model.page(now, since=since, after=after, limit=limit, mark=query.get("mark"))

    async def _get(self, request: web.Request, now: float) -> msgspec.Struct:
        return self.model.get(now, request.match_info["key"])

    async def _create(self, request: web.Request, now: float) -> msgspec.Struct:
        return self.model.create(now, decode(await request.read(), MachineRequest))

    def _act(self, action: Callable[[bytes, str, float], Machine]) -> Answer:
        async def act(request: web.Request, now: float) -> msgspec.Struct:
            return action(await request.read(), request.match_info["key"], now)

        return act

    def _handler(self, verb: str, answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.calls[verb] += 1
            await request.read()  # whole before the moment of the call, so that a call is one step
            await asyncio.sleep(self.behaviour.latency)
            fault = self._fault(verb)
            try:
                await self._before(request, fault)
                body = await answer(request, time.time())
            except Refused as refusal:
                self.write()
                return self._refusal(refusal)
            self.write()
            return await self._after(request, fault, body)

        return handle

    def _fault(self, verb: str) -> Fault | None:
        match self.behaviour.outage:
            case Outage.OFF:
                return self.faults.take(verb)
            case Outage.ERROR:
                return Fault(kind=Kind.REFUSE, status=503, message="the site is out of service")
            case Outage.CUT:
                return Fault(kind=Kind.CUT)
            case Outage.HANG:
                return Fault(kind=Kind.CUT, seconds=float("inf"))

    async def _before(self, request: web.Request, fault: Fault | None) -> None:
        if fault is not None and fault.kind is Kind.CUT:
            if fault.seconds == float("inf"):
                await self._resumed.wait()
            cut(request)
            raise refused(500, Code.FAILED, "cut")
        if fault is not None and fault.kind is Kind.REFUSE:
            problem = Problem(code=fault.code, message=fault.message)
            raise Refused(fault.status, problem, fault.retry_after)
        token = self.behaviour.token
        if token and not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {token}"):
            raise refused(401, Code.UNAUTHORIZED, "the token is missing or not the site's")

    async def _after(self, request: web.Request, fault: Fault | None, body: msgspec.Struct) -> web.StreamResponse:
        match fault:
            case Fault(kind=Kind.LOSE_REPLY):
                cut(request)
            case Fault(kind=Kind.APPLY_THEN_FAIL):
                return self._refusal(Refused(fault.status, Problem(code=fault.code, message=fault.message)))
            case Fault(kind=Kind.DELAY):
                await asyncio.sleep(fault.seconds)
            case Fault(kind=Kind.TRUNCATE) if isinstance(body, Page):
                body = msgspec.structs.replace(body, machines=body.machines[: len(body.machines) // 2], more=0)
        return self._answer(200, body)

    def _refusal(self, refusal: Refused) -> web.Response:
        answer = self._answer(refusal.status, refusal.problem)
        if refusal.retry_after is not None:
            answer.headers["Retry-After"] = f"{refusal.retry_after:g}"
        return answer

    def _answer(self, status: int, body: msgspec.Struct) -> web.Response:
        headers = {SITE_HEADER: self.model.site}
        return web.Response(
            status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers
        )


def decode(body: bytes, kind: type[T]) -> T:
    """Raises Refused."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise refused(400, Code.INVALID, f"the body is not a {kind.__name__}: {error}") from error


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _entry(body: bytes) -> Entry:
    return decode(body, Entry)


def cut(request: web.Request) -> None:
    """End the connection without another byte."""
    if request.transport is not None:
        request.transport.abort()
