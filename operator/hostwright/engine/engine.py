"""The loop put together: what comes in, the queue, each kind's pass, the Providers' connections."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from hostwright.core.backoff import CAPACITY, Backoff
from hostwright.core.errors import Failure, InvalidConfiguration
from hostwright.engine.binding import BindingPass
from hostwright.engine.catalog import CatalogPass
from hostwright.engine.connection import Connection, Deps
from hostwright.engine.first import FirstReading
from hostwright.engine.fleet import Fleet
from hostwright.engine.groups import GroupPass
from hostwright.engine.inbox import Inbox, read_anew
from hostwright.engine.kind import Kind
from hostwright.engine.memberships import Memberships
from hostwright.engine.phases import Phases
from hostwright.engine.physical import PhysicalMachines
from hostwright.engine.pools import PoolPass
from hostwright.engine.ports import Body, Clock, Cluster, Dial, Gate, Key, Secret, Telemetry, nobody_asks
from hostwright.engine.prober import Prober
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.reconcile import MachinePass
from hostwright.engine.store import Store, uid
from hostwright.engine.targets import Network
from hostwright.engine.terms import Terms
from hostwright.engine.view import Tools
from hostwright.engine.virtual import VirtualMachines
from hostwright.engine.warm import Standby
from hostwright.engine.worker import Pass, Reread, Workers
from hostwright.engine.world import World
from hostwright.kinds.provider.port import Backend
from hostwright.kinds.provider.resource import ProviderSpec

T = TypeVar("T")

#: The kinds of machines.
KINDS: tuple[Kind, ...] = (VirtualMachines(), PhysicalMachines())


@dataclass(frozen=True, slots=True)
class Outside:
    """All that the engine has from elsewhere: a process gives it real things, a test a clock that it moves."""

    cluster: Cluster
    gate: Gate
    clock: Clock
    telemetry: Telemetry
    backends: Mapping[str, Backend]  # by Provider type
    cluster_id: str
    namespace: str  # the operator's own, where the Providers' Secrets are
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    capacity: Backoff = CAPACITY
    visibility_lag: float | None = None  # seconds; None: the backends' own
    dial: Dial = nobody_asks
    refuse_probes: Sequence[Network] = ()  # no probe connects to what is in these
    namespaces: frozenset[str] = frozenset()  # that are watched; empty: all. Only then orphans are judged


class Engine:
    """Nothing runs before `workers.start`, nor while the gate is not held."""

    def __init__(self, outside: Outside) -> None:
        self._outside, self._gate = outside, Terms(outside.gate)
        self.store, self.queue = Store(), WorkQueue()
        self.connections: dict[str, Connection] = {}
        blocks = frozenset(backend.sections.key for backend in outside.backends.values())
        self.world = World(self.store, self.connections, blocks)
        self.first = FirstReading(self.world.awaits_first_reading)
        self.store.follow(self.first.follow)
        self.inbox = Inbox(self.store, self.queue, self.first)
        self.prober = Prober(
            outside.dial, outside.gate, outside.clock, self.queue.add, outside.jitter, outside.refuse_probes
        )
        self.store.follow(self.prober.follow)
        tools = self._tools()
        self.machines = {kind.name: MachinePass(kind, tools, self.first, recalls={}) for kind in KINDS}
        self.fleet = Fleet(self.queue.add)
        self.phases = Phases()
        members = Memberships(self.queue.add)
        self.groups = GroupPass(tools, members, self.queue.add, self._watches)
        self.store.follow(members.follow)
        self.store.follow(self.fleet.follow)
        self.store.follow(self.phases.follow)
        self.claims = BindingPass(
            self.store, self.fleet, outside.cluster, outside.clock, outside.telemetry, self.inbox.observe
        )
        reread = partial(read_anew, self.store, self.inbox, outside.cluster)
        self.pools = self._pools(reread)
        self._passes = self._by_kind()
        self.workers = Workers(self.queue, self._passes, self._gate, outside.clock, outside.telemetry, reread)
        self.standby = Standby(lambda: outside.gate.held() and self.workers.began, self._follow_provider)
        self.store.follow(self.standby.follow)

    def turned(self, leading: bool) -> None:
        """The gate opened or closed: what was remembered may be another operator's doing by now."""
        if not leading:
            self._gate.lost()
        for machines in self.machines.values():
            machines.forget()
        self.claims.forget()
        self.groups.forget()
        self.pools.forget()
        self.prober.forget()
        if leading:
            for name, connection in self.connections.items():
                provider = self.store.get(Key("Provider", "", name))
                connection.led((provider or {}).get("status") or {})
            self.inbox.everything(tuple(self._passes))
            for claim in self.fleet.holders():  # the store does not have those that are gone
                self.queue.add(Key("PhysicalMachineClaim", *claim), Priority.RESYNC)

    async def drain(self, seconds: float) -> bool:
        """No further keys and no further calls; False when some that were under way did not end in time."""
        for connection in self.connections.values():
            connection.slots.close()
        return await self.workers.drain(seconds)

    async def disconnect(self) -> None:
        """Every Provider's session, each whatever becomes of the others."""
        stops = [connection.stop() for connection in self.connections.values()]
        await asyncio.gather(*stops, return_exceptions=True)

    def _watches(self, namespace: str) -> bool:
        return not self._outside.namespaces or namespace in self._outside.namespaces

    def _tools(self) -> Tools:
        outside = self._outside
        return Tools(
            self.store,
            self.world,
            outside.cluster,
            self._gate,
            outside.clock,
            outside.telemetry,
            outside.cluster_id,
            outside.new_id,
            outside.jitter,
            outside.capacity,
            self.prober.probed,
        )

    def _pools(self, reread: Reread) -> PoolPass:
        outside = self._outside
        return PoolPass(
            self.store,
            self.world,
            outside.cluster,
            self._gate,
            outside.clock,
            outside.telemetry,
            [backend.sections for backend in outside.backends.values()],
            reread,
            changed=lambda member: self.queue.add(member, Priority.USER),
        )

    def _by_kind(self) -> Mapping[str, Pass]:
        outside = self._outside
        self._catalog = catalog = CatalogPass(
            self.store,
            self.world,
            outside.cluster,
            outside.clock,
            outside.telemetry,
            outside.namespace,
            connect=self._connect,
            disconnect=self._disconnect,
            groups=self.groups,
            judges_orphans=not outside.namespaces,
        )
        return {
            **self.machines,
            "PhysicalMachineClaim": self.claims,
            "MachinePool": self.pools,
            "Provider": catalog.provider,
            "MachineClass": catalog.machine_class,
            "MachineImage": catalog.machine_image,
        }

    def _connect(self, body: Body, spec: ProviderSpec) -> Connection | Failure:
        backends = self._outside.backends
        backend = backends.get(spec.type)
        if backend is None:
            return InvalidConfiguration(
                f"this operator has no backend of type {spec.type!r}: it has {', '.join(sorted(backends))}"
            )
        name = body["metadata"]["name"]
        connection = self.connections.get(name)
        if connection is None:
            connection = Connection(name, backend, spec, self._deps(), body.get("status") or {}, uid(body))
            self.connections[name] = connection
            connection.start()
        elif connection.spec != spec:
            connection.update(spec)
        return connection

    def _deps(self) -> Deps:
        outside = self._outside
        return Deps(
            clock=outside.clock,
            secret=self._secret,
            cluster_id=outside.cluster_id,
            changed=lambda _, tokens: self._if_leading(self.inbox.rows_moved, tokens),
            catalog_read=partial(self._if_leading, self.inbox.catalog_read),
            turned=partial(self._if_leading, self.inbox.provider_turned),
            bug=lambda provider, error: outside.telemetry.failed(Key("Provider", "", provider), error),
            visibility_lag=outside.visibility_lag,
            away=self.workers.away,
            leads=outside.gate.held,
        )

    def _if_leading(self, tell: Callable[[T], None], what: T) -> None:
        """All keys are looked at when the Lease becomes ours: until then nobody need be told."""
        if self._outside.gate.held():
            tell(what)

    async def _follow_provider(self, key: Key) -> None:
        spec = self.world.provider_spec(key.name)
        backend = self._outside.backends.get(spec.type) if spec is not None else None
        if spec is None or (backend is not None and backend.sections.read_at_rest):
            await self._catalog.follow(key)

    async def _disconnect(self, name: str) -> None:
        connection = self.connections.pop(name, None)
        if connection is not None:
            await connection.stop()

    async def _secret(self, name: str) -> Secret | None:
        return await self._outside.cluster.secret(self._outside.namespace, name)
