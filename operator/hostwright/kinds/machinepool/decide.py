"""What is next for a pool: let go, take in, shrink, grow, mend, replace — one batch of one of them, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hostwright.core.conditions import Said
from hostwright.core.names import Disruption
from hostwright.kinds.machinepool import say
from hostwright.kinds.machinepool.naming import Birth, births
from hostwright.kinds.machinepool.removal import in_order
from hostwright.kinds.machinepool.situation import Change, Count, Member, Situation, count
from hostwright.kinds.machinepool.values import InPlace, Strategy

#: A pool's one thing may be a batch of so many (DESIGN section 1).
BATCH = 64


@dataclass(frozen=True, slots=True)
class Bear:
    """Raise `status.births` by their number first, then apply each."""

    births: tuple[Birth, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """Apply in place: the template's spec, or (`spec` False) its labels and annotations only."""

    members: tuple[Member, ...]
    spec: bool


@dataclass(frozen=True, slots=True)
class Adopt:
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Release:
    members: tuple[Member, ...]


Step = Bear | Remove | Update | Adopt | Release


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one pure decide."""

    step: Step | None
    said: tuple[Said, ...]
    count: Count
    up_to_date: int
    look_again: float | None = None
    observed: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is not as the template says, and what may be done about it."""

    mended: tuple[Member, ...]  # in place
    replaced: tuple[Member, ...]  # by another member
    kept: tuple[Member, ...]  # would be replaced, and may not be
    rolling: bool  # members are replaced now, or changed in place beside one more


@dataclass(frozen=True, slots=True)
class _Room:
    """What is above the lower bound: of those ready for long enough, and of those ready at all (PROTOCOLS 10.4)."""

    floor: int
    available: frozenset[str]
    for_long: int
    ready: int

    def spares(self, member: Member) -> bool:
        """One that is not ready is missed by nobody; one that is so only now is all there may be."""
        if member.uid in self.available:
            return self.for_long > self.floor
        return not member.ready or self.ready > self.floor

    def without(self, member: Member) -> "_Room":
        for_long = self.for_long - (member.uid in self.available)
        return replace(self, for_long=for_long, ready=self.ready - bool(member.ready))


def decide(situation: Situation) -> Decision:
    """Pure: the same situation gives the same decision."""
    counted, plan = count(situation), plan_of(situation)
    step, taken = (None, ()) if _at_rest(situation) else _next(situation, counted, plan)
    behind = {member.uid for member in counted.live if member.change is not None or not member.up_to_date}
    said = say.said(situation, counted, say.Outlook(plan.mended, plan.replaced, plan.kept, _frozen(situation), taken))
    return Decision(
        step,
        said,
        counted,
        up_to_date=len(counted.live) - len(behind),
        look_again=counted.soonest,
        observed=situation.held is None,
    )


def plan_of(situation: Situation) -> Plan:
    """Sorts the members that are behind. A member that was never seen is as the template was when it was announced."""
    mended: list[Member] = []
    replaced: list[Member] = []
    kept: list[Member] = []
    for member in situation.members:
        if member.going:
            continue
        if member.change is not None and in_place(situation, member, member.change):
            mended.append(member)
        elif member.change is not None or member.up_to_date is False:
            moved = member.change is None and member.moved
            held = moved or member.protected or situation.in_place is InPlace.REQUIRE
            (kept if held else replaced).append(member)
    beside = _crowded(situation, mended) or _down(situation)
    rolling = bool(replaced or beside) and not _frozen(situation)
    return Plan(tuple(mended), tuple(replaced), tuple(kept), rolling)


def _crowded(situation: Situation, mended: Sequence[Member]) -> list[Member]:
    """Those that a change in place takes down for a while, where none may be missing: one more stands in for them."""
    heavy = [member for member in mended if member.change and member.change.disruption.weight > Disruption.LIVE.weight]
    return heavy if situation.unavailable == 0 else []


def _down(situation: Situation) -> bool:
    """Whether one that was changed in place is not back yet: who stands in for it stays until then."""
    heavy = situation.ceiling.weight > Disruption.LIVE.weight and situation.unavailable == 0
    return heavy and any(member.changing and not member.ready for member in situation.members if not member.going)


def in_place(situation: Situation, member: Member, change: Change) -> bool:
    """What touches no machine always is, unless everything is to be replaced."""
    if situation.in_place is InPlace.NEVER or member.uid in situation.stubborn:
        return False
    if change.disruption is Disruption.NONE:
        return True
    return change.disruption is not Disruption.REPLACE and change.disruption.weight <= situation.ceiling.weight


def _at_rest(situation: Situation) -> bool:
    return situation.deleting or situation.held is not None or situation.failure is not None


def _frozen(situation: Situation) -> bool:
    """Paused, or members are the user's to delete: nothing is brought to the template."""
    return situation.paused or situation.strategy is Strategy.ON_DELETE


