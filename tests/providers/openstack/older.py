"""Nova as an older cloud has it: the real one behind a proxy that knows no newer microversion."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "server", "date"})
HEADER = "OpenStack-API-Version"


@dataclass
class Older:
    """`asked`: (method, path, microversion) of each request that was passed on."""

    upstream: str
    newest: tuple[int, int]
    url: str = ""
    closed: bool = False
    asked: list[tuple[str, str, tuple[int, int]]] = field(default_factory=list)

    @property
    def changes(self) -> list[str]:
        """What would have changed something."""
        return [f"{method} {path}" for method, path, _ in self.asked if method != "GET"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    older: Older

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.older.closed:  # a kept connection
            self.close_connection = True
            self.connection.close()
            return
        named = re.search(r"compute (\d+)\.(\d+)", self.headers.get(HEADER, ""))
        version = (int(named[1]), int(named[2])) if named else (2, 1)
        if version > self.older.newest:
            asked, newest = (".".join(map(str, each)) for each in (version, self.older.newest))
            words = f"Version {asked} is not supported by the API. Minimum is 2.1 and maximum is {newest}."
            said = json.dumps({"computeFault": {"code": 406, "message": words}}).encode()
            self._say(406, [("Content-Type", "application/json")], said)
            return
        self.older.asked.append((self.command, self.path, version))
        there = urlsplit(self.older.upstream)
        connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP - {"date"}]
        self._say(answer.status, kept, content)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _say(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def older(upstream: str, newest: tuple[int, int]) -> Iterator[Older]:
    made = Older(upstream, newest)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"older": made}))
    server.daemon_threads = True
    server.block_on_close = False
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.closed = True
    server.shutdown()
    server.server_close()
    thread.join()
