"""Cinder: volumes that are reserved, attached, grown and deleted."""

from collections.abc import Mapping

from tests.model_openstack.base import State
from tests.model_openstack.rows import ZONES, Body, Volume, new_id, nova, stamp

Query = Mapping[str, list[str]]


class Cinder:
    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, method: str, path: list[str], query: Query, body: Body) -> tuple[int, Body]:
        match method, path:
            case "GET", ["types"]:
                return 200, {"volume_types": [{"id": "t-1", "name": "standard"}]}
            case "GET", ["volumes", "detail"]:
                rows = self.state.listed(self.state.volumes.values())
                try:
                    page = self.state.page(rows, query)  # `metadata=`: a filter that this cloud does not have
                except KeyError as error:
                    raise nova(404, "itemNotFound", f"Volume {error.args[0]} could not be found.") from error
                full = len(page) == min(int(query.get("limit", ["1000000"])[0]), self.state.settings.page_size)
                links = [{"rel": "next", "href": ""}] if full else []
                return 200, {"volumes": [_shown(row) for row in page], "volumes_links": links}
            case "GET", ["volumes", item]:
                return 200, {"volume": _shown(self.found(item))}
            case "POST", ["volumes"]:
                return 202, {"volume": _shown(self._create(body["volume"]))}
            case "DELETE", ["volumes", item]:
                self._delete(self.found(item))
                return 202, {}
            case "POST", ["volumes", item, "action"]:
                self._extend(self.found(item), body["os-extend"]["new_size"])
                return 202, {}
            case "POST", ["volumes", item, "metadata"]:
                row = self.found(item)
                row.metadata |= body["metadata"]
                self.state.touched()
                return 200, {"metadata": row.metadata}
            case "DELETE", ["volumes", item, "metadata", key]:
                row = self.found(item)
                if key not in row.metadata:
                    raise nova(404, "itemNotFound", f"Volume {item} has no metadata with key {key}.")
                del row.metadata[key]
                self.state.touched()
                return 200, {}
        raise nova(404, "itemNotFound", "The resource could not be found.")

    def found(self, item: str) -> Volume:
        if item not in self.state.volumes:
            raise nova(404, "itemNotFound", f"Volume {item} could not be found.")
        return self.state.volumes[item]

    def _create(self, wanted: Body) -> Volume:
        zone = wanted.get("availability_zone") or ZONES[0]
        if zone not in ZONES:
            raise nova(400, "badRequest", f"Invalid input received: Availability zone '{zone}' is invalid.")
        made = Volume(
            id=new_id("volume", self.state.next_number()),
            name=wanted.get("name", ""),
            size=wanted["size"],
            created=self.state.now(),
            kind=wanted.get("volume_type", "standard"),
            zone=zone,
            metadata=dict(wanted.get("metadata") or {}),
            image=wanted.get("imageRef", ""),
        )
        self.state.volumes[made.id] = made
        self.state.touched()
        self._becomes(made, "available")
        return made

    def _delete(self, row: Volume) -> None:
        if row.status == "deleting":
            return
        if row.servers or row.status not in {"available", "error"}:
            text = (
                "Invalid volume: Volume status must be available or error or error_restoring or error_extending or "
                "error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a "
                "transfer, or be disassociated from snapshots after volume transfer."
            )
            raise nova(400, "badRequest", text)
        row.status = "deleting"
        self.state.touched()
        self.state.later(self.state.settings.volume_seconds, lambda: self.state.volumes.pop(row.id, None))

    def _extend(self, row: Volume, size: int) -> None:
        if size <= row.size:
            text = "Invalid input received: New size for extend must be greater than current size."
            raise nova(400, "badRequest", f"{text} (current: {row.size}, extended: {size}).")
        if row.status not in {"available", "in-use"}:
            raise nova(400, "badRequest", f"Invalid volume: Volume {row.id} status must be available or in-use.")
        before, row.status = row.status, "extending"
        self._becomes(row, before, size=size)

    def _becomes(self, row: Volume, status: str, **more: int) -> None:
        was = row.status

        def work() -> None:
            if row.id in self.state.volumes and row.status == was:
                row.status, row.updated = status, self.state.now()
                row.size = more.get("size", row.size)

        self.state.touched()
        self.state.later(self.state.settings.volume_seconds, work)

    # -- what Nova does with them

    def reserve(self, item: str) -> None:
        """Before Nova's answer: a real lock."""
        row = self.found(item)
        if row.status != "available":
            text = f"Invalid volume: Volume {item} status must be available or downloading to reserve, but the current "
            raise nova(400, "badRequest", f"{text}status is {row.status}.")
        row.status = "reserved"
        self.state.touched()

    def plugged(self, item: str, server: str, device: str) -> None:
        row = self.state.volumes.get(item)
        if row is not None:
            row.status, row.updated = "in-use", self.state.now()
            row.servers[server] = device

    def freed(self, item: str, server: str) -> None:
        row = self.state.volumes.get(item)
        if row is not None:
            row.servers.pop(server, None)
            row.status, row.updated = ("in-use" if row.servers else "available"), self.state.now()


def _shown(row: Volume) -> Body:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "size": row.size,
        "availability_zone": row.zone,
        "volume_type": row.kind,
        "metadata": dict(row.metadata),
        "attachments": [{"server_id": server, "device": device} for server, device in row.servers.items()],
        "multiattach": False,
        "created_at": stamp(row.created, ".000000"),
        "updated_at": stamp(row.updated, ".000000") if row.updated else None,
        **({"volume_image_metadata": {"image_id": row.image}} if row.image else {}),
    }
