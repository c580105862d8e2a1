"""What a pool must keep after every write, by the API server's truth (PROTOCOLS 10; S14), and how it comes to rest."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.engine.apiserver import copied

from hostwright.core.names import ANNOTATION_DELETE_MACHINE, ANNOTATION_DO_NOT_DISRUPT, ANNOTATION_MACHINE_ID
from hostwright.core.names import ANNOTATION_PAUSED as HELD
from hostwright.engine.members import REFUSED_FOR
from hostwright.engine.ports import Body, Key
from hostwright.runtime.checks import COMPARE_EVERY

if TYPE_CHECKING:
    from tests.simulation.world import World

NEVER = float("-inf")


@dataclass(slots=True)
class Seen:
    """One member, from its birth on."""

    key: Key
    born_at: float
    born_by: str
    ready_since: float | None = None
    ready_until: float = NEVER  # the last moment at which it was ready
    went_at: float = NEVER
    went_by: str = ""
    owned_since: float = NEVER
    owned_by: str = ""  # whose write made it a member
    protected_since: float | None = None
    marked_at: float = NEVER  # when a user last had a say in whether it goes first, or not at all
    body: Body = field(default_factory=dict, repr=False)


class PoolJudge:
    """An operator may not know what others wrote just now; what it wrote itself it knows."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.wishes: dict[str, list[tuple[float, Body]]] = {}  # pool's uid → when which body was written
        self.members: dict[str, Seen] = {}  # uid → every machine there ever was
        self.ids: dict[str, str] = {}  # machine id → uid of the member that was born with it
        self.orphans: dict[str, tuple[str, float]] = {}  # uid → pool that it was to outlive, and when that was said
        drawn = world.drawn
        deaf = 62.0 if "deaf watch" in drawn.faults else 0.0
        away = 50.0 if "api away" in drawn.faults else 0.0
        compared = COMPARE_EVERY if "deaf watch" in drawn.faults else 0.0
        self.unseen = drawn.watch_lag + deaf + away + drawn.late + 2 * drawn.slow + 2.0
        self.undead = self.unseen + compared  # so long may one be believed in that is gone

    # every write

    def stored(self, key: Key, event: str, body: Body) -> None:
        body, now = copied(body), self._now()
        if key.kind == "MachinePool":
            rows = self.wishes.setdefault(_uid(body), [])
            if not rows or not _same_wish(rows[-1][1], body):
                rows.append((now, body))
            return
        known = self.members.get(_uid(body))
        if known is None:
            known = self.members[_uid(body)] = Seen(key, now, self.world.hand, body=body)
            self._note(known, body, now)
            if self.world.hand:
                self._born(known, body)
            return
        before, known.body = known.body, body
        went = event == "DELETED" or bool(body["metadata"].get("deletionTimestamp"))
        if went and known.went_at == NEVER:
            known.went_at, known.went_by = now, self.world.hand
            self._went(known, before)
        if _marked(before):
            known.marked_at = now
        self._note(known, body, now)
        if not went and self.world.hand not in {"", "collector"}:
            self._written(known, before, body)

    def _note(self, known: Seen, body: Body, now: float) -> None:
        if known.ready_since is not None:
            known.ready_until = now
        ready = is_ready(body)
        known.ready_since = (known.ready_since if known.ready_since is not None else now) if ready else None
        known.marked_at = now if _marked(body) else known.marked_at
        protected = bool(body["spec"].get("deletionProtection"))
        known.protected_since = (known.protected_since or now) if protected else None
        owned = _pool_of(body) is not None
        if owned and known.owned_since == NEVER:
            known.owned_since, known.owned_by = now, self.world.hand
        elif not owned:
            known.owned_since = NEVER

    def _born(self, known: Seen, body: Body) -> None:
        pool_uid = _pool_of(body)
        self._expect(pool_uid is not None, f"an operator made {known.key}, which is no pool's")
        machine_id = _machine_id(body)
        self._expect(machine_id not in self.ids, f"10.2: the machine id of {known.key} was given before")
        self.ids[machine_id] = _uid(body)
        pool = self._pool(pool_uid or "")
        if pool is None:  # it came late, and the collector takes it
            return
        births = (pool.get("status") or {}).get("births") or 0
        announced = any(machine_id == _identity(pool_uid or "", known.key.name, n) for n in range(1, births + 1))
        self._expect(announced, f"10.2: {known.key} was born, and births says {births}")
        self._expect(not self._long(pool, _held), f"S19: {known.key} was born to a pool that is held")
        self._expect(not self._long(pool, _leaves), f"S20: {known.key} was born to a pool that goes")
        live = [one for one in self._of(pool) if one.went_at == NEVER and self._known(one)]
        most = max(_most(wish) for wish in self._lately(pool))
        self._expect(len(live) <= most, f"S14: {len(live)} members live, at most {most} may: {_names(live)}")
        here = {_uid(found) for found in self.world.api.objects.values()}
        there = [one for one in self._of(pool) if _uid(one.body) in here and self._known(one)]
        limit = max(_limit(wish) for wish in self._lately(pool))
        self._expect(len(there) <= limit, f"10.4: {len(there)} members are there, limits.replicas is {limit}")

    def _went(self, known: Seen, before: Body) -> None:
        by_us = self.world.hand not in {"", "collector"}
        outlived, said_at = self.orphans.get(_uid(before), ("", NEVER))
        known_by = said_at + (self.unseen if by_us else 0.0)
        kept = bool(outlived) and _pool_of(before) in {None, outlived} and self._now() >= known_by
        self._expect(not (kept and self.world.hand), f"{known.key} was to stay without its pool, and goes")
        pool = self._pool(_pool_of(before) or "")
        if not by_us or pool is None or before["metadata"].get("deletionTimestamp"):
            return
        self._expect(not self._long(pool, _held), f"S19: {known.key} deleted by a pool that is held")
        wishes = self._lately(pool)
        others = [one for one in self._of(pool) if one is not known and self._may_be_there(one)]
        over = len(others) >= min(_wanted(wish) for wish in wishes)
        frozen = self._long(pool, _frozen)
        self._expect(over or not frozen, f"S19: {known.key} replaced, and the rollout is paused")
        self._deleted_one_that_was_up(known, pool, others, over=over)

    def _deleted_one_that_was_up(self, known: Seen, pool: Body, others: list[Seen], *, over: bool) -> None:
        up_for = self._now() - known.ready_since if known.ready_since is not None else 0.0
        if up_for <= self.unseen:
            return  # it may have been taken for one that is not ready
        wishes = self._lately(pool)
        told = self.unseen + REFUSED_FOR
        chosen = any(_marked(one.body) or self._now() - one.marked_at <= told for one in (known, *others))
        if over and chosen:
            return  # the users' own choice
        up = [one for one in others if one.ready_since is not None or self._now() - one.ready_until <= self.undead]
        least = min(_floor(wish) for wish in wishes)
        self._expect(len(up) >= least, f"S14: {known.key} deleted, {len(up)} are left up, at least {least} must be")

    def _written(self, known: Seen, before: Body, body: Body) -> None:
        old, new = _machine_id(before), _machine_id(body)
        same = not old or old == new
        self._expect(same, f"10.2: {known.key} got another machine id")
        self._taken_in(known, before, body)
        if before["spec"] == body["spec"]:
            return
        pool = self._pool(_pool_of(body) or "")
        if pool is None:
            return
        self._expect(not self._long(pool, _held), f"S19: {known.key} changed by a pool that is held")
        self._expect(not self._long(pool, _frozen), f"S19: {known.key} changed, and the rollout is paused")

    def _taken_in(self, known: Seen, before: Body, body: Body) -> None:
        """10.6: only what bears the labels."""
        pool = self._pool(_pool_of(body) or "")
        if pool is not None and _pool_of(before) is None:
            wanted, has = pool["spec"]["selector"]["matchLabels"], before["metadata"].get("labels") or {}
            under_way = self.world.drawn.late + self.world.drawn.slow + 0.1  # it may have come after the look
            new = self._now() - known.born_at <= under_way
            self._expect(new or wanted.items() <= has.items(), f"10.6: {known.key} taken in, with labels {has}")

    def asked_to_delete(self, key: Key) -> None:
        """Before the API server's own policy looks at it."""
        body = self.world.api.objects.get(key)
        known = self.members.get(_uid(body)) if body is not None else None
        if known is not None and known.protected_since is not None and known.went_at == NEVER:
            for_long = self._now() - known.protected_since > self.unseen
            self._expect(not for_long, f"10.5: the deletion of {key} was asked for, which is protected")

    def deletion_asked(self, pool: Body, *, orphans: bool) -> None:
        if orphans:
            now = (_uid(pool), self._now())
            self.orphans |= {_uid(one.body): now for one in self._of(pool) if one.went_at == NEVER}

    # the end

    def at_rest(self) -> list[str]:
        wrong = []
        for key, body in self.world.api.objects.items():
            if key.kind != "MachinePool":
                continue
            ready = self.world.api.condition(key, "Ready")
            if self.is_bad(body):
                continue
            if ready.get("status") != "True" or body["status"].get("observedGeneration") != _generation(body):
                wrong.append(f"{key} is not Ready: {ready.get('reason')} {ready.get('message')}")
        return wrong

    def last(self) -> None:
        """As many as wished, each as the template says; nobody's child is without its pool."""
        objects = self.world.api.objects
        pools = {_uid(body): body for key, body in objects.items() if key.kind == "MachinePool"}
        for key, body in objects.items():
            owner = _pool_of(body)
            self._expect(owner is None or owner in pools, f"{key} is owned by a pool that is gone")
        for pool in pools.values():
            members = [body for body in objects.values() if controlled_by(body, pool)]
            if self.is_bad(pool):
                self._stopped(pool, members)
                continue
            wanted, template = _wanted(pool), pool["spec"]["template"]
            self._expect(len(members) == wanted, f"the pool has {len(members)} members of {wanted}")
            for body in members:
                for name, value in template["virtualMachine"].items():
                    same = body["spec"].get(name) == value
                    self._expect(same, f"{body['metadata']['name']} has another {name} than the template")
                labels = body["metadata"].get("labels") or {}
                known, asked = self.members[_uid(body)], template["metadata"]["labels"]
                taken_in = known.owned_since > known.born_at  # with labels of its own, perhaps of a former pool
                right = asked.items() <= labels.items() if taken_in else labels == asked
                self._expect(right, f"{body['metadata']['name']} has labels {labels}")

    def _stopped(self, pool: Body, members: list[Body]) -> None:
        """A rollout to what can never run ends with a few that are broken; no other was given up for them."""
        broken = [body for body in members if self.is_broken(body)]
        self._expect(len(members) <= _most(pool), f"{len(members)} members, and a template that cannot run")
        up = [body for body in members if body not in broken]
        self._expect(all(is_ready(body) for body in up), "a member of the former template is not ready")

    def is_bad(self, pool: Body) -> bool:
        return bool(pool["spec"]["template"]["virtualMachine"]["imageRef"]["name"] == "bad")

    def is_broken(self, body: Body) -> bool:
        return bool(body["spec"].get("imageRef", {}).get("name") == "bad")

    # inside

    def _expect(self, holds: bool, text: str) -> None:
        self.world.judge.expect(holds, text)

    def _now(self) -> float:
        return self.world.clock.monotonic()

    def _pool(self, uid: str) -> Body | None:
        return next((body for body in self.world.api.objects.values() if _uid(body) == uid), None)

    def _is(self, one: Seen, pool: Body) -> bool:
        return _pool_of(one.body) == _uid(pool)

    def _of(self, pool: Body) -> list[Seen]:
        return [one for one in self.members.values() if self._is(one, pool)]

    def _known(self, one: Seen) -> bool:
        """To the operator that writes now: by its own hand, or told long enough ago."""
        hand, now = self.world.hand, self._now()
        born = one.born_by == hand or now - one.born_at > self.unseen
        return born and (one.owned_by == hand or now - one.owned_since > self.unseen)

    def _may_be_there(self, one: Seen) -> bool:
        """As far as the operator that writes now can know."""
        return one.went_at == NEVER or (one.went_by != self.world.hand and self._now() - one.went_at <= self.undead)

    def _lately(self, pool: Body) -> list[Body]:
        """Each wish that an operator may still believe in."""
        rows = self.wishes[_uid(pool)]
        after = [at for at, row in enumerate(rows) if row[0] >= self._now() - self.unseen]
        first = max((after[0] if after else len(rows)) - 1, 0)
        return [row[1] for row in rows[first:]]

    def _long(self, pool: Body, says: Any) -> bool:
        """For so long that every operator must know."""
        return all(says(wish) for wish in self._lately(pool))


