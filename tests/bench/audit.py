"""What was written, by the API server's own audit log: read once, line by line, from where one left off."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
OPERATOR = "system:serviceaccount:hostwright-system:hostwright"


@dataclass(frozen=True, slots=True)
class Write:
    resource: str  # with the subresource: virtualmachines/status
    name: str
    verb: str
    code: int
    kept: bool  # the API server took it: not a conflict, not a refusal


class Audit:
    """The log from a moment on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.skip()

    def skip(self) -> None:
        """From now on."""
        self._read = self._path.stat().st_size

    def copy(self) -> "Audit":
        """One that reads on by itself."""
        return Audit(self._path)

    def writes(self, user: str = OPERATOR) -> list[Write]:
        """By this user, since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return list(parsed(whole.decode().splitlines(), user))


def parsed(lines: Iterable[str], user: str = OPERATOR) -> Iterator[Write]:
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        if event["user"]["username"] != user or event["stage"] != "ResponseComplete" or event["verb"] not in WRITES:
            continue
        ref = event.get("objectRef") or {}
        resource = "/".join(part for part in (ref.get("resource", ""), ref.get("subresource", "")) if part)
        code = int((event.get("responseStatus") or {}).get("code", 0))
        yield Write(resource, ref.get("name", ""), event["verb"], code, kept=200 <= code < 300)


def of_machines(writes: Iterable[Write]) -> Counter[str]:
    """Writes that changed each machine's object, by its name."""
    return Counter(
        write.name for write in writes if write.kept and write.resource.partition("/")[0] == "virtualmachines"
    )


def but_leases(writes: Iterable[Write]) -> Counter[str]:
    """How often each other resource was written; a refused write is one, too."""
    return Counter(f"{write.verb} {write.resource}" for write in writes if write.resource != "leases")
