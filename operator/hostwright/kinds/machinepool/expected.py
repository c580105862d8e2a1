"""What was asked of the API server and is not seen in the store yet: it guards every bound against a stale read."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hostwright.kinds.machinepool.situation import Member

#: What has no answer may still be carried out; so long after it was sent it is not. The call itself ends after 15 s,
#: but what the API server has received it may get to later.
UNANSWERED_FOR = 30.0
#: The watch has shown by then what was answered; what it did not show is looked up.
SHOWN_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One request. `uid` is empty while there is no answer."""

    since: float  # monotonic seconds
    uid: str = ""
    identity: str = ""  # the machine id of a birth: the store may still show the object of before under its name

    def due(self, now: float) -> bool:
        """Whether it is time to ask the API server itself."""
        return now - self.since >= (SHOWN_WITHIN if self.uid else UNANSWERED_FOR)


@dataclass(slots=True, frozen=True)
class Expected:
    """Births by name, deaths by uid."""

    births: dict[str, Sent] = field(default_factory=dict)
    deaths: dict[str, Sent] = field(default_factory=dict)

    def seen(self, members: Iterable[Member]) -> None:
        """What the store shows needs no expectation; a death is shown by its deletionTimestamp or by absence."""
        there = {member.uid: member for member in members}
        named = {member.name: member.identity for member in there.values() if not member.going}
        for name, sent in list(self.births.items()):
            if sent.uid in there or (not sent.uid and named.get(name) == sent.identity):
                del self.births[name]
        for uid in list(self.deaths):
            if uid not in there or there[uid].going:
                del self.deaths[uid]

    def applied(self, members: Iterable[Member]) -> tuple[Member, ...]:
        """The members as they are once all that was asked for is seen."""
        found = [self._going(member) if member.uid in self.deaths else member for member in members]
        known = {member.uid for member in found}
        coming = [
            Member(name, sent.uid or f"unanswered/{name}", up_to_date=None, seen=False, writable=False)
            for name, sent in self.births.items()
            if sent.uid not in known
        ]
        return (*found, *coming)

    def _going(self, member: Member) -> Member:
        return replace(member, going=True, unsure=not member.going and not self.deaths[member.uid].uid)