def is_ready(body: Body) -> bool:
    """Ready, and said of its present generation."""
    rows = (body.get("status") or {}).get("conditions") or ()
    return any(
        row["type"] == "Ready" and row["status"] == "True" and row.get("observedGeneration") == _generation(body)
        for row in rows
    )


def controlled_by(body: Body, pool: Body) -> bool:
    return _pool_of(body) == _uid(pool)


def _pool_of(body: Body) -> str | None:
    owners = body["metadata"].get("ownerReferences") or ()
    return next((each["uid"] for each in owners if each.get("controller") and each["kind"] == "MachinePool"), None)


def _uid(body: Body) -> str:
    return str(body["metadata"]["uid"])


def _generation(body: Body) -> Any:
    return body["metadata"].get("generation")


def _machine_id(body: Body) -> str:
    annotations = body["metadata"].get("annotations") or {}
    return str(annotations.get(ANNOTATION_MACHINE_ID) or (body.get("status") or {}).get("machineID") or "")


def _identity(pool_uid: str, name: str, incarnation: int) -> str:
    """PROTOCOLS 10.2, once more in words of its own."""
    return str(uuid.uuid5(uuid.UUID(pool_uid), f"{name}/{incarnation}"))


def _same_wish(one: Body, other: Body) -> bool:
    names = ("annotations", "deletionTimestamp")
    same = all(one["metadata"].get(name) == other["metadata"].get(name) for name in names)
    return same and one["spec"] == other["spec"]


