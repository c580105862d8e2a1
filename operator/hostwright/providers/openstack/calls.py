"""What a plan knows beside the look, and the requests it plans, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hostwright.core.port import Trace
from hostwright.kinds.virtualmachine.port import Memory, Wanted
from hostwright.providers.openstack.rows import Part
from hostwright.providers.openstack.seen import SeenVolume

CREATE_SECONDS = 30.0
#: A deletion, or a confirmation, that was accepted and does not end is sent again after this long.
SEND_AGAIN = 30.0
SERVER = "server"


@dataclass(frozen=True, slots=True)
class Fence:
    """What the session knows beside the look: about MACs, and about who holds what."""

    unfenced: frozenset[str] = frozenset()  # network ids where policy forbids choosing one
    salts: Mapping[str, int] = field(default_factory=dict)  # `<machine id>/<interface>` → next salt
    marked: frozenset[str] = frozenset()  # ids of what bears this machine's mark, as last seen
    servers: frozenset[str] = frozenset()  # ids of this machine's servers, marked or listed, as last seen
    reclaimable: frozenset[str] = frozenset()  # those of them that Nova calls SOFT_DELETED
    ports: Mapping[str, "PortSeen"] = field(default_factory=dict)  # by id: this machine's ports, as last seen
    #: By id: floating IPs of this machine, on its ports, or of an address that it is to have, as last seen.
    floating: Mapping[str, "FloatingSeen"] = field(default_factory=dict)
    no_volumes: frozenset[str] = frozenset()  # ids that its wishes name, and that Cinder does not know
    volumes: Mapping[str, SeenVolume] = field(default_factory=dict)  # by id: its volumes, and those that it names
    #: By id of an imported machine: volumes that Nova would delete with it, as whoever attached them asked.
    ending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keeps_volumes: bool = True  # Nova can be told to
    attaching: Mapping[str, float] = field(default_factory=dict)  # volume → when Nova was last told to attach it


@dataclass(frozen=True, slots=True)
class PortSeen:
    """Who holds a port, and when that was read."""

    holder: str  # id of a server or of something else; empty when nobody does
    as_of: float
    unplugged_at: float | None = None  # when Nova was last told to unplug it, as far as this process knows


@dataclass(frozen=True, slots=True)
class FloatingSeen:
    """A floating IP: where it is, and when that was read."""

    address: str
    network: str
    port: str  # empty: on none
    as_of: float


@dataclass(frozen=True, slots=True)
class NewFloatingIP:
    body: Any
    port: str


@dataclass(frozen=True, slots=True)
class Move:
    """A floating IP put on a port, or taken off (`target` None), if nobody else has it by then."""

    id: str  # empty: it is found by its address, and nothing is sent
    address: str
    source: str  # the port that it is taken off
    target: str | None
    referenced: bool = False  # not ours: taken off, it leaves the ledger


@dataclass(frozen=True, slots=True)
class NewVolume:
    body: Any


@dataclass(frozen=True, slots=True)
class NewPort:
    body: Any
    interface: str
    network: str
    mac: str  # ours or the user's; empty on a network without a fence
    users_mac: bool


@dataclass(frozen=True, slots=True)
class NewServer:
    wanted: Wanted
    trace: Trace
    ports: tuple[str, ...]
    volumes: tuple[str, ...] = ()  # the root's first, where it boots from one


@dataclass(frozen=True, slots=True)
class On:
    """A request on something that is there."""

    id: str
    service: str
    method: str
    path: str
    body: Any = None
    other: str = ""  # id of what else it changes

    @property
    def part(self) -> Part:
        """What it is a request on."""
        if self.path.startswith("/v2.0/floatingips/"):
            return Part.FLOATING_IP
        return {"network": Part.PORT, "block-storage": Part.VOLUME}.get(self.service, Part.SERVER)


@dataclass(frozen=True, slots=True)
class Anew:
    """A rebuild: the user data goes with it."""

    on: On
    wanted: Wanted
    trace: Trace
    keeps_user_data: bool = False  # Nova does, where the request says nothing of it (tried)


@dataclass(frozen=True, slots=True)
class Asked:
    """What Nova did with a server since then, by its own record of actions."""

    id: str
    action: str
    to: str  # a size, or an image
    since: datetime | None


def stale(row: str, as_of: float, memory: Memory) -> bool:
    """Whether what we see of the row may be from before our last call on it."""
    return as_of <= memory.receipts.get(row, float("-inf"))
