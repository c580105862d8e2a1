"""One Lease, two operators: the second takes over from one that stands still or ends, and never do both send."""

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import OWNER, Clock, VirtualLoop, run, until
from tests.engine.wire import Wire

from hostwright.engine.ports import ObjectGoneError, StaleBodyError
from hostwright.runtime.lease import Lease

if TYPE_CHECKING:
    from hostwright.runtime.cluster import KubernetesCluster

T = TypeVar("T")
KINDS = ("Provider", "MachineClass", "MachineImage", "VirtualMachine")
#: What an operator sends that is not for the site.
TO_KUBERNETES = {"patch", "patch_status", "drop_finalizer"}


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

    def __init__(self, place: "Place", name: str, **wire: float) -> None:
        self.name = name
        self.context = contextvars.copy_context()
        self.context.run(OWNER.set, name)
        self.wire = Wire(**wire)
        self.lease = Lease(cast("KubernetesCluster", place.leases), "here", name, place.clock)
        process = Process(place.api, place.site, self.wire, place.clock, name=name, gate=cast("Any", self.lease))
        self.process = process
        self.lease.on_turn = process.engine.turned
        self.renewing: asyncio.Task[None] = self._inside(lambda: asyncio.create_task(self.lease.run()))
        self._inside(process.start)

    def _inside(self, work: Callable[[], T]) -> T:
        return self.context.run(work)

    def calls(self) -> list[str]:
        return [name for name in self.wire.names if name not in TO_KUBERNETES]

    async def terminate(self) -> bool:
        """SIGTERM: no further keys, what is under way is brought to its end, then the Lease is let go."""
        drained = await self.process.engine.drain(15.0)
        self.renewing.cancel()
        if drained:
            await self.lease.release()
        self.process.kill()
        return drained


class Place:
    def __init__(self) -> None:
        self.clock = Clock()
        self.api, self.site, self.leases = ApiServer(self.clock), site(), Leases()
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)

    def ready(self) -> bool:
        status = self.api.status(VM)
        return self.api.condition(VM, "Ready").get("status") == "True" and not status.get("operation")

    def loop(self) -> VirtualLoop:
        return cast("VirtualLoop", asyncio.get_running_loop())


@pytest.mark.parametrize("sent", range(2, 10))
def test_one_that_stood_still_for_forty_seconds_sends_nothing_when_it_wakes(sent: int) -> None:
    """Stopped right before its request number `sent` is answered: the Provider's status, the identity, an intent …"""

    async def work() -> None:
        place = Place()
        first = Operator(place, "first")
        await asyncio.sleep(1.0)
        second = Operator(place, "second")
        place.api.apply(VM, SPEC)
        while len(first.wire.names) < sent and not place.ready():
            await asyncio.sleep(0.0005)
        place.loop().freeze("first")
        before = first.calls()
        await asyncio.sleep(40.0)
        assert place.leases.holders == ["first", "second"]
        assert first.calls() == before
        place.loop().thaw("first")
        await until(place.ready, 120, "Ready")
        await asyncio.sleep(60.0)
        assert first.calls() == before, "the Lease was another's when it woke"
        assert not first.lease.held()
        assert place.leases.holders == ["first", "second"]
        assert place.site.most == len(place.site.model.machines) == 1
        for operator in (first, second):
            assert operator.process.told.bugs == []
            operator.renewing.cancel()
            operator.process.kill()

    run(work())


def test_one_that_is_told_to_end_brings_its_call_to_its_end_and_lets_go_at_once() -> None:
    async def work() -> None:
        place = Place()
        first = Operator(place, "first")
        await asyncio.sleep(5.0)
        second = Operator(place, "second")
        first.wire.back = 4.0  # its creation is answered late
        place.api.apply(VM, SPEC)
        await until(lambda: "create" in first.calls(), 60, "the creation is sent")
        assert await first.terminate()
        made = {row["id"] for row in place.api.status(VM).get("resources") or ()}
        ended = place.clock.monotonic()
        await until(second.lease.held, 5, "the second leads")
        assert place.clock.monotonic() - ended < 3.0
        await until(place.ready, 120, "Ready")
        assert made <= set(place.site.model.machines)
        assert place.site.most == len(place.site.model.machines) == 1
        assert first.calls().count("create") + second.calls().count("create") == 1
        assert first.process.told.bugs == second.process.told.bugs == []
        second.renewing.cancel()
        second.process.kill()

    run(work())
