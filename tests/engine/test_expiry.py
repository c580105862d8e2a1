"""Objects whose time is over, in virtual time: deleted at the moment, also by another process; one Event."""

from typing import Any

import pytest
from tests.engine.samples import SPEC, VM
from tests.engine.test_crash import Life, _seconds
from tests.engine.test_pool import POOL, Ground, story, wish
from tests.engine.virtual import run, until
from tests.engine.wire import Place, Wire

PAUSED = "compute.hostwright.dev/paused"


class Short(Life):
    """A machine that lives for ten minutes."""

    async def up(self, **more: Any) -> float:
        self.enter({**SPEC, "expireAfter": "10m", **more})
        await self.reach("Ready", self.ready)
        return self.clock.monotonic()

    def there(self) -> bool:
        body = self.api.objects.get(VM)
        return body is not None and "deletionTimestamp" not in body["metadata"]

    def told(self) -> list[str]:
        return [note.reason for note in self.api.events.values() if note.reason == "Expired"]

    def over(self) -> None:
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()


async def _ends(life: Short, began: float) -> None:
    await until(lambda: not life.there(), 700.0, "its time")
    assert 598.0 <= life.clock.monotonic() - began <= 602.0
    await life.reach("gone", lambda: VM not in life.api.objects)
    assert life.site.model.machines == {}
    assert life.told() == ["Expired"]
    life.over()


def test_it_goes_at_its_moment_and_its_machine_with_it() -> None:
    async def tale() -> None:
        life = Short(Wire())
        began = life.clock.monotonic()
        await life.up()
        quiet = len(life.wire.names)
        await _seconds(590.0)
        assert len(life.wire.names) == quiet, "nothing is written while it lives"
        await _ends(life, began)

    run(tale())


def test_another_process_knows_the_moment_too() -> None:
    async def tale() -> None:
        life = Short(Wire())
        began = life.clock.monotonic()
        await life.up()
        life.die()
        await _seconds(100.0)
        life.begin()
        await _ends(life, began)

    run(tale())


@pytest.mark.parametrize("place", list(Place))
def test_killed_at_the_deletion_it_goes_all_the_same(place: Place) -> None:
    async def tale() -> None:
        life = Short(Wire(next_of={"delete_object": place}))
        await life.up()
        await life.reach("gone", lambda: VM not in life.api.objects)
        assert life.site.model.machines == {}
        life.over()

    run(tale())


def test_a_longer_time_counts_even_when_it_is_written_in_the_very_moment() -> None:
    async def tale() -> None:
        life = Short(Wire())
        await life.up()
        extended: list[bool] = []

        def extend() -> None:
            extended.append(True)
            life.api.apply(VM, {**SPEC, "expireAfter": "1h"})

        deleted = life.api.delete_of

        def beaten(*asked: Any) -> None:
            if not extended:
                extend()
            deleted(*asked)

        life.api.delete_of = beaten  # type: ignore[method-assign]
        await _seconds(900.0)
        assert extended
        assert life.there()
        await until(lambda: not life.there(), 3600.0, "its longer time")
        life.over()

    run(tale())


def test_what_is_paused_or_protected_is_kept_until_it_is_so_no_more() -> None:
    async def tale() -> None:
        life = Short(Wire())
        await life.up(deletionProtection=True)
        await _seconds(700.0)
        assert life.there()
        assert "kept while deletionProtection is true" in life.api.condition(VM, "Ready")["message"]
        life.api.patch(VM, {"metadata": {"annotations": {PAUSED: "CHG-1"}}, "spec": {"deletionProtection": False}})
        await _seconds(700.0)
        assert life.there()
        life.api.patch(VM, {"metadata": {"annotations": {PAUSED: None}}})
        await life.reach("gone", lambda: VM not in life.api.objects)
        life.over()

    run(tale())


def test_a_pool_makes_another_member_in_the_place_of_one_whose_time_is_over() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(2, machine={"expireAfter": "10m"}))
        await ground.is_ready()
        before = {body["metadata"]["uid"] for body in ground.machines().values()}

        def others() -> bool:
            found = {body["metadata"]["uid"] for body in ground.live().values()}
            return len(found - before) == 2 and ground.truly_ready() == 2

        await until(others, 640.0, "two others")
        await ground.is_ready()
        assert len(ground.site.model.machines) == 2

    story(tale)


def test_a_pool_whose_time_of_members_changes_replaces_none() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(2, machine={"expireAfter": "10m"}))
        await ground.is_ready()
        before = {body["metadata"]["uid"] for body in ground.machines().values()}
        ground.api.apply(POOL, wish(2, machine={"expireAfter": "24h"}))
        await ground.is_ready()
        assert {body["metadata"]["uid"] for body in ground.machines().values()} == before
        assert {body["spec"]["expireAfter"] for body in ground.machines().values()} == {"24h"}

    story(tale)
