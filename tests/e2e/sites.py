"""What the sites themselves have, whatever the operator says, and what can be done to them behind its back."""

import json
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hostwright.sandbox.openstack import clouds
from hostwright.sandbox.openstack.faults_client import Faults, Guests

Row = dict[str, Any]


@dataclass(frozen=True)
class Simulated:
    """A simulated site: its machines, and its control API."""

    endpoint: str
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> Row:
        data = None if body is None else json.dumps(body).encode()
        login = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(f"{self.endpoint}{path}", data, login, method=method)
        with urllib.request.urlopen(request) as answer:
            return cast("Row", json.loads(answer.read()))

    def machines(self, name: str, namespace: str = "default") -> list[Row]:
        """Those made for one object, by the record on each."""
        rows = self.ask("GET", "/v1/machines?limit=1000")["machines"]
        return [row for row in rows if (row["namespace"], row["objectName"]) == (namespace, name)]

    def machine(self, name: str, namespace: str = "default") -> Row:
        (row,) = self.machines(name, namespace)
        return row

    def by_id(self, machine: str) -> Row:
        return self.ask("GET", f"/v1/machines/{machine}")

    def change(self, machine: str, **what: Any) -> None:
        """Behind our back: `poweredOn`, `tags`, `mark` …"""
        self.ask("PATCH", f"/control/machines/{machine}", what)

    def lose(self, machine: str) -> None:
        """Deleted behind our back."""
        self.ask("DELETE", f"/control/machines/{machine}")

    def set(self, **settings: Any) -> None:
        self.ask("PATCH", "/control/settings", settings)

    def calls(self) -> Mapping[str, int]:
        """How often each verb was called since the site's start."""
        return cast("Mapping[str, int]", self.ask("GET", "/control")["calls"])


class Rules(Faults):
    """The lab's fault rules; the first that matches is applied."""

    def add_first(self, rule: Row) -> str:
        """Before all rules that are there."""
        before = self.rules()
        added = self.add(rule)
        self._write([self.rules()[-1], *before])
        return added


class Cloud:
    """An OpenStack, asked directly: `user` is who the operator is there, `admin` may do everything."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.user: Any = clouds.connect(facts["clouds"], facts["cloud"])
        self.admin: Any = clouds.connect(facts["clouds"], facts["adminCloud"])
        self.faults = Rules(Path(facts["faults"]))
        self.guests = Guests(self.user.compute.get_endpoint())

    def servers(self, name: str, namespace: str = "default") -> list[Any]:
        """Those made for one object, by the name they bear: its own and five characters."""
        made = re.compile(rf"{namespace}-{name}-[0-9a-f]{{5}}$")
        return [row for row in self.user.compute.servers() if made.match(row.name)]

    def ports(self, name: str, namespace: str = "default") -> list[Any]:
        made = re.compile(rf"{namespace}-{name}-[0-9a-f]{{5}}-")
        return [row for row in self.user.network.ports() if made.match(row.name)]

    def volumes(self, name: str, namespace: str = "default") -> dict[str, Any]:
        """By disk: those made for one object, by the name they bear."""
        made = re.compile(rf"{namespace}-{name}-[0-9a-f]{{5}}-(.+)$")
        rows = [(made.match(row.name or ""), row) for row in self.user.block_storage.volumes()]
        found = [(match[1], row) for match, row in rows if match]
        assert len(found) == len(dict(found)), f"a disk was made twice: {found}"
        return dict(found)
