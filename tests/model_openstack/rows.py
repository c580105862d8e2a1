"""What OpenStack's model keeps: rows that change, how it behaves, and refusals in the services' own words (tried)."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]
PROJECT, USER, REGION = "p1", "u1", "R"
NETWORKS = {"n-app": "app", "n-db": "db", "n-twice-1": "twice", "n-twice-2": "twice", "n-public": "public"}
OUTSIDE = "n-public"
GROUPS = {"g-default": "default", "g-web": "web"}
#: id → (name, CPUs, MiB, GiB of the root disk). The last has more CPUs than any host.
FLAVORS = {"f-1": ("small", 1, 512, 1), "f-2": ("medium", 2, 1024, 1), "f-3": ("m4.vast", 4000, 512, 1)}
HOST_CPUS = 64
#: The first is the default.
ZONES = ("az1", "az2")
KEY_PAIRS = frozenset({"key"})
NO_HOST = "No valid host was found. There are not enough hosts available."


class Refusal(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, body: Body) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


def nova(status: int, kind: str, text: str) -> Refusal:
    """Nova's and Cinder's."""
    return Refusal(status, {kind: {"code": status, "message": text}})


def neutron(status: int, kind: str, text: str) -> Refusal:
    return Refusal(status, {"NeutronError": {"type": kind, "message": text, "detail": ""}})


@dataclass
class Build:
    """What becomes of a build to come."""

    hang: bool = False
    message: str = NO_HOST


@dataclass
class Settings:
    """How the cloud behaves, from now on."""

    build_seconds: float = 1.0
    power_seconds: float = 0.2
    delete_seconds: float = 0.2
    network_seconds: float = 0.3  # from a server's request until its ports are its own, or are unplugged
    volume_seconds: float = 0.2
    quota_servers: int | None = None
    page_size: int = 1000  # [api] max_limit: more is not given, whatever is asked for
    visibility_lag: float = 0.0  # seconds until a list shows what was made; by its id it is shown at once
    chosen_macs: bool = True  # False: the policy of a network that another project shares


@dataclass
class Event:
    """Of an action of Nova's, as its record has it."""

    action: str
    request_id: str
    start: float
    failed: str = ""
    scheduled: bool = True  # a host took part in it


@dataclass
class Server:
    id: str
    number: int
    name: str
    created: float
    flavor: str
    image: str
    updated: float = 0.0  # by what Nova counts as a change
    status: str = "BUILD"
    task: str | None = "scheduling"
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    fault: Body | None = None
    key_name: str | None = None
    zone: str = ZONES[0]
    config_drive: bool = False
    locked: bool = False
    volumes: dict[str, bool] = field(default_factory=dict)  # id → whether it is deleted with the server
    made_ports: set[str] = field(default_factory=set)  # by Nova itself: they go with the server
    actions: list[Event] = field(default_factory=list)
    rests: str = "ACTIVE"  # where a resize or a rebuild leads back to
    turn: int = 0  # what is due for another turn is off
    rebuilds: int = 0

    @property
    def moving(self) -> bool:
        return bool(self.task)


@dataclass
class Port:
    id: str
    name: str
    description: str
    network: str
    mac: str
    addresses: list[str]
    groups: list[str]
    created: float
    device: str = ""
    bound_at: float = 0.0


@dataclass
class FloatingIP:
    id: str
    address: str
    network: str
    description: str
    created: float
    port: str | None = None
    revision: int = 1


@dataclass
class Volume:
    id: str
    name: str
    size: int
    created: float
    kind: str = "standard"
    zone: str = ZONES[0]
    metadata: dict[str, str] = field(default_factory=dict)
    status: str = "creating"
    updated: float = 0.0
    servers: dict[str, str] = field(default_factory=dict)  # server → device
    image: str = ""


def stamp(seconds: float, zone: str = "Z") -> str:
    """As Nova and Neutron write it; Cinder's has no zone."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S") + zone


def new_id(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}/{number}"))
