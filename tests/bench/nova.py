"""Nova's, Neutron's and Cinder's answers, page by page, for a settled project of any size; each request is counted.

It stands where `providers/openstack/transport.py` does, so the paths, the pages and their number are the provider's
own. The answers have the fields that the provider reads, and Nova's order, markers and `changes-since`.
"""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.engine.virtual import Clock

from hostwright.providers.openstack.rows import Refused, Reply
from hostwright.providers.openstack.transport import NEWEST

Body = dict[str, Any]
BUILD, START = 5.0, 2.0
NETWORK, OUTSIDE, SUBNET, GROUP = "n-1", "n-2", "s-1", "g-1"
CATALOG: dict[str, Body] = {
    "/servers": {"servers": []},
    "/flavors/detail": {"flavors": [{"id": "f-1", "name": "small", "vcpus": 1, "ram": 512, "disk": 1}]},
    "/os-keypairs": {"keypairs": []},
    "/os-server-groups": {"server_groups": []},
    "/os-availability-zone": {"availabilityZoneInfo": [{"zoneName": "az1"}]},
    "/v2.0/networks": {
        "networks": [
            {"id": NETWORK, "name": "app", "project_id": "p"},
            {"id": OUTSIDE, "name": "public", "router:external": True},
        ]
    },
    "/v2.0/subnets": {"subnets": [{"id": SUBNET, "name": "app", "network_id": NETWORK}]},
    "/v2.0/security-groups": {"security_groups": [{"id": GROUP, "name": "default"}]},
    "/v2/images": {"images": [{"id": "i-1", "name": "tiny", "status": "active"}]},
    "/v3/p/types": {"volume_types": [{"id": "t-1", "name": "standard"}]},
}


@dataclass(frozen=True)
class Access:
    project_id: str = "p"
    user_id: str = "u"
    application_credential_id: None = None


