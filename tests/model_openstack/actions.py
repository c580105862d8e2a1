"""Nova: what is done with a server that is there; each is refused where Nova refuses it (tried)."""

from collections.abc import Callable

from tests.model_openstack.nova import TAG_LIMIT, Nova
from tests.model_openstack.rows import FLAVORS, NO_HOST, Body, Server, nova

#: Action → (as it is recorded, the statuses that it starts from, the task, where it ends).
POWERS = {
    "os-start": ("start", ("SHUTOFF",), "powering-on", "ACTIVE"),
    "os-stop": ("stop", ("ACTIVE", "ERROR"), "powering-off", "SHUTOFF"),
    "suspend": ("suspend", ("ACTIVE",), "suspending", "SUSPENDED"),
    "resume": ("resume", ("SUSPENDED",), "resuming", "ACTIVE"),
}
WORDS = {"ACTIVE": "active", "SHUTOFF": "stopped", "BUILD": "building", "VERIFY_RESIZE": "resized"}


class Actions:
    def __init__(self, compute: Nova) -> None:
        self.nova, self.state = compute, compute.state

    def act(self, row: Server, body: Body) -> None:
        self._is_open(row)
        ((name, arguments),) = body.items()
        if name in POWERS:
            self._power(row, name)
        elif name == "resize":
            self._resize(row, arguments["flavorRef"])
        elif name == "confirmResize":
            self._confirm(row)
        elif name == "rebuild":
            self._rebuild(row, arguments)
        elif name == "forceDelete":
            self.nova.delete(row)
        else:
            raise nova(400, "badRequest", f"There is no such action: {name}")

    def _is_open(self, row: Server) -> None:
        if row.locked:
            raise nova(409, "conflictingRequest", f"Instance {row.id} is locked")

    def _at_rest(self, row: Server, verb: str, statuses: tuple[str, ...]) -> None:
        if row.task is not None and row.status != "BUILD":
            text = f"Cannot '{verb}' instance {row.id} while it is in task_state {row.task}"
            raise nova(409, "conflictingRequest", text)
        if row.status not in statuses:
            state = WORDS.get(row.status, row.status.lower())
            text = f"Cannot '{verb}' instance {row.id} while it is in vm_state {state}"
            raise nova(409, "conflictingRequest", text)

    def _then(self, row: Server, task: str, status: str | None, work: Callable[[], None], seconds: float) -> None:
        row.turn += 1
        self.nova.change(row, status=status, task=task)
        self.nova.due(row, seconds, work)

    def _power(self, row: Server, name: str) -> None:
        verb, statuses, task, goal = POWERS[name]
        self._at_rest(row, verb, statuses)
        self.nova.note(row, verb)
        if self.state.lost_starts:
            self.state.lost_starts -= 1
            goal = row.status
            row.actions[-1].failed = "the host has forgotten its guest"
        self._then(
            row,
            task,
            None,
            lambda: self.nova.change(row, status=goal, task=None),
            self.state.settings.power_seconds,
        )

    def _resize(self, row: Server, flavor: str) -> None:
        if flavor not in FLAVORS:
            raise nova(400, "badRequest", f"Flavor {flavor} could not be found.")
        self._at_rest(row, "resize", ("ACTIVE", "SHUTOFF"))
        if flavor == row.flavor:
            raise nova(400, "badRequest", "When resizing, instances must change flavor!")
        self.nova.note(row, "resize")
        row.rests = row.status

        def moved() -> None:
            row.flavor = flavor
            self.nova.change(row, status="VERIFY_RESIZE", task=None)

        def stays() -> None:
            self.nova.change(row, status=row.rests, task=None)

        room = self.nova.has_room(flavor)
        if not room:  # said after the request was accepted, and to users without its words (tried)
            row.actions[-1].failed, row.actions[-1].scheduled = NO_HOST, False
        self._then(row, "resize_prep", "RESIZE", moved if room else stays, self.state.settings.power_seconds)

    def _confirm(self, row: Server) -> None:
        if row.status != "VERIFY_RESIZE":
            raise nova(400, "badRequest", "Instance has not been resized.")
        self.nova.note(row, "confirmResize")
        row.turn += 1  # it is shown as it was until it is carried out, without a task
        rests = row.rests
        self.nova.due(row, self.state.settings.power_seconds, lambda: self.nova.change(row, status=rests, task=None))

    def _rebuild(self, row: Server, wanted: Body) -> None:
        if wanted["imageRef"] not in self.state.images:
            raise nova(400, "badRequest", f"Image {wanted['imageRef']} could not be found.")
        self._at_rest(row, "rebuild", ("ACTIVE", "SHUTOFF", "ERROR"))
        self.nova.note(row, "rebuild")
        rests = "SHUTOFF" if row.status == "SHUTOFF" else "ACTIVE"
        row.metadata = dict(wanted.get("metadata", row.metadata))
        row.image, row.fault, row.rebuilds = wanted["imageRef"], None, row.rebuilds + 1
        self._then(
            row,
            "rebuilding",
            "REBUILD",
            lambda: self.nova.change(row, status=rests, task=None),
            self.state.settings.power_seconds,
        )

    # -- tags and metadata

    def set_tag(self, row: Server, tag: str) -> int:
        if len(tag) > TAG_LIMIT:
            raise nova(400, "badRequest", f"{tag!r} is too long")
        self._is_made(row, "update")
        if tag in row.tags:
            return 204
        row.tags.append(tag)
        self.state.touched()
        return 201

    def remove_tag(self, row: Server, tag: str) -> None:
        self._is_made(row, "update")
        if tag not in row.tags:
            raise nova(404, "itemNotFound", f"Instance {row.id} has no tag '{tag}'")
        row.tags.remove(tag)
        self.state.touched()

    def _is_made(self, row: Server, verb: str) -> None:
        """Tags take a server that is active, stopped, paused or suspended, resized or in error: none that is built."""
        if row.status == "BUILD":
            text = f"Cannot '{verb}' instance {row.id} while it is in vm_state building"
            raise nova(409, "conflictingRequest", text)

    def set_metadata(self, row: Server, more: dict[str, str]) -> None:
        self._is_open(row)
        row.metadata |= more
        self.nova.change(row, task=row.task)

    def remove_metadata(self, row: Server, key: str) -> None:
        self._is_open(row)
        if key not in row.metadata:
            raise nova(404, "itemNotFound", "Metadata item was not found")
        del row.metadata[key]
        self.state.touched()

    # -- ports and volumes

    def plug(self, row: Server, wanted: Body) -> Body:
        self._is_open(row)
        self._at_rest(row, "attach_interface", ("ACTIVE", "SHUTOFF", "PAUSED"))
        if "port_id" in wanted:
            port = self.state.ports.get(wanted["port_id"])
            if port is None:
                raise nova(404, "itemNotFound", f"Port id {wanted['port_id']} could not be found.")
        else:
            port = self.nova.neutron.create_port({"network_id": wanted["net_id"]})
            row.made_ports.add(port.id)
        if port.device:
            raise nova(409, "conflictingRequest", f"Port {port.id} is still in use.")
        port.device = row.id
        self.nova.note(row, "attach_interface")
        self.state.touched()
        return {"interfaceAttachment": {"port_id": port.id, "net_id": port.network, "mac_addr": port.mac}}

    def unplug(self, row: Server, item: str) -> None:
        """Some time after the answer."""
        self._is_open(row)
        self._at_rest(row, "detach_interface", ("ACTIVE", "SHUTOFF", "PAUSED"))
        port = self.state.ports.get(item)
        if port is None or port.device != row.id:
            raise nova(404, "itemNotFound", f"Port {item} not attached to instance")
        self.nova.note(row, "detach_interface")

        def unplugged() -> None:
            if port.device == row.id:
                port.device = ""
                if item in row.made_ports and item in self.state.ports:
                    self.nova.neutron.delete_port(port)

        self.state.later(self.state.settings.network_seconds, unplugged)

    def attach(self, row: Server, item: str) -> Body:
        self._is_open(row)
        self._at_rest(row, "attach_volume", ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"))
        if item in row.volumes:
            raise nova(400, "badRequest", f"Invalid volume: Volume {item} is already attached to instance {row.id}")
        self.nova.cinder.reserve(item)
        row.volumes[item] = False
        device = f"/dev/vd{'abcdefgh'[min(len(row.volumes), 7)]}"
        self.state.later(
            self.state.settings.volume_seconds,
            lambda: self.nova.cinder.plugged(item, row.id, device) if item in row.volumes else None,
        )
        return {"volumeAttachment": {"volumeId": item, "serverId": row.id, "device": device}}

    def detach(self, row: Server, item: str) -> None:
        self._is_open(row)
        if item not in row.volumes:
            text = f"Instance {row.id} is not attached to volume {item}"
            raise nova(404, "itemNotFound", text)
        volume = self.nova.cinder.found(item)
        if volume.status != "in-use":
            text = "Invalid volume: Invalid input received: Invalid volume: Unable to detach volume. Volume status"
            raise nova(400, "badRequest", f"{text} must be 'in-use' and attach_status must be 'attached' to detach.")
        volume.status = "detaching"
        self.state.touched()

        def freed() -> None:
            if row.volumes.pop(item, None) is not None:
                self.nova.cinder.freed(item, row.id)

        self.state.later(self.state.settings.volume_seconds, freed)
