"""Nothing is deleted by a list alone, and nothing that was made waits long for the ledger."""

import asyncio
from dataclasses import replace

import pytest
from tests.engine.place import KEY, Backend, Place, Session, machine

from hostwright.core.errors import InvalidConfiguration, Transient, Unreachable
from hostwright.core.port import LedgerRow, Present, Receipt, Repeat
from hostwright.engine.limits import Slots
from hostwright.engine.situate import view_of
from hostwright.engine.tell import flush
from hostwright.engine.virtual import VirtualMachines
from hostwright.kinds.virtualmachine.port import Life


async def test_a_failed_build_of_an_old_list_is_not_deleted_when_it_came_up_since() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1")
    place.backend.shown = Present(machine(Life.FAILED, "m-1"), place.clock.monotonic())
    await place.run(2)
    assert place.backend.calls == ["create_server"]
    place.backend.shown = None
    await place.run(5, lambda: place.status.get("phase") == "Running")
    assert place.status["phase"] == "Running"


async def test_a_failed_build_is_not_deleted_while_the_backend_cannot_be_asked() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.FAILED, "m-1")
    place.backend.unproven = Transient("502 from a proxy")
    await place.run(60)
    assert place.backend.calls == ["create_server"]
    place.backend.unproven = None
    await place.run(60, lambda: len(place.backend.calls) > 1)
    assert place.backend.calls == ["create_server", "delete_server"]


async def test_what_was_made_enters_the_ledger_in_time_though_nothing_can_be_done() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    tools, recall = place.machine_pass.tools, place.machine_pass.recalls[KEY]
    recall.keep(Receipt(made=(LedgerRow("port/eth0", "p-1"),)), None, "port/eth0", place.clock.monotonic())
    body = place.store.get(KEY) or {}
    kind = VirtualMachines()
    view = view_of(tools, kind, KEY, body, kind.read(body), recall)
    assert (await flush(tools, view, recall, 900.0)).after == pytest.approx(2.0, abs=0.1)
    place.clock.passed += 2.0
    assert (await flush(tools, view, recall, 900.0)).after == 900.0
    assert {row["id"] for row in place.status["resources"]} == {"m-1", "p-1"}
    assert place.status["operation"]["expect"] == "server"


async def test_one_objects_odd_answer_says_nothing_of_its_provider() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.FAILED, "m-1")
    place.backend.unproven = Transient("400: what is this?")
    await place.run(30)
    assert place.line.heard == []
    place.backend.unproven = Unreachable("connection refused")
    await place.run(60, lambda: bool(place.line.heard))
    assert [type(error) for error in place.line.heard] == [Unreachable]


async def test_a_deletion_that_is_refused_again_and_again_is_tried_ever_less_often() -> None:
    """Each try is proven first; that proof's answer says nothing of the refusal."""
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1")
    await place.run(5)
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    place.backend.refuses = Transient("409: the server is in a task", code="409")
    await place.run(120)
    assert 3 <= place.backend.calls.count("delete_server") <= 10
    place.backend.refuses = None
    await place.run(300, lambda: place.api.gone)
    assert place.api.gone


@pytest.mark.parametrize("repeat", [Repeat.INTENT, Repeat.FENCED])
async def test_builds_that_fail_again_and_again_are_made_ever_less_often(repeat: Repeat) -> None:
    """Fenced or not: the attempts are counted, and Capacity's back-off grows by them."""
    place = Place()
    place.backend.repeat = repeat
    for _ in range(60):
        if place.backend.found is not None:
            place.backend.found = machine(Life.FAILED, f"m-{place.backend.made}")
        await place.run(30)
    assert 4 <= place.backend.made <= 8, "in half an hour: after 1, 2, 4, 8 … minutes"
    assert place.status["operation"]["attempt"] == place.backend.made


async def test_a_change_that_was_refused_does_not_hold_back_what_is_asked_of_the_backend() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.STEADY, "m-1")
    await place.run(5)
    place.backend.wanted = replace(place.backend.wanted, tags={"owner": "refused"})
    place.backend.refuses = InvalidConfiguration("the tag is not liked.")
    place.api.edit(spec={"tags": {"owner": "refused"}})
    await place.run(5)
    assert place.backend.calls[-1] == "set_tag"
    place.backend.found = None  # by somebody else
    await place.machine_pass(KEY)
    await place.run(5)
    assert (place.condition("Stalled") or {}).get("reason") == "MachineDeletedExternally"


async def test_what_waited_for_a_place_is_decided_anew_when_the_login_changed_meanwhile() -> None:
    place = Place()
    place.line.slots = Slots(1, place.clock.monotonic)
    async with place.line.slots.place("elsewhere"):
        waiting = asyncio.create_task(place.machine_pass(KEY))
        await asyncio.sleep(0)
        while not place.line.slots._waiters:
            await asyncio.sleep(0)
        old, place.backend = place.backend, Backend(place.clock)
        place.line.state.session = Session(place.backend)
    await waiting
    assert old.calls == []
    await place.run(5, lambda: bool(place.backend.calls))
    assert place.backend.calls == ["create_server"]


async def test_a_proof_that_waited_for_a_place_is_asked_of_the_newest_login() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = machine(Life.FAILED, "m-1")
    place.line.slots = Slots(1, place.clock.monotonic)
    async with place.line.slots.place("elsewhere"):
        waiting = asyncio.create_task(place.machine_pass(KEY))
        while not place.line.slots._waiters:
            await asyncio.sleep(0)
        old, place.backend = place.backend, replace(place.backend, unproven=None, calls=[])
        old.unproven = Transient("this session is closed")
        place.line.state.session = Session(place.backend)
    await waiting
    assert place.machine_pass.recalls[KEY].unanswered == 0
    await place.run(5, lambda: bool(place.backend.calls))
    assert place.backend.calls == ["delete_server"]
