"""A creation that the backend goes on with by a task of its own: told, asked for by it, never begun twice."""

from tests.engine.place import Place, machine

from hostwright.core.errors import NoValidHost
from hostwright.core.port import Repeat
from hostwright.kinds.virtualmachine.port import Life

PATH = "/dc1/vm/machines/team-a-web-abcde"


def slow() -> Place:
    place = Place()
    place.backend.repeat, place.backend.begins, place.backend.place = Repeat.FENCED, "task-7", PATH
    return place


async def begun() -> Place:
    place = slow()
    await place.run(4, lambda: bool((place.status.get("operation") or {}).get("task")))
    return place


async def test_the_task_and_the_path_stand_in_the_status_with_the_receipt_and_progress_is_told() -> None:
    place = await begun()
    assert place.clock.passed < 3.1, "2 s after the reply, and the pass after that"
    operation = place.status["operation"]
    assert (operation["expect"], operation["task"], operation["attempt"]) == (PATH, "task-7", 1)
    ready = place.condition("Ready") or {}
    assert (ready["reason"], ready["message"]) == ("Building", "the task runs")


async def test_it_is_waited_for_as_long_as_it_runs_by_the_next_process_too() -> None:
    place = await begun()
    for _ in range(2):
        await place.run(200)
        assert place.backend.calls == ["create_server"]
        assert (place.condition("Ready") or {})["reason"] == "Building"
        place.restart()
        place.backend.asked.clear()
    await place.run(5)
    assert set(place.backend.asked) == {"task-7"}
    place.backend.making, place.backend.found = False, machine(Life.BUILDING, "m-1")
    await place.run(5)
    (row,) = place.status["resources"]
    assert (row["name"], row["id"], row["window"]["from"]) == ("server", "m-1", "2026-01-01T00:00:00Z")
    assert place.backend.calls == ["create_server"]


async def test_what_came_of_it_is_told_and_the_next_attempt_is_a_new_one() -> None:
    place = await begun()
    place.backend.came_of, place.backend.making = NoValidHost("no host is free."), False
    await place.run(10)
    assert place.backend.calls == ["create_server", "await_task"]
    assert (place.condition("Ready") or {})["reason"] == "NoValidHost"
    place.backend.begins = "task-8"
    await place.run(200, lambda: place.backend.calls.count("create_server") == 2)
    await place.run(4)
    operation = place.status["operation"]
    assert (operation["attempt"], operation["task"], operation["expect"]) == (2, "task-8", PATH)
    assert place.backend.calls == ["create_server", "await_task", "create_server"]


async def test_a_deletion_waits_for_the_end_of_the_task_and_for_no_quiet_time_after_it() -> None:
    place = await begun()
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(100)
    assert not place.api.gone
    assert (place.condition("Stalled") or {}).get("reason") != "OwnershipMismatch"
    place.backend.making = False
    await place.run(10)
    assert place.api.gone


async def test_a_deletion_takes_along_what_the_task_made() -> None:
    place = await begun()
    place.api.edit(deletionTimestamp="2026-01-01T00:00:00Z")
    await place.run(100)
    place.backend.making, place.backend.found = False, machine(Life.STEADY, "m-1")
    await place.run(20)
    assert (place.api.gone, place.backend.found) == (True, None)
