"""Pools and members for tables, and a small cluster that a pool is run against, with reads that may be old."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hostwright.core.names import Disruption
from hostwright.kinds.machinepool.decide import Adopt, Bear, Decision, Release, Remove, Step, Update, decide, plan_of
from hostwright.kinds.machinepool.expected import Expected, Sent
from hostwright.kinds.machinepool.situation import Change, Member, Situation, count

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
REPLACE = Change(Disruption.REPLACE, ("/imageRef/name",))
LIVE = Change(Disruption.LIVE, ("/tags/owner",))
QUIET = Change(Disruption.NONE, ("/timeouts/create",))


def member(number: int, **changes: Any) -> Member:
    """One that is ready and as the template says."""
    usual = {"ready": True, "ready_since": NOW - timedelta(hours=1), "born": f"2025-01-01T00:00:{number:02d}Z"}
    return Member(**{"name": f"web-{number}", "uid": f"u{number}", **usual, **changes})


def members(number: int, **changes: Any) -> tuple[Member, ...]:
    return tuple(member(each, **changes) for each in range(number))


def pool(replicas: int, present: Sequence[Member] = (), **changes: Any) -> Situation:
    usual = {"pool": "web", "uid": UID, "revision": "r1", "now": NOW}
    return Situation(**{**usual, "replicas": replicas, "members": tuple(present), **changes})


@dataclass
class Cluster:
    """Members as they are; what the pool sees of them is older, until `sync`. A bad template never becomes ready."""

    wanted: Situation
    chance: random.Random
    there: dict[str, Member] = field(default_factory=dict)
    template: int = 0
    bad: bool = False
    made_of: dict[str, int] = field(default_factory=dict)
    expected: Expected = field(default_factory=Expected)
    shown: tuple[Member, ...] = ()
    births: int = 0
    clock: float = 0.0

    def sync(self) -> None:
        self.shown = tuple(self.there.values())

    def looked_at(self) -> Situation:
        """As the pool sees it: readiness and the template are what they are, who is there may be old."""
        known = [replace(self.there.get(each.uid, each), going=each.going) for each in self.shown]
        judged = [replace(each, change=self._change(each)) for each in known]
        self.expected.seen(judged)
        now = NOW + timedelta(seconds=self.clock)
        return replace(self.wanted, members=self.expected.applied(judged), births=self.births, now=now)

    def _change(self, found: Member) -> Change | None:
        made = self.made_of.get(found.uid, self.template)
        return None if made == self.template else (LIVE if (self.template - made) % 3 == 0 else REPLACE)

    def turn(self) -> Decision:
        """One pass; the step is carried out, its answer perhaps lost."""
        decision = decide(self.looked_at())
        self.carry_out(decision.step)
        return decision

    def carry_out(self, step: Step | None) -> None:
        match step:
            case Bear(births=births):
                self.births += len(births)
                for birth in births:
                    assert birth.name not in {each.name for each in self.there.values()}, "two members of one name"
                    uid = birth.machine_id
                    self.there[uid] = Member(birth.name, uid, born=f"{self.births:06d}", ready=False, up_to_date=None)
                    self.made_of[uid] = self.template
                    self.expected.births[birth.name] = Sent(0.0, "" if self.chance.random() < 0.2 else uid)
            case Remove(members=gone):
                for each in gone:
                    self.expected.deaths[each.uid] = Sent(0.0)
                    if each.uid in self.there:
                        self.there[each.uid] = replace(self.there[each.uid], going=True, ready=False)
            case Update(members=updated):
                for each in updated:
                    self.made_of[each.uid] = self.template
                    if each.uid in self.there:
                        self.there[each.uid] = replace(self.there[each.uid], ready=False)
            case Adopt() | Release() | None:
                pass

    def machines_work(self, *, all_of_them: bool = False) -> None:
        """Some that were made become ready, some that go are gone."""
        for uid, each in list(self.there.items()):
            if not all_of_them and self.chance.random() < 0.5:
                continue
            if each.going:
                del self.there[uid]
            elif not (self.bad and self.made_of.get(uid) == self.template):
                since = each.ready_since or NOW + timedelta(seconds=self.clock)
                self.there[uid] = replace(each, ready=True, ready_since=since, up_to_date=True)

    def live(self) -> list[Member]:
        return [each for each in self.there.values() if not each.going]

    def available(self, situation: Situation) -> int:
        return len(count(replace(situation, members=tuple(self.there.values()))).available)

    def rolling(self) -> bool:
        return plan_of(self.looked_at()).rolling
