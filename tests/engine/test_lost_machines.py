"""Deleted behind our back and made again, killed at every request of that: exactly one, of the same identity."""

from typing import Any

import pytest
from tests.engine.samples import SPEC, VM
from tests.engine.test_crash import Life, _seconds
from tests.engine.virtual import run
from tests.engine.wire import Place, Wire

from hostwright.core.names import ANNOTATION_MACHINE_ID

RECREATE: dict[str, Any] = {**SPEC, "onExternalDeletion": "Recreate"}


class Lost(Life):
    """A machine whose wish is Recreate; somebody at the site deletes it."""

    strikes: dict[int, Place]

    async def up(self, spec: dict[str, Any] = RECREATE) -> str:
        self.strikes, self.wire.strikes = self.wire.strikes, {}
        self.enter(spec)
        await self.reach("Ready", self.ready)
        return self.server()

    def server(self) -> str:
        (server,) = self.site.model.machines
        return server

    def vanish(self) -> None:
        """From here on the requests are counted anew, and struck."""
        self.wire.names.clear()
        self.wire.strikes = self.strikes
        self.site.model.vanish(self.clock.now().timestamp(), self.server())

    def anew(self, former: str) -> bool:
        return self.ready() and [*self.site.model.machines] not in ([], [former])

    async def made_again(self) -> None:
        former = await self.up()
        identity = self.api.objects[VM]["metadata"]["annotations"][ANNOTATION_MACHINE_ID]
        self.vanish()
        await self.reach("made again", lambda: self.anew(former))
        self._one_and_in_the_ledger()
        assert self.site.most == 1
        assert self.api.objects[VM]["metadata"]["annotations"][ANNOTATION_MACHINE_ID] == identity
        assert self.api.condition(VM, "Provisioned")["status"] == "True"
        assert self.told() <= 1, "an Event that a crash took is not told again"
        self.over()

    def told(self) -> int:
        return sum(note.reason == "Recreating" for note in self.api.events.values())

    async def deleted_meanwhile(self) -> None:
        await self.up()
        await self.deleted_after(self.vanish)


def requests() -> list[str]:
    async def tale() -> list[str]:
        life = Lost(Wire())
        await life.made_again()
        assert life.told() == 1
        return life.wire.names

    return run(tale())


REQUESTS = requests()


def test_undisturbed_it_is_made_once() -> None:
    assert REQUESTS.count("create") == 1
    assert REQUESTS.count("delete") == 0
    assert REQUESTS[0] == "patch_status", "that it is gone is written before another one is made"


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_struck_once_there_is_one_all_the_same(number: int, place: Place) -> None:
    run(Lost(Wire(strikes={number: place})).made_again())


@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_a_request_that_arrives_after_its_successor_began_makes_no_second_one(number: int) -> None:
    run(Lost(Wire(strikes={number: Place.SENT}), late=4.0, list_lag=3.0).made_again())


@pytest.mark.parametrize("place", [Place.BEFORE, Place.SENT, Place.ANSWERED])
@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_deleted_while_it_is_made_again_nothing_is_left(number: int, place: Place) -> None:
    run(Lost(Wire(strikes={number: place})).deleted_meanwhile())


def test_nothing_is_made_while_the_site_is_away_or_the_object_is_paused() -> None:
    async def tale() -> None:
        life = Lost(Wire())
        former = await life.up()
        life.site.down = True
        life.vanish()
        await _seconds(300.0)
        assert life.wire.names.count("create") == 0
        life.api.patch(VM, {"metadata": {"annotations": {"compute.hostwright.dev/paused": "CHG-1"}}})
        life.site.down = False
        await _seconds(300.0)
        assert life.wire.names.count("create") == 0
        life.api.patch(VM, {"metadata": {"annotations": {"compute.hostwright.dev/paused": None}}})
        await life.reach("made again", lambda: life.anew(former))
        life.over()

    run(tale())


def test_what_was_only_told_is_made_again_once_that_is_wished() -> None:
    async def tale() -> None:
        life = Lost(Wire())
        former = await life.up({**SPEC, "powerState": "PoweredOff", "driftDetection": {"mode": "Warn"}})
        life.vanish()
        await life.reach("told", lambda: life.api.condition(VM, "Ready").get("reason") == "MachineDeletedExternally")
        await _seconds(1200.0)
        assert life.wire.names.count("create") == 0
        wish = {"powerState": "PoweredOff", "driftDetection": {"mode": "Warn"}}
        life.api.apply(VM, {**RECREATE, **wish})
        await life.reach("made again", lambda: life.anew(former))
        (row,) = life.site.model.machines.values()
        assert not row.powered_on, "that it is to be off is a wish, and no drift that is only told"
        life.over()

    run(tale())


@pytest.mark.parametrize("change", [{"restartedAt": "2"}, {"powerState": "PoweredOff"}, {"tags": {"team": "b"}}])
@pytest.mark.parametrize("after", [0.0, 0.05, 1.0, 3.0])
def test_what_was_under_way_on_the_lost_one_is_not_gone_on_with_on_the_new_one(
    change: dict[str, Any], after: float
) -> None:
    async def tale() -> None:
        life = Lost(Wire())
        former = await life.up()
        life.api.apply(VM, {**RECREATE, **change})
        await _seconds(after)
        life.vanish()
        await life.reach("made again", lambda: life.anew(former))
        (row,) = life.site.model.machines.values()
        assert row.powered_on == (change.get("powerState") != "PoweredOff")
        assert row.tags == change.get("tags", {"team": "a"})
        assert life.api.status(VM)["handled"]["restartedAt"] == change.get("restartedAt", "")
        calls = life.wire.names[life.wire.names.index("create") :]
        assert calls.count("stop") == ("powerState" in change), "a machine that is new is not restarted"
        life.over()

    run(tale())
