"""A backend as the trials need it: led over the proxy, and asked for its own truth, whatever the operator says."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.e2e.world import eventually
from tests.faults.proxy import Side
from tests.faults.way import Ways


@dataclass(frozen=True)
class Machine:
    """One that was made for an object."""

    id: str
    on: bool
    tags: Mapping[str, str]
    whole: str = ""  # what is wrong with its parts, such as a port that is not bound


class Site(Protocol):
    @property
    def provider(self) -> str: ...

    def machines(self, name: str) -> list[Machine]: ...

    def left(self, name: str) -> list[str]:
        """All that bears the object's name and is no machine: ports, disks."""
        ...

    def foreign(self) -> Any:
        """What is not ours, in full: it stays as it is."""
        ...


class Simulated:
    provider = "sim"

    def __init__(self, ways: Ways) -> None:
        self._sim = ways.world.sim
        port = ways.proxy.open(Side("sim", self._sim.endpoint))
        change = {"simulated": {"endpoint": f"http://127.0.0.1:{port}"}, "limits": {"pollInterval": "1s"}}
        ways.world.kubectl("patch", "hpr", "sim", "--type=merge", "-p", json.dumps({"spec": change}))
        made = self._sim.ask(
            "POST", "/v1/machines", {"name": "somebodys", "image": "image-tiny", "cpu": 1, "memoryMiB": 512}
        )
        eventually(lambda: self._sim.by_id(made["id"])["poweredOn"], 30, "somebody's machine")

    def machines(self, name: str) -> list[Machine]:
        return [Machine(row["id"], row["poweredOn"], row["tags"]) for row in self._sim.machines(name)]

    def made(self, prefix: str) -> Counter[str]:
        rows = self._sim.ask("GET", "/v1/machines?limit=1000")["machines"]
        return Counter(row["objectName"] for row in rows if row["objectName"].startswith(prefix))

    def left(self, name: str) -> list[str]:
        return []

    def foreign(self) -> Any:
        rows = self._sim.ask("GET", "/v1/machines?limit=1000")["machines"]
        return [row for row in rows if not row.get("mark")]
