"""Command the running BMCs: make one misbehave, switch its server behind its back, read what was asked of it."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hostwright.sandbox.failure import SandboxError


@dataclass(frozen=True, slots=True)
class Bmcs:
    """By the address of their control port."""

    control: str

    def all(self) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self._ask("GET", "/bmcs")
        return shown

    def one(self, number: int) -> dict[str, Any]:
        shown: dict[str, Any] = self._ask("GET", f"/bmcs/{number}")
        return shown

    def set(self, number: int, **settings: Any) -> None:
        """Of the BMC: line (Well, Dead, Refused), overlay, password and the next two; of its server: the last four.

        Without a `session_service` logins are Basic; after a restart the BMC is away for `restart_seconds`.
        `overlay` is {end of a path: merge patch}; `power_seconds` pass until a change shows; a `deaf` server ignores a
        soft power-off; `cpus` and `memory_gib` are its size.
        """
        self._ask("PATCH", f"/bmcs/{number}", settings)

    def fault(self, number: int, kind: str, **more: Any) -> None:
        """Status, Slow, LoseReply, Cut, Garbage or Redirect, for `count` requests (0: all) that `match` is found in."""
        self._ask("POST", f"/bmcs/{number}/faults", {"kind": kind, **more})

    def heal(self, number: int) -> None:
        """No faults, and a port that answers."""
        self._ask("DELETE", f"/bmcs/{number}/faults")
        self.set(number, line="Well", overlay={}, session_service=True, power_seconds=0.0, deaf=False)

    def switch(self, number: int, power: str) -> None:
        """Its server, On or Off, at once and without a request."""
        self._ask("POST", f"/bmcs/{number}/power", {"power": power})

    def end_sessions(self, number: int) -> None:
        self._ask("DELETE", f"/bmcs/{number}/sessions")

    def requests(self, number: int) -> list[dict[str, Any]]:
        """Oldest first: method, path, body, began, ended, status; status null: not answered."""
        asked: list[dict[str, Any]] = self._ask("GET", f"/bmcs/{number}/requests")
        return asked

    def resets(self, number: int) -> list[str]:
        """The ResetType of each Reset that arrived."""
        sent = [each for each in self.requests(number) if each["path"].endswith("ComputerSystem.Reset")]
        return [json.loads(each["body"])["ResetType"] for each in sent]

    def forget(self) -> None:
        """The requests of all BMCs until now."""
        self._ask("DELETE", "/requests")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        at = urlsplit(self.control)
        line = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
        try:
            line.request(method, path, None if body is None else json.dumps(body))
            answer = line.getresponse()
            text = answer.read().decode()
        finally:
            line.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise SandboxError(f"the BMCs refuse {method} {path}: {text}")
        return json.loads(text) if text else None
