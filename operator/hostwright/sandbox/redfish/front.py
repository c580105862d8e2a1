"""What stands before the emulator: a TLS port for each BMC, logins, its own view of the fleet, and the faults.

The emulator itself knows no sessions, no two BMCs and no restart of one; these are added here, and are ours, not
sushy-tools'.
"""

import asyncio
import base64
import binascii
import errno
import json
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from hostwright.sandbox import ports
from hostwright.sandbox.redfish.bmc import Bmc, Fault, Kind, Line, merged
from hostwright.sandbox.redfish.fleet import Answer, Fleet

ROOT = "/redfish/v1"
SESSIONS = f"{ROOT}/SessionService/Sessions"
MANAGER_RESET = "/Actions/Manager.Reset"
#: What may be read without a login (DSP0266 section 13.3).
OPEN = frozenset({"/redfish", ROOT})
#: Threads for the emulator: pure Python, so more would only wait for each other.
THREADS = 4


class Front:
    """All ports on one event loop; the emulator runs beside it in threads."""

    def __init__(self, fleet: Fleet, bmcs: Sequence[Bmc], tls: ssl.SSLContext, changed: Callable[[], None]) -> None:
        self.fleet, self.tls, self._changed = fleet, tls, changed
        self.bmcs = {bmc.number: bmc for bmc in bmcs}
        self._by_port = {bmc.port: bmc for bmc in bmcs}
        self._threads = ThreadPoolExecutor(THREADS)
        self._listening: dict[int, asyncio.Server] = {}
        self._mute: dict[int, set[asyncio.StreamWriter]] = {}
        self._runner: web.ServerRunner | None = None
        self._server: web.Server | None = None

    async def start(self) -> None:
        self._server = web.Server(self.handle, handler_cancellation=True)  # who hangs up has no request in flight
        self._runner = web.ServerRunner(self._server)
        await self._runner.setup()
        for bmc in self.bmcs.values():
            await self._begin(bmc)

    async def _begin(self, bmc: Bmc) -> None:
        """On its port, or on another where somebody took that one meanwhile."""
        while True:
            try:
                return await self._listen(bmc)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            del self._by_port[bmc.port]
            (bmc.port,) = ports.free(1, ports.MANY)
            self._by_port[bmc.port] = bmc

    async def stop(self) -> None:
        for bmc in self.bmcs.values():
            await self._silence(bmc)
        if self._runner is not None:
            await self._runner.cleanup()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def become(self, bmc: Bmc, line: Line) -> None:
        """Its port answers, is mute, or is closed from now on."""
        await self._silence(bmc)
        bmc.line = line
        await self._listen(bmc)

    async def _listen(self, bmc: Bmc) -> None:
        if bmc.line is Line.DEAD:
            held = self._mute.setdefault(bmc.port, set())

            async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                held.add(writer)

            self._listening[bmc.port] = await asyncio.start_server(say_nothing, "127.0.0.1", bmc.port)
        elif bmc.line is Line.WELL and self._server is not None:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(self._server, "127.0.0.1", bmc.port, ssl=self.tls)
            self._listening[bmc.port] = server

    async def _silence(self, bmc: Bmc) -> None:
        listening = self._listening.pop(bmc.port, None)
        if listening is not None:
            listening.close()
        for writer in self._mute.pop(bmc.port, set()):
            writer.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        bmc = self._by_port[request.transport.get_extra_info("sockname")[1]] if request.transport else None
        if bmc is None:
            raise ConnectionResetError("the peer is gone")
        body = await request.read()
        asked = bmc.begin(request.method, request.path, body)
        status: int | None = None
        try:
            answer = await self._answer(bmc, request, body)
            if answer is not None:
                status = answer.status
                headers = {**answer.headers, "OData-Version": "4.0"}
                return web.Response(status=answer.status, headers=headers, body=answer.body)
        finally:
            bmc.end(asked, status)
        if request.transport is not None:
            request.transport.abort()  # the peer sees its connection cut
        return web.Response(status=500)

    async def _answer(self, bmc: Bmc, request: web.BaseRequest, body: bytes) -> Answer | None:
        """None: cut the connection."""
        if bmc.away:
            return None
        fault = bmc.fault(request.method, request.path)
        match fault:
            case Fault(kind=Kind.STATUS):
                return failure(fault.status, "a failure that was asked for")
            case Fault(kind=Kind.REDIRECT):
                return Answer(307, {"Location": fault.location}, b"")
            case Fault(kind=Kind.CUT):
                return None
        answer = await self._served(bmc, request, body)
        match fault:
            case Fault(kind=Kind.SLOW):
                await asyncio.sleep(fault.seconds)
            case Fault(kind=Kind.LOSE_REPLY):
                return None
            case Fault(kind=Kind.GARBAGE):
                return Answer(200, {"Content-Type": "application/json"}, b'<html>not JSON, and {"no": end')
        return answer

    async def _served(self, bmc: Bmc, request: web.BaseRequest, body: bytes) -> Answer:
        path = request.path.rstrip("/")
        if bmc.session_service and request.method == "POST" and path == SESSIONS:
            return _log_in(bmc, body)
        if path not in OPEN and not _admitted(bmc, request):
            return failure(401, "no valid session, and no valid user name with its password")
        if bmc.session_service and path.startswith(f"{ROOT}/SessionService"):
            return _session(bmc, request.method, path)
        if path.startswith(f"{ROOT}/Systems/") and not path.startswith(bmc.system):
            return failure(404, "no such system")
        if request.method == "POST" and path == bmc.manager + MANAGER_RESET:
            bmc.restart()
            return Answer(204, {}, b"")
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, self.fleet.ask, request.method, request.path, body)
        if request.method != "GET":
            self._changed()
            return answer
        return seen(bmc, path, answer)


