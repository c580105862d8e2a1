"""The groups of a Provider's machines, under its own key: each made once, looked after, and removed (PROTOCOLS 11)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hostwright.core.backoff import REJECTED, TRANSIENT, VERIFY
from hostwright.core.decision import Note
from hostwright.core.errors import Failure, Rejected
from hostwright.core.names import Reason, mark_prefix
from hostwright.engine.act import weigh
from hostwright.engine.connection import Connection
from hostwright.engine.groupbook import Book, book_of
from hostwright.engine.groupcalls import LOOK_EVERY, SOON, GroupCalls, Visit
from hostwright.engine.ledger import moment
from hostwright.engine.memberships import Memberships
from hostwright.engine.ports import Body, Key
from hostwright.engine.queue import Priority
from hostwright.engine.store import uid
from hostwright.engine.view import Tools
from hostwright.kinds.provider.groups import Group, GroupState, Next, Sight, Wish, next_of
from hostwright.kinds.provider.port import GroupFact
from hostwright.kinds.provider.resource import MOST_GROUPS

#: A Provider that is being deleted waits so long for its groups to go.
GIVE_UP = timedelta(minutes=15)


@dataclass(slots=True)
class GroupPass:
    """One for the process; the CatalogPass calls it. At most one mutating call each time."""

    tools: Tools
    members: Memberships
    wake: Callable[[Key, Priority], None]
    watches: Callable[[str], bool] = lambda _: True  # whether a namespace is this operator's
    books: dict[str, Book] = field(default_factory=dict)

    def forget(self) -> None:
        """The Lease changed hands: another operator may have written since."""
        self.books.clear()

    async def bring(self, key: Key, body: Body, connection: Connection) -> tuple[Body, float]:
        """The newest body, and in how many seconds there is more to do."""
        book, calls = self._book(key, body), self._calls
        wishes = calls.wishes(key)
        session = connection.state.session
        if not (book.rows or wishes) or session is None or session.groups is None or not calls.may(key, connection):
            return body, LOOK_EVERY
        visit, again = Visit(key, body, book, connection, session.groups), LOOK_EVERY
        before = dict(book.rows)
        for name in sorted(filter(self._is_ours, {*book.rows, *wishes})):
            row = book.rows.get(name) or self._new(book, name, wishes)
            if row is not None:
                again = min(again, await self._looked(visit, row, wishes.get(name)))
            if visit.over:
                break
        await calls.write(visit)
        for name in {*before, *book.rows}:
            if before.get(name) != book.rows.get(name):
                for machine in self.members.machines(key.name, name):
                    self.wake(machine, Priority.TRANSITION)
        return visit.body, again

    def _new(self, book: Book, name: str, wishes: Mapping[str, Wish]) -> Group | None:
        """None: no machine is to be made in it now, or there are as many as are kept."""
        wish = wishes[name]
        return Group(name, wish.policy) if wish.live and len(book.rows) < MOST_GROUPS else None

    async def holds(self, key: Key, body: Body) -> bool:
        """Whether a Provider that is being deleted, and has no machines, waits for groups that can be removed."""
        rows = [row for row in self._book(key, body).rows.values() if row.title]
        since = moment(body["metadata"].get("deletionTimestamp"))
        late = since is not None and self.tools.clock.now() - since > GIVE_UP
        if any(row.reason != Reason.IN_USE for row in rows) and not late:
            return True
        if rows:
            left = ", ".join(f"{row.name}={row.id or row.title}" for row in rows)
            note = Note(Reason.RELEASED, f"server groups left on the provider: {left}", uid(body), warning=True)
            self.tools.telemetry.said(key, note.reason, note.message)
            await self.tools.cluster.event(body, note)
        return False

    def claimed(self, group_id: str) -> bool:
        """Whether a Provider's ledger has it."""
        if any(row.id == group_id for book in self.books.values() for row in book.rows.values()):
            return True
        statuses = (body.get("status") or {} for _, body in self.tools.store.bodies("Provider"))
        return any(raw.get("id") == group_id for status in statuses for raw in status.get("groups") or ())

    # -- one group

    @property
    def _calls(self) -> GroupCalls:
        return GroupCalls(self.tools, self.members)

    async def _looked(self, visit: Visit, row: Group, wish: Wish | None) -> float:
        """A look that failed proves nothing. One that is refused is told on the machines that wait for the group."""
        try:
            return await self._one(visit, row, wish)
        except Failure as failure:
            visit.over = True
            if isinstance(failure, Rejected) and not row.title:
                retry = self.tools.clock.now() + timedelta(seconds=REJECTED.first)
                told = replace(row, next_retry_at=retry, reason=failure.reason, message=failure.message)
                visit.book.rows[row.name] = told
            return self._unanswered(visit, failure)

    async def _one(self, visit: Visit, row: Group, wish: Wish | None) -> float:
        """Look as far as is needed, then do what is next. Seconds until it is looked at again."""
        what, row = await self._judged(visit, row, wish)
        book = visit.book
        match what:
            case Next.MAKE:
                visit.over = True
                return await self._calls.make(visit, row)
            case Next.REMOVE:
                visit.over = True
                return await self._calls.remove(visit, row)
            case Next.FORGET:
                return await self._forget(visit, row, wish)
        if row.title or row.reason:
            book.rows[row.name] = row
        return self._wait(visit, row, wish)

    async def _judged(self, visit: Visit, row: Group, wish: Wish | None) -> tuple[Next, Group]:
        book, now = visit.book, self.tools.clock.monotonic()
        looked = book.looked_at.get(row.name, float("-inf"))
        sight = Sight(
            now=self.tools.clock.now(),
            open=book.open(row),
            quiet=book.quiet(row, visit.groups.visibility_lag, now),
            due=now - looked >= LOOK_EVERY - 1.0,
            prefix=f"{row.name} {mark_prefix(self.tools.cluster_id)}",
        )
        if sight.open and now < looked + VERIFY.delay(book.unseen.get(row.title, 1)) and self._too_soon(sight, now):
            return Next.NOTHING, row
        while True:
            what, known = next_of(row, wish, sight)
            if what is Next.LIST:
                listed = await self._list(visit)
                sight = replace(sight, listed=listed, began=visit.began, ours=self._machines(listed))
                book.unseen[row.title] = book.unseen.get(row.title, 0) + 1
            elif what is Next.CHECK:
                began = self.tools.clock.monotonic()
                sight = replace(sight, checked=True, began=began, fact=await self._ask(visit, row, wish))
            else:
                if sight.checked or sight.listed is not None:
                    book.looked_at[row.name] = self.tools.clock.monotonic()
                return what, known

    def _too_soon(self, sight: Sight, now: float) -> bool:
        """A lost creation is looked for after 1, 2, 4, 8 … seconds, and once its quiet time is over."""
        return sight.quiet is not None and not sight.quiet.proves_nothing_made(now)

    def _machines(self, listed: Sequence[GroupFact]) -> Collection[str]:
        """The cluster's own, in groups that no ledger has."""
        free = [fact for fact in listed if not self.claimed(fact.id)]
        return {item for fact in free for item in fact.members if self.tools.store.by_token(item)}

    async def _list(self, visit: Visit) -> Sequence[GroupFact]:
        """Once for all groups of a pass."""
        if visit.listed is None:
            async with visit.connection.slots.place(""):
                visit.began = self.tools.clock.monotonic()
                visit.listed = await visit.groups.listed()
        return visit.listed

    async def _ask(self, visit: Visit, row: Group, wish: Wish | None) -> GroupFact | None:
        """One that is only looked after is found in the list; that it is gone is said by a GET of its id alone."""
        if wish is not None and row.state is GroupState.CREATED:
            found = next((fact for fact in await self._list(visit) if fact.id == row.id), None)
            if found is not None:
                return found
        async with visit.connection.slots.place(row.namespace):
            return await visit.groups.one(row.id)

    async def _forget(self, visit: Visit, row: Group, wish: Wish | None) -> float:
        """It is gone. While machines name it, it is made again, as another group: those made before are not in it."""
        visit.book.rows.pop(row.name, None)
        if wish is None:
            return SOON
        if row.state is GroupState.CREATED:
            text = f"group {row.name} ({row.id}) was deleted by somebody else; another one is made"
            note = Note(Reason.DRIFT_DETECTED, text, row.title, warning=True)
            self.tools.telemetry.said(visit.key, note.reason, note.message)
            await self.tools.cluster.event(visit.body, note)
        return SOON

    def _wait(self, visit: Visit, row: Group, wish: Wish | None) -> float:
        book, now = visit.book, self.tools.clock.monotonic()
        if row.state is GroupState.CREATING and book.open(row):
            quiet = book.quiet(row, visit.groups.visibility_lag, now)
            wait = VERIFY.delay(book.unseen.get(row.title, 1))
            return min(wait, quiet.over_at - now + SOON) if quiet is not None and quiet.over_at > now else wait
        if row.state is GroupState.CREATING and row.next_retry_at is not None:
            return max((row.next_retry_at - self.tools.clock.now()).total_seconds() + 0.5, 0.5)
        if wish is None or row.state is GroupState.DELETING:
            return 10.0
        return max(book.looked_at.get(row.name, now) + LOOK_EVERY - now, 1.0)

    def _unanswered(self, visit: Visit, failure: Failure) -> float:
        """A failed look proves nothing, and is tried again."""
        visit.book.failures += 1
        self.tools.telemetry.called(visit.connection.name, "list_groups", 0.0, failure.reason)
        weigh(visit.connection, failure)
        return min(TRANSIENT.delay(visit.book.failures, self.tools.jitter()), LOOK_EVERY)

    # -- what is known

    def _book(self, key: Key, body: Body) -> Book:
        book, status = self.books.get(key.name), body.get("status") or {}
        if book is None or book.uid != uid(body):
            book = self.books[key.name] = book_of(uid(body), status)
        theirs = {row.name: row for row in book_of("", status).rows.values() if not self.watches(row.namespace)}
        book.rows = {**{name: row for name, row in book.rows.items() if self._is_ours(name)}, **theirs}
        return book

    def _is_ours(self, name: str) -> bool:
        return self.watches(name.partition("/")[0])
