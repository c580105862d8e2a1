"""The commands for tests, on a port of their own: faults, power behind our back, what was asked of a BMC."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from hostwright.sandbox.redfish.bmc import Bmc, Fault, Kind, Line
from hostwright.sandbox.redfish.front import Front

SETTINGS = ("overlay", "password", "session_service", "restart_seconds")
SERVER_SETTINGS = ("power_seconds", "deaf", "cpus", "memory_gib")


class Control:
    """`/bmcs`, `/bmcs/{number}` and what is below it."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_in_words])
        one = "/bmcs/{number:[0-9]+}"
        app.router.add_get("/bmcs", self._all)
        app.router.add_get(one, self._one)
        app.router.add_patch(one, self._settings)
        app.router.add_post(f"{one}/power", self._power)
        app.router.add_post(f"{one}/faults", self._fault)
        app.router.add_delete(f"{one}/faults", self._no_faults)
        app.router.add_delete(f"{one}/sessions", self._no_sessions)
        app.router.add_get(f"{one}/requests", self._requests)
        app.router.add_delete("/requests", self._forget)
        return app

    def _bmc(self, request: web.Request) -> Bmc:
        try:
            return self._front.bmcs[int(request.match_info["number"])]
        except KeyError:
            raise web.HTTPNotFound(text=f"no BMC {request.match_info['number']}") from None

    def _shown(self, bmc: Bmc) -> dict[str, Any]:
        return {
            "number": bmc.number,
            "uuid": bmc.uuid,
            "address": f"https://127.0.0.1:{bmc.port}",
            "line": bmc.line,
            "power": self._front.fleet.power(bmc.uuid),
            "sessions": len(bmc.sessions),
            "inFlight": bmc.in_flight,
            "mostInFlight": bmc.most_in_flight,
            "loginsRefused": bmc.logins_refused,
            "requests": len(bmc.asked),
            "restarts": bmc.restarts,
        }

    async def _all(self, _request: web.Request) -> web.Response:
        return web.json_response([self._shown(bmc) for bmc in self._front.bmcs.values()])

    async def _one(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(self._bmc(request)))

    async def _settings(self, request: web.Request) -> web.Response:
        bmc, wanted = self._bmc(request), await request.json()
        unknown = set(wanted) - {"line", *SETTINGS, *SERVER_SETTINGS}
        if unknown:
            raise ValueError(f"no setting is called {', '.join(sorted(unknown))}")
        for name in SETTINGS:
            if name in wanted:
                setattr(bmc, name, wanted[name])
        changes = {name: wanted[name] for name in SERVER_SETTINGS if name in wanted}
        if changes:
            self._front.fleet.tell(bmc.uuid, **changes)
        if "line" in wanted:
            await self._front.become(bmc, Line(wanted["line"]))
        return web.json_response(self._shown(bmc))

    async def _power(self, request: web.Request) -> web.Response:
        bmc, wanted = self._bmc(request), await request.json()
        if wanted["power"] not in {"On", "Off"}:
            raise ValueError("power is On or Off")
        self._front.fleet.switch(bmc.uuid, wanted["power"])
        return web.json_response(self._shown(bmc))

    async def _fault(self, request: web.Request) -> web.Response:
        bmc, wanted = self._bmc(request), await request.json()
        bmc.faults.append(Fault(**{**wanted, "kind": Kind(wanted["kind"])}))
        return web.json_response(self._shown(bmc), status=201)

    async def _no_faults(self, request: web.Request) -> web.Response:
        self._bmc(request).faults.clear()
        return web.Response(status=204)

    async def _no_sessions(self, request: web.Request) -> web.Response:
        self._bmc(request).sessions.clear()
        return web.Response(status=204)

    async def _requests(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(asked) for asked in self._bmc(request).asked])

    async def _forget(self, _request: web.Request) -> web.Response:
        """What was asked of every BMC until now, and the counts that follow from it."""
        for bmc in self._front.bmcs.values():
            bmc.asked.clear()
            bmc.most_in_flight, bmc.logins_refused, bmc.restarts = bmc.in_flight, 0, 0
        return web.Response(status=204)


@web.middleware
async def _in_words(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except (ValueError, KeyError, TypeError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
    return answer
