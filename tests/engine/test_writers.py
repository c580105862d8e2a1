"""Two writers, copies, namesakes, a Lease lost at the moment of sending, an outage, and what is held while in use."""

import asyncio
import uuid
from typing import Any

import pytest
from tests.engine.apiserver import ApiServer, copied
from tests.engine.process import Process, SimulatedSite, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.engine.ports import Key

COPY = Key("VirtualMachine", "team-a", "copy")
PROVIDER = Key("Provider", "", "sim")


class Place:
    """An API server with its catalog, a site, and as many operators as the test starts."""

    def __init__(self, *, fenced: bool = True) -> None:
        self.clock = Clock()
        self.api = ApiServer(self.clock)
        self.site: SimulatedSite = site(fenced=fenced)
        self.processes: list[Process] = []
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)

    def operator(self, **wire: Any) -> Process:
        name = f"p{len(self.processes)}"
        self.processes.append(Process(self.api, self.site, Wire(**wire), self.clock, name=name).start())
        return self.processes[-1]

    def ready(self, key: Key = VM) -> bool:
        status = self.api.status(key)
        return self.api.condition(key, "Ready").get("status") == "True" and not status.get("operation")

    async def made(self) -> str:
        """The machine of VM, ready; its id."""
        self.api.apply(VM, SPEC)
        await until(self.ready, 300, "Ready")
        (machine_id,) = self.site.model.machines
        return machine_id

    def sent(self) -> list[str]:
        """What was sent to the site by all operators."""
        ours = {"patch", "patch_status", "drop_finalizer"}
        return [name for process in self.processes for name in process.wire.names if name not in ours]

    def end(self) -> None:
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()


@pytest.mark.parametrize("fenced", [True, False])
@pytest.mark.parametrize("apart", [0.0, 0.001, 0.004, 0.02, 1.0])
def test_two_writers_without_a_lease_make_one_machine_and_leave_none(apart: float, fenced: bool) -> None:
    async def work() -> None:
        place = Place(fenced=fenced)
        place.operator()
        await asyncio.sleep(apart)
        place.operator(there=0.005 + apart, back=0.003)
        await place.made()
        await asyncio.sleep(60.0)
        assert len(place.site.model.machines) == place.site.most == 1
        assert [row["id"] for row in place.api.status(VM)["resources"]] == [*place.site.model.machines]
        place.api.delete(VM)
        await until(lambda: VM not in place.api.objects, 300, "gone")
        await asyncio.sleep(60.0)
        assert place.site.model.machines == {}
        place.end()

    run(work())


def test_a_copy_with_its_machine_id_makes_nothing_and_takes_nothing_with_it() -> None:
    async def work() -> None:
        place = Place()
        place.operator()
        machine_id = await place.made()
        identity = place.api.objects[VM]["metadata"]["annotations"]
        assert ANNOTATION_MACHINE_ID in identity
        sent = len(place.sent())
        place.api.apply(COPY, SPEC, annotations=dict(identity))
        await until(lambda: place.api.condition(COPY, "Stalled").get("status") == "True", 60, "told")
        assert place.api.condition(COPY, "Ready")["reason"] == "OwnershipConflict"
        await asyncio.sleep(120.0)
        place.api.delete(COPY)
        await until(lambda: COPY not in place.api.objects, 60, "the copy gone")
        await asyncio.sleep(60.0)
        assert len(place.sent()) == sent
        assert [*place.site.model.machines] == [machine_id]
        assert place.ready()
        place.end()

    run(work())


def test_an_object_that_finds_a_machine_of_its_own_name_makes_no_second_one() -> None:
    async def work() -> None:
        place = Place()
        place.operator()
        machine_id = await place.made()
        lost = {**place.api.objects[VM]}
        place.api._remove(VM, lost)  # as when a cluster is rebuilt from the manifests alone
        await asyncio.sleep(5.0)
        place.api.apply(VM, SPEC)
        await until(lambda: place.api.condition(VM, "Ready").get("reason") == "MachineExists", 60, "told")
        await asyncio.sleep(120.0)
        place.api.delete(VM)
        await until(lambda: VM not in place.api.objects, 60, "gone without a call")
        assert [*place.site.model.machines] == [machine_id]
        assert place.sent().count("create") == 1
        assert "delete" not in place.sent()
        place.end()

    run(work())


