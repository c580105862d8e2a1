"""The calls on groups: each announced in the Provider's status, then sent once.

| verb         | repeat     | when everything stops right after it                                               |
|--------------|------------|------------------------------------------------------------------------------------|
| create_group | Intent     | one group, under a name that is in the status, and that only this attempt has      |
| delete_group | Idempotent | it gone; since that was announced no machine is made in it, and the next sends on  |
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hostwright.core.backoff import REJECTED, TRANSIENT
from hostwright.core.errors import Ambiguous, Capacity, Denied, Failure, Rejected
from hostwright.core.intent import SEND_WITHIN
from hostwright.core.names import owner_mark
from hostwright.engine.act import answered
from hostwright.engine.connection import Connection
from hostwright.engine.groupbook import CREATE_SECONDS, REMOVE_SECONDS, Book, rows_to
from hostwright.engine.memberships import Memberships
from hostwright.engine.ports import Body, Key
from hostwright.engine.report import status_patch
from hostwright.engine.view import Tools
from hostwright.kinds.provider.groups import Group, GroupState, Wish, made
from hostwright.kinds.provider.port import GroupFact, Groups

#: Seconds between two looks at a group that is there.
LOOK_EVERY = 60.0
SOON = 0.05


@dataclass(slots=True)
class Visit:
    """One pass over one Provider's groups."""

    key: Key
    body: Body
    book: Book
    connection: Connection
    groups: Groups
    listed: Sequence[GroupFact] | None = None
    began: float = float("-inf")  # monotonic: when they were listed
    over: bool = False  # a call was made, or a look failed: the rest waits for the next pass


@dataclass(frozen=True, slots=True)
class GroupCalls:
    """One for the process."""

    tools: Tools
    members: Memberships

    async def make(self, visit: Visit, row: Group) -> float:
        """Announced, then sent once. Until it is sent, its outcome is known: nothing was made."""
        tools, book = self.tools, visit.book
        pause = self._pause(visit)
        if pause > 0:
            return pause
        async with visit.connection.slots.place(row.namespace):
            tools.gate.check()
            now = tools.clock.now().replace(microsecond=0)
            title = f"{row.name} {owner_mark(tools.cluster_id, tools.new_id())}"
            deadline = now + timedelta(seconds=CREATE_SECONDS)
            attempt = Group(
                row.name, row.policy, title=title, attempt=row.attempt + 1, started_at=now, deadline=deadline
            )
            book.rows[row.name] = attempt
            book.known.add(title)
            began = tools.clock.monotonic()
            await self.write(visit)
            if not self._may_send(visit, began) or row.name not in self.wishes(visit.key):
                return SOON
            book.turn_at = None
            book.known.discard(title)
            book.quiet(attempt, 0.0, tools.clock.monotonic())
            try:
                call = visit.groups.make(title, row.policy, CREATE_SECONDS)
                fact = await answered(tools, visit.connection, "create_group", call)
            except Failure as failure:
                return self._refused(visit, attempt, failure)
        book.known.add(title)
        book.failures = 0
        book.rows[row.name] = made(attempt, fact)
        book.looked_at[row.name] = tools.clock.monotonic()
        return SOON

    async def remove(self, visit: Visit, row: Group) -> float:
        """Announced first: no machine is made in it from then on. One that came just before keeps it."""
        tools, book = self.tools, visit.book
        pause = self._pause(visit)
        if pause > 0:
            return pause
        async with visit.connection.slots.place(row.namespace):
            tools.gate.check()
            going = replace(row, state=GroupState.DELETING, reason="", message="")
            if row.state is not GroupState.DELETING and not await self._announced(visit, row, going):
                return SOON
            book.turn_at = None
            book.first_seen[f"{going.state}/{going.title}"] = tools.clock.monotonic()
            try:
                await answered(tools, visit.connection, "delete_group", visit.groups.remove(row.id, REMOVE_SECONDS))
            except Failure as failure:
                return self._refused(visit, going, failure)
        book.failures = 0
        return SOON  # the next look proves that it is gone

    async def _announced(self, visit: Visit, row: Group, going: Group) -> bool:
        """False: nothing is sent. A machine that names it by now may have been looked at before this was written."""
        began, rows = self.tools.clock.monotonic(), visit.book.rows
        rows[row.name] = going
        announced = False
        try:
            await self.write(visit)
            wish = self.wishes(visit.key).get(row.name)
            announced = (wish is None or wish.replaces(row)) and self._may_send(visit, began)
        finally:
            if not announced:
                rows[row.name] = row
        return announced

    def _refused(self, visit: Visit, row: Group, failure: Failure) -> float:
        """What the class of a failure says to do; an unknown outcome stays open."""
        book = visit.book
        book.failures += 1
        if isinstance(failure, Ambiguous) or row.state is GroupState.DELETING:
            return min(TRANSIENT.delay(book.failures), LOOK_EVERY)
        book.known.add(row.title)
        delay = self._delay(row, failure, book)
        retry = (self.tools.clock.now() + timedelta(seconds=delay)).replace(microsecond=0)
        book.rows[row.name] = replace(row, next_retry_at=retry, reason=failure.reason, message=failure.message)
        return delay + 1.0

    def _delay(self, row: Group, failure: Failure, book: Book) -> float:
        match failure:
            case Capacity():
                return self.tools.capacity.delay(row.attempt, self.tools.jitter())
            case Rejected():
                return REJECTED.delay(1, self.tools.jitter() / 4)
            case Denied():
                return 30.0
        return failure.retry_after or TRANSIENT.delay(book.failures, self.tools.jitter())

    def wishes(self, key: Key) -> dict[str, Wish]:
        """A namespace that the Provider does not serve has none made; one that is there stays while it is named."""
        world, provider = self.tools.world, self.tools.world.provider_spec(key.name)
        found = {}
        for name, wish in self.members.wishes(key.name):
            labels = world.namespace_labels(name.partition("/")[0])
            allowed = provider is not None and provider.allowed_namespaces.allows(labels)
            found[name] = replace(wish, live=wish.live and allowed)
        return found

    def may(self, key: Key, connection: Connection) -> bool:
        provider = self.tools.world.provider_spec(key.name)
        return connection.state.failure is None and provider is not None and not provider.paused

    def _may_send(self, visit: Visit, began: float) -> bool:
        """The Lease is still ours, the announcement is fresh, and the session is the one that looked."""
        self.tools.gate.check()
        session = visit.connection.state.session
        same = session is not None and session.groups is visit.groups and self.may(visit.key, visit.connection)
        return same and self.tools.clock.monotonic() - began <= SEND_WITHIN

    def _pause(self, visit: Visit) -> float:
        """Our token of the Provider's rate is ours from the first asking on."""
        now, book = self.tools.clock.monotonic(), visit.book
        if book.turn_at is None:
            book.turn_at = now + visit.connection.bucket.wait()
        return max(visit.connection.slots.pause, book.turn_at - now, 0.0)

    async def write(self, visit: Visit) -> None:
        """The groups as they are known by now, where that differs from what the status says."""
        status = dict(visit.body.get("status") or {})
        told = {**status, "groups": rows_to(visit.book)}
        patch = status_patch(visit.body, {name: value for name, value in told.items() if value is not None})
        if patch is None:
            return
        visit.body = await self.tools.cluster.patch_status(visit.key, patch)
        self.tools.store.renew(visit.key, visit.body)
        self.tools.telemetry.wrote(visit.key.kind, "status")
