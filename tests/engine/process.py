"""An operator as a process that can be killed, over an API server and a simulated site in memory."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.engine.apiserver import ApiServer, FakeCluster
from tests.engine.virtual import Clock
from tests.engine.wire import Wire

from hostwright.core.port import Call, Repeat
from hostwright.engine.engine import Engine, Outside
from hostwright.engine.ports import ClusterUnavailableError, Dial, Key, LeaseLostError, nobody_asks
from hostwright.engine.targets import Network
from hostwright.kinds.provider.port import Backend, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.simulated.client import NotSent, Unanswered
from hostwright.providers.simulated.model import CATALOG, Kept, Model, Settings
from hostwright.providers.simulated.rows import (
    Catalog,
    Entry,
    Hardware,
    Machine,
    MachineRequest,
    Owner,
    Page,
    Remake,
    Site,
    Table,
)
from hostwright.providers.simulated.section import SECTIONS
from hostwright.providers.simulated.session import networks_of, open_session


@dataclass
class SimulatedSite:
    """The model, its log of creations and deletions, and whether it can be reached."""

    model: Model
    down: bool = False
    most: int = 0  # the most machines there ever were with one mark
    made: int = 0
    swallows: bool = False  # creations are lost on their way there, and nobody is told
    reads: int = 0
    clock: Clock | None = None  # its own, where those of operators may be wrong
    fenced: bool = True  # False: a name may be taken twice, as on most clouds

    def see(self) -> None:
        marks = [row.mark for row in self.model.machines.values() if row.mark]
        self.most = max([self.most, *(marks.count(mark) for mark in set(marks))])


def site(*, fenced: bool = True, **settings: Any) -> SimulatedSite:
    model = Model(Kept(site="site-1", revision=0, catalog=CATALOG), Settings(**settings))
    if not fenced:
        model._names = NoNames()
    return SimulatedSite(model, fenced=fenced)


class NoNames(dict[str, str]):
    """No name is ever taken."""

    def __setitem__(self, name: str, machine_id: str) -> None: ...

    def __delitem__(self, name: str) -> None: ...


class Unfenced:
    """Machines of a site where a second creation makes a second machine, so that each needs an intent."""

    def __init__(self, machines: Any) -> None:
        self._machines = machines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._machines, name)

    def plan(self, *situation: Any) -> Any:
        planned = self._machines.plan(*situation)
        made = isinstance(planned, Call) and planned.repeat is Repeat.FENCED
        return replace(planned, repeat=Repeat.INTENT) if made else planned


@dataclass
class WiredClient:
    """Keeps providers.simulated.client.Client: writes go over the wire, reads take a moment."""

    site_: SimulatedSite
    wire: Wire
    clock: Clock

    async def _read(self, look: Callable[[float], Any], *, mark: str | None = None) -> Any:
        self.site_.reads += 1

        def answer() -> Any:
            if self.site_.down:
                raise NotSent("cannot connect")
            return look(self._now())

        return await self.wire.ask(answer, mark=mark)

    async def _write(self, name: str, act: Callable[[float], Machine]) -> Machine:
        if self.site_.down:
            raise NotSent("cannot connect")

        def apply() -> Machine:
            row = act(self._now())
            self.site_.see()
            return row

        return await self.wire.carry(name, apply, lost=Unanswered)

    def _now(self) -> float:
        return (self.site_.clock or self.clock).now().timestamp()

    async def site(self) -> Site:
        found: Site = await self._read(self.site_.model.info)
        return found

    async def catalog(self) -> Catalog:
        found: Catalog = await self._read(lambda _: self.site_.model.catalog)
        return found

    async def page(
        self, *, since: int | None = None, after: int = 0, limit: int = 500, mark: str | None = None
    ) -> Page:
        model = self.site_.model
        found: Page = await self._read(
            lambda now: model.page(now, since=since, after=after, limit=limit, mark=mark), mark=mark
        )
        return found

    async def machine(self, machine_id: str) -> Machine:
        found: Machine = await self._read(lambda now: self.site_.model.get(now, machine_id))
        return found

    async def create(self, request: MachineRequest) -> Machine:
        self.site_.made += 1
        if self.site_.swallows:
            raise Unanswered("no answer came")
        return await self._write("create", lambda now: self.site_.model.create(now, request))

    async def start(self, machine_id: str) -> Machine:
        return await self._write("start", lambda now: self.site_.model.start(now, machine_id))

    async def stop(self, machine_id: str) -> Machine:
        return await self._write("stop", lambda now: self.site_.model.stop(now, machine_id))

    async def resize(self, machine_id: str, size: Hardware) -> Machine:
        return await self._write("resize", lambda now: self.site_.model.resize(now, machine_id, size))

    async def rebuild(self, machine_id: str, remake: Remake) -> Machine:
        return await self._write("rebuild", lambda now: self.site_.model.rebuild(now, machine_id, remake))

    async def set_entry(self, machine_id: str, table: Table, entry: Entry) -> Machine:
        return await self._write("set", lambda now: self.site_.model.set_entry(now, machine_id, table, entry))

    async def remove_entry(self, machine_id: str, table: Table, key: str) -> Machine:
        entry = Entry(key=key)
        return await self._write("remove", lambda now: self.site_.model.remove_entry(now, machine_id, table, entry))

    async def set_mark(self, machine_id: str, owner: Owner) -> Machine:
        return await self._write("set_mark", lambda now: self.site_.model.set_mark(now, machine_id, owner))

    async def remove_mark(self, machine_id: str) -> Machine:
        return await self._write("remove_mark", lambda now: self.site_.model.remove_mark(now, machine_id))

    async def delete(self, machine_id: str) -> Machine:
        return await self._write("delete", lambda now: self.site_.model.delete(now, machine_id))

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class InMemory:
    """Keeps kinds.provider.port.Backend."""

    site: SimulatedSite
    wire: Wire
    clock: Clock
    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        client = WiredClient(self.site, self.wire, self.clock)
        session: Session = await open_session(client, networks_of(spec), context)
        if not self.site.fenced:
            session.machines = Unfenced(session.machines)
        return session


class Told:
    """Implements engine.ports.Telemetry: a bug fails the test that asks."""

    def __init__(self) -> None:
        self.bugs: list[BaseException] = []
        self.calls: list[tuple[str, str]] = []
        self.passes = 0

    def passed(self, key: Key, seconds: float, outcome: str) -> None:
        self.passes += 1

    def called(self, provider: str, verb: str, seconds: float, outcome: str) -> None:
        self.calls.append((verb, outcome))

    def wrote(self, kind: str, what: str) -> None: ...

    def said(self, key: Key, reason: str, message: str) -> None: ...

    def hindered(self, key: Key, error: ClusterUnavailableError) -> None: ...

    def failed(self, key: Key, error: BaseException) -> None:
        self.bugs.append(error)


@dataclass
class Gate:
    """The Lease as this process believes it to be."""

    holds: bool = True

    def held(self) -> bool:
        return self.holds

    def check(self) -> None:
        if not self.holds:
            raise LeaseLostError("not ours")


@dataclass
class Process:
    """One operator: what runtime.app composes, without kopf and HTTP."""

    api: ApiServer
    site: SimulatedSite
    wire: Wire
    clock: Clock
    lag: float = 1.0
    name: str = "one"
    told: Told = field(default_factory=Told)
    gate: Gate = field(default_factory=Gate)
    cluster: FakeCluster | None = None  # its own way to the API server
    dial: Dial = nobody_asks
    refuse_probes: Sequence[Network] = ()
    probing: "asyncio.Task[None] | None" = None
    standby: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        ids = itertools.count()
        self.engine = Engine(
            Outside(
                cluster=self.cluster or FakeCluster(self.api, self.wire),
                gate=self.gate,
                clock=self.clock,
                telemetry=self.told,
                backends=self.backends(),
                cluster_id="c-1",
                namespace="hostwright-system",
                new_id=lambda: f"op-{self.name}-{next(ids)}",
                jitter=lambda: 0.0,
                visibility_lag=self.lag,
                dial=self.dial,
                refuse_probes=self.refuse_probes,
            )
        )
        self.store, self.queue, self.workers = self.engine.store, self.engine.queue, self.engine.workers
        self.connections = self.engine.connections

    def backends(self) -> Mapping[str, Backend]:
        return {"Simulated": InMemory(self.site, self.wire, self.clock)}

    def start(self) -> "Process":
        self.api.subscribe(self.engine.inbox.observe)
        self.workers.start(4, 1)
        self.standby = asyncio.create_task(self.engine.standby.run())
        if self.dial is not nobody_asks:
            self.probing = asyncio.create_task(self.engine.prober.run())
        return self

    def kill(self) -> None:
        """As SIGKILL does: nothing runs on, nothing is said; requests on their way are on their way."""
        self.api.subscribers = [each for each in self.api.subscribers if each != self.engine.inbox.observe]
        self.queue.close()
        tasks: list[asyncio.Task[Any]] = [*self.workers._tasks]
        tasks += [task for task in (self.probing, self.standby) if task is not None]
        for connection in self.connections.values():
            tasks += [task for task in (connection._task, *connection._retiring) if task is not None]
        for task in tasks:
            task.cancel()
