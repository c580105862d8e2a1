"""What a pool's decision is made from: the pool as wanted, its members as found, what is on its way."""

from dataclasses import dataclass, field
from datetime import datetime

from hostwright.core.errors import Failure
from hostwright.core.names import Disruption
from hostwright.kinds.machinepool.values import InPlace, Order, Strategy


@dataclass(frozen=True, slots=True)
class Change:
    """What brings a member to the template: the heaviest class of all that differs, and where it differs."""

    disruption: Disruption
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One machine of the pool. What was asked for and not seen yet counts as done: one is born, one is going."""

    name: str
    uid: str
    version: str = ""  # of the body by which it is judged
    born: str = ""  # its creation, as Kubernetes writes it: later is greater
    going: bool = False  # it is being deleted
    unsure: bool = False  # its deletion was asked for, and whether that arrived is not known
    ready: bool | None = False  # of its present generation; None: nobody can say now
    ready_since: datetime | None = None
    serves: bool = True  # its own Available, where its spec says what that means
    serves_since: datetime | None = None
    change: Change | None = None  # None: its spec is the template's
    up_to_date: bool | None = True  # its own word for whether the machine is as its spec says; None: not said yet
    moved: bool = False  # it is not as its spec says by nobody's edit: that is told, and no reason for another machine
    changing: bool = False  # a machine that was up is being brought to its present spec
    labelled: bool = True  # it has the template's labels and annotations, and none that left the template
    seen: bool = True  # False: it was announced, and the watch has not shown it yet
    writable: bool = True  # it has its machine id
    delete_first: bool = False
    do_not_disrupt: bool = False
    protected: bool = False
    why: str = ""  # what its Ready condition says
    identity: str = ""  # its machine id; a claim has none


@dataclass(frozen=True, slots=True)
class Situation:
    """The whole of it. Members that are not ours any more, and machines that may become ours, stand apart."""

    pool: str
    uid: str
    revision: str
    now: datetime
    replicas: int
    births: int = 0
    generation: int = 1
    deleting: bool = False
    paused: bool = False
    held: str | None = None  # the annotation `paused`: why nothing at all is done
    naming: str = "{pool}-{ordinal}"
    limit: int | None = None
    surge: int = 1
    unavailable: int = 0
    strategy: Strategy = Strategy.ROLLING_UPDATE
    in_place: InPlace = InPlace.PREFER
    ceiling: Disruption = Disruption.LIVE  # the template's maxDisruption
    order: Order = Order.NEWEST
    min_ready: float = 0.0
    members: tuple[Member, ...] = ()
    strays: tuple[Member, ...] = ()  # owned, but their labels do not match any more
    orphans: tuple[Member, ...] = ()  # matching, and nobody's
    foreign: frozenset[str] = frozenset()  # names that others have
    stubborn: frozenset[str] = frozenset()  # uids of members that a change in place left as they were
    failure: Failure | None = None  # why nothing is made now: a rival pool, a refused member

    @property
    def wanted(self) -> int:
        return self.replicas if self.limit is None else min(self.replicas, self.limit)

    @property
    def floor(self) -> int:
        """So many members stay available during a rollout."""
        return self.wanted - self.unavailable


@dataclass(frozen=True, slots=True)
class Count:
    """The members in numbers, for decisions and for the status."""

    live: tuple[Member, ...]
    going: tuple[Member, ...]
    ready: int = 0
    available: frozenset[str] = field(default_factory=frozenset)  # uids
    soonest: float | None = None  # seconds until the next member is available


def count(situation: Situation) -> Count:
    """Who lives, who is ready, who is so, and serves by its own readiness, for long enough."""
    live = tuple(member for member in situation.members if not member.going)
    available, waits = set(), []
    for member in live:
        if not (member.ready and member.serves):
            continue
        since = max((each for each in (member.ready_since, member.serves_since) if each), default=situation.now)
        left = situation.min_ready - (situation.now - since).total_seconds()
        if situation.min_ready <= 0 or left <= 0:
            available.add(member.uid)
        else:
            waits.append(left)
    return Count(
        live,
        tuple(member for member in situation.members if member.going),
        sum(1 for member in live if member.ready),
        frozenset(available),
        min(waits, default=None),
    )
