"""An operator as a process that can be killed, over an API server and a simulated site in memory."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.engine.apiserver import ApiServer, FakeCluster
from tests.engine.virtual import Clock
from tests.engine.wire import Wire

from hostwright.core.errors import Failure
from hostwright.core.port import Call, Repeat
from hostwright.engine.catalog import CatalogPass
from hostwright.engine.connection import Connection, Deps
from hostwright.engine.inbox import Inbox
from hostwright.engine.ports import ClusterUnavailableError, Key, LeaseLostError
from hostwright.engine.queue import WorkQueue
from hostwright.engine.reconcile import MachinePass
from hostwright.engine.store import Store
from hostwright.engine.view import Tools
from hostwright.engine.worker import Workers
from hostwright.engine.world import World
from hostwright.kinds.provider.port import Backend, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.simulated.client import NotSent, Unanswered
from hostwright.providers.simulated.model import CATALOG, Kept, Model, Settings
from hostwright.providers.simulated.rows import Catalog, Entry, Machine, MachineRequest, Owner, Page, Site, Table
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

    async def _read(self, look: Callable[[float], Any]) -> Any:
        self.site_.reads += 1
        await asyncio.sleep(0.005)
        if self.site_.down:
            raise NotSent("cannot connect")
        return look(self.clock.now().timestamp())

    async def _write(self, name: str, act: Callable[[float], Machine]) -> Machine:
        if self.site_.down:
            raise NotSent("cannot connect")

        def apply() -> Machine:
            row = act(self.clock.now().timestamp())
            self.site_.see()
            return row

        return await self.wire.carry(name, apply, lost=Unanswered)

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
        found: Page = await self._read(lambda now: model.page(now, since=since, after=after, limit=limit, mark=mark))
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

    def __post_init__(self) -> None:
        self.store, self.queue = Store(), WorkQueue()
        self.inbox = Inbox(self.store, self.queue)
        self.connections: dict[str, Connection] = {}
        cluster = FakeCluster(self.api, self.wire)
        world = World(self.store, self.connections, frozenset({"simulated"}))
        ids = itertools.count()
        tools = Tools(
            self.store,
            world,
            cluster,
            self.gate,
            self.clock,
            self.told,
            "c-1",
            new_id=lambda: f"op-{self.name}-{next(ids)}",
            jitter=lambda: 0.0,
        )
        self.machines = MachinePass(tools, recalls={})
        catalog = CatalogPass(
            self.store,
            world,
            cluster,
            self.clock,
            self.told,
            "hostwright-system",
            connect=self._connect,
            disconnect=self._disconnect,
        )
        passes = {
            "VirtualMachine": self.machines,
            "Provider": catalog.provider,
            "MachineClass": catalog.machine_class,
            "MachineImage": catalog.machine_image,
        }
        self.workers = Workers(self.queue, passes, self.gate, self.clock, self.told)

    def start(self) -> "Process":
        self.api.subscribe(self.inbox.observe)
        self.workers.start(4, 1)
        return self

    def kill(self) -> None:
        """As SIGKILL does: nothing runs on, nothing is said; requests on their way are on their way."""
        self.api.subscribers = [each for each in self.api.subscribers if each != self.inbox.observe]
        self.queue.close()
        tasks = [*self.workers._tasks]
        for connection in self.connections.values():
            tasks += [task for task in (connection._task, *connection._retiring) if task is not None]
        for task in tasks:
            task.cancel()

    def _connect(self, name: str, spec: ProviderSpec, status: Mapping[str, Any]) -> Connection | Failure:
        connection = self.connections.get(name)
        if connection is None:
            backend: Backend = InMemory(self.site, self.wire, self.clock)
            deps = Deps(
                clock=self.clock,
                secret=self._secret,
                cluster_id="c-1",
                changed=self._moved,
                catalog_read=self.inbox.catalog_read,
                turned=self.inbox.provider_turned,
                bug=lambda _, error: self.told.bugs.append(error),
                visibility_lag=self.lag,
            )
            connection = self.connections[name] = Connection(name, backend, spec, deps, status)
            connection.start()
        elif connection.spec != spec:
            connection.update(spec)
        return connection

    def _moved(self, _: str, tokens: Sequence[str]) -> None:
        self.inbox.rows_moved(tokens)

    async def _secret(self, name: str) -> Any:
        return self.api.secrets.get(name)

    async def _disconnect(self, name: str) -> None:
        connection = self.connections.pop(name, None)
        if connection is not None:
            await connection.stop()
