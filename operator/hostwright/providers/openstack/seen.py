"""One row each as last seen, whose mark it bears, and all that is seen of one machine."""

from dataclasses import dataclass

from hostwright.core.names import MARK
from hostwright.providers.openstack.rows import Port, Server, Volume


@dataclass(frozen=True, slots=True)
class SeenServer:
    row: Server
    as_of: float
    active_at: float  # monotonic: first read that showed it at rest; infinity before


@dataclass(frozen=True, slots=True)
class SeenPort:
    row: Port
    as_of: float


@dataclass(frozen=True, slots=True)
class SeenVolume:
    row: Volume
    as_of: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that is seen of one machine."""

    servers: tuple[SeenServer, ...] = ()
    ports: tuple[SeenPort, ...] = ()
    volumes: tuple[SeenVolume, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.servers or self.ports or self.volumes)

    @property
    def ages(self) -> list[float]:
        """When each of it was read."""
        return [item.as_of for rows in (self.servers, self.ports, self.volumes) for item in rows]

    @property
    def ids(self) -> list[str]:
        return [item.row.id for rows in (self.servers, self.ports, self.volumes) for item in rows]


def server_marks(seen: SeenServer) -> list[str]:
    return [tag for tag in seen.row.tags if tag.startswith(MARK)]


def port_marks(seen: SeenPort) -> list[str]:
    return [seen.row.description] if seen.row.description.startswith(MARK) else []


def volume_marks(seen: SeenVolume) -> list[str]:
    return [seen.row.mark] if seen.row.mark.startswith(MARK) else []


def record_of(seen: SeenServer) -> tuple[str, str]:
    return seen.row.record
