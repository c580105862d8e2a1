"""The model behind real HTTP: Keystone's logins, and faults in the way of a request."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.model_openstack.cloud import Answer, Cloud
from tests.model_openstack.rows import PROJECT, REGION, USER

PASSWORD = "right"
SERVICES = ("compute", "network", "image", "identity", "block-storage")


@dataclass
class Rule:
    """`do`: lose, error, error_after or cut; it is used up after so many requests (None: never)."""

    do: str
    path: str = ""
    method: str = ""
    body: str = ""
    status: int = 500
    retry_after: int | None = None
    answer: Any = None
    count: int | None = None

    def hits(self, method: str, path: str, body: str) -> bool:
        fits = self.method in {"", method} and re.search(self.path, path) and re.search(self.body, body)
        if not fits or self.count == 0:
            return False
        self.count = None if self.count is None else self.count - 1
        return True


@dataclass
class Served:
    cloud: Cloud = field(default_factory=lambda: Cloud(time.time))
    url: str = ""
    rules: list[Rule] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def auth(self, password: str = PASSWORD) -> dict[str, str]:
        return {
            "auth_url": f"{self.url}/v3",
            "username": "demo",
            "password": password,
            "project_name": "demo",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }

    def token(self) -> dict[str, Any]:
        domain = {"id": "default", "name": "Default"}
        endpoint = {"interface": "public", "region": REGION, "region_id": REGION, "url": self.url, "id": "e"}
        return {
            "token": {
                "methods": ["password"],
                "user": {"id": USER, "name": "demo", "domain": domain},
                "project": {"id": PROJECT, "name": "demo", "domain": domain},
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-01-01T00:00:00.000000Z",
                "catalog": [{"type": name, "name": name, "id": name, "endpoints": [endpoint]} for name in SERVICES],
            }
        }

    def rule(self, method: str, path: str, body: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.hits(method, path, body)), None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one packet: the second of two would wait for the first one's receipt
    served: Served

    def do_GET(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = self.path.partition("?")[0]
        with self.served.lock:
            rule = self.served.rule(self.command, path, text)
            if rule is not None and rule.do == "cut":
                return self._cut()
            if path == "/v3/auth/tokens":
                return self._login(text)
            if path in {"/v3", "/v3/"}:
                links = [{"rel": "self", "href": f"{self.served.url}/v3/"}]
                return self._say(200, {"version": {"id": "v3.14", "status": "stable", "links": links}})
            if self.headers.get("X-Auth-Token") not in self.served.tokens:
                return self._say(401, {"error": {"message": "The request you have made requires authentication."}})
            if rule is not None and rule.do == "error":
                return self._spoiled(rule)
            answer = self._served(text)
        if rule is not None and rule.do == "lose":
            return self._cut()
        return self._spoiled(rule) if rule is not None else self._say(answer.status, answer.body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _served(self, text: str) -> Answer:
        match = (self.headers.get("If-Match") or "").partition("revision_number=")[2]
        body = json.loads(text) if text else None
        return self.served.cloud.serve(self.command, self.path, body, int(match) if match else None)

    def _login(self, text: str) -> None:
        wanted = json.loads(text)["auth"]["identity"]["password"]["user"]["password"]
        if wanted != PASSWORD:
            return self._say(401, {"error": {"message": "Invalid username or password", "code": 401}})
        token = f"token-{len(self.served.tokens) + 1}"
        self.served.tokens.add(token)
        return self._say(201, self.served.token(), {"X-Subject-Token": token})

    def _spoiled(self, rule: Rule) -> None:
        said = rule.answer if rule.answer is not None else {"fault": {"code": rule.status, "message": "it failed"}}
        self._say(rule.status, said, {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)})

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = b"" if status == 204 else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response_only(status)
        sent = {"Date": formatdate(usegmt=True), "Content-Type": "application/json", **(headers or {})}
        for name, value in sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[Served]:
    served = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    server.daemon_threads = True
    server.block_on_close = False
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
