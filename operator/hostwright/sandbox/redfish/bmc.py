"""One BMC as its front sees it: account, sessions, what goes wrong on request, and what was asked of it."""

import re
import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

USERNAME, PASSWORD = "admin", "sandbox-only"
REMEMBERED = 1_000


class Line(StrEnum):
    """How its port is."""

    WELL = "Well"
    DEAD = "Dead"  # accepts connections and says nothing
    REFUSED = "Refused"  # nobody listens


class Kind(StrEnum):
    STATUS = "Status"  # answered with that status, nothing done
    SLOW = "Slow"  # done and answered, that many seconds late
    LOSE_REPLY = "LoseReply"  # done, and the connection is cut before the answer
    CUT = "Cut"  # the connection is cut, nothing done
    GARBAGE = "Garbage"  # done, and answered with 200 and no JSON
    REDIRECT = "Redirect"  # answered with 307 to that address


@dataclass(slots=True)
class Fault:
    """The next `count` requests whose `METHOD path` the pattern is found in; 0: all until cleared."""

    kind: Kind
    match: str = ""
    count: int = 1
    status: int = 503
    seconds: float = 1.0
    location: str = ""


@dataclass(slots=True)
class Asked:
    """One request: monotonic seconds, the same clock in all processes of a machine."""

    method: str
    path: str
    body: str
    began: float
    ended: float | None = None
    status: int | None = None  # None: not answered


@dataclass(slots=True)
class Bmc:
    number: int
    uuid: str
    port: int
    username: str = USERNAME
    password: str = PASSWORD
    line: Line = Line.WELL
    overlay: dict[str, Any] = field(default_factory=dict)  # merge patches of documents, by what their path ends in
    sessions: dict[str, str] = field(default_factory=dict)  # token by id
    session_service: bool = True
    restart_seconds: float = 1.0  # that it is away after a Manager.Reset
    away_until: float = 0.0  # monotonic
    restarts: int = 0
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    logins_refused: int = 0

    @property
    def system(self) -> str:
        return f"/redfish/v1/Systems/{self.uuid}"

    @property
    def manager(self) -> str:
        return f"/redfish/v1/Managers/{self.uuid}"

    @property
    def away(self) -> bool:
        return time.monotonic() < self.away_until

    def restart(self) -> None:
        """The BMC itself; its server runs on."""
        self.restarts += 1
        self.sessions.clear()
        self.away_until = time.monotonic() + self.restart_seconds

    def begin(self, method: str, path: str, body: bytes) -> Asked:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        login = path.endswith("/Sessions")  # a password is not for a log
        asked = Asked(method, path, "" if login else body.decode(errors="replace"), time.monotonic())
        self.asked.append(asked)
        del self.asked[:-REMEMBERED]
        return asked

    def end(self, asked: Asked, status: int | None) -> None:
        self.in_flight -= 1
        asked.ended, asked.status = time.monotonic(), status

    def fault(self, method: str, path: str) -> Fault | None:
        """The first that fits, counted down."""
        for fault in self.faults:
            if re.search(fault.match, f"{method} {path}"):
                if fault.count == 1:
                    self.faults.remove(fault)
                elif fault.count > 1:
                    fault.count -= 1
                return fault
        return None

    def log_in(self, username: object, password: object) -> tuple[str, str] | None:
        """(id, token) of a new session; None: refused, and counted."""
        if not self.knows(username, password):
            return None
        number, token = secrets.token_hex(4), secrets.token_hex(16)
        self.sessions[number] = token
        return number, token

    def knows(self, username: object, password: object) -> bool:
        well = (username, password) == (self.username, self.password)
        self.logins_refused += not well
        return well


def merged(document: Any, patch: Any) -> Any:
    """RFC 7396: null takes a field away."""
    if not isinstance(patch, dict):
        return patch
    base = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = merged(base.get(key), value)
    return base
