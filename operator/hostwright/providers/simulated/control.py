"""The control API of a simulated site: what tests and users' CI make go wrong, and what happens behind our back."""

import time
import uuid
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from hostwright.providers.simulated.faults import Fault, Outage
from hostwright.providers.simulated.model import Build
from hostwright.providers.simulated.rows import Catalog, Machine, Refused, Row, State
from hostwright.providers.simulated.site import Service, decode

UNSET = msgspec.UNSET
Unset = msgspec.UnsetType


class Change(Row, frozen=True, kw_only=True):
    """`PATCH /control/settings`: what is named is changed, null takes a quota or token away."""

    latency: float | Unset = UNSET
    token: str | Unset | None = UNSET
    outage: Outage | Unset = UNSET
    build_seconds: float | Unset = UNSET
    power_seconds: float | Unset = UNSET
    delete_seconds: float | Unset = UNSET
    quota_machines: int | Unset | None = UNSET
    quota_cpu: int | Unset | None = msgspec.field(default=UNSET, name="quotaCPU")
    visibility_lag: float | Unset = UNSET
    page_size: int | Unset = UNSET


class Tampering(Row, frozen=True, kw_only=True):
    """`PATCH /control/machines/{id or name}`: an entry that is null is removed, all others stay."""

    powered_on: bool | Unset = UNSET
    state: State | Unset = UNSET
    message: str | Unset = UNSET
    mark: str | Unset = UNSET
    tags: dict[str, str | None] = msgspec.field(default_factory=dict)
    metadata: dict[str, str | None] = msgspec.field(default_factory=dict)


class Builds(Row, frozen=True, kw_only=True):
    """`POST /control/builds`: the outcome of the next `count` creations."""

    count: int = 1
    hang: bool = False
    message: str = "the build failed"


class Identity(Row, frozen=True, kw_only=True):
    """`POST /control/identity`: the address leads to another site from now on."""

    site: str = ""


class Standing(Row, frozen=True, kw_only=True):
    """`GET /control`."""

    site: str
    machines: int
    revision: int
    latency: float
    outage: Outage
    calls: dict[str, int]  # by verb, since the start
    faults: tuple[Fault, ...]  # still to come


class Control:
    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        handled = [
            (web.get, "/control", self._show),
            (web.patch, "/control/settings", self._settings),
            (web.post, "/control/faults", self._add_fault),
            (web.delete, "/control/faults", self._clear_faults),
            (web.post, "/control/builds", self._builds),
            (web.post, "/control/identity", self._identity),
            (web.put, "/control/catalog", self._catalog),
            (web.patch, "/control/machines/{key}", self._tamper),
            (web.delete, "/control/machines/{key}", self._vanish),
        ]
        return [method(path, self._handler(answer)) for method, path, answer in handled]

    def _handler(
        self, answer: Callable[[web.Request, bytes], msgspec.Struct]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            status = 200
            try:
                said = answer(request, body)
            except Refused as refusal:
                status, said = refusal.status, refusal.problem
            self._service.write()
            return web.Response(status=status, body=msgspec.json.encode(said), content_type="application/json")

        return handle

    def _show(self, _: web.Request, __: bytes) -> msgspec.Struct:
        model, behaviour = self._service.model, self._service.behaviour
        info = model.info(time.time())
        return Standing(
            site=info.id,
            machines=len(model.machines),
            revision=info.revision,
            latency=behaviour.latency,
            outage=behaviour.outage,
            calls=dict(self._service.calls),
            faults=tuple(msgspec.structs.replace(fault, count=left) for fault, left in self._service.faults.waiting()),
        )

    def _settings(self, request: web.Request, body: bytes) -> msgspec.Struct:
        change, model, behaviour = decode(body, Change), self._service.model, self._service.behaviour
        asked = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
        if "token" in asked:
            asked["token"] = asked["token"] or ""
        own = {name: asked.pop(name) for name in ("latency", "token") if name in asked}
        for name, value in own.items():
            setattr(behaviour, name, value)
        if "outage" in asked:
            self._service.set_outage(asked.pop("outage"))
        model.settings = msgspec.structs.replace(model.settings, **asked)
        return self._show(request, body)

    def _add_fault(self, request: web.Request, body: bytes) -> msgspec.Struct:
        self._service.faults.add(decode(body, Fault))
        return self._show(request, body)

    def _clear_faults(self, request: web.Request, body: bytes) -> msgspec.Struct:
        self._service.faults.clear()
        self._service.model.builds.clear()
        return self._show(request, body)

    def _builds(self, request: web.Request, body: bytes) -> msgspec.Struct:
        builds = decode(body, Builds)
        self._service.model.builds.extend([Build(hang=builds.hang, message=builds.message)] * builds.count)
        return self._show(request, body)

    def _identity(self, request: web.Request, body: bytes) -> msgspec.Struct:
        self._service.model.site = decode(body, Identity).site or str(uuid.uuid4())
        self._service.state.save_facts(self._service.model)
        return self._show(request, body)

    def _catalog(self, _: web.Request, body: bytes) -> msgspec.Struct:
        self._service.model.catalog = decode(body, Catalog)
        self._service.state.save_facts(self._service.model)
        return self._service.model.catalog

    def _tamper(self, request: web.Request, body: bytes) -> Machine:
        asked, model, now = decode(body, Tampering), self._service.model, time.time()
        machine = model.get(now, request.match_info["key"])
        changes = {
            name: value
            for name in ("powered_on", "state", "message", "mark")
            if (value := getattr(asked, name)) is not UNSET
        }
        if asked.tags:
            changes["tags"] = _edited(machine.tags, asked.tags)
        if asked.metadata:
            changes["metadata"] = _edited(machine.metadata, asked.metadata)
        return model.tamper(now, machine.id, **changes)

    def _vanish(self, request: web.Request, body: bytes) -> msgspec.Struct:
        self._service.model.vanish(time.time(), request.match_info["key"])
        return self._show(request, body)


def _edited(before: dict[str, str], edits: dict[str, str | None]) -> dict[str, str]:
    after = {**before, **{key: value for key, value in edits.items() if value is not None}}
    return {key: value for key, value in after.items() if key not in edits or edits[key] is not None}
