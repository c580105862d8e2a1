"""The cluster's garbage collector: what becomes of the objects of an owner that goes."""

import asyncio
from typing import TYPE_CHECKING, Any

from tests.engine.apiserver import copied
from tests.engine.virtual import NOBODY

from hostwright.engine.ports import Body, Key

if TYPE_CHECKING:
    from tests.simulation.world import World

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"


class Collector:
    """Sees all late, and acts on what is there when it acts, as the real one does: owners and uids are read anew."""

    def __init__(self, world: "World") -> None:
        self._world, self._due = world, False

    def delete(self, key: Key, how: str | None) -> None:
        """As a user asks: `how` is the finalizer of `kubectl delete --cascade`; None: in the background."""
        api = self._world.api
        body = copied(api.objects[key])
        if how is not None and not body["metadata"].get("deletionTimestamp"):
            body["metadata"]["finalizers"] = [*(body["metadata"].get("finalizers") or ()), how]
            api._store(key, body, "MODIFIED")
        api.delete(key)

    def stir(self) -> None:
        """Something was written: a sweep comes, after a while."""
        if not self._due and not self._world.over:
            self._due = True
            wait = self._world.rng.choice((0.2, 1.0, 6.0), "collected")
            asyncio.get_running_loop().call_later(wait, self._sweep, context=NOBODY)

    def _sweep(self) -> None:
        self._due = False
        if self._world.over:
            return
        self._world.hand = "collector"
        for key, body in list(self._world.api.objects.items()):
            if body["metadata"].get("ownerReferences"):
                self._dependent(key, body)
        for key, body in list(self._world.api.objects.items()):
            if key.kind == "MachinePool" and body["metadata"].get("deletionTimestamp"):
                self._owner(key, body)
        self._world.hand = ""

    def _dependent(self, key: Key, body: Body) -> None:
        """Goes with the last of its owners; of several, only the absent ones are struck out."""
        references = body["metadata"]["ownerReferences"]
        there = {found["metadata"]["uid"]: found for found in self._world.api.objects.values()}
        solid = [each for each in references if not _goes(there.get(each["uid"]))]
        letting = [each for each in references if _orphans(there.get(each["uid"]))]
        if letting:
            self._own(key, body, [each for each in references if each not in letting])
        elif not solid and not body["metadata"].get("deletionTimestamp"):
            self._world.api.delete(key)
        elif solid and len(solid) < len(references):
            self._own(key, body, solid)

    def _own(self, key: Key, body: Body, references: Any) -> None:
        self._world.api.own(key, body, references)

    def _owner(self, key: Key, body: Body) -> None:
        """Its finalizer goes once no object names it any more."""
        uid = body["metadata"]["uid"]
        held = [found for found in self._world.api.objects.values() if _names(found, uid)]
        finalizers = [each for each in body["metadata"].get("finalizers") or () if each not in {ORPHAN, FOREGROUND}]
        if held:
            self.stir()
        elif finalizers != body["metadata"].get("finalizers"):
            gone = copied(body)
            gone["metadata"]["finalizers"] = finalizers
            self._world.api._kept(key, gone)


def _names(body: Body, uid: str) -> bool:
    return any(each["uid"] == uid for each in body["metadata"].get("ownerReferences") or ())


def _goes(owner: Body | None) -> bool:
    """Absent, or waiting for its dependents to go."""
    return owner is None or FOREGROUND in (owner["metadata"].get("finalizers") or ())


def _orphans(owner: Body | None) -> bool:
    return owner is not None and ORPHAN in (owner["metadata"].get("finalizers") or ())
