"""What OpenStack answers, as small frozen rows; a key that is missing (a cell that is down) has its default."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

Named = msgspec.field
#: Keys of a server's metadata that say for which object it was made.
RECORD_NAMESPACE, RECORD_NAME = "hostwright.namespace", "hostwright.name"
#: Of the last rebuild, written with its request.
REBUILT = "hostwright.rebuild"
#: Field of a machine's shape that no list of Nova's shows → the key with what the server was made with.
PLACED = {"group": "hostwright.group", "server_group": "hostwright.serverGroupID", "hints": "hostwright.schedulerHints"}
#: All that we write into a server's metadata beside the user's own.
OURS = frozenset({RECORD_NAMESPACE, RECORD_NAME, REBUILT, *PLACED.values()})


class Part(StrEnum):
    """What a machine is made of; the first word of a ledger name (`port/eth0`)."""

    SERVER = "server"
    PORT = "port"
    VOLUME = "volume"
    FLOATING_IP = "floatingip"


#: Keys of a volume's metadata: whose it is, and which disk of the machine.
VOLUME_MARK, VOLUME_DISK = "hostwright.mark", "hostwright.disk"


class Flavor(msgspec.Struct, frozen=True):
    id: str = ""
    name: str = ""
    original_name: str = ""
    vcpus: int = 0
    ram: int = 0
    disk: int = 0


class Name(msgspec.Struct, frozen=True):
    name: str = ""


class KeyPair(msgspec.Struct, frozen=True):
    keypair: Name


class ServerGroup(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    policy: str = ""
    members: tuple[str, ...] = ()  # ids of servers


class Zone(msgspec.Struct, frozen=True):
    name: str = Named(name="zoneName", default="")


class Fault(msgspec.Struct, frozen=True):
    message: str = ""
    code: int = 0


class Address(msgspec.Struct, frozen=True):
    addr: str = ""
    kind: str = Named(name="OS-EXT-IPS:type", default="fixed")
    mac: str = Named(name="OS-EXT-IPS-MAC:mac_addr", default="")


class Linked(msgspec.Struct, frozen=True):
    """A thing named by its id; the links beside it are not read, and would be a fifth of the row."""

    id: str = ""


class Held(msgspec.Struct, frozen=True):
    """A volume as Nova has it on a server."""

    id: str = ""
    delete_on_termination: bool = False


class Server(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    status: str = "UNKNOWN"
    task: str | None = Named(name="OS-EXT-STS:task_state", default=None)
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = Named(default_factory=dict)
    created: str = ""
    flavor: Flavor = Flavor()
    image: Linked | str | None = None  # "" for a server that boots from a volume
    fault: Fault | None = None
    zone: str | None = Named(name="OS-EXT-AZ:availability_zone", default=None)
    addresses: dict[str, tuple[Address, ...]] = Named(default_factory=dict)
    key_name: str | None = None
    locked: bool = False
    locked_reason: str | None = None
    updated: str = ""
    volumes: tuple[Held, ...] = Named(name="os-extended-volumes:volumes_attached", default=())

    @property
    def moving(self) -> bool:
        return bool(self.task) or self.status in {"BUILD", "REBOOT", "HARD_REBOOT", "REBUILD", "RESIZE", "MIGRATING"}

    @property
    def reclaimable(self) -> bool:
        """Deleted where Nova's `reclaim_instance_interval` is set: there until that is over, and may be restored."""
        return self.status == "SOFT_DELETED" and not self.task

    @property
    def record(self) -> tuple[str, str]:
        """Namespace and name of the object that it says it was made for."""
        return self.metadata.get(RECORD_NAMESPACE, ""), self.metadata.get(RECORD_NAME, "")

    @property
    def image_id(self) -> str:
        return self.image.id if isinstance(self.image, Linked) else ""


class FixedIP(msgspec.Struct, frozen=True):
    ip_address: str = ""
    subnet_id: str = ""