def _admitted(bmc: Bmc, request: web.BaseRequest) -> bool:
    token = request.headers.get("X-Auth-Token")
    if token is not None:
        return token in bmc.sessions.values()
    scheme, _, code = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return False
    try:
        username, _, password = base64.b64decode(code).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return bmc.knows(username, password)


def _log_in(bmc: Bmc, body: bytes) -> Answer:
    try:
        wanted = json.loads(body)
        made = bmc.log_in(wanted["UserName"], wanted["Password"])
    except (ValueError, KeyError, TypeError):
        return failure(400, "UserName and Password are needed")
    if made is None:
        return failure(401, "the user name and its password do not fit")
    where = f"{SESSIONS}/{made[0]}"
    document = {"@odata.id": where, "@odata.type": "#Session.v1_1_0.Session", "Id": made[0], "Name": "Session"}
    return _document(document, 201, {"X-Auth-Token": made[1], "Location": where})


def _session(bmc: Bmc, method: str, path: str) -> Answer:
    session = path.removeprefix(SESSIONS).strip("/")
    if path == f"{ROOT}/SessionService":
        return _document({"@odata.id": path, "Id": "SessionService", "Sessions": {"@odata.id": SESSIONS}})
    if path == SESSIONS:
        return _document(_collection(path, [f"{SESSIONS}/{each}" for each in bmc.sessions]))
    if session not in bmc.sessions:
        return failure(404, "no such session")
    if method == "DELETE":
        del bmc.sessions[session]
        return Answer(204, {}, b"")
    return _document({"@odata.id": path, "Id": session, "Name": "Session"})


def seen(bmc: Bmc, path: str, answer: Answer) -> Answer:
    """The emulator's document as this one BMC shows it."""
    if answer.status != 200:  # noqa: PLR2004
        return answer
    document: Any = json.loads(answer.body)
    if path == ROOT and bmc.session_service:
        sessions = {"SessionService": {"@odata.id": f"{ROOT}/SessionService"}}
        document = {**document, **sessions, "Links": {"Sessions": {"@odata.id": SESSIONS}}}
    elif path in {f"{ROOT}/Systems", f"{ROOT}/Managers"}:
        document = {**document, **_collection(path, [f"{path}/{bmc.uuid}"])}
    elif path == bmc.system:
        document = {**document, "Model": "Sandbox R1", "SerialNumber": f"SBX{bmc.number:05d}"}
    elif path == bmc.manager:
        reset = {"target": path + MANAGER_RESET, "ResetType@Redfish.AllowableValues": ["GracefulRestart"]}
        document = {**document, "Actions": {"#Manager.Reset": reset}}
    for end, patch in bmc.overlay.items():
        if path.endswith(end):
            document = merged(document, patch)
    return _document(document, 200, answer.headers)


def _collection(path: str, members: Sequence[str]) -> dict[str, Any]:
    shown = [{"@odata.id": member} for member in members]
    return {"@odata.id": path, "Members": shown, "Members@odata.count": len(shown)}


def _document(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {**(headers or {}), "Content-Type": "application/json"}, json.dumps(document).encode())


def failure(status: int, message: str) -> Answer:
    """As DSP0266 section 8.6 writes an error."""
    info = [{"MessageId": "Base.1.0.GeneralError", "Message": message, "Severity": "Critical"}]
    error = {"code": "Base.1.0.GeneralError", "message": message, "@Message.ExtendedInfo": info}
    return _document({"error": error}, status)
