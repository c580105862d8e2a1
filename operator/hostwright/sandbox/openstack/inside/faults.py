# ruff: noqa: INP001 - run with the lab's interpreter, found on its PYTHONPATH
"""Break chosen requests to a real service, by rules in a file that is read again whenever it changes.

The rules, their fields and what each kind of fault does are described in the README beside this folder.
"""

import io
import json
import re
import threading
from pathlib import Path
from typing import Any

from waitress.channel import ClientDisconnected

NOTHING_ELSE = threading.Event()  # never set: waiting on it is a pause of this one request's thread


class Rules:
    """The rules as last written, and how often each was used (kept by id over a reload)."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.lock = threading.Lock()
        self.stamp: Any = None
        self.rules: list[dict[str, Any]] = []
        self.used: dict[str, int] = {}

    def _reload(self) -> None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self.rules, self.stamp = [], None
            return
        stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if stamp != self.stamp:
            self.rules, self.stamp = json.loads(self.path.read_text()), stamp

    def pick(self, service: str, method: str, path: str, body: bytes) -> dict[str, Any] | None:
        with self.lock:
            self._reload()
            for number, rule in enumerate(self.rules):
                name = rule.get("id", f"{self.stamp}/{number}")
                if self.used.get(name, 0) >= rule.get("count", float("inf")):
                    continue
                if not matches(rule, service, method, path, body):
                    continue
                self.used[name] = self.used.get(name, 0) + 1
                self._note(name, service, method, path)
                return rule
        return None

    def _note(self, name: str, service: str, method: str, path: str) -> None:
        """Leave a line by which a test sees that its fault really struck."""
        with self.path.with_suffix(".hits").open("a") as hits:
            hits.write(json.dumps({"id": name, "service": service, "method": method, "path": path}) + "\n")


def matches(rule: dict[str, Any], service: str, method: str, path: str, body: bytes) -> bool:
    return (
        rule.get("service", service) == service
        and rule.get("method", method) == method
        and re.search(rule["path"], path) is not None
        and ("body" not in rule or re.search(rule["body"], body.decode(errors="replace")) is not None)
    )


class Faults:
    """WSGI middleware: does to a request what the first matching rule says."""

    def __init__(self, app: Any, service: str, path: str) -> None:
        self.app, self.service, self.rules = app, service, Rules(path)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read()  # waitress has buffered the whole request by now
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]
        rule = self.rules.pick(self.service, environ["REQUEST_METHOD"], path, body)
        if rule is None:
            return self.app(environ, start_response)
        return getattr(self, "do_" + rule["do"])(rule, environ, start_response)

    def do_delay(self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any) -> Any:
        NOTHING_ELSE.wait(rule["seconds"])
        return self.app(environ, start_response)

    def do_late(self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any) -> Any:
        answer = list(self.app(environ, start_response))  # a generator does its work only while it is read
        NOTHING_ELSE.wait(rule["seconds"])
        return answer

    def do_error(self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any) -> Any:
        del environ
        answer = rule.get("answer", {"injected": {"message": "lab fault", "code": rule["status"]}})
        headers = [("Content-Type", "application/json"), ("Retry-After", str(rule.get("retry_after", 1)))]
        start_response(f"{rule['status']} Injected", headers)
        return [json.dumps(answer).encode()]

    def do_error_after(self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any) -> Any:
        self._work(environ)
        return self.do_error(rule, environ, start_response)

    def do_cut(self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any) -> Any:
        """End the connection before the service has seen the request."""
        del rule, environ, start_response
        raise ClientDisconnected  # waitress closes the connection without a byte

    def do_lose(self, rule: dict[str, Any], environ: dict[str, Any], start_response: Any) -> Any:
        self._work(environ)
        if not rule.get("partial"):
            raise ClientDisconnected
        start_response("202 Accepted", [("Content-Length", "1000")])  # more than comes: waitress cuts the connection
        return [b"{"]

    def _work(self, environ: dict[str, Any]) -> None:
        answer = self.app(environ, lambda *_args, **_named: None)
        for _ in answer:  # a generator does its work only while it is read
            continue
        if hasattr(answer, "close"):
            answer.close()
