"""What is said of a pool: its conditions, in words that name the first member in the way."""

from collections.abc import Sequence
from dataclasses import dataclass

from hostwright.core.conditions import Said
from hostwright.core.errors import Failure, NameTaken
from hostwright.core.names import Actor, Condition, Reason
from hostwright.kinds.machinepool.situation import Count, Member, Situation

#: Members named in a message; of more only the number is told.
NAMED = 3
_WHO = {
    Actor.YOU: "You must act.",
    Actor.PLATFORM: "The platform team must act.",
    Actor.WAIT: "Nothing to do but wait.",
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the pool has still to do, and what it may not."""

    mended: tuple[Member, ...] = ()
    replaced: tuple[Member, ...] = ()
    kept: tuple[Member, ...] = ()
    frozen: bool = False
    taken: tuple[str, ...] = ()

    @property
    def behind(self) -> tuple[Member, ...]:
        return (*self.mended, *self.replaced, *self.kept)


def said(situation: Situation, counted: Count, outlook: Outlook) -> tuple[Said, ...]:
    """The whole set; what is only said while true and is not, is left out."""
    if situation.held is not None:
        return (Said(Condition.PAUSED, True, Reason.PAUSED, situation.held or "no reason given"),)
    if situation.deleting:
        left = len(counted.live) + len(counted.going)
        text = f"{_members(left)} left to the cluster's garbage collection"
        return (
            Said(Condition.READY, False, Reason.DELETING, text),
            Said(Condition.DELETING, True, Reason.DELETING, text),
        )
    return (
        *_ready(situation, counted, outlook),
        *_scaling(situation, counted),
        *_rollout(situation, outlook),
        _available(situation, counted),
        _up_to_date(counted, outlook),
        *((Said(Condition.PAUSED, True, Reason.PAUSED, "spec.paused: no rollout"),) if situation.paused else ()),
    )


def _ready(situation: Situation, counted: Count, outlook: Outlook) -> tuple[Said, ...]:
    failure = situation.failure or _name_taken(outlook)
    if failure is not None:
        sentence = failure.message if failure.message.endswith((".", "…")) else f"{failure.message}."
        text = f"{sentence} {_WHO[failure.actor]}"
        return (
            Said(Condition.READY, False, failure.reason, text),
            Said(Condition.STALLED, True, failure.reason, text),
        )
    reason, text = _waiting(situation, counted, outlook)
    if reason is None:
        held = outlook.behind
        if held:
            return (Said(Condition.READY, True, Reason.CHANGES_PENDING, _held(outlook)),)
        return (Said(Condition.READY, True, Reason.READY, f"{_members(len(counted.live))} ready"),)
    return (
        Said(Condition.READY, False, reason, text),
        Said(Condition.RECONCILING, True, reason, text),
    )


def _name_taken(outlook: Outlook) -> Failure | None:
    if not outlook.taken:
        return None
    return NameTaken(
        f"Names that members would have are taken by objects that are none: {_names(outlook.taken)}. Rename or delete "
        "them, give them the pool's labels, or change naming.template."
    )


def _waiting(situation: Situation, counted: Count, outlook: Outlook) -> tuple[Reason | None, str]:
    """What the pool still waits for; None: nothing."""
    live, wanted = len(counted.live), situation.wanted
    unready = [member for member in counted.live if member.uid not in counted.available]
    if situation.replicas > wanted and live >= wanted and not unready:
        text = f"limits.replicas allows {wanted} of {situation.replicas} members. Raise it, or lower replicas."
        return Reason.LIMIT_REACHED, f"{text} {_WHO[Actor.YOU]}"
    if live < wanted:
        return Reason.SCALING_UP, f"{live} of {wanted} members are there{_first(unready)}"
    if _no_room(situation, counted, outlook) and not unready:
        text = f"limits.replicas is {situation.limit}: no room for a member that takes another's place"
        return Reason.LIMIT_REACHED, f"{text}. Raise it, or maxUnavailable. {_WHO[Actor.YOU]}"
    if (outlook.replaced or outlook.mended) and not outlook.frozen:
        done = live - len(outlook.behind)
        return Reason.ROLLING_OUT, f"{max(done, 0)} of {live} members are as the template says{_first(unready)}"
    if live > wanted and all(member.protected for member in counted.live[wanted:]):
        return Reason.MEMBER_PROTECTED, _protected(counted)
    if live > wanted or counted.going:
        names = _names([member.name for member in counted.going])
        return Reason.SCALING_DOWN, f"{live} members, {wanted} wanted{f'; {names} going' if names else ''}"
    if unready:
        return Reason.MEMBERS_NOT_READY, f"{live - len(unready)} of {live} members are available{_first(unready)}"
    return None, ""


def _no_room(situation: Situation, counted: Count, outlook: Outlook) -> bool:
    """Of those that are to be replaced none may go before another came, and none can come."""
    full = situation.limit is not None and len(situation.members) >= situation.limit
    stuck = len(counted.available) <= situation.floor and not counted.going
    return full and stuck and bool(outlook.replaced) and not outlook.frozen


def _protected(counted: Count) -> str:
    names = _names([member.name for member in counted.live if member.protected])
    text = f"{names}: protected by deletionProtection, which keeps the pool from shrinking."
    return f"{text} {_WHO[Actor.YOU]}"


def _first(unready: Sequence[Member]) -> str:
    """The first member in the way that says something."""
    member = next((each for each in unready if each.why), None)
    return f"; {member.name}: {member.why}" if member is not None else ""


def _scaling(situation: Situation, counted: Count) -> tuple[Said, ...]:
    live, wanted = len(counted.live), situation.wanted
    if live < wanted:
        return (Said(Condition.SCALING_UP, True, Reason.SCALING_UP, f"from {live} to {wanted} members"),)
    if live > wanted:
        return (Said(Condition.SCALING_DOWN, True, Reason.SCALING_DOWN, f"from {live} to {wanted} members"),)
    return ()


def _rollout(situation: Situation, outlook: Outlook) -> tuple[Said, ...]:
    left = (*outlook.replaced, *outlook.mended)
    if outlook.frozen or not left:
        return ()
    text = f"{_members(len(left))} to bring to template {situation.revision}"
    return (Said(Condition.ROLLING_OUT, True, Reason.ROLLING_OUT, text),)


def _available(situation: Situation, counted: Count) -> Said:
    enough = len(counted.available) >= situation.floor
    text = "" if enough else f"{len(counted.available)} of at least {situation.floor} members are available"
    return Said(Condition.AVAILABLE, enough, Reason.READY if enough else Reason.MEMBERS_NOT_READY, text)


def _up_to_date(counted: Count, outlook: Outlook) -> Said:
    if outlook.behind:
        reason = Reason.CHANGES_PENDING if outlook.frozen or outlook.kept else Reason.ROLLING_OUT
        return Said(Condition.UP_TO_DATE, False, reason, _held(outlook))
    unsaid = [member for member in counted.live if not (member.up_to_date and member.labelled)]
    if unsaid:
        text = f"{_members(len(unsaid))} are not known yet to be as written"
        return Said(Condition.UP_TO_DATE, None, Reason.WAITING, text)
    return Said(Condition.UP_TO_DATE, True, Reason.SETTLED)


def _held(outlook: Outlook) -> str:
    names = _names([member.name for member in outlook.behind])
    paths = sorted({path for member in outlook.behind if member.change for path in member.change.paths})
    where = f" in {_names(paths)}" if paths else ""
    return f"{names} differ{'s' if len(outlook.behind) == 1 else ''} from the template{where}{_why_kept(outlook)}"


def _why_kept(outlook: Outlook) -> str:
    protected = [member.name for member in outlook.kept if member.protected]
    if protected:
        return f"; {_names(protected)} cannot be replaced: deletionProtection"
    moved = [member.name for member in outlook.kept if member.moved]
    if moved:
        return f"; {_names(moved)} changed on the backend, by nobody's edit: whoever deletes it has it made anew"
    return "; rollout.inPlace is Require, so nothing is replaced" if outlook.kept else ""


def _members(number: int) -> str:
    return f"{number} member{'' if number == 1 else 's'}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
