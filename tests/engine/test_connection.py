"""One Provider's actor on virtual time: logins, probes, a login changed live, outages, and nothing that ends it."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.engine.process import InMemory, SimulatedSite, site
from tests.engine.samples import CATALOG
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.core.errors import (
    Bug,
    CredentialsMissing,
    CredentialsRejected,
    IdentityChanged,
    Unreachable,
)
from hostwright.engine.connection import Connection, Deps
from hostwright.engine.ports import ClusterUnavailableError, Key, Secret
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec

SPEC = ProviderSpec.model_validate({**CATALOG[Key("Provider", "", "sim")], "credentialsRef": {"name": "login"}})

RIGHT = "right"


@dataclass
class Guarded(InMemory):
    """A site that asks for a token; `logins` are the tokens that were tried and when."""

    token: str = RIGHT
    logins: list[tuple[float, str]] = field(default_factory=list)
    open: list[Session] = field(default_factory=list)
    bug: Exception | None = None
    threads: list[Any] = field(default_factory=list)

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        token = (secret or {}).get("token", b"").decode()
        self.threads.append(context.executor)
        self.logins.append((self.clock.monotonic() - 1000.0, token))
        if self.bug is not None:
            raise self.bug
        if token != self.token:
            raise CredentialsRejected("the token is not the site's")
        session = await super().connect(spec, secret, context)
        close = session.close

        async def closed() -> None:
            self.open.remove(session)
            await close()

        session.close = closed  # type: ignore[method-assign]
        self.open.append(session)
        return session


class Actor:
    """A connection with the Secret it reads and what it told."""

    def __init__(self, token: str | None = RIGHT, status: Mapping[str, Any] | None = None) -> None:
        self.clock = Clock()
        self.site: SimulatedSite = site()
        self.backend = Guarded(self.site, Wire(), self.clock)
        self.secret: Secret | None = None
        self.reads: list[float] = []
        self.cluster_down = False
        self.turns = 0
        self.bugs: list[BaseException] = []
        self.write(token)
        deps = Deps(
            clock=self.clock,
            secret=self._read,
            cluster_id="c-1",
            changed=self._changed,
            catalog_read=lambda _: None,
            turned=self._turned,
            bug=lambda _, error: self.bugs.append(error),
        )
        self.connection = Connection("sim", self.backend, SPEC, deps, status or {})
        self.connection.start()

    def write(self, token: str | None) -> None:
        before = int(self.secret.resource_version) if self.secret is not None else 0
        self.secret = None if token is None else Secret(str(before + 1), {"token": token.encode()}, ())

    @property
    def state(self) -> Any:
        return self.connection.state

    def times(self) -> list[int]:
        return [round(when) for when, _ in self.backend.logins]

    async def end(self) -> None:
        assert self.connection.dead is None
        await self.connection.stop()
        assert self.backend.open == []

    async def _read(self, name: str) -> Secret | None:
        self.reads.append(self.clock.monotonic() - 1000.0)
        if self.cluster_down:
            raise ClusterUnavailableError("503")
        return self.secret

    def _changed(self, provider: str, tokens: Sequence[str]) -> None: ...

    def _turned(self, provider: str) -> None:
        self.turns += 1


def test_a_login_that_works_is_not_tried_again() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(3600.0)
        assert actor.times() == [0]
        assert actor.state.failure is None
        assert actor.state.synced
        await actor.end()

    run(work())


def test_a_new_secret_takes_over_within_a_minute_and_calls_on_the_old_login_end_by_themselves() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(100.0)
        old = actor.state.session
        actor.backend.token = "new"
        actor.write("new")
        await until(lambda: actor.state.session is not old, 61, "the new login")
        assert actor.backend.open == [old, actor.state.session]
        assert actor.state.failure is None
        await asyncio.sleep(34.0)
        assert old in actor.backend.open
        await asyncio.sleep(2.0)
        assert actor.backend.open == [actor.state.session]
        await actor.end()

    run(work())


def test_a_new_secret_that_does_not_work_is_told_and_the_running_login_stays_in_use() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        old, turns = actor.state.session, actor.turns
        actor.write("wrong")
        await asyncio.sleep(200.0)
        assert isinstance(actor.state.refused, CredentialsRejected)
        assert (actor.state.failure, actor.state.session) == (None, old)
        assert [token for _, token in actor.backend.logins] == ["right"] + ["wrong"] * 4  # at once, after 1, 2 and 5 s
        assert actor.turns == turns + 1  # told once, however often it is tried
        actor.write("right")
        await asyncio.sleep(61.0)
        assert actor.state.refused is None
        assert actor.state.session is not old
        await actor.end()

    run(work())


def test_a_refused_login_is_probed_after_1_2_and_5_seconds_and_then_every_15_minutes() -> None:
    async def work() -> None:
        actor = Actor("wrong")
        await asyncio.sleep(2000.0)
        assert actor.times() == [0, 1, 3, 8, 908, 1808]
        assert isinstance(actor.state.failure, CredentialsRejected)
        assert actor.turns == 1
        actor.write("right")
        await until(lambda: actor.state.failure is None, 61, "logged in by the new Secret")
        await actor.end()

    run(work())


def test_a_missing_secret_is_looked_for_every_minute() -> None:
    async def work() -> None:
        actor = Actor(None)
        await asyncio.sleep(500.0)
        assert isinstance(actor.state.failure, CredentialsMissing)
        assert actor.backend.logins == []
        assert max(later - sooner for sooner, later in zip(actor.reads, actor.reads[1:], strict=False)) <= 60.0
        actor.write("right")
        await until(lambda: actor.state.session is not None, 61, "logged in")
        await actor.end()

    run(work())


def test_a_secret_that_cannot_be_read_for_a_while_is_no_reason_to_drop_a_login_that_works() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        actor.cluster_down = True
        await asyncio.sleep(1000.0)
        assert actor.state.failure is None
        assert actor.times() == [0]
        await actor.end()

    run(work())


def test_an_api_server_away_at_the_start_delays_the_login_and_no_more() -> None:
    async def work() -> None:
        actor = Actor()
        actor.cluster_down = True
        await asyncio.sleep(100.0)
        assert isinstance(actor.state.failure, Unreachable)
        actor.cluster_down = False
        await until(lambda: actor.state.failure is None, 11, "logged in")
        await actor.end()

    run(work())


def test_a_site_that_cannot_be_reached_at_the_start_is_tried_every_ten_seconds() -> None:
    async def work() -> None:
        actor = Actor()
        actor.site.down = True
        await asyncio.sleep(30.0)
        assert actor.times() == [0, 1, 3, 8, 18, 28]
        assert isinstance(actor.state.failure, Unreachable)
        actor.site.down = False
        await until(lambda: actor.state.failure is None, 11, "logged in")
        await actor.end()

    run(work())


def test_a_login_that_leads_elsewhere_stops_everything_until_it_leads_back() -> None:
    async def work() -> None:
        actor = Actor(status={"identity": {"site": "another"}})
        await asyncio.sleep(5.0)
        assert isinstance(actor.state.failure, IdentityChanged)
        assert actor.state.session is None
        assert actor.backend.open == []  # and the login that led there is closed
        assert actor.connection.recorded == {"site": "another"}
        actor.site.model.site = "another"
        actor.write("right")
        await until(lambda: actor.state.failure is None, 61, "back")
        await actor.end()

    run(work())


def test_a_short_outage_ends_with_the_first_good_answer() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        session = actor.state.session
        actor.site.down = True
        await until(lambda: actor.state.failure is not None, 5, "told")
        assert isinstance(actor.state.failure, Unreachable)
        await asyncio.sleep(30.0)
        actor.site.down = False
        await until(lambda: actor.state.failure is None, 3, "over")
        assert actor.state.session is session
        await actor.end()

    run(work())


def test_an_outage_that_was_told_on_machines_ends_after_thirty_seconds_of_good_answers() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        actor.site.down = True
        await asyncio.sleep(130.0)
        assert actor.state.down_for > 120.0
        actor.site.down = False
        await asyncio.sleep(25.0)
        actor.site.down = True  # good answers that end again count for nothing
        await asyncio.sleep(5.0)
        actor.site.down = False
        await asyncio.sleep(25.0)
        assert isinstance(actor.state.failure, Unreachable)
        await asyncio.sleep(10.0)
        assert actor.state.failure is None
        await actor.end()

    run(work())


def test_a_new_login_in_an_outage_is_one_good_answer_and_no_more() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        actor.site.down = True
        await asyncio.sleep(130.0)
        actor.site.down = False
        actor.connection.update(SPEC.model_copy(update={"paused": True}))  # any edit asks for a new login
        await asyncio.sleep(25.0)
        assert len(actor.backend.logins) == 2
        assert isinstance(actor.state.failure, Unreachable)
        await asyncio.sleep(10.0)
        assert actor.state.failure is None
        await asyncio.sleep(36.0)
        await actor.end()

    run(work())


def test_one_failed_read_is_no_outage() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        turns = actor.turns
        for _ in range(5):
            actor.connection.answered(Unreachable("a blip"))
            await asyncio.sleep(3.0)
        assert actor.state.failure is None
        assert actor.turns == turns
        await actor.end()

    run(work())


def test_a_running_login_that_is_refused_is_followed_by_a_new_one_at_once() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        actor.backend.token = "new"
        actor.write("new")
        actor.connection.answered(CredentialsRejected("401"))
        await asyncio.sleep(0.1)
        assert [token for _, token in actor.backend.logins] == ["right", "new"]
        assert actor.state.failure is None
        await asyncio.sleep(36.0)
        await actor.end()

    run(work())


def test_a_bug_of_the_backend_is_told_and_ends_no_actor() -> None:
    async def work() -> None:
        actor = Actor()
        actor.backend.bug = ValueError("a defect")
        await asyncio.sleep(60.0)
        assert isinstance(actor.state.failure, Bug)
        assert len(actor.bugs) >= 3
        actor.backend.bug = None
        await until(lambda: actor.state.failure is None, 15, "logged in")
        await actor.end()

    run(work())


def test_as_many_threads_as_calls_that_may_be_under_way() -> None:
    async def work() -> None:
        actor = Actor()
        for most in (100, 200):
            limits = SPEC.limits.model_copy(update={"max_concurrency": most})
            actor.connection.update(SPEC.model_copy(update={"limits": limits}))
            await asyncio.sleep(10.0)
            together = threading.Barrier(most)
            threads = actor.backend.threads[-1]
            for waiting in [threads.submit(together.wait, 20.0) for _ in range(most)]:
                waiting.result()
        await asyncio.sleep(36.0)
        await actor.end()
        with pytest.raises(RuntimeError, match="after shutdown"):
            actor.backend.threads[-1].submit(print)

    run(work())


def test_changed_limits_hold_at_once() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        limits = SPEC.limits.model_copy(update={"max_concurrency": 2, "requests_per_second": 1.0})
        actor.connection.update(SPEC.model_copy(update={"limits": limits}))
        assert actor.connection.slots.limit == 2
        assert [actor.connection.bucket.wait() for _ in range(2)] != [0.0, 0.0]
        await asyncio.sleep(36.0)
        await actor.end()

    run(work())