def _limit(wish: Body) -> int:
    limits = wish["spec"].get("limits") or {}
    return int(limits.get("replicas", 10_000))


def _wanted(wish: Body) -> int:
    return min(int(wish["spec"]["replicas"]), _limit(wish))


def _bound(wish: Body, name: str, *, up: bool) -> int:
    value = wish["spec"]["rollout"]["strategy"]["rollingUpdate"][name]
    if not isinstance(value, str):
        return int(value)
    part = int(value.removesuffix("%")) * int(wish["spec"]["replicas"])
    return -(-part // 100) if up else part // 100


def _most(wish: Body) -> int:
    """While the rollout is paused nothing is added for it."""
    return _wanted(wish) + (0 if _frozen(wish) else _bound(wish, "maxSurge", up=True))


def _floor(wish: Body) -> int:
    return _wanted(wish) - _bound(wish, "maxUnavailable", up=False)


def _held(wish: Body) -> bool:
    return HELD in (wish["metadata"].get("annotations") or {})


def _leaves(wish: Body) -> bool:
    return bool(wish["metadata"].get("deletionTimestamp"))


def _frozen(wish: Body) -> bool:
    return bool(wish["spec"].get("paused")) or wish["spec"]["rollout"]["strategy"]["type"] == "OnDelete"


def _marked(body: Body) -> bool:
    annotations = body["metadata"].get("annotations") or {}
    chosen = {ANNOTATION_DELETE_MACHINE, ANNOTATION_DO_NOT_DISRUPT} & set(annotations)
    return bool(chosen) or bool(body["spec"].get("deletionProtection"))


def _names(members: Iterable[Seen]) -> str:
    return ", ".join(one.key.name for one in members)
