"""One row each as last seen, whose mark it bears, and all that is seen of one machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hostwright.core.names import MARK
from hostwright.core.port import LedgerRow, Ownership, Sought, Trace
from hostwright.providers.openstack.rows import FloatingIP, Port, Server, Volume


@dataclass(frozen=True, slots=True)
class SeenServer:
    row: Server
    as_of: float
    active_at: float  # monotonic: first read that showed it at rest; infinity before
    wired_at: float = float("inf")  # monotonic: first read that showed these addresses of it


@dataclass(frozen=True, slots=True)
class SeenPort:
    row: Port
    as_of: float


@dataclass(frozen=True, slots=True)
class SeenVolume:
    row: Volume
    as_of: float

    def held_by(self, server: SeenServer) -> bool:
        """A row read before the server came to rest may be from before it was attached: there Nova's word counts."""
        early = self.as_of < server.active_at < float("inf")
        listed = early and any(item.id == self.row.id for item in server.row.volumes)
        return listed or server.row.id in self.row.servers


@dataclass(frozen=True, slots=True)
class SeenFloatingIP:
    row: FloatingIP
    as_of: float


@dataclass(frozen=True, slots=True)
class Told:
    """What became of what was last done with a server."""

    request_id: str = ""
    words: str = ""  # of a failure that the server itself does not show
    undone: str = ""  # a change of power that was accepted, and came to nothing


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that is seen of one machine."""

    servers: tuple[SeenServer, ...] = ()
    ports: tuple[SeenPort, ...] = ()
    volumes: tuple[SeenVolume, ...] = ()
    floating_ips: tuple[SeenFloatingIP, ...] = ()  # ours, and those of others on our ports
    knows_floating_ips: bool = False  # they are read at all
    actions: Mapping[str, Told] = field(default_factory=dict)  # server → what Nova says of what was done with it
    foreign: tuple[LedgerRow, ...] = ()  # rows of the ledger that name what is shown not to be ours: in nothing above
    ports_as_of: float = float("-inf")  # monotonic: when all ports of the machine that may be seen were asked for

    def __bool__(self) -> bool:
        return bool(self.servers or self.ports or self.volumes or self.floating_ips or self.foreign)

    def ours(self, trace: Trace) -> "Gathered":
        """Without what was there before us and stays after us."""
        referenced = {row.id for row in trace.ledger if row.ownership is Ownership.REFERENCED}
        listed = {row.id for row in trace.ledger} - referenced
        floating = (row for row in self.floating_ips if row.row.id in listed or row.row.description == trace.mark)
        volumes = (row for row in self.volumes if row.row.id in listed or row.row.mark == trace.mark)
        return replace(
            self,
            floating_ips=tuple(row for row in floating if row.row.id not in referenced),
            volumes=tuple(row for row in volumes if row.row.id not in referenced),
        )

    def sorted_out(self, trace: Trace) -> "Gathered":
        """Without what the ledger names as made by us and is not.

        A floating IP has no name: one without a mark is ours by the port that it is on.
        """
        foreign: list[LedgerRow] = []

        def may_be_ours(item: str, marks: Sequence[str], name: str) -> bool:
            owners = [mark for mark in marks if mark.startswith(MARK)]  # and no server that it is plugged into
            mark = trace.mark if trace.mark in owners else next(iter(owners), "")
            row = trace.disowned(item, mark, name)
            if row is not None:
                foreign.append(row)
            return row is None

        servers = tuple(each for each in self.servers if may_be_ours(each.row.id, server_marks(each), each.row.name))
        ports = tuple(each for each in self.ports if may_be_ours(each.row.id, port_marks(each), each.row.name))
        volumes = tuple(each for each in self.volumes if may_be_ours(each.row.id, [each.row.mark], each.row.name or ""))
        named = {port.row.id: port.row.name for port in ports}
        floating = tuple(
            each
            for each in self.floating_ips
            if may_be_ours(each.row.id, floating_ip_marks(each), named.get(each.row.port_id or "", ""))
        )
        return replace(
            self, servers=servers, ports=ports, volumes=volumes, floating_ips=floating, foreign=tuple(foreign)
        )

    @property
    def ages(self) -> list[float]:
        """When each of it was read."""
        return [item.as_of for rows in (self.servers, self.ports, self.volumes, self.floating_ips) for item in rows]

    @property
    def ids(self) -> list[str]:
        return [item.row.id for rows in (self.servers, self.ports, self.volumes, self.floating_ips) for item in rows]


def server_marks(seen: SeenServer) -> list[str]:
    return [tag for tag in seen.row.tags if tag.startswith(MARK)]


def port_marks(seen: SeenPort) -> list[str]:
    """Its owner mark; or the server that it is plugged into, of which it may be a port without a mark."""
    if seen.row.description.startswith(MARK):
        return [seen.row.description]
    return [attached(seen.row.device_id)] if seen.row.device_id else []


def volume_marks(seen: SeenVolume) -> list[str]:
    """Its owner mark, and the servers that it is attached to: of those it may be a disk without a mark."""
    own = [seen.row.mark] if seen.row.mark.startswith(MARK) else []
    return [*own, *(attached(server) for server in sorted(seen.row.servers))]


def attached(server_id: str) -> str:
    """What stands for a server among the marks of its volumes and ports."""
    return f"at:{server_id}"


def alike(servers: Iterable[SeenServer], sought: Sought) -> list[SeenServer]:
    """Those that have all that is asked."""
    return [
        seen
        for seen in servers
        if sought.id in {"", seen.row.id}
        and sought.name in {"", seen.row.name}
        and set(sought.tags) <= set(seen.row.tags)
    ]


def floating_ip_marks(seen: SeenFloatingIP) -> list[str]:
    return [seen.row.description] if seen.row.description.startswith(MARK) else []


def record_of(seen: SeenServer) -> tuple[str, str]:
    return seen.row.record
