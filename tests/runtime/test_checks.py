"""What the watches missed is found by a list: every ten minutes, and as soon as the Lease is ours."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, run
from tests.engine.wire import Wire

from hostwright.engine.ports import Body, Key
from hostwright.runtime.app import Operator
from hostwright.runtime.checks import Checks
from hostwright.runtime.cluster import _translate
from hostwright.runtime.metrics import Metrics
from hostwright.runtime.settings import Settings

if TYPE_CHECKING:
    from hostwright.runtime.cluster import KubernetesCluster

CLASS = Key("MachineClass", "", "small")


@dataclass
class Listed:
    """The API server as the comparison sees it."""

    api: ApiServer
    lists: int = 0
    fails: list[Exception] = field(default_factory=list)  # the next lists
    meanwhile: Callable[[], Any] = lambda: None  # happens while an object is read

    async def metadata(self, kind: str, namespaces: Sequence[str] = ()) -> AsyncIterator[tuple[str, str, str, str]]:
        self.lists += 1
        if self.fails:
            raise self.fails.pop()
        for key, body in list(self.api.objects.items()):
            if key.kind == kind:
                yield key.namespace, key.name, body["metadata"]["uid"], body["metadata"]["resourceVersion"]

    async def get(self, key: Key) -> Body | None:
        found = self.api.objects.get(key)
        self.meanwhile()
        await asyncio.sleep(1.0)
        return found


class Place:
    def __init__(self) -> None:
        self.api = ApiServer(Clock())
        for key, spec in {**CATALOG, VM: SPEC}.items():
            self.api.apply(key, spec)
        self.process = Process(self.api, site(), Wire(), self.api.clock)
        self.api.subscribe(self.process.engine.inbox.observe)
        self.listed, self.ready = Listed(self.api), asyncio.Event()
        self.checks = Checks(
            self.process.engine, cast("KubernetesCluster", self.listed), Metrics(), self.ready, lambda _: None
        )
        self.task = asyncio.create_task(self.checks.compare())

    def deaf(self) -> None:
        self.api.subscribers.clear()

    def holds(self, key: Key) -> bool:
        return self.process.store.get(key) is not None

    async def end(self) -> None:
        assert not self.task.done()
        self.task.cancel()


def test_an_operator_that_leads_again_looks_at_once_at_what_it_may_have_missed() -> None:
    async def work() -> None:
        place = Place()
        place.checks.soon.set()  # it leads before its store is filled: there is nothing to compare yet
        await asyncio.sleep(5.0)
        place.ready.set()
        await asyncio.sleep(5.0)
        assert place.listed.lists == 0
        place.deaf()
        place.api.delete(VM)
        place.checks.soon.set()
        await asyncio.sleep(5.0)
        assert not place.holds(VM)
        await place.end()

    run(work())


def test_a_list_that_expired_on_its_way_is_made_again() -> None:
    async def work() -> None:
        place = Place()
        place.ready.set()
        await asyncio.sleep(1.0)
        place.deaf()
        place.api.delete(VM)
        place.listed.fails = [_translate(410, '{"message": "The provided continue parameter is too old"}')]
        place.listed.fails.append(_translate(403, "not for you"))
        await asyncio.sleep(660.0)
        assert not place.holds(VM)
        await place.end()

    run(work())


def test_what_is_deleted_while_it_is_read_is_not_brought_back() -> None:
    async def work() -> None:
        place = Place()
        place.ready.set()
        await asyncio.sleep(1.0)
        place.deaf()
        place.api.apply(CLASS, {**CATALOG[CLASS], "cpu": 2})

        def leaves() -> None:
            if CLASS in place.api.objects:
                body = place.api.objects.pop(CLASS)
                place.process.engine.inbox.observe(CLASS, "DELETED", body)

        place.listed.meanwhile = leaves
        place.checks.soon.set()
        await asyncio.sleep(5.0)
        assert not place.holds(CLASS)
        await place.end()

    run(work())


async def test_whichever_task_of_the_process_ends_ends_the_process() -> None:
    for ended in (ValueError("a gauge without a value"), None):
        operator = Operator(Settings())

        async def check(error: Exception | None = ended) -> None:
            if error is not None:
                raise error

        operator._spawn(check(), "self check")
        await asyncio.wait_for(operator.stop.wait(), 1.0)
        assert ended is None or operator.failure is ended
