"""Nothing is deleted by a list alone, and nothing that was made waits long for the ledger."""

from tests.engine.place import Place, machine

from hostwright.core.errors import Transient, Unreachable
from hostwright.core.port import LedgerRow, Present
from hostwright.kinds.virtualmachine.port import Found, Life


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


async def test_what_was_made_enters_the_ledger_in_time_though_the_endpoint_asks_for_a_pause() -> None:
    place = Place()
    await place.run(5, lambda: place.backend.made == 1)
    place.backend.found = Found(life=Life.PARTIAL, parts=(LedgerRow("port/eth0", "p-1"),))
    place.line.slots.bad(900.0)
    await place.run(3)
    assert {row["id"] for row in place.status["resources"]} == {"m-1", "p-1"}


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
