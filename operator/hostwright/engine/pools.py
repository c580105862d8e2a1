"""The pass over one MachinePool: it writes its own status and its members' objects, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hostwright.core.conditions import find, is_true, merge
from hostwright.core.decision import Note
from hostwright.core.errors import InvalidConfiguration
from hostwright.core.names import (
    ANNOTATION_MACHINE_ID,
    API_VERSION,
    FINALIZER,
    Condition,
    Reason,
)
from hostwright.engine.ledger import stamp
from hostwright.engine.members import Pool, PoolRecall, forget_gone, situation_of
from hostwright.engine.ports import (
    Body,
    Clock,
    Cluster,
    Gate,
    Key,
    ObjectGoneError,
    StaleBodyError,
    Telemetry,
    WriteRefusedError,
)
from hostwright.engine.queue import Priority
from hostwright.engine.report import status_patch
from hostwright.engine.store import Store, machine_id, uid
from hostwright.engine.template import template_of
from hostwright.engine.worker import Again
from hostwright.engine.world import World, is_deleting
from hostwright.kinds.machinepool.decide import (
    Adopt,
    Bear,
    Decision,
    Release,
    Remove,
    Step,
    Update,
    decide,
)
from hostwright.kinds.machinepool.expected import Sent
from hostwright.kinds.machinepool.naming import Birth
from hostwright.kinds.machinepool.resource import KIND, MachinePoolSpec
from hostwright.kinds.machinepool.situation import Member, Situation
from hostwright.kinds.provider.port import Sections

#: Requests of one pool under way at once.
AT_ONCE = 16
#: The body of what is not there.
NOTHING: Body = {"metadata": {}}
#: Between two writes of a pool's status, births apart (PROTOCOLS 10.7).
STATUS_EVERY = 1.0


@dataclass(slots=True)
class PoolPass:
    """One for the process."""

    store: Store
    world: World
    cluster: Cluster
    gate: Gate
    clock: Clock
    telemetry: Telemetry
    sections: Sequence[Sections]
    reread: Callable[[Key], Awaitable[None]]  # as the API server has it
    changed: Callable[[Key], None]  # a member was changed by us: its own pass does not hear of it from the watch
    recalls: dict[Key, PoolRecall] = field(default_factory=dict)

    async def __call__(self, key: Key) -> Again:
        body = self.store.get(key)
        if body is None:
            self.recalls.pop(key, None)
            return Again()
        recall = self.recalls.get(key)
        if recall is None or recall.uid != uid(body):
            recall = self.recalls[key] = PoolRecall(uid(body))
        spec = MachinePoolSpec.model_validate(body["spec"])
        pool = Pool(key, body, spec, template_of(body["spec"], self.sections), recall)
        await self._look_up(pool)
        situation = situation_of(pool, self.store, self.world, self.clock.now(), self.clock.monotonic())
        forget_gone(recall, situation)
        decision = decide(situation)
        if decision.step is not None:
            await self._carry_out(pool, decision.step)
        return await self._say(pool, situation, decision)

    def forget(self) -> None:
        """The Lease changed hands: all is judged anew, and what was asked for is still to come.

        One that stood still goes on with requests that it had begun, and its store shows them late; what another has
        taken away since is looked up.
        """
        self.recalls = {key: PoolRecall(recall.uid, recall.expected) for key, recall in self.recalls.items()}

    # -- what was asked for and never seen

    async def _look_up(self, pool: Pool) -> None:
        """The watch should have shown it by now, and has not: the API server itself is asked."""
        expected, now = pool.recall.expected, self.clock.monotonic()
        owned = self.store.owned(uid(pool.body))
        for name, sent in list(expected.births.items()):
            key = pool.member_key(name)
            if sent.due(now) and not (key in owned and uid(self.store.get(key) or NOTHING) == sent.uid):
                found = await self.cluster.get(key)
                if found is None or not _is_ours(found, pool) or not _is_that(found, sent):
                    del expected.births[name]
                else:
                    expected.births[name] = Sent(now, uid(found))
        for key in owned if expected.deaths else ():
            member = uid(self.store.get(key) or NOTHING)
            if member in expected.deaths and expected.deaths[member].due(now):
                found = await self.cluster.get(key)
                if found is None or uid(found) != member or is_deleting(found):
                    expected.deaths[member] = Sent(now, member)
                    await self.reread(key)  # the watch is late, or never tells
                else:
                    del expected.deaths[member]

    # -- the step

    async def _carry_out(self, pool: Pool, step: Step) -> None:
        match step:
            case Bear(births=births):
                await self._bear(pool, births)
            case Remove(members=members):
                await self._each(pool, members, lambda member: self._remove(pool, member))
            case Update(members=members, spec=whole):
                await self._each(pool, members, lambda member: self._update(pool, member, whole=whole))
            case Adopt(members=members):
                await self._must_be_alive(pool)
                await self._each(pool, members, lambda member: self._own(pool, member, ours=True))
            case Release(members=members):
                await self._each(pool, members, lambda member: self._own(pool, member, ours=False))

    async def _each(self, pool: Pool, things: Sequence[Birth | Member], act: Callable[[Any], Awaitable[None]]) -> None:
        """All of a batch, a few at a time; what becomes of one is nothing to the others.

        One that is another than its watch has shown is read: the watch may be deaf, and it would be tried on and on.
        """
        room = asyncio.Semaphore(AT_ONCE)

        async def one(thing: Birth | Member) -> None:
            async with room:
                self.gate.check()
                try:
                    await act(thing)
                except (StaleBodyError, ObjectGoneError):
                    await self.reread(pool.member_key(thing.name))

        done = await asyncio.gather(*(one(thing) for thing in things), return_exceptions=True)
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure

    async def _bear(self, pool: Pool, births: Sequence[Birth]) -> None:
        """The counter first, in one patch: whatever becomes of the births, no machine id is given twice."""
        status = {**(pool.body.get("status") or {}), "births": births[-1].incarnation}
        patch = status_patch(pool.body, status)
        if patch is not None:
            after = await self.cluster.patch_status(pool.key, patch)
            self.telemetry.wrote(KIND, "births")
            self.store.renew(pool.key, after)
        await self._each(pool, births, lambda birth: self._one_birth(pool, birth))

    async def _one_birth(self, pool: Pool, birth: Birth) -> None:
        """Only where nothing is: an apply without force takes over what does not contradict it, a stranger's, too.

        It even gives another machine id to a member of ours that the watch has not shown: its manager is the same.
        """
        key, expected, now = pool.member_key(birth.name), pool.recall.expected, self.clock.monotonic()
        found = await self.cluster.get(key)
        if found is not None:
            if _is_ours(found, pool):
                expected.births[birth.name] = Sent(now, uid(found))
            else:
                pool.recall.taken[birth.name] = now
            return
        expected.births[birth.name] = Sent(now, identity=birth.machine_id if pool.template.child.identified else "")
        wanted = _configuration(pool, birth.machine_id, pool.template.sparse)
        try:
            born = await self.cluster.apply(key, wanted, force=False)
        except StaleBodyError:
            del expected.births[birth.name]
            pool.recall.taken[birth.name] = now
            return
        except (WriteRefusedError, ObjectGoneError) as error:
            del expected.births[birth.name]
            generation = pool.body["metadata"].get("generation", 0)
            refusal = InvalidConfiguration(f"the API server does not take {birth.name}: {error}")
            pool.recall.refused = (generation, now, refusal)
            return
        self.telemetry.wrote(key.kind, "birth")
        expected.births[birth.name] = Sent(now, uid(born))
        pool.recall.applied[uid(born)] = pool.revision

    async def _remove(self, pool: Pool, member: Member) -> None:
        """As it was judged, or not at all: it may be let go, or marked, while the request is on its way."""
        recall, now = pool.recall, self.clock.monotonic()
        recall.expected.deaths[member.uid] = Sent(now)
        try:
            await self.cluster.delete(pool.member_key(member.name), member.uid, member.version)
        except ObjectGoneError:
            return  # the watch says so soon
        except StaleBodyError:  # another object of its name, or written by others since
            del recall.expected.deaths[member.uid]
            raise
        except WriteRefusedError:
            del recall.expected.deaths[member.uid]
            recall.protected[member.uid] = now
            return
        recall.expected.deaths[member.uid] = Sent(now, member.uid)
        self.telemetry.wrote(pool.template.child.kind, "delete")

    async def _update(self, pool: Pool, member: Member, *, whole: bool) -> None:
        """In place, by force: only on the object that was judged, and only while it is ours.

        An apply holds our ownerReference: one that was orphaned would be ours again, and go with its pool.
        """
        key, recall = pool.member_key(member.name), pool.recall
        body = self.store.get(key)
        if body is None or uid(body) != member.uid or is_deleting(body) or not _is_ours(body, pool):
            return
        spec = pool.template.sparse if whole else body["spec"]
        wanted = _configuration(pool, machine_id(body), spec)
        wanted["metadata"] |= {"uid": member.uid, "resourceVersion": body["metadata"]["resourceVersion"]}
        try:
            after = await self.cluster.apply(key, wanted, force=True)
        except WriteRefusedError as error:
            self.telemetry.said(key, Reason.ROLLING_OUT, f"not changed in place: {error}")
            recall.stubborn[member.uid] = recall.applied[member.uid] = pool.revision
            return
        self.telemetry.wrote(key.kind, "update")
        self.store.renew(key, after)
        self.changed(key)
        recall.applied[member.uid] = pool.revision
        if whole and not _brought(pool, after):
            recall.stubborn[member.uid] = pool.revision

    async def _own(self, pool: Pool, member: Member, *, ours: bool) -> None:
        key = pool.member_key(member.name)
        body = self.store.get(key)
        if body is None or uid(body) != member.uid:
            return
        others = [each for each in body["metadata"].get("ownerReferences") or () if each.get("uid") != uid(pool.body)]
        after = await self.cluster.own(key, body, [*others, _reference(pool)] if ours else others)
        self.telemetry.wrote(key.kind, "owner")
        self.store.renew(key, after)

    async def _must_be_alive(self, pool: Pool) -> None:
        """The store may be old: nothing is taken in for a pool that goes, or the orphans of it would be taken back."""
        now = await self.cluster.get(pool.key)
        if now is None or uid(now) != uid(pool.body) or is_deleting(now):
            raise StaleBodyError(f"{pool.key} goes, and the store does not show it yet")

    # -- what is said

    async def _say(self, pool: Pool, situation: Situation, decision: Decision) -> Again:
        again = _soon(decision, situation, asked=bool(pool.recall.expected.deaths))
        body, now = self.store.get(pool.key), self.clock.monotonic()
        if body is None or uid(body) != uid(pool.body):
            return Again()
        if body["metadata"].get("generation") != pool.body["metadata"].get("generation"):
            return Again(0.0)  # decided for an older wish
        patch = status_patch(body, self._status(pool, body, situation, decision))
        if patch is None:
            return again
        left = pool.recall.wrote_at + STATUS_EVERY - now
        if left > 0:
            return Again(min(left, again.after if again.after is not None else left), again.priority)
        after = await self.cluster.patch_status(pool.key, patch)
        pool.recall.wrote_at = now
        self.telemetry.wrote(KIND, "status")
        self.store.renew(pool.key, after)
        for note in _turns(body, after):
            self.telemetry.said(pool.key, note.reason, note.message)
            await self.cluster.event(after, note)
        return again

    def _status(self, pool: Pool, body: Body, situation: Situation, decision: Decision) -> dict[str, Any]:
        old = body.get("status") or {}
        generation = body["metadata"].get("generation", 0)
        labels = sorted(pool.spec.selector.match_labels.items())
        status = {
            **old,
            "selector": ",".join(f"{name}={value}" for name, value in labels),
            "memberKind": pool.template.child.kind,
            "replicas": len(decision.count.live),
            "readyReplicas": decision.count.ready,
            "availableReplicas": len(decision.count.available),
            "upToDateReplicas": decision.up_to_date,
            "updateRevision": situation.revision,
        }
        if decision.observed:
            status["observedGeneration"] = generation
        status["conditions"] = merge(
            old.get("conditions") or [],
            decision.said,
            generation=generation,
            now=stamp(self.clock.now()) or "",
        )
        return status


def _soon(decision: Decision, situation: Situation, *, asked: bool) -> Again:
    """The next batch at once; else when something is due, or moves. A deletion that was `asked` for may be lost."""
    if decision.step is not None:
        return Again(0.0)
    due = [each for each in (decision.look_again,) if each is not None]
    if asked or any(not member.seen for member in situation.members):
        due.append(1.0)
    stalled = any(item.type is Condition.STALLED for item in decision.said)
    if stalled or any(member.protected for member in situation.members):
        due.append(10.0)
    return Again(max(min(due), 0.05), Priority.TRANSITION) if due else Again()


def _configuration(pool: Pool, identity: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """All that an apply holds: what it leaves out, it takes away."""
    metadata = pool.spec.template.metadata
    named = {ANNOTATION_MACHINE_ID: identity} if pool.template.child.identified else {}
    return {
        "metadata": {
            "labels": dict(metadata.labels),
            "annotations": {**(metadata.annotations or {}), **named},
            "finalizers": [FINALIZER],
            "ownerReferences": [_reference(pool)],
        },
        "spec": dict(spec),
    }


def _reference(pool: Pool) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": pool.key.name,
        "uid": uid(pool.body),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _is_ours(body: Body, pool: Pool) -> bool:
    return any(each.get("uid") == uid(pool.body) for each in body["metadata"].get("ownerReferences") or ())


def _is_that(body: Body, sent: Sent) -> bool:
    if sent.uid:
        return uid(body) == sent.uid
    return not sent.identity or machine_id(body) == sent.identity


def _brought(pool: Pool, after: Body) -> bool:
    """Whether the member is as the template says now: what another manager owns beside it, an apply leaves."""
    filled = pool.template.filled
    return filled(after["spec"]) == filled(pool.template.written)


def _turns(before: Body, after: Body) -> list[Note]:
    """One Event for each turn: work that begins, a failure, and when all is reached."""
    old = (before.get("status") or {}).get("conditions") or []
    new = (after.get("status") or {}).get("conditions") or []
    told = []
    for kind in (Condition.SCALING_UP, Condition.SCALING_DOWN, Condition.ROLLING_OUT, Condition.STALLED):
        now, was = find(new, kind), find(old, kind)
        if now is not None and (was is None or was.get("reason") != now["reason"]):
            turn = f"{now['lastTransitionTime']}/{after['metadata']['resourceVersion']}"
            told.append(Note(now["reason"], now["message"], turn, warning=kind is Condition.STALLED))
    if is_true(new, Condition.READY) and not is_true(old, Condition.READY):
        ready = find(new, Condition.READY) or {}
        told.append(Note(Reason.READY, str(ready.get("message", "")), str(ready.get("lastTransitionTime"))))
    return told
