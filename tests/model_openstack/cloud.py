"""One project's cloud: a request in, status and body out. It keeps no socket and no clock of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.model_openstack.actions import Actions
from tests.model_openstack.base import State
from tests.model_openstack.cinder import Cinder
from tests.model_openstack.neutron import Neutron
from tests.model_openstack.nova import Nova
from tests.model_openstack.rows import FLAVORS, KEY_PAIRS, PROJECT, ZONES, Body, Refusal, Server, Settings, new_id, nova


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


@dataclass
class Cloud:
    now: Callable[[], float]
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.state = State(self.now, self.settings)
        self.neutron, self.cinder = Neutron(self.state), Cinder(self.state)
        self.nova = Nova(self.state, self.neutron, self.cinder)
        self.actions = Actions(self.nova)

    def serve(self, method: str, address: str, body: Any = None, revision: int | None = None) -> Answer:
        self.state.advance()
        parts = urlsplit(address)
        query, path = parse_qs(parts.query), [unquote(word) for word in parts.path.strip("/").split("/")]
        try:
            status, said = self._routed(method, path, query, body, revision)
        except Refusal as refusal:
            status, said = refusal.status, refusal.body
        return Answer(status, json.dumps(said).encode())

    def _routed(
        self, method: str, path: list[str], query: dict[str, list[str]], body: Any, revision: int | None
    ) -> tuple[int, Body]:
        match path:
            case ["v2.0", *rest]:
                return self.neutron.answer(method, rest, query, body, revision)
            case ["v3", project, *rest] if project == PROJECT:
                return self.cinder.answer(method, rest, query, body)
            case ["v2", "images"]:
                rows = [{"id": item, "name": name, "status": "active"} for item, name in self.state.images.items()]
                return 200, {"images": rows}
            case ["servers", *rest]:
                return self._servers(method, rest, query, body)
            case ["os-server-groups", *rest]:
                return self._groups(method, rest, query, body)
            case ["flavors", "detail"]:
                names = ("name", "vcpus", "ram", "disk")
                rows = [{"id": item, **dict(zip(names, row, strict=True))} for item, row in FLAVORS.items()]
                return 200, {"flavors": rows}
            case ["os-keypairs"]:
                return 200, {"keypairs": [{"keypair": {"name": name}} for name in sorted(KEY_PAIRS)]}
            case ["os-availability-zone"]:
                zones = [{"zoneName": name, "zoneState": {"available": True}} for name in ZONES]
                return 200, {"availabilityZoneInfo": zones}
        raise nova(404, "itemNotFound", "The resource could not be found.")

    def _servers(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> tuple[int, Body]:
        match method, path:
            case "GET", []:
                return 200, {"servers": []}
            case "GET", ["detail"]:
                return 200, self.nova.listed(query)
            case "POST", []:
                made = self.nova.create(body)
                return 202, {"server": {"id": made.id, "links": [], "OS-DCF:diskConfig": "MANUAL"}}
            case "GET", [item]:
                return 200, {"server": self.nova.shown(self.nova.found(item))}
            case "DELETE", [item]:
                row = self.nova.found(item)
                if row.locked:
                    raise nova(409, "conflictingRequest", f"Instance {item} is locked")
                self.nova.delete(row)
                return 204, {}
            case _, [item, *rest]:
                return self._server(method, self.nova.found(item), rest, body)
        raise nova(404, "itemNotFound", "The resource could not be found.")

    def _server(self, method: str, row: Server, path: list[str], body: Any) -> tuple[int, Body]:
        acts = self.actions
        match method, path:
            case "POST", ["action"]:
                acts.act(row, body)
                return 202, {}
            case "PUT", ["tags", tag]:
                return acts.set_tag(row, tag), {}
            case "DELETE", ["tags", tag]:
                acts.remove_tag(row, tag)
                return 204, {}
            case "POST", ["metadata"]:
                acts.set_metadata(row, body["metadata"])
                return 200, {"metadata": dict(row.metadata)}
            case "DELETE", ["metadata", key]:
                acts.remove_metadata(row, key)
                return 204, {}
            case "POST", ["os-interface"]:
                return 200, acts.plug(row, body["interfaceAttachment"])
            case "DELETE", ["os-interface", port]:
                acts.unplug(row, port)
                return 202, {}
            case "POST", ["os-volume_attachments"]:
                return 200, acts.attach(row, body["volumeAttachment"]["volumeId"])
            case "PUT", ["os-volume_attachments", volume]:
                row.volumes[volume] = body["volumeAttachment"]["delete_on_termination"]
                return 202, {}
            case "DELETE", ["os-volume_attachments", volume]:
                acts.detach(row, volume)
                return 202, {}
            case "GET", ["os-instance-actions", *request]:
                return 200, self.nova.actions(row, *request)
        raise nova(404, "itemNotFound", "The resource could not be found.")

    def _groups(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> tuple[int, Body]:
        groups = self.state.groups
        match method, path:
            case "GET", []:
                start = int(query.get("offset", ["0"])[0])
                return 200, {"server_groups": [self._group(item) for item in list(groups)[start:]]}
            case "POST", []:
                item = new_id("group", self.state.next_number())
                groups[item] = {"id": item, "members": [], **body["server_group"]}
                return 200, {"server_group": self._group(item)}
            case _, [item] if item not in groups:
                raise nova(404, "itemNotFound", f"Instance group {item} could not be found.")
            case "GET", [item]:
                return 200, {"server_group": self._group(item)}
            case "DELETE", [item]:
                del groups[item]
                return 204, {}
        raise nova(404, "itemNotFound", "The resource could not be found.")

    def _group(self, item: str) -> Body:
        """Without members that are deleted."""
        group = self.state.groups[item]
        return {**group, "members": [member for member in group["members"] if member in self.state.servers]}
