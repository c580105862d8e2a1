"""Make a running lab misbehave: rules for requests, and what happens to guests behind Nova's back."""

import http.client
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hostwright.sandbox.openstack.failures import LabFailed
from hostwright.sandbox.record import write_file

KINDS = {
    "error": {"status"},
    "error_after": {"status"},
    "delay": {"seconds"},
    "late": {"seconds"},
    "lose": set(),
    "cut": set(),
}

Rule = Mapping[str, Any]


class Faults:
    """The rules of one lab, in the file that its services read before each request. The README lists the fields."""

    def __init__(self, file: Path) -> None:
        self.file = Path(file)
        self.hits_file = self.file.with_suffix(".hits")

    def add(self, rule: Rule) -> str:
        """Add a rule after those that are there, and say by which id it can be removed and its hits be counted."""
        kind = rule.get("do")
        if kind not in KINDS or not {"path", *KINDS[kind]} <= rule.keys():
            raise ValueError(f"not a rule of the lab's faults: {rule!r}")
        named = {"id": uuid.uuid4().hex, **rule}
        self._write([*self.rules(), named])
        return str(named["id"])

    def remove(self, rule: str) -> None:
        self._write([one for one in self.rules() if one["id"] != rule])

    def clear(self) -> None:
        """Forget all rules and all hits."""
        self._write([])
        self.hits_file.unlink(missing_ok=True)

    def rules(self) -> list[dict[str, Any]]:
        try:
            rules: list[dict[str, Any]] = json.loads(self.file.read_text())
        except FileNotFoundError:
            return []
        return rules

    def hits(self, rule: str | None = None) -> list[dict[str, Any]]:
        """Which requests were broken, by this rule or by any: id, service, method, path of each."""
        try:
            lines = self.hits_file.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [hit for hit in map(json.loads, lines) if rule in (None, hit["id"])]

    def _write(self, rules: list[dict[str, Any]]) -> None:
        write_file(self.file, json.dumps(rules, indent=1))  # whole or not at all: it may be read at this moment


class Guests:
    """The guests on the lab's hypervisor."""

    def __init__(self, nova_url: str) -> None:
        self.url = urlsplit(nova_url)

    def off(self, server: str) -> None:
        """Let the guest power itself off; the hypervisor tells Nova."""
        self._post(server, "off")

    def lose(self, server: str) -> None:
        """Let the hypervisor forget the guest; Nova is not told."""
        self._post(server, "lose")

    def _post(self, server: str, what: str) -> None:
        connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=30)
        try:
            connection.request("POST", f"/lab/guest/{server}/{what}")
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.NO_CONTENT:
            raise LabFailed(f"no guest {server} on the hypervisor ({answer.status})", "Only ACTIVE servers have one.")
