"""A PhysicalMachine as a claim sees it, why a claim may not take it, and which one it takes; values, pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from hostwright.core.access import LabelSelector
from hostwright.core.names import LABEL_RACK, LABEL_ZONE


class Ref(NamedTuple):
    """A claim or a server."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Holder(NamedTuple):
    """What a server's claimRef says."""

    claim: Ref
    uid: str


class Why(StrEnum):
    """Why a claim may not take a server: the first that fits, in the words of the claim's message."""

    NOT_MATCHING = "not matching the selector"
    NOT_ALLOWED = "not for this namespace"
    TOO_SMALL = "too small"
    CLAIMED = "claimed"
    DELETING = "being deleted"
    MAINTENANCE = "in maintenance"
    OBSERVED = "only observed"
    PAUSED = "paused"
    UNSEEN = "not looked at yet"
    FAILED = "without a working login, or another server than recorded"
    UNREACHABLE = "unreachable"
    NOT_INSPECTED = "not inspected yet"
    HELD = "held"
    UNHEALTHY = "unhealthy"


#: What the BMC says of the hardware's health → its place; what is not here is not taken.
HEALTH: Mapping[str, int] = {"OK": 0, "": 1, "Warning": 2}


@dataclass(frozen=True, slots=True)
class Server:
    """One PhysicalMachine as last seen."""

    ref: Ref
    labels: Mapping[str, str] = field(default_factory=dict)
    namespaces: frozenset[str] = frozenset()  # whose claims may take it
    holder: Holder | None = None
    promised: frozenset[Ref] = frozenset()  # the claims whose status names it
    hindrance: Why | None = None  # why nobody may take it, claims apart
    cpu: int | None = None
    memory_mib: int | None = None
    manufacturer: str = ""
    model: str = ""
    health: str = ""
    power: str = ""
    ready: str = ""  # status, reason and message of its Ready
    reason: str = ""
    message: str = ""
    stalled: bool = False
    held: bool = False
    maintenance: str = ""  # why, where the hindrance is that
    reachable: bool = True  # the BMC answers, with our login, as the server that was recorded
    released: bool = False  # seen off after its claim was deleted
    handled_for: str = ""  # uid of the claim whose binding it has taken notice of
    handled_restart: str = ""  # that claim's restartedAt, as last acted on


@dataclass(frozen=True, slots=True)
class Wish:
    """What a claim asks of a server; equal wishes have equal verdicts."""

    namespace: str
    selector: LabelSelector | None = None
    cpu: int = 0
    memory_mib: int = 0

    def verdict(self, server: Server) -> Why | None:
        """None: this claim may take it."""
        if self.selector is not None and not self.selector.matches(server.labels):
            return Why.NOT_MATCHING
        if self.namespace not in server.namespaces:
            return Why.NOT_ALLOWED
        known = server.cpu is not None and server.memory_mib is not None
        if known and ((server.cpu or 0) < self.cpu or (server.memory_mib or 0) < self.memory_mib):
            return Why.TOO_SMALL
        if server.holder is not None or server.promised:
            return Why.CLAIMED
        if server.hindrance is not None:
            return server.hindrance
        return Why.NOT_INSPECTED if not known and (self.cpu or self.memory_mib) else None


@dataclass(frozen=True, slots=True)
class Spread:
    """How many servers a namespace holds, by zone and by rack within it."""

    zones: Mapping[str, int] = field(default_factory=dict)
    racks: Mapping[tuple[str, str], int] = field(default_factory=dict)


def place(server: Server) -> tuple[str, str]:
    """Zone and rack; empty where it has no such label."""
    return server.labels.get(LABEL_ZONE, ""), server.labels.get(LABEL_RACK, "")


def choose(wish: Wish, servers: Iterable[Server], spread: Spread) -> Server | None:
    """Healthiest first, then where the namespace holds fewest; ties by name, so that all choose alike."""
    return min(
        (server for server in servers if wish.verdict(server) is None),
        key=lambda server: (HEALTH.get(server.health, len(HEALTH)), *_crowd(server, spread), server.ref),
        default=None,
    )


def told(tally: Mapping[Why, int]) -> str:
    """`0 of 12 PhysicalMachines can be taken: 8 claimed, 4 too small`; the most first."""
    counts = Counter({why: number for why, number in tally.items() if number})
    if not counts:
        return "there is no PhysicalMachine"
    order = list(Why)
    rows = sorted(counts.items(), key=lambda row: (-row[1], order.index(row[0])))
    all_of_them = counts.total()
    noun = "PhysicalMachine" if all_of_them == 1 else "PhysicalMachines"
    return f"0 of {all_of_them} {noun} can be taken: {', '.join(f'{number} {why}' for why, number in rows)}"


def _crowd(server: Server, spread: Spread) -> tuple[int, int]:
    zone, rack = place(server)
    return spread.zones.get(zone, 0), spread.racks.get((zone, rack), 0)