@pytest.mark.parametrize("item", ["that machine", "nothing that is there"])
def test_a_row_by_hand_is_no_first_machine_that_lets_it_past_its_namesake(item: str) -> None:
    async def work() -> None:
        place = Place()
        place.operator()
        machine_id = await place.made()
        place.api._remove(VM, {**place.api.objects[VM]})
        await asyncio.sleep(5.0)
        place.api.apply(VM, SPEC)
        await until(lambda: place.api.condition(VM, "Ready").get("reason") == "MachineExists", 60, "told")
        listed = machine_id if item == "that machine" else str(uuid.UUID(int=7))
        row = {"name": f"extra/{listed}", "id": listed, "state": "Created", "ownership": "Created"}
        body = copied(place.api.objects[VM])
        place.api._store(VM, {**body, "status": {**body["status"], "resources": [row]}}, "MODIFIED")
        await asyncio.sleep(120.0)
        assert [*place.site.model.machines] == [machine_id]
        assert place.sent().count("create") == 1
        assert place.api.condition(VM, "Ready")["reason"] == "MachineExists"
        place.end()

    run(work())


def test_the_machine_id_that_a_namesake_is_told_to_set_leads_it_to_its_machine() -> None:
    async def work() -> None:
        place = Place()
        place.operator()
        machine_id = await place.made()
        lost = {**place.api.objects[VM]}
        old = lost["metadata"]["annotations"]
        place.api._remove(VM, lost)
        await asyncio.sleep(5.0)
        place.api.apply(VM, SPEC)
        await until(lambda: place.api.condition(VM, "Ready").get("reason") == "MachineExists", 60, "told")
        place.api.apply(VM, SPEC, annotations=dict(old))  # by somebody who holds `identify`
        await until(place.ready, 60, "Ready")
        assert place.api.status(VM)["machineID"] == old[ANNOTATION_MACHINE_ID]
        assert [row["id"] for row in place.api.status(VM)["resources"]] == [machine_id]
        assert [*place.site.model.machines] == [machine_id]
        assert place.sent().count("create") == 1
        place.end()

    run(work())


def test_a_lease_lost_between_the_intent_and_the_sending_stops_the_call() -> None:
    async def work() -> None:
        place = Place()
        process = place.operator()
        await until(lambda: place.api.condition(PROVIDER, "Ready").get("status") == "True", 60, "the Provider")
        place.api.apply(VM, SPEC)
        while not place.api.status(VM).get("operation"):
            await asyncio.sleep(0.001)
        process.gate.holds = False  # while the reply to the intent is under way
        await asyncio.sleep(120.0)
        assert "create" not in place.sent()
        process.gate.holds = True
        process.engine.turned(True)
        await until(place.ready, 300, "Ready")
        assert place.sent().count("create") == 1
        place.end()

    run(work())


def test_an_outage_is_told_after_two_minutes_and_nothing_is_made_or_deleted_when_it_is_over() -> None:
    async def work() -> None:
        place = Place()
        place.operator()
        machine_id = await place.made()
        await asyncio.sleep(10.0)
        sent, began = len(place.sent()), place.clock.monotonic()
        place.site.down = True
        await until(
            lambda: place.api.condition(PROVIDER, "Reachable").get("status") == "False", 5, "the Provider says so"
        )
        assert place.ready()
        await until(lambda: place.api.condition(VM, "Ready").get("status") == "Unknown", 130, "the machine says so")
        assert place.clock.monotonic() - began >= 120.0
        await asyncio.sleep(300.0)
        events = len(place.api.events)
        place.site.down = False
        over = place.clock.monotonic()
        await until(place.ready, 60, "back")
        assert place.clock.monotonic() - over >= 30.0
        assert len(place.sent()) == sent
        assert [*place.site.model.machines] == [machine_id]
        told = [note.reason for note in list(place.api.events.values())[events:]]
        assert told in ([], ["Ready"])  # the Provider's own; none of its machines
        place.end()

    run(work())


def test_what_a_machine_needs_stays_until_it_is_gone() -> None:
    async def work() -> None:
        place = Place()
        place.operator()
        await place.made()
        needed = [PROVIDER, Key("MachineClass", "", "small"), Key("MachineImage", "", "tiny")]
        for key in needed:
            assert FINALIZER in place.api.objects[key]["metadata"]["finalizers"]
            place.api.delete(key)
        await asyncio.sleep(60.0)
        for key in needed:
            assert place.api.condition(key, "Deleting")["reason"] == "InUse"
        place.api.delete(VM)
        await until(lambda: VM not in place.api.objects, 300, "the machine gone")
        assert place.site.model.machines == {}
        await until(lambda: not set(needed) & set(place.api.objects), 60, "what it needed gone")
        place.end()

    run(work())
