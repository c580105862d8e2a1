"""One Provider's session: connected, watched, its login rotated live, its outages noticed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from hostwright.core.errors import (
    Bug,
    CredentialsMissing,
    Denied,
    Failure,
    IdentityChanged,
    InvalidConfiguration,
    Unreachable,
)
from hostwright.core.quantity import to_seconds
from hostwright.engine.limits import Bucket, Slots
from hostwright.engine.ports import Clock, Secret
from hostwright.kinds.provider.port import Backend, Checked, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec

#: Seconds between looks at a Provider's Secret, and at its catalog.
SECRET_EVERY = 60.0
CATALOG_EVERY = 300.0
#: An outage that was told on machines ends after this many seconds of good answers.
GOOD_FOR = 30.0
TOLD_AFTER = 120.0
#: One failed read may be a blip.
BAD_READS = 2
#: After a refused login: one probe after each of these, then every 15 minutes.
DENIED_PROBES = (1.0, 2.0, 5.0, 900.0)
UNREACHABLE_PROBES = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Deps:
    """What every connection needs from outside."""

    clock: Clock
    secret: Callable[[str], Awaitable[Secret | None]]  # by name, in the operator's namespace
    cluster_id: str
    changed: Callable[[str, Sequence[str]], None]  # (provider, tokens): rows that moved
    turned: Callable[[str], None]  # the Provider's own state changed: its object and its machines want a look
    bug: Callable[[str, BaseException], None]
    visibility_lag: float | None = None


@dataclass(slots=True)
class State:
    """What the rest of the engine reads; mutable, written by the connection only."""

    session: Session | None = None
    checked: Checked | None = None
    failure: Failure | None = None
    down_since: float | None = None
    good_since: float | None = None
    secret_version: str = ""
    bad_reads: int = 0
    synced: bool = False  # the session's first full sweep was told
    catalog_wanted: asyncio.Event = field(default_factory=asyncio.Event)


class Connection:
    """Lives as long as the Provider object; `spec` may change under it."""

    def __init__(self, name: str, backend: Backend, spec: ProviderSpec, deps: Deps, status: Mapping[str, Any]) -> None:
        self.name, self.backend, self.spec, self._deps = name, backend, spec, deps
        self.recorded = dict(status.get("identity") or {})  # where the login led at first contact
        self.unfenced = frozenset(  # networks where creation cannot be fenced, as learnt before a restart
            row["id"] for row in status.get("networks") or () if row.get("createFence") == "None" and row.get("id")
        )
        self.state = State()
        self.slots = Slots(spec.limits.max_concurrency, deps.clock.monotonic)
        self.bucket = Bucket(spec.limits.requests_per_second, deps.clock.monotonic)
        self._executor: Executor = ThreadPoolExecutor(
            max_workers=min(spec.limits.max_concurrency, 64) + 4, thread_name_prefix=f"provider-{name}"
        )
        self._task: asyncio.Task[None] | None = None
        self._poke = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"hostwright provider {self.name}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._close(self.state.session)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def update(self, spec: ProviderSpec) -> None:
        """A changed spec: limits at once, all else by a new login."""
        before, self.spec = self.spec, spec
        self.slots.set_cap(spec.limits.max_concurrency)
        self.bucket.set_rate(spec.limits.requests_per_second)
        if before != spec:
            self.state.secret_version = ""
            self._poke.set()

    def poke(self) -> None:
        """The Secret or the spec changed: try now."""
        self._poke.set()

    def want_catalog(self) -> None:
        """Something could not be resolved: read the catalog again soon."""
        self.state.catalog_wanted.set()

    def learn(self, facts: Mapping[str, str]) -> None:
        """What a receipt says of the backend as a whole: `createFence` names a network without one."""
        network = facts.get("createFence")
        if network and network not in self.unfenced:
            self.unfenced |= {network}
            self._deps.turned(self.name)

    @property
    def down_for(self) -> float | None:
        since = self.state.down_since
        return None if since is None else self._deps.clock.monotonic() - since

    # -- what the machines may count on

    def answered(self, error: BaseException | None) -> None:
        """After every answered or failed read of the inventory."""
        now = self._deps.clock.monotonic()
        if error is None:
            self.state.bad_reads = 0
            session = self.state.session
            if not self.state.synced and session is not None and session.synced():
                self.state.synced = True
                self._deps.turned(self.name)  # machines waited for the first full look
            self._good(now)
        elif isinstance(error, Denied):
            self._fail(error)
            self._poke.set()
        elif isinstance(error, Failure):
            self.state.bad_reads += 1
            if self.state.bad_reads >= BAD_READS:
                self._fail(error if isinstance(error, Unreachable) else Unreachable(error.message, code=error.code))
        else:
            self._deps.bug(self.name, error)
            self._fail(Bug(f"{type(error).__name__} while reading the backend"))

    def _good(self, now: float) -> None:
        state = self.state
        if state.failure is None:
            return
        if isinstance(state.failure, Denied):
            return  # a login that leads elsewhere, or was refused, is judged by _login alone
        state.good_since = state.good_since or now
        told = state.down_since is not None and now - state.down_since >= TOLD_AFTER
        if not told or now - state.good_since >= GOOD_FOR:
            state.failure, state.down_since, state.good_since = None, None, None
            self._deps.turned(self.name)

    def _fail(self, failure: Failure) -> None:
        state = self.state
        state.good_since = None
        turned = state.failure is None or state.failure.reason != failure.reason
        if state.down_since is None:
            state.down_since = self._deps.clock.monotonic()
        state.failure = failure
        if turned:
            self._deps.turned(self.name)

    # -- the actor

    async def _run(self) -> None:
        probes = 0
        while True:
            self._poke.clear()
            secret_read = self._deps.clock.monotonic()
            try:
                await self._login()
            except asyncio.CancelledError:
                raise
            except Failure as failure:
                self._fail(failure)
                probes += 1
                steps = DENIED_PROBES if isinstance(failure, Denied | InvalidConfiguration) else UNREACHABLE_PROBES
                if self.state.session is None or isinstance(failure, IdentityChanged | CredentialsMissing):
                    await self._sleep_or_poke(min(steps[min(probes, len(steps)) - 1], SECRET_EVERY), steps, probes)
                    continue
            except Exception as error:  # noqa: BLE001 - a backend's bug must not end the actor
                self._deps.bug(self.name, error)
                self._fail(Bug(f"{type(error).__name__} while connecting: {error}"))
                await self._sleep_or_poke(30.0, UNREACHABLE_PROBES, probes)
                continue
            else:
                probes = 0
            await self._serve(secret_read)

    async def _sleep_or_poke(self, seconds: float, steps: Sequence[float], probes: int) -> None:
        """Wait for the next probe; a changed Secret ends the wait (looked at every 60 s)."""
        left = steps[min(probes, len(steps)) - 1] if probes else seconds
        while left > 0 and not self._poke.is_set():
            slice_ = min(left, SECRET_EVERY)
            await self._wait(self._poke, slice_)
            left -= slice_
            if left > 0 and await self._secret_changed():
                return

    async def _serve(self, secret_read: float) -> None:
        """Watch until the login must be renewed."""
        session = self.state.session
        if session is None:
            return
        watch = asyncio.create_task(
            session.watch(self._moved, self.answered, to_seconds(self.spec.limits.poll_interval)),
            name=f"hostwright watch {self.name}",
        )
        catalog_at = self._deps.clock.monotonic() + CATALOG_EVERY
        secret_at = secret_read + SECRET_EVERY
        try:
            while not self._poke.is_set():
                now = self._deps.clock.monotonic()
                await self._wait(self._poke, max(0.05, min(catalog_at, secret_at, now + 5.0) - now), watch)
                if watch.done():
                    self.answered(watch.exception() or Bug("the watch of the backend ended"))
                    return
                now = self._deps.clock.monotonic()
                if now >= secret_at:
                    secret_at = now + SECRET_EVERY
                    if await self._secret_changed():
                        return
                if now >= catalog_at or self.state.catalog_wanted.is_set():
                    catalog_at = now + CATALOG_EVERY
                    await self._catalog(session)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _catalog(self, session: Session) -> None:
        self.state.catalog_wanted.clear()
        try:
            await session.load_catalog()
        except Failure as failure:
            self.answered(failure)
        else:
            self._deps.turned(self.name)

    def _moved(self, tokens: Sequence[str]) -> None:
        self._deps.changed(self.name, tokens)

    async def _secret_changed(self) -> bool:
        if self.spec.credentials_ref is None:
            return False
        secret = await self._deps.secret(self.spec.credentials_ref.name)
        return (secret.resource_version if secret else "") != self.state.secret_version

    async def _login(self) -> None:
        """A new session beside the running one; the old one is closed only when the new one works."""
        secret: Secret | None = None
        if self.spec.credentials_ref is not None:
            name = self.spec.credentials_ref.name
            secret = await self._deps.secret(name)
            self.state.secret_version = secret.resource_version if secret else ""
            if secret is None:
                raise CredentialsMissing(f"Secret {name!r} is not there in the operator's namespace: create it.")
        context = Context(
            name=self.name,
            cluster_id=self._deps.cluster_id,
            executor=self._executor,
            monotonic=self._deps.clock.monotonic,
            wall=self._deps.clock.now,
            visibility_lag=self._deps.visibility_lag,
            unfenced_networks=self.unfenced,
        )
        session = await self.backend.connect(self.spec, secret.data if secret else None, context)
        try:
            checked = await session.check()
            self._same_place(checked)
            await session.load_catalog()
        except BaseException:
            await self._close(session)
            raise
        old, self.state.session, self.state.checked = self.state.session, session, checked
        self.state.synced = False
        self.recorded = self.recorded or dict(checked.identity)
        self.state.failure, self.state.down_since, self.state.good_since = None, None, None
        self._deps.turned(self.name)
        if old is not None:
            await self._close(old)

    def _same_place(self, checked: Checked) -> None:
        if self.recorded and dict(checked.identity) != self.recorded:
            was = ", ".join(f"{name} {value}" for name, value in sorted(self.recorded.items()))
            now = ", ".join(f"{name} {value}" for name, value in sorted(checked.identity.items()))
            raise IdentityChanged(
                f"the login leads to {now}, and this Provider was made for {was}. Give it the former login, "
                "or make a new Provider for the new place. Nothing is changed and nothing counts as gone."
            )

    async def _close(self, session: Session | None) -> None:
        if session is None:
            return
        try:
            await session.close()
        except Exception as error:  # noqa: BLE001 - a session that cannot be closed is told, and let go
            self._deps.bug(self.name, error)

    async def _wait(self, event: asyncio.Event, seconds: float, *others: asyncio.Future[Any]) -> None:
        waiter = asyncio.ensure_future(event.wait())
        wanted = asyncio.ensure_future(self.state.catalog_wanted.wait())
        try:
            await asyncio.wait({waiter, wanted, *others}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            wanted.cancel()
