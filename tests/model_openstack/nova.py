"""Nova: servers, their lists and their ends. A port given to two servers at once is the loser's to unplug (tried)."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from tests.model_openstack.base import State
from tests.model_openstack.cinder import Cinder
from tests.model_openstack.neutron import Neutron
from tests.model_openstack.rows import (
    FLAVORS,
    HOST_CPUS,
    KEY_PAIRS,
    NO_HOST,
    PROJECT,
    ZONES,
    Body,
    Build,
    Event,
    Server,
    new_id,
    nova,
    stamp,
)

Query = Mapping[str, list[str]]
TAG_LIMIT = 60


class Nova:
    def __init__(self, state: State, neutron: Neutron, cinder: Cinder) -> None:
        self.state, self.neutron, self.cinder = state, neutron, cinder

    def found(self, item: str) -> Server:
        if item not in self.state.servers:
            raise nova(404, "itemNotFound", f"Instance {item} could not be found.")
        return self.state.servers[item]

    # -- lists

    def listed(self, query: Query) -> Body:
        """The newest first; what was deleted only among changes. Tags that come and go are no change."""
        lag = self.state.settings.visibility_lag
        since = datetime.fromisoformat(query["changes-since"][0]).timestamp() if "changes-since" in query else None
        rows = [self.shown(row) for row in self.state.listed(self.state.servers.values())]
        updated = {row.id: row.updated for row in self.state.servers.values()}
        if since is not None:
            rows = [row for row in rows if int(updated[row["id"]]) >= since]
            rows += [
                _gone(row, at) for row, at in self.state.deleted.values() if int(at) >= since and _old(row, at, lag)
            ]
        tags = query["tags"][0].split(",") if "tags" in query else []
        name = re.compile(query["name"][0]) if "name" in query else None
        rows = [row for row in rows if set(tags) <= set(row["tags"]) and (name is None or name.search(row["name"]))]
        rows.sort(key=lambda row: (row["created"], row["id"]), reverse=True)
        start = 0
        if "marker" in query:
            marker = query["marker"][0]
            start = next((place + 1 for place, row in enumerate(rows) if row["id"] == marker), 0)
            if not start:
                raise nova(400, "badRequest", f"marker [{marker}] not found")
        limit = int(query["limit"][0]) if "limit" in query else self.state.settings.page_size
        return {"servers": rows[start : start + min(limit, self.state.settings.page_size)]}

    def shown(self, row: Server) -> Body:
        name, cpus, memory, disk = FLAVORS[row.flavor]
        addresses: dict[str, list[Body]] = {}
        for port in self.state.ports.values():
            if port.device == row.id:
                network = addresses.setdefault(port.network.removeprefix("n-"), [])
                network += [
                    {"addr": item, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": port.mac}
                    for item in port.addresses
                ]
        return {
            "id": row.id,
            "name": row.name,
            "status": row.status,
            "OS-EXT-STS:task_state": row.task,
            "tags": list(row.tags),
            "metadata": dict(row.metadata),
            "created": stamp(row.created),
            "updated": stamp(row.updated),
            "flavor": {"original_name": name, "vcpus": cpus, "ram": memory, "disk": disk},
            "image": {"id": row.image} if row.image else "",
            "OS-EXT-AZ:availability_zone": row.zone,
            "addresses": addresses,
            "key_name": row.key_name,
            "config_drive": "True" if row.config_drive else "",
            "locked": row.locked,
            "os-extended-volumes:volumes_attached": [
                {"id": item, "delete_on_termination": ends} for item, ends in row.volumes.items()
            ],
            **({"fault": row.fault} if row.fault and row.status == "ERROR" else {}),
        }

    # -- making

    def create(self, body: Body) -> Server:
        """Accepted, or refused with nothing made."""
        wanted, number = body["server"], self.state.next_number()
        group = (body.get("os:scheduler_hints") or {}).get("group", "")
        mapping = wanted.get("block_device_mapping_v2") or ()
        disks = [row["uuid"] for row in mapping if row["source_type"] == "volume"]
        networks = [] if wanted.get("networks") == "none" else wanted.get("networks") or []
        ports = [row["port"] for row in networks if "port" in row]
        self._check(wanted, ports)
        if group and group not in self.state.groups:
            raise nova(400, "badRequest", f"Instance group {group} could not be found.")
        now = self.state.now()
        for disk in disks:
            self.cinder.reserve(disk)
        made = Server(
            id=new_id("server", number),
            number=number,
            name=wanted["name"],
            created=now,
            flavor=wanted["flavorRef"],
            image=wanted.get("imageRef", ""),
            updated=now,
            tags=list(wanted.get("tags") or ()),
            metadata=dict(wanted.get("metadata") or {}),
            key_name=wanted.get("key_name"),
            zone=wanted.get("availability_zone", ZONES[0]),
            config_drive=bool(wanted.get("config_drive")),
            volumes={row["uuid"]: bool(row.get("delete_on_termination")) for row in mapping if row["uuid"] in disks},
        )
        self.state.servers[made.id] = made
        if group:
            self.state.groups[group]["members"].append(made.id)
        self.state.touched()
        self.note(made, "create")
        self._build(made, ports)
        return made

    def _check(self, wanted: Body, ports: list[str]) -> None:
        quota, there = self.state.settings.quota_servers, len(self.state.servers)
        if wanted["flavorRef"] not in FLAVORS:
            raise nova(400, "badRequest", f"Flavor {wanted['flavorRef']} could not be found.")
        if wanted.get("imageRef", "") not in {"", *self.state.images}:
            raise nova(400, "badRequest", "Can not find requested image")
        if wanted.get("key_name") not in {None, *KEY_PAIRS}:
            raise nova(400, "badRequest", "Invalid key_name provided.")
        if wanted.get("availability_zone", ZONES[0]) not in ZONES:
            raise nova(400, "badRequest", "The requested availability zone is not available")
        if any(len(tag) > TAG_LIMIT for tag in wanted.get("tags") or ()):
            raise nova(400, "badRequest", "Invalid input for field/attribute tags. A tag is too long")
        for item in ports:
            port = self.state.ports.get(item)
            if port is None:
                raise nova(400, "badRequest", f"Port id {item} could not be found.")
            if port.device:
                raise nova(409, "conflictingRequest", f"Port {item} is still in use.")
        if quota is not None and there >= quota:
            text = f"Quota exceeded for instances: Requested 1, but already used {there} of {quota} instances"
            raise nova(403, "forbidden", text)

    def has_room(self, flavor: str) -> bool:
        return FLAVORS[flavor][1] <= HOST_CPUS

    def _build(self, made: Server, ports: list[str]) -> None:
        build = self.state.builds.popleft() if self.state.builds else None
        if not self.has_room(made.flavor):
            build = Build(message=NO_HOST)
        settings = self.state.settings
        if build is not None and build.hang:
            return  # its message to a host is lost: BUILD, scheduling, for ever (tried)
        self.due(made, settings.network_seconds, lambda: self._plug(made, ports))
        if build is None:
            self.due(made, settings.network_seconds, lambda: self._plug_disks(made))
            up = max(settings.build_seconds, settings.network_seconds)
            self.due(made, up, lambda: self.change(made, status="ACTIVE", task=None))
        else:
            words = {"code": 500, "message": build.message, "created": stamp(self.state.now())}
            self.due(made, settings.build_seconds, lambda: self.fail(made, words))

    def _plug(self, made: Server, ports: list[str]) -> None:
        """The loser of a race ends in ERROR, and unplugs what it was to have, from the winner."""
        theirs = [item for item in ports if item in self.state.ports and self.state.ports[item].device]
        for item in ports:
            if item in self.state.ports:
                self.state.ports[item].device = "" if theirs else made.id
        if theirs or any(item not in self.state.ports for item in ports):
            made.turn += 1  # its build ends here
            self.fail(made, {"code": 500, "message": f"Failed to allocate the network(s): port {ports[0]} is in use"})

    def _plug_disks(self, made: Server) -> None:
        """Before it runs; what no host takes keeps them reserved until it is deleted."""
        for place, item in enumerate(made.volumes):
            self.cinder.plugged(item, made.id, f"/dev/vd{'abcdefgh'[place + bool(made.image)]}")

    def fail(self, made: Server, fault: Body) -> None:
        made.fault = fault
        made.actions[-1].failed = str(fault["message"])
        self._unplug_all(made)
        self.change(made, status="ERROR", task=None)

    # -- the end

    def delete(self, row: Server) -> None:
        if row.task == "deleting":
            return
        self.note(row, "delete")
        row.turn += 1
        self.change(row, task="deleting")
        self.due(row, self.state.settings.delete_seconds, lambda: self.gone(row))

    def gone(self, row: Server) -> None:
        """Ports that were there before stay, unplugged; so do volumes, unless Nova was asked to delete them."""
        row.turn += 1
        self._unplug_all(row)
        for item, ends in row.volumes.items():
            self.cinder.freed(item, row.id)
            if ends:
                self.state.volumes.pop(item, None)
        for item in row.made_ports & self.state.ports.keys():
            self.neutron.delete_port(self.state.ports[item])
        del self.state.servers[row.id]
        self.state.deleted[row.id] = (row, self.state.now())
        self.state.touched()

    def _unplug_all(self, row: Server) -> None:
        for port in self.state.ports.values():
            if port.device == row.id:
                port.device = ""

    # -- changes

    def change(self, row: Server, *, status: str | None = None, task: str | None) -> None:
        """What Nova counts as one."""
        row.status, row.task, row.updated = status or row.status, task, self.state.now()
        self.state.touched()

    def due(self, row: Server, seconds: float, work: Callable[[], None]) -> None:
        """Unless something else is done with it meanwhile."""
        turn = row.turn

        def now() -> None:
            if row.id in self.state.servers and row.turn == turn:
                work()

        self.state.later(seconds, now)

    def note(self, row: Server, action: str) -> None:
        row.actions.append(Event(action, f"req-{self.state.next_number()}", self.state.now()))

    def actions(self, row: Server, request: str = "") -> Body:
        if not request:
            return {"instanceActions": [_action(item) for item in reversed(row.actions)]}
        for item in row.actions:
            if item.request_id == request:
                name = f"compute__do_{item.action}" if item.scheduled else "conductor_migrate_server"
                events = [{"event": name, "result": "Error" if item.failed else "Success"}]
                return {"instanceAction": {**_action(item), "project_id": PROJECT, "events": events}}
        raise nova(404, "itemNotFound", f"Action for request_id {request} on instance {row.id} not found.")


def _action(item: Event) -> Body:
    return {"action": item.action, "request_id": item.request_id, "start_time": stamp(item.start, ".000000")}


def _gone(row: Server, at: float) -> Body:
    there = {"tags": [], "metadata": {}, "flavor": {"original_name": FLAVORS[row.flavor][0]}}
    return {"id": row.id, "name": row.name, "status": "DELETED", "created": stamp(row.created), **there} | {
        "updated": stamp(at)
    }


def _old(row: Server, at: float, lag: float) -> bool:
    """A list that did not show it yet shows its end no sooner."""
    return at >= row.created + lag or lag == 0.0
