"""Wished otherwise while a change is under way, with a death at its request: the last wish holds, each token once."""

import pytest
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.test_crash import ANEW, MEDIUM, Life
from tests.engine.virtual import run, until
from tests.engine.wire import Place, Wire

ALLOWED = {**SPEC, "updatePolicy": {"maxDisruption": "Rebuild"}}
TOKEN = "2"


async def begun(life: Life) -> None:
    for key, spec in CATALOG.items():
        life.api.apply(key, spec)
    life.begin()
    life.api.apply(VM, ALLOWED)
    await life.reach("Ready", life.ready)


def first(verb: str) -> int:
    """Which of an undisturbed life's requests it is."""
    wire = Wire()

    async def undisturbed() -> None:
        life = Life(wire)
        await begun(life)
        change = MEDIUM if verb == "resize" else ANEW
        life.api.apply(VM, {**SPEC, **change, "updatePolicy": ALLOWED["updatePolicy"]})
        await life.reach("changed", life.ready)
        life.processes[-1].kill()

    run(undisturbed())
    return wire.names.index(verb)


RESIZE, REBUILD = first("resize"), first("rebuild")


def struck(life: Life) -> bool:
    """Its request was made: the process died of it, or it was answered."""
    return bool(life.processes[-1].queue._closed) or life.ready()


@pytest.mark.parametrize("late", [0.0, 4.0])
@pytest.mark.parametrize("place", list(Place))
def test_a_size_that_is_wished_back_meanwhile(place: Place, late: float) -> None:
    async def tale() -> None:
        life = Life(Wire(strikes={RESIZE: place}), late=late)
        await begun(life)
        life.api.apply(VM, {**ALLOWED, "classRef": {"name": "medium"}})
        await until(lambda: struck(life), 120, "the resize")
        life.api.apply(VM, ALLOWED)
        await life.reach("as it was", life.ready)
        (row,) = life.site.model.machines.values()
        assert row.cpu == 1
        assert life.api.status(VM)["resolved"]["class"]["name"] == "small"
        assert life.api.status(VM).get("pendingChanges") is None
        for process in life.processes:
            assert process.told.bugs == []
            process.kill()

    run(tale())


@pytest.mark.parametrize("late", [0.0, 4.0])
@pytest.mark.parametrize("place", list(Place))
def test_a_token_that_is_changed_meanwhile_and_each_is_acted_on_once(place: Place, late: float) -> None:
    async def tale() -> None:
        life = Life(Wire(strikes={REBUILD: place}), late=late)
        await begun(life)
        life.api.apply(VM, {**ALLOWED, "rebuildToken": "1"})
        await until(lambda: struck(life), 120, "the rebuild")
        life.api.apply(VM, {**ALLOWED, "rebuildToken": TOKEN})
        await life.reach("rebuilt", life.ready)
        (row,) = life.site.model.machines.values()
        assert row.rebuilt.endswith(f"/{TOKEN}")
        assert row.rebuilds <= 2
        assert life.api.status(VM)["handled"]["rebuildToken"] == TOKEN
        for process in life.processes:
            assert process.told.bugs == []
            process.kill()

    run(tale())


@pytest.mark.parametrize("place", list(Place))
def test_deleted_while_it_is_changed_nothing_is_left(place: Place) -> None:
    async def tale() -> None:
        life = Life(Wire(strikes={RESIZE: place}))
        await begun(life)
        life.api.apply(VM, {**ALLOWED, "classRef": {"name": "medium"}})
        await until(lambda: struck(life), 120, "the resize")
        life.api.delete(VM)
        await life.reach("gone", lambda: VM not in life.api.objects)
        assert life.site.model.machines == {}
        for process in life.processes:
            assert process.told.bugs == []
            process.kill()

    run(tale())


@pytest.mark.parametrize("late", [9.0, 19.0])
@pytest.mark.parametrize("place", [Place.SENT, Place.CUT])
def test_a_rebuild_that_arrives_late_is_waited_for_and_not_sent_again(place: Place, late: float) -> None:
    """Within its call's deadline: until then, and the lag, that a look shows nothing proves nothing."""

    async def tale() -> None:
        life = Life(Wire(strikes={REBUILD: place}), late=late)
        await begun(life)
        life.api.apply(VM, {**ALLOWED, "rebuildToken": "1"})
        await life.reach("rebuilt", life.ready)
        (row,) = life.site.model.machines.values()
        assert row.rebuilds == 1
        assert life.wire.names.count("rebuild") == 1
        for process in life.processes:
            assert process.told.bugs == []
            process.kill()

    run(tale())