def _next(situation: Situation, counted: Count, plan: Plan) -> tuple[Step | None, tuple[str, ...]]:
    """The step, and names that stand in its way."""
    if situation.strays:
        return Release(situation.strays[:BATCH]), ()
    missing = situation.wanted - len(counted.live)
    if situation.orphans and missing > 0:
        oldest = sorted(situation.orphans, key=lambda member: (member.born, member.name))
        return Adopt(tuple(oldest[: min(missing, BATCH)])), ()
    shrinking = _surplus(situation, counted, plan)
    if shrinking:
        return Remove(shrinking[:BATCH]), ()
    made, taken = _births(situation, counted, plan)
    if made:
        return Bear(made), taken
    if situation.paused:
        return None, taken
    return _mend(situation, counted, plan) or _replace(situation, counted, plan), taken


def _surplus(situation: Situation, counted: Count, plan: Plan) -> tuple[Member, ...]:
    """Above replicas, and above what a rollout adds while there is one; its lower bound holds then, too."""
    most = situation.wanted + (situation.surge if plan.rolling else 0)
    over = len(counted.live) - most
    if over <= 0:
        return ()
    outdated = frozenset(member.uid for member in plan.replaced)
    able = [member for member in in_order(situation, counted.live, outdated) if not member.protected]
    if not plan.rolling:
        return _seen(able[:over])
    room, chosen = _room(situation, counted), list[Member]()
    for member in able:
        if len(chosen) < over and room.spares(member):
            chosen.append(member)
            room = room.without(member)
    return _seen(chosen)


def _room(situation: Situation, counted: Count) -> _Room:
    return _Room(situation.floor, counted.available, len(counted.available), counted.ready)


def _seen(chosen: Sequence[Member]) -> tuple[Member, ...]:
    """One that was only announced goes once it is seen; no other goes in its place."""
    return tuple(member for member in chosen if member.seen)


def _births(situation: Situation, counted: Count, plan: Plan) -> tuple[tuple[Birth, ...], tuple[str, ...]]:
    """Up to replicas, and during a rollout up to so many more as there are members to replace, within the surge.

    One whose deletion has no answer counts as gone for the lower bound, and as there for this one.
    """
    behind = len(plan.replaced) + len(_crowded(situation, plan.mended))
    more = min(situation.surge, behind) if plan.rolling else 0
    number = situation.wanted + more - len(counted.live) - sum(member.unsure for member in counted.going)
    if situation.limit is not None:
        number = min(number, situation.limit - len(situation.members))
    return births(situation, min(number, BATCH)) if number > 0 else ((), ())


def _mend(situation: Situation, counted: Count, plan: Plan) -> Step | None:
    """In place. What the guest does not notice goes on beside it; what it may notice, a few at a time."""
    if _frozen(situation):
        return _labels(counted.live)
    writable = [member for member in plan.mended if member.writable]
    quiet = [member for member in writable if member.change and member.change.disruption is Disruption.NONE]
    if quiet:
        return Update(tuple(quiet[:BATCH]), spec=True)
    chosen, under_way, room = [], len(_under_way(counted, plan)), _room(situation, counted)
    for member in in_order(situation, writable, frozenset()):
        heavy = member.change is not None and member.change.disruption.weight > Disruption.LIVE.weight
        many = member.uid in counted.available and under_way >= _window(situation)
        if many or (heavy and not room.spares(member)):
            continue
        chosen.append(member)
        under_way += 1
        if heavy:
            room = room.without(member)
    return Update(tuple(chosen[:BATCH]), spec=True) if chosen else _labels(counted.live)


def _labels(live: tuple[Member, ...]) -> Step | None:
    unlabelled = [member for member in live if not member.labelled and member.writable]
    return Update(tuple(unlabelled[:BATCH]), spec=False) if unlabelled else None


def _replace(situation: Situation, counted: Count, plan: Plan) -> Step | None:
    """One that is not ready may always go, as long as few new ones are still to become so.

    One that nobody can judge now stays; one that is ready goes only above the lower bound.
    """
    if not plan.rolling:
        return None
    chosen, under_way, room = [], len(_under_way(counted, plan)), _room(situation, counted)
    for member in in_order(situation, plan.replaced, frozenset()):
        available = member.uid in counted.available
        if not room.spares(member):
            continue
        if not available and (member.ready is None or under_way >= _window(situation)):
            continue
        chosen.append(member)
        room = room.without(member)
        under_way += not available
    return Remove(tuple(chosen[:BATCH])) if chosen else None


def _under_way(counted: Count, plan: Plan) -> list[Member]:
    """As the template says, and not available yet: while there are many of them, the template may be a bad one."""
    behind = {member.uid for member in (*plan.mended, *plan.replaced, *plan.kept)}
    return [member for member in counted.live if member.uid not in behind and member.uid not in counted.available]


def _window(situation: Situation) -> int:
    return max(situation.surge + situation.unavailable, 1)