class Port(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    description: str = ""
    device_id: str = ""
    network_id: str = ""
    mac_address: str = ""
    fixed_ips: tuple[FixedIP, ...] = ()
    status: str = ""
    security_groups: tuple[str, ...] = ()
    created_at: str = ""


class Attachment(msgspec.Struct, frozen=True):
    server_id: str = ""
    device: str | None = None  # as the guest was told, such as /dev/vda


class Volume(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    status: str = ""
    size: int = 0  # GiB
    volume_type: str | None = None
    metadata: dict[str, str] = Named(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    multiattach: bool = False
    created_at: str = ""
    updated_at: str | None = None
    image: dict[str, str] = Named(name="volume_image_metadata", default_factory=dict)

    @property
    def mark(self) -> str:
        """Our owner mark, or nothing."""
        return self.metadata.get(VOLUME_MARK, "")

    @property
    def moving(self) -> bool:
        failed = self.status.startswith("error")  # error_deleting and its like: nothing ends them by itself
        return (self.status.endswith("ing") and not failed) or self.status == "reserved"

    @property
    def broken(self) -> bool:
        """Cinder could not make it; `error_deleting` and its like are of volumes that were good."""
        return self.status == "error"

    def boots(self, server_id: str) -> bool:
        """Whether it is that server's first disk, by the place that Nova gave it."""
        return any(item.server_id == server_id and (item.device or "").endswith("da") for item in self.attachments)

    @property
    def servers(self) -> frozenset[str]:
        """Ids of the servers that it is attached to."""
        return frozenset(item.server_id for item in self.attachments)


class FloatingIP(msgspec.Struct, frozen=True):
    id: str
    description: str = ""
    floating_ip_address: str = ""
    floating_network_id: str = ""
    port_id: str | None = None
    created_at: str = ""
    revision_number: int | None = None


class Network(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    project_id: str = ""
    external: bool = Named(name="router:external", default=False)


class Subnet(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    network_id: str = ""


class SecurityGroup(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    project_id: str = ""


class Image(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None  # any member may make an image without one
    status: str = ""


class ActionEvent(msgspec.Struct, frozen=True):
    event: str = ""
    result: str | None = None
    details: str | None = None


class Action(msgspec.Struct, frozen=True):
    """What was done with a server, as Nova records it."""

    action: str = ""
    request_id: str = ""
    start_time: str = ""
    events: tuple[ActionEvent, ...] = ()


class Servers(msgspec.Struct, frozen=True):
    servers: tuple[Server, ...]  # without a default: an object of something in between is no empty list


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that names are resolved by."""

    flavors: tuple[Flavor, ...] = ()
    images: tuple[Image, ...] = ()
    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    key_pairs: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    server_groups: frozenset[str] | None = frozenset()  # ids; None: this user may not list them
    volume_types: frozenset[str] | None = None  # None: this cloud has no block storage for this user
    storage_away: str = ""  # why the volume types are not known now


@dataclass(frozen=True, slots=True)
class Login:
    project: str
    region: str
    api_version: str
    expires_at: datetime | None = None  # of an application credential
    hostnames: bool = True  # Nova takes one (2.90)
    keeps_volumes: bool = True  # Nova takes another `delete_on_termination` of what is attached (2.85)


@dataclass(frozen=True, slots=True)
class Request:
    """One mutating request. `body` may hold user data, so it is never shown."""

    service: str  # compute | network | block-storage
    method: str
    path: str
    body: Any = field(default=None, repr=False)
    revision: int | None = None  # Neutron refuses it (412) where somebody changed the thing since


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = field(repr=False)
    request_id: str = ""


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """The service answered with an error status."""

    def __init__(self, service: str, reply: Reply, retry_after: float | None = None) -> None:
        super().__init__(f"{service} answered {reply.status}")
        self.service, self.status, self.request_id, self.retry_after = (
            service,
            reply.status,
            reply.request_id,
            retry_after,
        )
        self.kind, self.text = _words(reply.body)


class NotSent(Exception):  # noqa: N818
    """The connection was refused, or the name not found: nothing was sent."""


class Unanswered(Exception):  # noqa: N818
    """Sent, and no answer came: timeout or cut connection."""


class NoEndpoint(Exception):  # noqa: N818
    """Keystone's catalog has no endpoint of a service: another region or interface is meant."""


class TooOld(Exception):  # noqa: N818
    """Nova's newest microversion is below the floor."""


class LoginRefused(Exception):  # noqa: N818
    """Keystone refuses the login."""


def _short(message: str) -> str:
    """Nova's 400 echoes an over-long user_data whole; nothing of it may reach a status."""
    return message[:60] + "…" if "user_data" in message else message[:600]


def _words(body: bytes) -> tuple[str, str]:
    """(type, message) of an error body.

    {"NeutronError": {"type", "message"}}, {"forbidden": {"code", "message"}} …
    """
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return "", body.decode(errors="replace")[:400]
    if isinstance(raw, dict):
        for name, inner in raw.items():
            if isinstance(inner, dict) and "message" in inner:
                return str(inner.get("type") or name), _short(str(inner["message"]))
    return "", str(raw)[:400]
