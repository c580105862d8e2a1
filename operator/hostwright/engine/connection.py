"""One Provider's actor: logs in, keeps its session watched, takes a changed login up live, follows the catalog."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from hostwright.core.errors import (
    Bug,
    CredentialsMissing,
    Denied,
    Failure,
    IdentityChanged,
    InvalidConfiguration,
    Transient,
    Unreachable,
)
from hostwright.core.port import Call
from hostwright.core.quantity import to_seconds
from hostwright.engine.breaker import Breaker
from hostwright.engine.health import State
from hostwright.engine.limits import START, Bucket, Slots
from hostwright.engine.ports import Clock, ClusterUnavailableError, Secret, WriteRefusedError
from hostwright.engine.warm import REST, Warmth
from hostwright.engine.watch import watched
from hostwright.kinds.provider.port import Backend, Checked, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec

#: Seconds between looks at a Provider's Secret, and at its catalog.
SECRET_EVERY = 60.0
CATALOG_EVERY = 300.0
#: A catalog that lacks what a spec names is read again after this long; doubled while it still lacks it.
CATALOG_SOON, CATALOG_LATE = 1.0, 60.0
#: After a refused login: one probe after each of these, then every 15 minutes (PROTOCOLS section 7).
DENIED_PROBES = (1.0, 2.0, 5.0, 900.0)
UNREACHABLE_PROBES = (1.0, 2.0, 5.0, 10.0)
#: A session that was replaced is closed when every call in flight must have ended: a create's deadline and some.
RETIRE_AFTER = 35.0
#: A watch that ended sooner than this counts as broken, and the next one waits.
WATCH_LIVES = 60.0


@dataclass(frozen=True, slots=True)
class Deps:
    """What every connection needs from outside."""

    clock: Clock
    secret: Callable[[str], Awaitable[Secret | None]]  # by name, in the operator's namespace
    cluster_id: str
    changed: Callable[[str, Sequence[str]], None]  # (provider, tokens): rows that moved
    catalog_read: Callable[[str], None]  # its networks and images may be others now
    turned: Callable[[str], None]  # the Provider's own state changed: its object and its machines want a look
    bug: Callable[[str, BaseException], None]
    visibility_lag: float | None = None
    away: Callable[[], AbstractContextManager[None]] = nullcontext  # around what a pass waits for at the Provider
    leads: Callable[[], bool] = lambda: True  # this process holds the Lease


class Connection:
    """Lives as long as the Provider object; `spec` may change under it."""

    def __init__(
        self, name: str, backend: Backend, spec: ProviderSpec, deps: Deps, status: Mapping[str, Any], uid: str = ""
    ) -> None:
        self.name, self.uid, self.backend, self.spec, self._deps = name, uid, backend, spec, deps
        self.recorded = dict(status.get("identity") or {})  # where the login led at first contact
        self.unfenced = _unfenced(status)  # networks where creation cannot be fenced, as learnt before a restart
        self.state = State(
            deps.clock.monotonic, turned=lambda: deps.turned(name), bug=lambda error: deps.bug(name, error)
        )
        self.secret_version = ""  # of the Secret that was tried last; empty: try whatever is there
        self.endpoint_each = backend.sections.endpoint_each
        most = spec.limits.max_concurrency
        begin = most if self.endpoint_each else START
        self.slots = Slots(most, deps.clock.monotonic, begin, away=deps.away)
        self.bucket = Bucket(spec.limits.requests_per_second, deps.clock.monotonic)
        self.breaker = Breaker(name, spec.limits, status, deps.clock.monotonic)
        possible = backend.sections.read_at_rest
        self._warmth = Warmth(self.state, deps.clock, deps.leads, possible=possible)
        self._catalog_at = float("inf")  # when it is read anew
        self._trying = False  # a login is under way
        self._threads: dict[Session, ThreadPoolExecutor] = {}
        self._task: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._poke = asyncio.Event()
        self._soon = asyncio.Event()  # the backend was touched: it is read soon
        self._lacking: set[str] = set()  # whose spec names what the catalog lacks
        self._lacks = asyncio.Event()
        self._probes = 0  # logins that failed in a row

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"hostwright provider {self.name}")

    async def stop(self) -> None:
        tasks = [task for task in (self._task, *self._retiring) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._close(self._warmth.take())
        await self._close(self.state.session)

    def led(self, status: Mapping[str, Any]) -> None:
        """The Lease became ours; what another leader has learnt meanwhile stands in the Provider's status."""
        self.breaker.told(status)
        self.unfenced |= _unfenced(status)
        recorded = dict(status.get("identity") or {})
        elsewhere = bool(recorded) and recorded != self.recorded
        self.recorded = recorded or self.recorded
        idle = isinstance(self.state.failure, Denied | Bug)  # there is a session, and nobody reads it
        self._warmth.led()
        self._soon.set()
        if not self._trying and (elsewhere or idle or self._warmth.lacks):
            self._probes = 0
            self._poke.set()

    @property
    def dead(self) -> BaseException | None:
        """Why the actor ended by itself, which it never should."""
        task = self._task
        return None if task is None or not task.done() or task.cancelled() else task.exception()

    def update(self, spec: ProviderSpec) -> None:
        """A changed spec: limits at once, all else by a new login."""
        before, self.spec = self.spec, spec
        self.slots.set_cap(spec.limits.max_concurrency)
        self.bucket.set_rate(spec.limits.requests_per_second)
        frozen = self.breaker.open
        self.breaker.follow(spec.limits)
        if frozen and not self.breaker.open:
            self._deps.turned(self.name)
        if before != spec:
            self.secret_version = ""
            self._poke.set()

    def refuses(self, call: Call, key: str) -> Failure | None:
        """Why the blast-radius breaker holds this call back; its turning is told on the Provider."""
        was = self.breaker.open
        failure = self.breaker.refuses(call, key)
        if self.breaker.open != was:
            self._deps.turned(self.name)
        return failure

    def want_catalog(self, token: str = "") -> None:
        """Something named is not in the catalog: it is read again soon, and the object of this token is looked at."""
        self._lacking.add(token)
        self._lacks.set()

    def learn(self, facts: Mapping[str, str]) -> None:
        """What a receipt says of the backend as a whole: `createFence` names a network without one."""
        network = facts.get("createFence")
        if network and network not in self.unfenced:
            self.unfenced |= {network}
            self._deps.turned(self.name)

    def answered(self, error: BaseException | None) -> None:
        """After every answered (None) or failed read; a first refusal of the running session asks for a new login."""
        first = isinstance(error, Denied) and not isinstance(self.state.failure, Denied)
        self.state.answered(error)
        if first:
            self._poke.set()

    # -- the actor

    async def _run(self) -> None:
        while True:
            self._poke.clear()
            self._trying = True
            failure = await self._try_login()
            self._trying = False
            if (left := self._warmth.take()) is not None:
                self._retire_soon(left)
            next_login = float("inf")
            if failure is not None:
                self.state.login_failed(failure)
                next_login = self._next_probe(failure)
            if self.state.session is None or isinstance(self.state.failure, IdentityChanged):
                await self._idle(next_login)
            else:
                await self._serve(self.state.session, next_login)

    async def _try_login(self) -> Failure | None:
        try:
            await self._login()
        except Transient as failure:
            self.secret_version = ""  # this Secret was not judged: it is tried again
            return failure
        except Failure as failure:
            return failure
        except (ClusterUnavailableError, WriteRefusedError) as error:
            return Unreachable(f"the Secret could not be read from the API server: {error}")
        except Exception as error:  # noqa: BLE001 - a backend's bug must not end the actor
            self._deps.bug(self.name, error)
            return Bug(f"{type(error).__name__} while connecting: {error}")
        return None

    async def _idle(self, next_login: float) -> None:
        """No session to serve: until the next probe is due, the spec changed, or the Secret did."""
        while not self._poke.is_set():
            left = next_login - self._deps.clock.monotonic()
            if left <= 0:
                return
            await self._wait(min(left, SECRET_EVERY))
            if next_login > self._deps.clock.monotonic() and await self._secret_changed():
                return

    async def _serve(self, session: Session, next_login: float) -> None:
        """Watch until a new login is due: the spec or the Secret changed, a probe's time came, the watch ended."""
        began = self._deps.clock.monotonic()
        interval = to_seconds(self.spec.limits.poll_interval or self.backend.sections.poll_interval)
        watch = asyncio.create_task(
            watched(session, self._soon, self._moved, self.answered, interval, self._look, self._warmth.rest),
            name=f"hostwright watch {self.name}",
        )
        try:
            await self._follow(session, watch, next_login)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        if not watch.cancelled() and not self._poke.is_set():
            self.answered(watch.exception() or Bug("the watch of the backend ended"))
        failure = self.state.failure
        if self._deps.clock.monotonic() - began >= WATCH_LIVES and next_login == float("inf"):
            self._probes = 0
        elif isinstance(failure, Denied | Bug) and next_login == float("inf") and not await self._secret_changed():
            self._poke.clear()  # a login that works, and is of no use
            await self._idle(self._next_probe(failure))

    def _next_probe(self, failure: Failure) -> float:
        """When the next login is tried, on the monotonic clock."""
        self._probes += 1
        if self._warmth.rests:
            return self._deps.clock.monotonic() + max(REST, DENIED_PROBES[-1])
        steps = DENIED_PROBES if isinstance(failure, Denied | InvalidConfiguration) else UNREACHABLE_PROBES
        return self._deps.clock.monotonic() + steps[min(self._probes, len(steps)) - 1]

    async def _follow(self, session: Session, watch: asyncio.Task[None], next_login: float) -> None:
        """Beside the watch: the Secret every minute, the catalog every five, and sooner where it lacks something."""
        read = self._deps.clock.monotonic()
        secret_at, self._catalog_at, soon = read + SECRET_EVERY, read + CATALOG_EVERY, CATALOG_SOON
        while not self._poke.is_set() and not watch.done():
            now = self._deps.clock.monotonic()
            due = min(self._catalog_at, read + soon) if self._lacking else self._catalog_at
            due = float("inf") if self._warmth.rests else due
            if now >= next_login:
                return
            if now >= secret_at:
                secret_at = now + SECRET_EVERY
                if await self._secret_changed():
                    return
            if now >= due:
                soon = min(soon * 2, CATALOG_LATE) if self._lacking else CATALOG_SOON
                await self._catalog(session)
                read = self._deps.clock.monotonic()
                self._catalog_at = read + CATALOG_EVERY if now >= self._catalog_at else self._catalog_at
                continue
            until = min(due, secret_at, next_login)
            await self._wait(until - now, watch, *(() if self._lacking else (self._lacks,)))

    async def _look(self, session: Session) -> Sequence[str]:
        """One read; the first of who leads after a standby has the catalog with it, which that does not follow."""
        began = self._deps.clock.monotonic()
        if self._warmth.keeps and began >= self._catalog_at:
            await session.load_catalog()
            self._catalog_at = began + CATALOG_EVERY
        told = await session.read()
        self._warmth.read(began)
        return told

    async def _catalog(self, session: Session) -> None:
        """Read it, and wake whom it may concern: those whose spec could not be resolved.

        Settled machines are not: what a fleet at rest costs must not grow with it (5,000 passes took 4 s of CPU).
        """
        lacking = sorted(self._lacking)
        self._lacking.clear()
        self._lacks.clear()
        try:
            await session.load_catalog()
        except Exception as error:  # noqa: BLE001 - as in _try_login; what is no Failure is told as a bug
            self.answered(error)
            return
        self._deps.catalog_read(self.name)
        self._deps.changed(self.name, lacking)

    def _moved(self, tokens: Sequence[str]) -> None:
        self._deps.changed(self.name, tokens)

    async def _secret_changed(self) -> bool:
        if self.spec.credentials_ref is None:
            return False
        try:
            secret = await self._deps.secret(self.spec.credentials_ref.name)
        except (ClusterUnavailableError, WriteRefusedError):
            return False  # the API server is away, or the role was taken; looked at again in a minute
        return (secret.resource_version if secret else "") != self.secret_version

    # -- the login

    async def _login(self) -> None:
        """A new session beside the running one; the old one is closed only when the new one works."""
        secret: Secret | None = None
        if self.spec.credentials_ref is not None:
            name = self.spec.credentials_ref.name
            secret = await self._deps.secret(name)
            self.secret_version = secret.resource_version if secret else ""
            if secret is None:
                raise CredentialsMissing(f"Secret {name!r} is not there in the operator's namespace: create it.")
        # As many as may be under way, and some for the reads beside them: a call that waits for a thread would be late.
        threads = ThreadPoolExecutor(
            max_workers=self.spec.limits.max_concurrency + 4, thread_name_prefix=f"provider-{self.name}"
        )
        try:
            session = await self.backend.connect(self.spec, secret.data if secret else None, self._context(threads))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
        self._threads[session] = threads
        try:
            checked = await session.check()
            self._same_place(checked)
            await session.load_catalog()
        except BaseException:
            await self._close(session)
            raise
        old = self.state.session
        self.recorded = self.recorded or dict(checked.identity)
        self.state.logged_in(session, checked)
        if old is not None:
            self._retire_soon(old)

    def _context(self, threads: ThreadPoolExecutor) -> Context:
        return Context(
            name=self.name,
            cluster_id=self._deps.cluster_id,
            executor=threads,
            monotonic=self._deps.clock.monotonic,
            wall=self._deps.clock.now,
            visibility_lag=self._deps.visibility_lag,
            hasten=self._soon.set,
            unfenced_networks=self.unfenced,
        )

    def _same_place(self, checked: Checked) -> None:
        if self.recorded and dict(checked.identity) != self.recorded:
            was = ", ".join(f"{name} {value}" for name, value in sorted(self.recorded.items()))
            now = ", ".join(f"{name} {value}" for name, value in sorted(checked.identity.items()))
            raise IdentityChanged(
                f"the login leads to {now}, and this Provider was made for {was}. Give it the former login, "
                "or make a new Provider for the new place. Nothing is changed and nothing counts as gone."
            )

    def _retire_soon(self, session: Session) -> None:
        retiring = asyncio.create_task(self._retire(session), name=f"hostwright retire {self.name}")
        self._retiring.add(retiring)
        retiring.add_done_callback(self._retiring.discard)

    async def _retire(self, session: Session) -> None:
        """Calls in flight on the former login end by themselves first."""
        try:
            await asyncio.sleep(RETIRE_AFTER)
        finally:
            await self._close(session)

    async def _close(self, session: Session | None) -> None:
        if session is None:
            return
        try:
            await session.close()
        except Exception as error:  # noqa: BLE001 - a session that cannot be closed is told, and let go
            self._deps.bug(self.name, error)
        threads = self._threads.pop(session, None)
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    async def _wait(self, seconds: float, *others: "asyncio.Event | asyncio.Task[None]") -> None:
        """Until the time is over, a poke, or one of the others."""
        events = [self._poke, *(other for other in others if isinstance(other, asyncio.Event))]
        waiters = [asyncio.ensure_future(event.wait()) for event in events]
        tasks: list[asyncio.Future[Any]] = [other for other in others if isinstance(other, asyncio.Task)]
        try:
            await asyncio.wait(
                [*waiters, *tasks],
                timeout=None if seconds == float("inf") else max(0.0, seconds),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for waiter in waiters:
                waiter.cancel()


def _unfenced(status: Mapping[str, Any]) -> frozenset[str]:
    rows = status.get("networks") or ()
    return frozenset(row["id"] for row in rows if row.get("createFence") == "None" and row.get("id"))
