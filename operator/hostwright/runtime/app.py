"""The composition root: the only place where the rooms meet by name."""

import asyncio
import ipaddress
import os
import random
import uuid
from collections.abc import Awaitable
from typing import Any

from hostwright.core.backoff import CAPACITY, Backoff
from hostwright.engine.engine import Engine, Outside
from hostwright.engine.ports import Body, Key
from hostwright.engine.targets import Network, is_address
from hostwright.runtime import collector, hooks, http
from hostwright.runtime.backends import discover
from hostwright.runtime.checks import COMPARE_EVERY, Checks
from hostwright.runtime.clock import SystemClock
from hostwright.runtime.cluster import PLURALS, KubernetesCluster
from hostwright.runtime.clusterid import cluster_id
from hostwright.runtime.dial import dial
from hostwright.runtime.lease import AlwaysHeld, Lease
from hostwright.runtime.listing import FirstList
from hostwright.runtime.logs import logger
from hostwright.runtime.metrics import Metrics
from hostwright.runtime.refusal import StartRefusedError
from hostwright.runtime.settings import Settings

#: Seconds that passes under way are given to end, and each thing that is closed after them: 25 in all.
DRAIN, CLOSE = 15.0, 2.0


def access_of(found: Any) -> hooks.Access:
    """The Kubernetes client's login for kopf, which writes the scheme before the token itself.

    The client's token has its scheme already: `Bearer` from a kubeconfig, `bearer` from a Pod's service account.
    """
    return hooks.Access(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        token=(found.api_key.get("BearerToken") or "").rpartition(" ")[2] or None,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
    )


class Operator:
    """The process: kopf's watches fill the store, the queue's workers do the passes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.metrics = Metrics()
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self._connected = asyncio.Event()
        self.failure: BaseException | None = None
        self._log = logger()
        self._tasks: list[asyncio.Task[Any]] = []

    async def run(self) -> int:
        """Until SIGTERM or an error that another start may heal; returns the exit code."""
        bound = hooks.registry(
            PLURALS, self._observe, self._started, self._stopping, self._access, self._listed, self._kept
        )
        try:
            await hooks.run(bound, self.settings.identity, self.settings.namespaces, self.stop)
        except hooks.EndedError as error:
            self.failure = self.failure or error.__cause__ or error
        if self.failure is not None:
            kind = "" if isinstance(self.failure, StartRefusedError) else f"{type(self.failure).__name__}: "
            self._log.error("stopped", error=f"{kind}{self.failure}")
            return 1
        return 0

    async def _access(self) -> hooks.Access:
        await self._connected.wait()
        return access_of(await self.cluster.login())

    async def _listed(self, collection: str) -> str:
        return await self.first.ended(collection)

    def _kept(self, key: Key) -> int | None:
        return self.engine.store.version(key)

    # -- start and end

    async def _started(self) -> None:
        settings = self.settings
        self.cluster = await KubernetesCluster.connect(settings.kubeconfig, settings.identity)
        self.cluster_id = await cluster_id(self.cluster, settings.operator_namespace, settings.cluster_id)
        self.lease: Lease | AlwaysHeld = (
            Lease(self.cluster, settings.operator_namespace, settings.identity, self.clock)
            if settings.lease
            else AlwaysHeld()
        )
        self.lease.on_turn = self._turned
        self._compose()
        collector.calm()
        self.first = FirstList(self.cluster, settings.namespaces, self.engine.store, self.engine.inbox)
        self._connected.set()
        self._http, address = await http.serve(settings.http, self.metrics, self._unhealthy, self._unready)
        self._spawn(self.lease.run(), "lease")
        self._spawn(self.checks.watch_self(), "self check")
        self._spawn(self.checks.compare(), "compare")
        self._spawn(self.engine.standby.run(), "standby")
        self._spawn(self._begin(), "begin")
        self._log.info("operator started", http=address, cluster_id=self.cluster_id, identity=settings.identity)

    async def _begin(self) -> None:
        """No pass before the store holds all that there is: a Provider not listed yet would count as missing."""
        with collector.still():
            await self.first.make()
        self.ready.set()
        self._spawn(self.engine.prober.run(), "prober")
        self.engine.workers.start(self.settings.workers, self.settings.reserved_workers)
        await asyncio.Event().wait()

    def _compose(self) -> None:
        settings = self.settings
        self.engine = Engine(
            Outside(
                cluster=self.cluster,
                gate=self.lease,
                clock=self.clock,
                telemetry=self.metrics,
                backends=discover(),
                cluster_id=self.cluster_id,
                namespace=settings.operator_namespace,
                new_id=lambda: uuid.uuid4().hex[:12],
                jitter=lambda: random.random() * 0.25,  # noqa: S311 - jitter
                capacity=Backoff(settings.capacity_retry or CAPACITY.first, CAPACITY.cap),
                visibility_lag=settings.visibility_lag,
                dial=dial,
                refuse_probes=self._refused_probes(),
                namespaces=frozenset(settings.namespaces),
            )
        )
        self.checks = Checks(
            self.engine,
            self.cluster,
            self.metrics,
            self.ready,
            self._die,
            self.settings.namespaces,
            self.settings.compare_every or COMPARE_EVERY,
        )

    def _refused_probes(self) -> list[Network]:
        """Beside what was named: the API server, as a Pod knows it."""
        api = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        return [
            ipaddress.ip_network(each) for each in (*self.settings.refuse_probes, *([api] if is_address(api) else ()))
        ]

    def _spawn(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=f"hostwright {name}")
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        """None of them ends by itself; the one that looks after all else has nobody to look after it."""
        if not task.cancelled():
            self._die(task.exception() or RuntimeError(f"{task.get_name()} ended"))

    async def _stopping(self) -> None:
        """Within 25 s: no further keys, drain, let the Lease go only with no call in flight, close."""
        if not hasattr(self, "checks"):
            return
        for task in self._tasks:
            if not task.get_name().endswith(" lease"):  # renewed until the last call has ended
                task.cancel()
        drained = await self.engine.drain(DRAIN)
        for task in self._tasks:
            task.cancel()
        if drained:
            await self._in_time("lease", self.lease.release())
        await self._in_time("providers", self.engine.disconnect())
        await self._in_time("http", self._http.cleanup())
        await self._in_time("cluster", self.cluster.close())
        self._log.info("operator stopped", drained=drained)

    async def _in_time(self, what: str, work: Awaitable[Any]) -> None:
        """The process ends whatever hangs: all that counts is in the objects by now."""
        try:
            await asyncio.wait_for(work, CLOSE)
        except (TimeoutError, OSError) as error:
            self._log.warning("not closed in order", what=what, error=type(error).__name__)

    def _observe(self, key: Key, event: str | None, body: Body) -> None:
        """From kopf, which starts its watches after our startup."""
        self.engine.inbox.observe(key, event, body)

    def _turned(self, leading: bool) -> None:
        self.metrics.leading.set(1 if leading else 0)
        self.engine.turned(leading)
        if leading:
            self.checks.soon.set()

    # -- looking at ourselves

    def _unhealthy(self) -> str:
        return f"{type(self.failure).__name__}" if self.failure is not None else ""

    def _unready(self) -> str:
        return "" if self.ready.is_set() else "not synced yet"

    def _die(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.stop.set()
