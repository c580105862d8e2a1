"""The groups of machines that are made on a Provider: their ledger and intents, and what is next of one; pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hostwright.core.intent import Quiet
from hostwright.core.names import Reason
from hostwright.kinds.provider.port import GroupFact


class GroupState(StrEnum):
    """Creating: there is none whose id is known. Deleting: its deletion was, or is about to be, sent."""

    CREATING = "Creating"
    CREATED = "Created"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True)
class Group:
    """One row of `status.groups`: of the machines of one namespace that name it."""

    name: str  # `<namespace>/<name>`
    policy: str
    state: GroupState = GroupState.CREATING
    title: str = ""  # on the backend: of the last attempt, and no other group's
    id: str = ""
    attempt: int = 0  # creations in a row that are not known to have made anything
    started_at: datetime | None = None
    deadline: datetime | None = None
    next_retry_at: datetime | None = None
    reason: str = ""  # why it could not be made, or is not removed
    message: str = ""

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the machines that name a group ask for."""

    policy: str  # of the oldest of them
    live: bool = True  # one of them is to be made, or stays
    agreed: bool = True  # all of them ask for this policy, and none of them is there or being made

    def replaces(self, row: "Group") -> bool:
        """Whether a group of another policy may give way, if no machine is in it."""
        return self.live and self.agreed and self.policy != row.policy


class Next(StrEnum):
    MAKE = "Make"  # one more attempt, announced first
    LIST = "List"  # all groups of the backend are asked for: the outcome of an attempt is open, or none was made yet
    CHECK = "Check"  # this one is asked for: whether it is there, and who is in it
    REMOVE = "Remove"  # it was seen to be ours and empty
    FORGET = "Forget"
    NOTHING = "Nothing"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of one group beside its row."""

    now: datetime
    open: bool = False  # the outcome of the last attempt is unknown
    listed: Sequence[GroupFact] | None = None  # all groups, asked for in this pass
    began: float = float("-inf")  # monotonic: when that was
    quiet: Quiet | None = None  # of the open attempt
    fact: GroupFact | None = None  # this group, asked for in this pass by its id
    checked: bool = False  # that was answered; with no fact: it is gone
    due: bool = False  # it was not looked at for some time
    ours: Collection[str] = ()  # ids of the cluster's machines among `listed`
    prefix: str = ""  # what the titles of this group begin with


def next_of(row: Group, wish: Wish | None, sight: Sight) -> tuple[Next, Group]:
    """What is next, and the row as it is known by now. A listing or a check is asked for first, then judged."""
    if row.state is GroupState.CREATING:
        return _creating(row, wish, sight)
    if not sight.checked:
        due = sight.due or wish is None or wish.replaces(row) or row.state is GroupState.DELETING
        return (Next.CHECK if due else Next.NOTHING), row
    if sight.fact is None or sight.fact.name != row.title:  # gone; one of another name is not the one we made
        return Next.FORGET, row
    gives_way = wish is None or (wish.replaces(row) and not sight.fact.members)
    if row.state is GroupState.CREATED and not gives_way:
        return Next.NOTHING, replace(row, reason="", message="")
    if not sight.fact.members:
        return Next.REMOVE, row
    if row.state is GroupState.DELETING and not (sight.quiet and sight.quiet.proves_nothing_made(sight.began)):
        return Next.NOTHING, row  # a deletion that was sent may yet be carried out
    if wish is not None:
        return Next.NOTHING, replace(row, state=GroupState.CREATED)
    text = (
        f"no object names it any more, and {len(sight.fact.members)} servers are in it: it goes with the last of them"
    )
    return Next.NOTHING, replace(row, state=GroupState.CREATED, reason=Reason.IN_USE, message=text)


def _creating(row: Group, wish: Wish | None, sight: Sight) -> tuple[Next, Group]:
    if sight.open:
        return _verify(row, wish, sight)
    if wish is None or not wish.live:
        return Next.FORGET, row
    row = replace(row, policy=wish.policy)
    if row.next_retry_at is not None and row.next_retry_at > sight.now:
        return Next.NOTHING, row
    if row.attempt:
        return Next.MAKE, row
    if sight.listed is None:
        return Next.LIST, row
    found = [fact for fact in sight.listed if _was_ours(row, fact, sight)]
    if len(found) == 1:
        return Next.NOTHING, made(row, found[0])
    return Next.MAKE, row


def _verify(row: Group, wish: Wish | None, sight: Sight) -> tuple[Next, Group]:
    """A title is of one attempt only. Where two bear it, somebody has copied it: which is ours cannot be told."""
    if sight.listed is None:
        return Next.LIST, row
    found = [fact for fact in sight.listed if fact.name == row.title]
    if len(found) == 1:
        return Next.NOTHING, made(row, found[0])
    if sight.quiet is None or not sight.quiet.proves_nothing_made(sight.began):
        return Next.NOTHING, row
    return (Next.MAKE if wish is not None and wish.live else Next.FORGET), row


def _was_ours(row: Group, fact: GroupFact, sight: Sight) -> bool:
    """After a lost status: it bears the cluster's mark and this name, and machines of the cluster are in it."""
    return fact.name.startswith(sight.prefix) and fact.policy == row.policy and bool(fact.members & set(sight.ours))


def made(row: Group, fact: GroupFact) -> Group:
    return Group(row.name, fact.policy, GroupState.CREATED, fact.name, fact.id)
