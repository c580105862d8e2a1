"""A pool and its members as its decision sees them, from the store and from what was asked for and is not seen yet."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from hostwright.core.access import LabelSelector
from hostwright.core.conditions import find
from hostwright.core.errors import Failure, SelectorOverlap
from hostwright.core.names import (
    ANNOTATION_DELETE_MACHINE,
    ANNOTATION_DO_NOT_DISRUPT,
    ANNOTATION_PAUSED,
    Condition,
    WaitingFor,
)
from hostwright.engine.ports import Body, Key
from hostwright.engine.store import Store, machine_id, uid
from hostwright.engine.template import Template
from hostwright.engine.world import World, is_deleting
from hostwright.kinds.machinepool.compare import Classes, change
from hostwright.kinds.machinepool.expected import Expected
from hostwright.kinds.machinepool.resource import MachinePoolSpec
from hostwright.kinds.machinepool.situation import Change, Member, Situation
from hostwright.kinds.machinepool.values import portion


@dataclass(slots=True)
class PoolRecall:
    """What this process remembers of one pool, and a restart may lose."""

    uid: str
    expected: Expected = field(default_factory=Expected)
    taken: dict[str, float] = field(default_factory=dict)  # name that the API server refused → when
    applied: dict[str, str] = field(default_factory=dict)  # member's uid → revision last applied to it
    stubborn: dict[str, str] = field(default_factory=dict)  # member's uid → revision that an apply did not bring about
    protected: dict[str, float] = field(default_factory=dict)  # member's uid → when its deletion was refused
    refused: tuple[int, float, Failure] | None = None  # generation, when, why no member of it can be made
    compared: dict[str, tuple[Any, Change | None]] = field(default_factory=dict)
    wrote_at: float = float("-inf")


@dataclass(frozen=True)
class Pool:
    """One pass's view of one pool."""

    key: Key
    body: Body
    spec: MachinePoolSpec
    template: Template
    recall: PoolRecall

    @cached_property
    def revision(self) -> str:
        """A label for people: no member is judged by it."""
        metadata = self.body["spec"]["template"]["metadata"]
        text = json.dumps([metadata, self.template.sparse], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def selector(self) -> LabelSelector:
        return LabelSelector(match_labels=dict(self.spec.selector.match_labels))

    def member_key(self, name: str) -> Key:
        return Key(self.template.child.kind, self.key.namespace, name)


def situation_of(pool: Pool, store: Store, world: World, now: datetime, monotonic: float) -> Situation:
    """The pool as wanted, its members as found, and who else is there."""
    spec, recall, revision = pool.spec, pool.recall, pool.revision
    surge, unavailable = _bounds(spec)
    owned = {key: body for key in store.owned(uid(pool.body)) if (body := store.get(key)) is not None}
    matching = {key: body for key, body in owned.items() if pool.selector.matches(_labels(body)) or is_deleting(body)}
    filled = pool.template.filled(pool.template.written)
    judge = _Judge(pool, revision, filled, pool.template.compare_by(world), monotonic)
    seen = [judge.member(body) for body in matching.values()]
    recall.expected.seen([*seen, *(judge.member(body) for key, body in owned.items() if key not in matching)])
    kind, namespace = pool.template.child.kind, pool.key.namespace
    single = store.single(kind)
    free = [key for key, labels in single.items() if key.namespace == namespace and pool.selector.matches(labels)]
    others = [body for key in free if (body := store.get(key)) is not None and _may_come(body)]
    return Situation(
        pool=pool.key.name,
        uid=uid(pool.body),
        revision=revision,
        now=now,
        replicas=spec.replicas,
        births=(pool.body.get("status") or {}).get("births") or 0,
        generation=pool.body["metadata"].get("generation", 0),
        deleting=is_deleting(pool.body),
        paused=spec.paused,
        held=(pool.body["metadata"].get("annotations") or {}).get(ANNOTATION_PAUSED),
        naming=spec.naming.template,
        limit=spec.limits.replicas if spec.limits else None,
        surge=surge,
        unavailable=unavailable,
        strategy=spec.rollout.strategy.type,
        in_place=spec.rollout.in_place,
        ceiling=pool.template.ceiling,
        order=spec.deletion.order,
        min_ready=float(spec.min_ready_seconds),
        members=recall.expected.applied(sorted(seen, key=lambda member: member.name)),
        strays=tuple(judge.member(body) for key, body in owned.items() if key not in matching),
        orphans=tuple(judge.member(body) for body in others),
        foreign=frozenset(key.name for key in store.keys(kind) if key.namespace == namespace and key not in owned)
        - set(recall.expected.births)
        | {name for name, at in recall.taken.items() if monotonic - at < TAKEN_FOR},
        stubborn=frozenset(each for each, seen_at in recall.stubborn.items() if seen_at == revision),
        failure=_rival(pool, store) or _refused(pool, monotonic),
    )


#: A name that the API server refused, and a member that it would not take, are tried again after so many seconds.
TAKEN_FOR = REFUSED_FOR = 10.0


def _bounds(spec: MachinePoolSpec) -> tuple[int, int]:
    """As numbers. Percentages that round to nothing leave one: a rollout must be able to go on."""
    bounds = spec.rollout.strategy.rolling_update
    surge = portion(bounds.max_surge, spec.replicas, up=True)
    unavailable = portion(bounds.max_unavailable, spec.replicas, up=False)
    return surge, unavailable if surge or unavailable else 1


@dataclass(frozen=True, slots=True)
class _Judge:
    """Makes members of bodies; a comparison is made once for each generation of a member and a pool."""

    pool: Pool
    revision: str
    filled: Mapping[str, Any]
    classes: Classes
    monotonic: float

    def member(self, body: Body) -> Member:
        metadata, status = body["metadata"], body.get("status") or {}
        annotations = metadata.get("annotations") or {}
        conditions = status.get("conditions") or []
        ready = find(conditions, Condition.READY) or {}
        fresh = ready.get("observedGeneration") == metadata.get("generation")
        serving = find(conditions, Condition.AVAILABLE) or {} if _says_when_available(body) else None
        serves = serving is None or serving.get("status") == "True"
        return Member(
            name=metadata["name"],
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            born=str(metadata.get("creationTimestamp", "")),
            going=is_deleting(body),
            ready={"True": fresh, "Unknown": None}.get(str(ready.get("status")), False),
            ready_since=_moment(ready.get("lastTransitionTime")),
            serves=serves,
            serves_since=_moment(serving.get("lastTransitionTime")) if serving and serves else None,
            change=self._change(body),
            up_to_date=_up_to_date(conditions, metadata.get("generation")) if self._identified else True,
            moved=_moved(status),
            changing=_changing(conditions, metadata.get("generation")),
            labelled=self._labelled(body),
            writable=bool(machine_id(body)) or not self._identified,
            delete_first=ANNOTATION_DELETE_MACHINE in annotations,
            do_not_disrupt=ANNOTATION_DO_NOT_DISRUPT in annotations,
            protected=self._protected(body),
            why=_why(ready, serving if serving and not serves else {}),
            identity=machine_id(body) if self._identified else "",
        )

    @property
    def _identified(self) -> bool:
        return self.pool.template.child.identified

    def _protected(self, body: Body) -> bool:
        """By its own word, or because the API server refused its deletion just now."""
        refused = self.monotonic - self.pool.recall.protected.get(uid(body), float("-inf")) < REFUSED_FOR
        return refused or bool((body.get("spec") or {}).get("deletionProtection"))

    def _change(self, body: Body) -> Change | None:
        recall = self.pool.recall
        judged = (body["metadata"].get("generation"), self.pool.body["metadata"].get("generation"), self.classes)
        known = recall.compared.get(uid(body))
        if known is None or known[0] != judged:
            found = change(self.filled, self.pool.template.filled(body.get("spec") or {}), self.classes)
            known = recall.compared[uid(body)] = (judged, found)
        return known[1]

    def _labelled(self, body: Body) -> bool:
        """What left the template is known by who was applied it: not by a member, but by the pool's own record."""
        wanted = self.pool.spec.template.metadata
        has = _labels(body).items() >= wanted.labels.items()
        annotated = (body["metadata"].get("annotations") or {}).items() >= (wanted.annotations or {}).items()
        status = self.pool.body.get("status") or {}
        told = status.get("updateRevision") == self.revision and _is_settled(self.pool.body)
        return has and annotated and (told or self.pool.recall.applied.get(uid(body)) == self.revision)


def _says_when_available(body: Body) -> bool:
    """A member that is wished off, or that says nothing of it, is counted by its Ready alone."""
    spec = body.get("spec") or {}
    readiness = spec.get("readiness") or {}
    off = spec.get("powerState") in {"PoweredOff", "Suspended"}
    return not off and bool(readiness.get("probe") or readiness.get("minReadySeconds"))


def _why(*conditions: Mapping[str, Any]) -> str:
    """The first that is there and not True says what is missing."""
    return next((str(row.get("message") or "") for row in conditions if row and row.get("status") != "True"), "")


def _is_settled(body: Body) -> bool:
    """All members were brought to the template that the status names."""
    found = find((body.get("status") or {}).get("conditions") or [], Condition.UP_TO_DATE) or {}
    return found.get("status") == "True"


def _up_to_date(conditions: list[Mapping[str, Any]], generation: Any) -> bool | None:
    found = find(conditions, Condition.UP_TO_DATE) or {}
    if found.get("observedGeneration") != generation:
        return None
    return {"True": True, "False": False}.get(str(found.get("status")))


def _moved(status: Mapping[str, Any]) -> bool:
    """All that its machine waits for is an edit: it was evacuated, say (decision 0022)."""
    pending = status.get("pendingChanges") or ()
    return bool(pending) and all(row.get("waitingFor") == WaitingFor.SPEC_CHANGE for row in pending)


def _changing(conditions: list[Mapping[str, Any]], generation: Any) -> bool:
    """Its machine was up, and whether it is as the present spec says was not said yet."""
    was_up = (find(conditions, Condition.PROVISIONED) or {}).get("status") == "True"
    return was_up and _up_to_date(conditions, generation) is None


def _may_come(body: Body) -> bool:
    free = not any(owner.get("controller") for owner in body["metadata"].get("ownerReferences") or ())
    return free and not is_deleting(body)


def _rival(pool: Pool, store: Store) -> Failure | None:
    """Two pools would take each other's members: the younger is told, and does nothing."""
    mine = (str(pool.body["metadata"].get("creationTimestamp", "")), uid(pool.body))
    for key, body in store.bodies("MachinePool"):
        if key.namespace != pool.key.namespace or key == pool.key or is_deleting(body):
            continue
        if (str(body["metadata"].get("creationTimestamp", "")), uid(body)) < mine and _overlaps(pool, body):
            return SelectorOverlap(
                f"MachinePool {key.name!r} selects the same members. Give this pool labels of its own (its selector "
                "is immutable: delete it and make another)."
            )
    return None


def _overlaps(pool: Pool, other: Body) -> bool:
    spec = other["spec"]
    theirs = LabelSelector(match_labels=spec["selector"]["matchLabels"])
    return theirs.matches(pool.spec.template.metadata.labels) or pool.selector.matches(
        spec["template"]["metadata"]["labels"]
    )


def _refused(pool: Pool, monotonic: float) -> Failure | None:
    """A member of this generation was refused just now."""
    refused = pool.recall.refused
    generation = pool.body["metadata"].get("generation", 0)
    if refused is None or refused[0] != generation or monotonic - refused[1] >= REFUSED_FOR:
        return None
    return refused[2]


def _labels(body: Body) -> Mapping[str, str]:
    return body["metadata"].get("labels") or {}


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def forget_gone(recall: PoolRecall, situation: Situation) -> None:
    """What is remembered of members that are gone."""
    there = {member.uid for member in (*situation.members, *situation.strays)}
    for memory in (recall.applied, recall.stubborn, recall.protected, recall.compared):
        for each in [each for each in memory if each not in there]:
            del memory[each]
