"""The process looks at itself: dead tasks end it, a deaf watch is noticed, gauges are set."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hostwright.engine.engine import Engine
from hostwright.engine.ports import Body, ClusterUnavailableError, Key, ObjectGoneError, WriteRefusedError
from hostwright.engine.store import resource_version, uid
from hostwright.engine.waiting import set_within
from hostwright.runtime import hooks
from hostwright.runtime.cluster import PLURALS, KubernetesCluster
from hostwright.runtime.logs import logger
from hostwright.runtime.metrics import Metrics

#: Seconds between comparisons of the store with a metadata-only list, until one that failed is made again, and between
#: looks at the process itself.
COMPARE_EVERY = 600.0
COMPARE_AGAIN = 30.0
SELF_CHECK_EVERY = 5.0


@dataclass(slots=True)
class Checks:
    """kopf does not watch our tasks: a dead worker, Provider or watch ends the process, which starts anew cheaply."""

    engine: Engine
    cluster: KubernetesCluster
    metrics: Metrics
    ready: asyncio.Event
    die: Callable[[BaseException], None]
    namespaces: Sequence[str] = ()
    compare_every: float = COMPARE_EVERY
    #: The Lease became ours, after an outage too: kopf lists anew then, which shows nothing of what was deleted.
    soon: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch_self(self) -> None:
        expected: set[str] = set()
        before: set[str] = set()
        while True:
            await asyncio.sleep(SELF_CHECK_EVERY)
            self._measure()
            alive = hooks.watching()
            expected |= alive
            missing = expected - alive
            if (error := self._dead()) is not None:
                self.die(error)
            elif missing & before:  # twice in a row: kopf replaces a watch's task now and then
                self.die(RuntimeError(f"a watch ended: {sorted(missing)}"))
            before = missing

    def _dead(self) -> BaseException | None:
        for task in self.engine.workers.dead:
            return task.exception()
        return next((found for each in self.engine.connections.values() if (found := each.dead) is not None), None)

    def _measure(self) -> None:
        self.metrics.objects.set(len(self.engine.store))
        for priority, depth in self.engine.queue.depth().items():
            self.metrics.queue.labels(priority.name.lower()).set(depth)
        self.metrics.provider_up.clear()
        for name, connection in list(self.engine.connections.items()):
            state = connection.state
            self.metrics.provider_up.labels(name).set(1 if state.session is not None and state.failure is None else 0)
        self.metrics.machines.clear()
        for (provider, phase), count in self.engine.phases.counts().items():
            self.metrics.machines.labels(provider, phase).set(count)

    async def compare(self) -> None:
        """A deaf watch is noticed: what the API server lists must be what the store holds."""
        await self.ready.wait()
        wait = self.compare_every
        self.soon.clear()
        while True:
            await set_within(self.soon, wait)
            self.soon.clear()
            wait = self.compare_every
            for kind in (*PLURALS, "Namespace"):
                try:
                    await self._compare_kind(kind)
                except (ClusterUnavailableError, WriteRefusedError, ObjectGoneError) as error:
                    logger().warning("store not compared", kind=kind, error=str(error))
                    wait = min(wait, COMPARE_AGAIN)

    async def _compare_kind(self, kind: str) -> None:
        before = set(self.engine.store.keys(kind))
        listed = {Key(kind, row[0], row[1]): row[3] async for row in self.cluster.metadata(kind, self.namespaces)}
        for key, version in listed.items():
            known = self.engine.store.version(key)
            if known is None or known < int(version):
                fresh = await self.cluster.get(key)
                held = self.engine.store.get(key)
                left = known is not None and held is None  # while it was read
                if fresh is not None and not left and _newer(fresh, held):
                    self._missed(key, "MODIFIED", {**fresh, "kind": kind})
        for key in before - set(listed):
            body = self.engine.store.get(key)
            if body is not None and await self.cluster.get(key) is None:
                self._missed(key, "DELETED", body)

    def _missed(self, key: Key, event: str, body: Body) -> None:
        """Taken up as the watch would have brought it, with all that hangs on it."""
        logger().warning("watch missed a change", kind=key.kind, namespace=key.namespace, name=key.name)
        self.engine.inbox.observe(key, event, body)


def _newer(fresh: Body, held: Body | None) -> bool:
    return held is None or uid(held) != uid(fresh) or resource_version(held) < resource_version(fresh)
