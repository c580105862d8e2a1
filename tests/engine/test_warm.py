"""A standby has each Provider at hand: logged in, read now and then, and trusted once it has read since it leads."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engine.apiserver import ApiServer
from tests.engine.operators import Leases, Operator
from tests.engine.process import InMemory, Process, SimulatedSite, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.test_connection import RIGHT, Guarded
from tests.engine.test_connection import SPEC as PROVIDER
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.core.errors import CredentialsRejected, IdentityChanged, Unreachable
from hostwright.engine.connection import Connection, Deps
from hostwright.engine.ports import Key, Secret
from hostwright.engine.warm import REST
from hostwright.kinds.provider.port import Backend, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec

SIM = Key("Provider", "", "sim")
HOUR = 3600.0


@dataclass
class Counted(InMemory):
    logins: list[float] = field(default_factory=list)

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        self.logins.append(self.clock.monotonic())
        return await super().connect(spec, secret, context)


@dataclass
class Seen(Process):
    """Its logins are counted."""

    def backends(self) -> Mapping[str, Backend]:
        self.counted = Counted(self.site, self.wire, self.clock)
        return {"Simulated": self.counted}

    @property
    def connection(self) -> Connection:
        return self.connections["sim"]


class Place:
    def __init__(self) -> None:
        self.clock = Clock()
        self.api, self.site, self.leases = ApiServer(self.clock), site(), Leases()
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)
        self.operators: list[Operator] = []

    async def operator(self, name: str) -> tuple[Operator, Seen]:
        made = Operator(self.api, self.site, self.leases, self.clock, name, Wire(), made=Seen)
        self.operators.append(made)
        await asyncio.sleep(1.0)
        assert isinstance(made.process, Seen)
        return made, made.process

    async def leader_and_standby(self) -> tuple[Operator, Operator, Seen]:
        """With a machine that is up."""
        first, _ = await self.operator("first")
        self.api.apply(VM, SPEC)
        await until(self.ready, 60, "Ready")
        return first, *await self.operator("second")

    def ready(self) -> bool:
        status = self.api.status(VM)
        return self.api.condition(VM, "Ready").get("status") == "True" and not status.get("operation")

    def end(self) -> None:
        for operator in self.operators:
            assert operator.process.told.bugs == []
            assert operator.process.connections.get("sim") is None or operator.process.connections["sim"].dead is None
            operator.kill()


def test_a_standby_reads_six_times_an_hour_and_writes_nothing() -> None:
    async def work() -> None:
        place = Place()
        place.leases.lease = {
            "metadata": {"resourceVersion": "1", "uid": "u"},
            "spec": {"holderIdentity": "other"},
        }

        async def renewed() -> None:
            while True:
                await asyncio.sleep(5.0)
                place.leases.version += 1
                place.leases.lease["metadata"] = {"resourceVersion": str(place.leases.version + 1), "uid": "u"}

        other = asyncio.create_task(renewed())
        operator, process = await place.operator("standby")
        assert process.connection.state.session is not None
        reads = place.site.reads
        await asyncio.sleep(HOUR)
        assert place.site.reads - reads == HOUR / REST
        assert len(process.counted.logins) == 1
        assert operator.wire.names == []
        assert process.told.passes == 0
        other.cancel()
        place.end()

    run(work())


def test_who_leads_after_it_logs_in_no_more_and_sees_at_once_what_happened_since_its_last_read() -> None:
    async def work() -> None:
        place = Place()
        first, second, process = await place.leader_and_standby()
        reads = len(process.counted.logins)
        await asyncio.sleep(REST / 2)
        first.kill()
        row = next(iter(place.site.model.machines.values()))
        place.site.model.tamper(place.clock.now().timestamp(), row.id, powered_on=False)
        turned, led = second.lease.on_turn, asyncio.Event()

        def heard(leading: bool) -> None:
            assert process.connection.state.session is not None
            turned(leading)
            assert process.connection.state.session is None, "what it has read before it led counts for nothing"
            led.set()

        second.lease.on_turn = heard
        await asyncio.wait_for(led.wait(), 40)
        began = place.clock.monotonic()
        await until(lambda: "start" in second.calls(), 5, "powered on again")
        assert place.clock.monotonic() - began < 1.0
        assert len(process.counted.logins) == reads == 1
        place.end()

    run(work())


def test_who_leads_after_it_logs_in_anew_where_the_site_refused_its_last_read() -> None:
    """A login that worked and was of no use is a standby's for ten minutes, and a leader's at once (seed 400967)."""

    async def work() -> None:
        place = Place()
        first, second, process = await place.leader_and_standby()
        process.connection.answered(CredentialsRejected("the site says: who are you (401)"))
        await asyncio.sleep(1.0)
        first.kill()
        row = next(iter(place.site.model.machines.values()))
        place.site.model.tamper(place.clock.now().timestamp(), row.id, powered_on=False)
        await until(lambda: "start" in second.calls(), 60, "powered on again")
        place.end()

    run(work())


def test_a_machine_that_another_leader_made_is_not_made_again_by_what_a_standby_read_before() -> None:
    async def work() -> None:
        place = Place()
        first, _ = await place.operator("first")
        second, process = await place.operator("second")
        place.api.apply(VM, SPEC)
        await until(place.ready, 60, "Ready")
        first.kill()
        await until(second.lease.held, 40, "the second leads")
        place.api.apply(VM, {**SPEC, "tags": {"team": "b"}})
        await asyncio.sleep(30.0)
        assert second.calls().count("create") == 0
        assert place.site.most == len(place.site.model.machines) == 1
        assert process.connection.state.session is not None
        place.end()

    run(work())


def test_a_provider_that_changed_or_left_is_followed_without_the_lease() -> None:
    async def work() -> None:
        place = Place()
        await place.operator("first")
        _, process = await place.operator("second")
        before = process.connection
        place.api.apply(SIM, {**CATALOG[SIM], "limits": {"pollInterval": "7s"}})
        await asyncio.sleep(1.0)
        assert process.connection is before
        assert before.spec.limits.poll_interval == "7s"
        place.api.delete(SIM)
        await until(lambda: "sim" not in process.connections, 60, "gone")
        place.end()

    run(work())


class Alone:
    """A connection of a process that does not lead, until it is told so."""

    def __init__(self, place: SimulatedSite | None = None, token: str = RIGHT) -> None:
        self.clock = Clock()
        self.site = place or site()
        self.backend = Guarded(self.site, Wire(), self.clock)
        self.leads = False
        self.token = token
        self.turns = 0
        self.bugs: list[BaseException] = []
        deps = Deps(
            clock=self.clock,
            secret=self._secret,
            cluster_id="c-1",
            changed=lambda *_: None,
            catalog_read=lambda _: None,
            turned=self._turned,
            bug=lambda _, error: self.bugs.append(error),
            leads=lambda: self.leads,
        )
        self.connection = Connection("sim", self.backend, PROVIDER, deps, {})
        self.connection.start()

    async def _secret(self, name: str) -> Secret:
        return Secret(self.token, {"token": self.token.encode()}, ())

    def _turned(self, name: str) -> None:
        self.turns += 1

    @property
    def state(self) -> Any:
        return self.connection.state

    def lead(self, **status: Any) -> None:
        self.leads = True
        self.connection.led(status)

    async def end(self) -> None:
        assert self.connection.dead is None
        assert self.bugs == []
        await self.connection.stop()
        assert self.backend.open == []


def test_a_place_that_another_leader_recorded_is_the_one_to_lead_to() -> None:
    async def work() -> None:
        alone = Alone()
        await asyncio.sleep(5.0)
        assert alone.state.session is not None
        alone.lead(identity={"site": "another"}, networks=[{"id": "n-1", "createFence": "None"}])
        await asyncio.sleep(5.0)
        assert isinstance(alone.state.failure, IdentityChanged)
        assert alone.state.session is None
        assert alone.connection.unfenced == {"n-1"}
        await alone.end()

    run(work())


def test_a_site_that_is_away_when_the_lease_comes_is_told_and_its_session_comes_back_with_it() -> None:
    async def work() -> None:
        alone = Alone()
        await asyncio.sleep(5.0)
        alone.site.down = True
        alone.lead()
        await asyncio.sleep(30.0)
        assert alone.state.session is None
        assert isinstance(alone.state.failure, Unreachable)
        alone.site.down = False
        await asyncio.sleep(30.0)
        assert alone.state.session is not None
        assert alone.state.synced
        assert alone.state.failure is None
        assert len(alone.backend.logins) == 1
        await alone.end()

    run(work())


def test_a_standby_whose_login_is_refused_tries_every_quarter_of_an_hour_and_at_once_when_it_leads() -> None:
    async def work() -> None:
        alone = Alone(token="wrong")
        await asyncio.sleep(HOUR)
        assert len(alone.backend.logins) == 4
        alone.lead()
        await asyncio.sleep(4.0)
        assert len(alone.backend.logins) == 7, "as anybody who begins: at once, after 1 and 2 s"
        await alone.end()

    run(work())


def test_a_lease_that_comes_while_the_login_is_under_way_asks_for_no_second_one() -> None:
    async def work() -> None:
        alone = Alone()
        await asyncio.sleep(0.0)
        alone.lead()
        await asyncio.sleep(60.0)
        assert alone.state.synced
        assert len(alone.backend.logins) == 1
        await alone.end()

    run(work())


def test_who_loses_the_lease_and_has_it_again_reads_once_before_anybody_counts_on_it() -> None:
    async def work() -> None:
        alone = Alone()
        alone.lead()
        await asyncio.sleep(5.0)
        alone.leads = False
        await asyncio.sleep(HOUR)
        reads, turns = alone.site.reads, alone.turns
        alone.lead()
        assert alone.state.session is None
        await asyncio.sleep(0.5)
        assert alone.state.session is not None
        assert alone.state.synced
        assert (alone.site.reads - reads, alone.turns - turns) == (2, 2), "the catalog and what changed"
        assert len(alone.backend.logins) == 1
        await alone.end()

    run(work())
