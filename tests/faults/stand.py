"""A sandbox with the sites that are asked for, led over the proxy, and the scenarios that are played there."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.e2e.box import boxed
from tests.faults import adoption, depth
from tests.faults.grouped import grouped
from tests.faults.life import Scenario, life
from tests.faults.metal import Metal, metal
from tests.faults.pools import pools
from tests.faults.proxy import proxy
from tests.faults.site import Simulated
from tests.faults.site_openstack import OpenStack
from tests.faults.site_vsphere import VSphere
from tests.faults.stage import Stage
from tests.faults.trial import Theatre
from tests.faults.way import Ways, ways


class Backend(Protocol):
    def foreign(self) -> Any: ...


@dataclass(frozen=True)
class Kind:
    """A site of the sandbox, and what is played on it."""

    made: Callable[[Ways], Any]
    played: tuple[Callable[[Any], Scenario], ...]


SITES: Mapping[str, Kind] = {
    "simulated": Kind(Simulated, (life, pools)),
    "openstack": Kind(
        OpenStack,
        (life, depth.changes, depth.disks, depth.network, adoption.let_go, adoption.deleted, grouped),
    ),
    "vsphere": Kind(VSphere, (life,)),
    "redfish": Kind(Metal, (metal,)),
}


@dataclass
class Stand:
    theatre: Theatre
    scenarios: list[Scenario]
    foreign: dict[str, Any]  # as it was at the beginning
    _sites: dict[str, Backend]

    def touched(self) -> list[str]:
        """The sites where something that is not ours is not as it was."""
        return [name for name, site in self._sites.items() if site.foreign() != self.foreign[name]]


@contextmanager
def stand(directory: Path, names: tuple[str, ...]) -> Iterator[Stand]:
    with boxed(directory, names) as world, proxy(Stage()) as between, ExitStack() as stack:
        over = ways(world, between)
        sites = {name: SITES[name].made(over) for name in names}
        scenarios = [play(sites[name]) for name in names for play in SITES[name].played]
        foreign = {name: site.foreign() for name, site in sites.items()}
        yield Stand(Theatre(over, stack), scenarios, foreign, sites)
