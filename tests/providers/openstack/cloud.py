"""Nova and Neutron as the inventory sees them, in memory: what their lists show, and what they leave out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec

from hostwright.core.port import Sought
from hostwright.providers.openstack.rows import (
    Action,
    Catalog,
    FloatingIP,
    Login,
    Port,
    Refused,
    Reply,
    Request,
    Server,
    ServerGroup,
    Volume,
)
from hostwright.providers.openstack.seen import SeenServer, alike
from hostwright.providers.openstack.transport import BLOCK_STORAGE


def refused(status: int, text: str, service: str = "compute", kind: str = "itemNotFound") -> Refused:
    body = {"NeutronError": {"type": kind, "message": text}} if service == "network" else {kind: {"message": text}}
    return Refused(service, Reply(status, msgspec.json.encode(body)))


@dataclass
class Cloud:
    """Keeps the Protocol of `client.Client`. Time is the test's."""

    now: float = 1_000_000.0
    rows: dict[str, Server] = field(default_factory=dict)
    updated: dict[str, float] = field(default_factory=dict)  # by what Nova counts as a change
    plugs: dict[str, Port] = field(default_factory=dict)
    disks: dict[str, Volume] = field(default_factory=dict)
    floating: dict[str, FloatingIP] = field(default_factory=dict)
    groups: dict[str, ServerGroup] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)  # what the next lists leave out
    whole: bool = True
    asked: list[str] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)  # id → what a GET of it raises
    actions: dict[str, Action] = field(default_factory=dict)  # server → what was done with it last
    revision: int | None = None  # of the last request
    cinder: Exception | None = None  # what all that is asked of it raises
    answer: Any = None  # to requests: a body, or what is raised

    # -- what happens there

    def put(self, item: str, **fields: Any) -> None:
        """Nova notices: status, task, rename, lock, added metadata."""
        before = self.rows.get(item, Server(id=item, name=item, status="ACTIVE"))
        self.rows[item] = msgspec.structs.replace(before, **fields)
        self.updated[item] = self.now

    def tag(self, item: str, *tags: str) -> None:
        """Nova's `updated` stays as it was (tried)."""
        self.rows[item] = msgspec.structs.replace(self.rows[item], tags=tags)

    def remove(self, item: str) -> None:
        self.rows.pop(item)
        self.updated[item] = self.now

    def monotonic(self) -> float:
        return self.now

    # -- what is asked of it

    async def login(self) -> Login:
        return Login("p", "R", "compute 2.90")

    async def catalog(self) -> Catalog:
        return Catalog()

    async def servers(self, since: str | None) -> tuple[list[Server], str, bool]:
        self.asked.append("changes" if since else "servers")
        from_ = datetime.fromisoformat(since).timestamp() if since else float("-inf")
        rows = [row for item, row in self.rows.items() if self.updated[item] >= from_ and item not in self.hidden]
        if since:
            gone = [item for item in self.updated if item not in self.rows and self.updated[item] >= from_]
            rows += [Server(id=item, status="DELETED") for item in gone]
        date = format_datetime(datetime.fromtimestamp(int(self.now), UTC), usegmt=True)
        return rows, date, self.whole

    async def servers_tagged(self, mark: str) -> list[Server]:
        self.asked.append("tagged")
        return [row for row in self.rows.values() if mark in row.tags and row.id not in self.hidden]

    async def servers_alike(self, sought: Sought) -> list[Server]:
        rows = [SeenServer(row, 0.0, 0.0) for row in self.rows.values() if row.id not in self.hidden]
        return [seen.row for seen in alike(rows, sought)]

    async def server(self, server_id: str) -> Server:
        self.asked.append(server_id)
        if server_id in self.failing:
            raise self.failing[server_id]
        if server_id not in self.rows:
            raise refused(404, f"Instance {server_id} could not be found.")
        return self.rows[server_id]

    async def server_groups(self) -> list[ServerGroup]:
        self.asked.append("groups")
        return [row for row in self.groups.values() if row.id not in self.hidden]

    async def server_group(self, group_id: str) -> ServerGroup:
        self.asked.append(group_id)
        if group_id not in self.groups:
            raise refused(404, f"Instance group {group_id} could not be found.")
        return self.groups[group_id]

    async def action(self, server_id: str, *names: str) -> Action | None:
        self.asked.append(f"action of {server_id}: {', '.join(names) or 'any'}")
        if server_id in self.failing:
            raise self.failing[server_id]
        return self.actions.get(server_id)

    async def ports(self, marks: Sequence[str] = ()) -> list[Port]:
        self.asked.append(" ".join(["ports", *marks]))
        return [
            row for row in self.plugs.values() if (not marks or row.description in marks) and row.id not in self.hidden
        ]

    async def port(self, port_id: str) -> Port:
        self.asked.append(port_id)
        if port_id not in self.plugs:
            raise refused(404, f"Port {port_id} could not be found.", "network", "PortNotFound")
        return self.plugs[port_id]

    async def volumes(self, mark: str = "") -> list[Volume]:
        self.asked.append(f"volumes {mark}".strip())
        if self.cinder is not None:
            raise self.cinder
        return [row for row in self.disks.values() if mark in {"", row.mark} and row.id not in self.hidden]

    async def volume(self, volume_id: str) -> Volume:
        self.asked.append(volume_id)
        if self.cinder is not None:
            raise self.cinder
        if volume_id not in self.disks:
            raise refused(404, f"Volume {volume_id} could not be found.", BLOCK_STORAGE)
        return self.disks[volume_id]

    async def floating_ips(self, *, mark: str = "", address: str = "") -> list[FloatingIP]:
        self.asked.append(" ".join(["floating", *([mark] if mark else []), *([address] if address else [])]))
        found = [row for row in self.floating.values() if not mark or row.description == mark]
        return [row for row in found if not address or row.floating_ip_address == address]

    async def floating_ip(self, floating_ip_id: str) -> FloatingIP:
        self.asked.append(floating_ip_id)
        if floating_ip_id not in self.floating:
            raise refused(404, f"Floating IP {floating_ip_id} could not be found", "network", "FloatingIPNotFound")
        return self.floating[floating_ip_id]

    async def send(self, request: Request, seconds: float) -> Reply:
        self.asked.append(f"{request.method} {request.path}")
        self.revision = request.revision
        if isinstance(self.answer, Exception):
            raise self.answer
        return Reply(200, msgspec.json.encode(self.answer if self.answer is not None else {}))

    async def close(self) -> None:
        return None