@dataclass
class Nova:
    """Rows as JSON by id, in the order of their creation. Time is the virtual one."""

    clock: Clock
    servers: dict[str, Body] = field(default_factory=dict)
    ports: dict[str, Body] = field(default_factory=dict)
    volumes: dict[str, Body] = field(default_factory=dict)
    floating_ips: dict[str, Body] = field(default_factory=dict)
    updated: dict[str, float] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    started: dict[str, float] = field(default_factory=dict)  # server → when it was last told to start
    region, microversion = "R", NEWEST

    # -- what happens there

    def off(self, server: str) -> None:
        """Its guest powers itself off, and Nova notices."""
        self._change(server, status="SHUTOFF")

    def _change(self, server: str, **what: Any) -> None:
        self.servers[server] |= what
        self.updated[server] = self._now()

    def _now(self) -> float:
        return self.clock.now().timestamp()

    # -- as transport.Transport

    async def login(self) -> Access:
        self.asked["POST /v3/auth/tokens"] += 1
        return Access()

    def has(self, service: str) -> bool:
        return bool(service)

    async def get(self, service: str, path: str) -> tuple[Reply, str]:
        return await self.request(service, "GET", path, None, 30.0)

    async def request(
        self, service: str, method: str, path: str, body: Any, seconds: float, **_: Any
    ) -> tuple[Reply, str]:
        parts = urlsplit(path)
        self.asked[f"{method} {re.sub('/[0-9a-f-]{36}', '/{id}', parts.path)}"] += 1
        await asyncio.sleep(0.05)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, said = self._answer(method, parts.path, query, body)
        reply = Reply(status, json.dumps(said).encode())
        if status >= 400:
            raise Refused(service, reply)
        return reply, format_datetime(self.clock.now().replace(microsecond=0).astimezone(UTC), usegmt=True)

    async def close(self) -> None:
        """Nothing to close."""

    # -- answers

    def _answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Body]:
        match method, path.strip("/").split("/"):
            case "GET", ["servers", "detail"]:
                return 200, {"servers": self._servers(query)}
            case "GET", ["servers", item]:
                row = self.servers.get(item)
                return (200, {"server": row}) if row else (404, {"itemNotFound": {"message": f"{item} not found"}})
            case "GET", ["v2.0", "ports"]:
                return 200, _listed("ports", self.ports, query)
            case "GET", ["v2.0", "floatingips"]:
                return 200, _listed("floatingips", self.floating_ips, query)
            case "POST", ["v2.0", "floatingips"]:
                return 201, {"floatingip": self._new_floating_ip(body["floatingip"])}
            case "GET", ["v3", "p", "volumes", "detail"]:
                return 200, _listed("volumes", self.volumes, query)
            case "GET", ["v3", "p", "volumes", item]:
                return 200, {"volume": self.volumes[item]}
            case "POST", ["v3", "p", "volumes"]:
                return 202, {"volume": self._new_volume(body["volume"])}
            case "GET", ["v2.0", "ports", item]:
                return 200, {"port": self.ports[item]}
            case "POST", ["v2.0", "ports"]:
                return 201, {"port": self._new_port(body["port"])}
            case "POST", ["servers"]:
                return 202, {"server": {"id": self._new_server(body["server"])}}
            case "POST", ["servers", item, "action"]:
                self.started[item] = self.clock.monotonic()
                self._change(item, **{"OS-EXT-STS:task_state": "powering-on"})
                asyncio.get_running_loop().call_later(START, self._up, item)
                return 202, {}
        return 200, CATALOG[path]

    def _servers(self, query: dict[str, str]) -> list[Body]:
        """The newest first, as Nova sorts them."""
        since = datetime.fromisoformat(query["changes-since"]).timestamp() if "changes-since" in query else 0.0
        tag = query.get("tags")
        found = [
            row
            for item, row in reversed(self.servers.items())
            if self.updated[item] >= since and (tag is None or tag in row["tags"])
        ]
        return _after(found, query)

    def _new_volume(self, wanted: Body) -> Body:
        item = _id("c", len(self.volumes))
        self.volumes[item] = {**wanted, "id": item, "status": "available", "attachments": [], **self._born()}
        return self.volumes[item]

    def _new_floating_ip(self, wanted: Body) -> Body:
        item = _id("d", len(self.floating_ips))
        address = f"192.0.2.{len(self.floating_ips) + 1}"
        self.floating_ips[item] = {**wanted, "id": item, "floating_ip_address": address, **self._born()}
        return self.floating_ips[item]

    def _born(self) -> Body:
        return {"created_at": self.clock.now().strftime("%Y-%m-%dT%H:%M:%S")}

    def _new_port(self, wanted: Body) -> Body:
        item = _id("b", len(self.ports))
        address = {"ip_address": f"10.{len(self.ports) // 62500}.{len(self.ports) // 250 % 250}.9", "subnet_id": SUBNET}
        self.ports[item] = {
            **wanted,
            "id": item,
            "device_id": "",
            "fixed_ips": [address],
            "status": "DOWN",
            "security_groups": [GROUP],
            "created_at": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return self.ports[item]

    def _new_server(self, wanted: Body) -> str:
        item = _id("a", len(self.servers))
        port = self.ports[wanted["networks"][0]["port"]]
        port |= {"device_id": item, "status": "ACTIVE"}
        address = {"addr": port["fixed_ips"][0]["ip_address"], "OS-EXT-IPS:type": "fixed"}
        disks = [row["uuid"] for row in wanted.get("block_device_mapping_v2", ()) if row["source_type"] == "volume"]
        for disk in disks:
            self.volumes[disk] |= {"status": "in-use", "attachments": [{"server_id": item, "device": "/dev/vdb"}]}
        self.servers[item] = {
            "id": item,
            "name": wanted["name"],
            "status": "BUILD",
            "OS-EXT-STS:task_state": "spawning",
            "tags": wanted["tags"],
            "metadata": wanted["metadata"],
            "created": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "flavor": {"original_name": "small", "vcpus": 1, "ram": 512, "disk": 1},
            "image": {"id": "i-1"},
            "OS-EXT-AZ:availability_zone": "az1",
            "addresses": {"app": [address]},
            "key_name": None,
            "locked": False,
            "os-extended-volumes:volumes_attached": [{"id": disk} for disk in disks],
        }
        self.updated[item] = self._now()
        asyncio.get_running_loop().call_later(BUILD, self._up, item)
        return item

    def _up(self, item: str) -> None:
        self._change(item, status="ACTIVE", **{"OS-EXT-STS:task_state": None})


def _listed(what: str, rows: dict[str, Body], query: dict[str, str]) -> Body:
    """As Neutron and Cinder do: whether a full page is the last one, they do not know."""
    mark = query.get("description")
    page = _after([row for row in rows.values() if mark is None or row["description"] == mark], query)
    more = [{"rel": "next", "href": ""}] if len(page) == int(query["limit"]) else []
    return {what: page, f"{what}_links": more}


def _after(found: list[Body], query: dict[str, str]) -> list[Body]:
    """One page, after the marker."""
    ids = [row["id"] for row in found] if "marker" in query else []
    start = ids.index(query["marker"]) + 1 if ids else 0
    return found[start : start + int(query.get("limit", "1000"))]


def _id(first: str, number: int) -> str:
    return f"{first}0000000-0000-4000-8000-{number:012x}"
