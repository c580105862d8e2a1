"""What a standby keeps of a Provider: a session that is read now and then, so that whoever leads next has it at hand.

It only reads. What it has seen before it led counts for nothing: when the Lease becomes ours the session is taken away,
as if nobody had logged in yet, and comes back with the first read that began after that moment. That read is a look at
what changed, where a login and a first reading would be a list of all.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from hostwright.engine.health import State
from hostwright.engine.ports import Body, Clock, Key
from hostwright.engine.waiting import set_within
from hostwright.kinds.provider.port import Checked, Session

#: Seconds between two reads of a standby, and before a login of its that failed is tried again. The Lease ends it.
REST = 600.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A session that was taken away, until a read that begins from now on."""

    session: Session
    checked: Checked
    since: float


class Warmth:
    """Of one connection."""

    def __init__(self, state: State, clock: Clock, leads: Callable[[], bool], *, possible: bool) -> None:
        self._state, self._clock, self._leads, self._possible = state, clock, leads, possible
        self._kept: Kept | None = None
        self._called = asyncio.Event()  # the Lease became ours

    @property
    def rests(self) -> bool:
        """Somebody else leads."""
        return self._possible and not self._leads()

    @property
    def keeps(self) -> bool:
        """A session was taken away, and has to be read before anybody counts on it."""
        return self._kept is not None

    @property
    def lacks(self) -> bool:
        """There is no session to read."""
        return self._possible and self._kept is None

    async def rest(self) -> bool:
        """Until the next read of a standby, or until it leads; False: it leads already."""
        if not self.rests:
            return False
        self._called.clear()
        await set_within(self._called, REST)
        return True

    def led(self) -> None:
        """The Lease became ours."""
        if not self._possible:
            return
        session, checked, since = self._state.session, self._state.checked, self._clock.monotonic()
        if session is not None and checked is not None:
            self._kept = Kept(session, checked, since)
        elif self._kept is not None:
            self._kept = replace(self._kept, since=since)
        self._state.forget()
        self._called.set()

    def read(self, began: float) -> None:
        """A read was answered that began then."""
        kept = self._kept
        if kept is not None and began >= kept.since:
            self._kept = None
            self._state.logged_in(kept.session, kept.checked)

    def take(self) -> Session | None:
        """The session that nobody counts on, for good."""
        kept, self._kept = self._kept, None
        return kept.session if kept is not None else None


class Standby:
    """Follows the store: a Provider that came, changed or left is connected without a pass, as there are none."""

    def __init__(self, leads: Callable[[], bool], follow: Callable[[Key], Awaitable[None]]) -> None:
        self._leads, self._follow_spec = leads, follow
        self._changed: dict[Key, None] = {}
        self._stirred = asyncio.Event()

    def follow(self, key: Key, _body: Body | None) -> None:
        if key.kind == "Provider":
            self._changed[key] = None
            self._stirred.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._changed:
                key = next(iter(self._changed))
                del self._changed[key]
                if not self._leads():
                    await self._follow_spec(key)
