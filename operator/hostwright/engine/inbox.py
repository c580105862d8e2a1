"""What comes in — watch events, moved rows, a Provider's turn, the Lease — and which keys want a look for it."""

from collections.abc import Iterable, Sequence
from typing import Any

from hostwright.engine.first import FirstReading
from hostwright.engine.ports import Body, Cluster, Key
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.store import MACHINES, Store, controller, references, uid
from hostwright.engine.triggers import worth_a_look

#: Machines of a Provider that turned are looked at no faster than this a second (PROTOCOLS section 7).
TURNED_PER_SECOND = 50.0
#: A pool is looked at this long after one of its members moved, so that a hundred that move are one look.
MEMBERS_WITHIN = 0.1


async def read_anew(store: Store, inbox: "Inbox", cluster: Cluster, key: Key) -> None:
    """One object from the API server, as its watch would have shown it; unless that comes meanwhile."""
    held = store.get(key)
    fresh = await cluster.get(key)
    if store.get(key) != held:
        return
    if fresh is not None:
        inbox.observe(key, "MODIFIED", {**fresh, "kind": key.kind})
    elif held is not None:
        inbox.observe(key, "DELETED", held)


class Inbox:
    """Fills the store and the queue; no I/O, no await."""

    def __init__(self, store: Store, queue: WorkQueue, first: FirstReading) -> None:
        self._store, self._queue, self._first = store, queue, first
        store.told = self._member_moved

    def observe(self, key: Key, event: str | None, body: Body) -> None:
        """An object as the API server has it; `event` None: it was listed."""
        if event == "DELETED":
            self._left(key, body)
            return
        old = self._store.get(key)
        if key.kind == "Namespace" and (old is None or _labels(old) != _labels(body)):
            self._namespace(key.name, Priority.RESYNC if old is None else Priority.DRIFT)
        priority = worth_a_look(old, body)
        if not self._store.put(key, body, relisted=event is None) or key.kind == "Namespace" or priority is None:
            return
        self._queue.add(key, priority)
        if key.kind == "MachinePool":
            return
        if _nobodys(body) and (old is None or not _nobodys(old) or _labels(old) != _labels(body)):
            self._orphan(key)
        if key.kind not in MACHINES:
            self._users(key)
        elif old is None:
            self._named(references(key, body))
        elif references(key, old) != references(key, body):
            self._named(references(key, old))

    def rows_moved(self, tokens: Iterable[str]) -> None:
        """From an inventory: machine ids or backend ids whose rows changed."""
        for token in tokens:
            for key in self._store.by_token(token):
                self._queue.add(key, Priority.TRANSITION if self._at_work(key) else Priority.DRIFT)

    def provider_turned(self, name: str) -> None:
        """A Provider's connection changed: its object now, its machines spread over time, those with work to do first.

        Who waited for its first reading is looked at with that.
        """
        self.catalog_read(name)
        for key in self._first.over(name):
            self._queue.add(key, Priority.RESYNC)
        users = (user for user in self._store.users(Key("Provider", "", name)) if not self._first.waits(user))
        for number, (settled, user) in enumerate(sorted((self._first.settled(user), user) for user in users)):
            priority = Priority.DRIFT if settled else Priority.TRANSITION
            self._queue.add_after(user, number / TURNED_PER_SECOND, priority)

    def catalog_read(self, name: str) -> None:
        """A Provider's networks and images may be others now."""
        self._queue.add(Key("Provider", "", name), Priority.TRANSITION)
        for image in self._store.keys("MachineImage"):
            self._queue.add(image, Priority.RESYNC)

    def everything(self, kinds: Sequence[str]) -> None:
        """The Lease became ours: nothing that happened meanwhile was acted on."""
        for kind in kinds:
            for key in self._store.keys(kind):
                if self._first.waits(key):
                    continue  # for its Provider's next reading
                body = None if self._first.settled(key) else self._store.get(key)
                priority = worth_a_look(None, body) if body is not None else None
                self._queue.add(key, Priority.RESYNC if priority is None else priority)

    def _left(self, key: Key, body: Body) -> None:
        old = self._store.get(key)
        if old is not None and uid(old) != uid(body):
            return  # of an object before this one, seen late
        self._store.drop(key)
        self._queue.forget(key)
        if key.kind != "Namespace":
            self._queue.add(key, Priority.TRANSITION)  # its pass forgets what it remembers of it
            self._users(key)  # held while in use; but a finalizer can be taken off by hand
        self._named(references(key, body))

    def _namespace(self, name: str, priority: Priority) -> None:
        """Its labels say which Providers, classes and images its machines may use; it may come after them."""
        for kind in sorted(MACHINES):
            for machine in self._store.keys(kind):
                if machine.namespace == name:
                    self._queue.add(machine, priority)

    def _users(self, key: Key) -> None:
        """A Provider, class or image changed: whoever names it is looked at."""
        for user in self._store.users(key):
            self._queue.add(user, Priority.DRIFT)
        if key.kind == "Provider":
            for image in self._store.keys("MachineImage"):
                self._queue.add(image, Priority.RESYNC)

    def _named(self, others: Iterable[Key]) -> None:
        """A machine came, went or names another: what it named may be let go of, if it is being deleted."""
        for other in others:
            found = self._store.get(other)
            if found is not None and found["metadata"].get("deletionTimestamp"):
                self._queue.add(other, Priority.TRANSITION)

    def _member_moved(self, owner: Key) -> None:
        """By the watch or by our own write: many at once are one look at their pool."""
        if owner.kind == "MachinePool":
            self._queue.add_after(owner, MEMBERS_WITHIN, Priority.TRANSITION)

    def _orphan(self, key: Key) -> None:
        """A machine that nobody owns, or whose labels changed: a pool may take it in."""
        if not key.namespace:
            return
        for pool in self._store.keys("MachinePool"):
            if pool.namespace == key.namespace:
                self._queue.add_after(pool, MEMBERS_WITHIN, Priority.TRANSITION)

    def _at_work(self, key: Key) -> bool:
        body = None if self._first.settled(key) else self._store.get(key)
        return body is not None and bool((body.get("status") or {}).get("operation"))


def _nobodys(body: Body) -> bool:
    return controller(body) is None


def _labels(body: Body) -> Any:
    return body["metadata"].get("labels") or {}
