"""A start among settled machines: none is looked at for nothing, and none is forgotten once its Provider was read."""

from typing import Any

from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, SimulatedSite, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.engine.first import FirstReading
from hostwright.engine.inbox import Inbox
from hostwright.engine.ports import Key
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.store import Store

SETTLED = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
OTHER = Key("VirtualMachine", "team-a", "other")


class Reading:
    """Of the Provider, as the world tells of it."""

    def __init__(self) -> None:
        self.store, self.queue, self.on_its_way = Store(), WorkQueue(), True
        self.first = FirstReading(lambda _: self.on_its_way)
        self.store.follow(self.first.follow)
        self.inbox = Inbox(self.store, self.queue, self.first)

    def observe(self, key: Key, version: int, **status: Any) -> None:
        metadata = {"namespace": key.namespace, "name": key.name, "uid": key.name, "generation": 1}
        spec = {"providerRef": {"name": "sim"}}
        body = {"kind": key.kind, "metadata": {**metadata, "resourceVersion": str(version)}, "spec": spec}
        self.inbox.observe(key, "MODIFIED", {**body, "status": status})

    def drain(self) -> list[Key]:
        """What waits in the queue now, in its order."""
        keys = []
        while (key := self.queue._pop(Priority.RESYNC)) is not None:
            keys.append(key)
        return keys


async def test_a_settled_machine_waits_for_the_first_reading_and_is_looked_at_with_it() -> None:
    reading = Reading()
    reading.observe(VM, 1, **SETTLED)
    assert reading.drain() == [VM]
    assert reading.first.waits(VM)
    reading.inbox.provider_turned("sim")  # it logged in, and reads
    assert VM not in reading.drain()
    reading.on_its_way = False
    reading.inbox.provider_turned("sim")
    assert VM in reading.drain()
    assert not reading.first.waits(VM)


async def test_a_machine_with_work_to_do_waits_for_no_reading() -> None:
    reading = Reading()
    reading.observe(VM, 1, **{**SETTLED, "observedGeneration": 0})
    assert not reading.first.waits(VM)
    reading.observe(VM, 2, **SETTLED)
    assert reading.first.waits(VM)
    reading.observe(VM, 3, **{**SETTLED, "operation": {"id": "op-1", "type": "Create"}})
    assert not reading.first.waits(VM)


async def test_of_a_provider_that_turned_the_machines_with_work_to_do_are_looked_at_first() -> None:
    reading = Reading()
    reading.on_its_way = False
    reading.observe(OTHER, 1, **SETTLED)
    reading.observe(VM, 2)
    reading.drain()
    reading.inbox.provider_turned("sim")
    assert reading.drain() == [Key("Provider", "", "sim"), VM]  # the other one has its turn a moment later


async def _made() -> tuple[Clock, ApiServer, SimulatedSite]:
    """A settled machine, and no operator."""
    clock = Clock()
    api, place = ApiServer(clock), site()
    for key, spec in CATALOG.items():
        api.apply(key, spec)
    first = Process(api, place, Wire(), clock).start()
    api.apply(VM, SPEC)
    await until(lambda: _ready(api) == "True" and not api.status(VM).get("operation"), 60, "settled")
    first.kill()
    return clock, api, place


def _ready(api: ApiServer) -> str:
    return str(api.condition(VM, "Ready").get("status"))


def test_a_machine_that_vanished_while_no_operator_ran_is_missed_right_after_a_start() -> None:
    async def work() -> None:
        clock, api, place = await _made()
        place.model.machines.clear()
        second = Process(api, place, Wire(), clock).start()
        await until(lambda: _ready(api) != "True", 10, "missed")
        assert second.told.bugs == []
        second.kill()

    run(work())


def test_where_the_first_reading_fails_the_outage_is_told_on_settled_machines() -> None:
    async def work() -> None:
        clock, api, place = await _made()
        place.down = True
        second = Process(api, place, Wire(), clock).start()
        await until(lambda: _ready(api) == "Unknown", 180, "told")
        place.down = False
        await until(lambda: _ready(api) == "True", 60, "back")
        assert second.told.bugs == []
        second.kill()

    run(work())
