"""An OpenStack of one process behind real HTTP: Keystone's logins, and whatever else a test answers."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USER, PROJECT = "u1", "p1"
ALL = ("compute", "network", "image", "identity")


@dataclass
class Site:
    """`answer(method, path)` → (status, body). A token that is not the newest is refused with 401."""

    answer: Callable[[str, str], tuple[int, Any]] = lambda method, path: (200, {"servers": []})
    url: str = ""
    place: str = ""  # where the catalog leads to Nova, if not here
    services: tuple[str, ...] = ALL
    logins: int = 0
    requests: list[str] = field(default_factory=list)
    refuse: bool = False  # logins
    hold: threading.Event = field(default_factory=threading.Event)  # logins wait until it is set
    drops: int = 0  # so many requests are cut off before an answer
    connections: int = 0
    credential: dict[str, Any] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.hold.set()

    @property
    def auth(self) -> dict[str, str]:
        return {
            "auth_url": f"{self.url}/v3",
            "username": "demo",
            "password": "hunter2",
            "project_name": "demo",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }

    def token(self) -> dict[str, Any]:
        endpoint = {"interface": "public", "region": "R", "region_id": "R", "url": self.url, "id": "e"}
        moved = {**endpoint, "url": self.place or self.url}
        at = {"compute": moved}
        token = {
            "methods": ["password"],
            "user": {"id": USER, "name": "demo", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": PROJECT, "name": "demo", "domain": {"id": "default", "name": "Default"}},
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "catalog": [
                {"type": name, "name": name, "id": name, "endpoints": [at.get(name, endpoint)]}
                for name in self.services
            ],
        }
        return {"token": {**token, **({"application_credential": self.credential} if self.credential else {})}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def setup(self) -> None:
        super().setup()
        with self.site.lock:
            self.site.connections += 1

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if self.path == "/v3/auth/tokens":
            self._login()
            return
        if self.path in {"/v3", "/v3/"}:
            links = [{"rel": "self", "href": f"{self.site.url}/v3/"}]
            self._say(200, {"version": {"id": "v3.14", "status": "stable", "links": links}})
            return
        with self.site.lock:
            self.site.requests.append(f"{self.command} {self.path}")
            dropped = self.site.drops > 0
            self.site.drops -= dropped
        if dropped:
            self.close_connection = True
            self.connection.close()
        elif self.headers.get("X-Auth-Token") != f"token-{self.site.logins}":
            self._say(401, {"error": {"message": "The request you have made requires authentication."}})
        else:
            self._say(*self.site.answer(self.command, self.path))

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _login(self) -> None:
        with self.site.lock:
            self.site.logins += 1
            number = self.site.logins
        self.site.hold.wait(20)
        if self.site.refuse:
            self._say(401, {"error": {"message": "Invalid username or password", "code": 401}})
        else:
            self._say(201, self.site.token(), f"token-{number}")

    def _say(self, status: int, body: Any, token: str = "") -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        if token:
            self.send_header("X-Subject-Token", token)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def running() -> Iterator[Site]:
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    server.daemon_threads = True
    server.block_on_close = False
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
