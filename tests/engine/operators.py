"""Operators with the one real Lease: each can be stopped in its tracks, killed, or told to end."""

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tests.engine.apiserver import ApiServer, FakeCluster
from tests.engine.process import Process, SimulatedSite
from tests.engine.virtual import OWNER, Clock
from tests.engine.wire import Wire

from hostwright.engine.ports import ObjectGoneError, StaleBodyError
from hostwright.runtime.lease import Lease

if TYPE_CHECKING:
    from hostwright.runtime.cluster import KubernetesCluster

T = TypeVar("T")
#: What an operator sends that is not for the site.
TO_KUBERNETES = {"patch", "patch_status", "drop_finalizer", "apply", "delete_object", "own"}


@dataclass
class Leases:
    """The API server's one Lease, with its precondition."""

    lease: dict[str, Any] | None = None
    version: int = 0
    holders: list[str] = field(default_factory=list)

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        await asyncio.sleep(0.005)
        answer = self._serve(method, body)
        await asyncio.sleep(0.005)
        return answer

    def _serve(self, method: str, body: Any) -> Any:
        if method == "GET":
            if self.lease is None:
                raise ObjectGoneError
            return self.lease
        known = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if body["metadata"].get("resourceVersion") != known:
            raise StaleBodyError("409")
        self.version += 1
        self.lease = {**body, "metadata": {"name": "l", "uid": "u", "resourceVersion": str(self.version)}}
        holder = body["spec"]["holderIdentity"]
        if holder and self.holders[-1:] != [holder]:
            self.holders.append(holder)
        return self.lease


class Operator:
    """A process with the real Lease; it can be stopped in its tracks."""

    def __init__(
        self,
        api: ApiServer,
        site: SimulatedSite,
        leases: Leases,
        clock: Clock,
        name: str,
        wire: Wire,
        lag: float = 1.0,
        cluster: FakeCluster | None = None,
        made: Callable[..., Process] = Process,
    ) -> None:
        self.name, self.wire = name, wire
        self.context = contextvars.copy_context()
        self.context.run(OWNER.set, name)
        self.lease = Lease(cast("KubernetesCluster", leases), "here", name, clock)
        self.process = made(api, site, wire, clock, lag, name, gate=cast("Any", self.lease), cluster=cluster)
        self.lease.on_turn = self.process.engine.turned
        self.renewing: asyncio.Task[None] = self._inside(lambda: asyncio.create_task(self.lease.run()))
        self._inside(self.process.start)

    def _inside(self, work: Callable[[], T]) -> T:
        return self.context.run(work)

    def calls(self) -> list[str]:
        return [name for name in self.wire.names if name not in TO_KUBERNETES]

    def kill(self) -> None:
        """As SIGKILL does: the Lease is left to run out."""
        self.renewing.cancel()
        self.process.kill()

    async def terminate(self) -> bool:
        """SIGTERM: no further keys, what is under way is brought to its end, then the Lease is let go."""
        drained = await self.process.engine.drain(15.0)
        self.renewing.cancel()
        if drained:
            await self.lease.release()
        self.process.kill()
        return drained
