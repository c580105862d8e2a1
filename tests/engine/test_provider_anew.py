"""A Provider that was deleted by force and made anew under its name, at the same place or at another one."""

import asyncio

import pytest
from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.engine.ports import Key

PROVIDER = Key("Provider", "", "sim")


class Place:
    def __init__(self) -> None:
        clock = Clock()
        self.api, self.site = ApiServer(clock), site()
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)
        self.process = Process(self.api, self.site, Wire(), clock).start()

    def says(self, reason: str) -> bool:
        return self.api.condition(PROVIDER, "Ready").get("reason") == reason

    async def anew(self, away: float, *, elsewhere: bool) -> None:
        """Its finalizer is taken off by hand; `away` seconds later it is made again."""
        self.api.objects[PROVIDER]["metadata"]["finalizers"] = []
        self.api.delete(PROVIDER)
        await asyncio.sleep(away)
        if elsewhere:
            self.site.model = site().model
            self.site.model.site = "site-2"
        self.api.apply(PROVIDER, CATALOG[PROVIDER])
        await asyncio.sleep(20.0)

    async def end(self) -> None:
        assert self.process.told.bugs == []
        self.process.kill()


@pytest.mark.parametrize("away", [0.0, 5.0])
def test_one_that_no_machine_uses_is_as_any_new_one(away: float) -> None:
    async def work() -> None:
        place = Place()
        await until(lambda: place.says("Ready"), 30, "Ready")
        await place.anew(away, elsewhere=True)
        assert place.says("Ready")
        assert place.api.status(PROVIDER)["identity"] == {"site": "site-2"}
        await place.end()

    run(work())


@pytest.mark.parametrize("away", [0.0, 5.0])
def test_one_that_leads_elsewhere_makes_no_machine_of_the_former_place_count_as_gone(away: float) -> None:
    async def work() -> None:
        place = Place()
        place.api.apply(VM, SPEC)
        await until(lambda: place.api.condition(VM, "Ready").get("status") == "True", 60, "Ready")
        former = place.site.model
        await place.anew(away, elsewhere=True)
        assert place.says("IdentityChanged")
        place.api.delete(VM)
        await asyncio.sleep(120.0)
        assert VM in place.api.objects
        assert len(former.machines) == 1
        place.process.kill()
        place.process = Process(place.api, place.site, Wire(), place.api.clock, name="two").start()
        await asyncio.sleep(120.0)
        assert place.says("IdentityChanged")  # it is kept in the status
        assert VM in place.api.objects
        place.site.model = former
        await until(lambda: VM not in place.api.objects, 1000, "gone")  # it is probed every 15 minutes
        assert former.machines == {}
        await place.end()

    run(work())


def test_one_that_leads_to_the_same_place_goes_on_with_its_machines() -> None:
    async def work() -> None:
        place = Place()
        place.api.apply(VM, SPEC)
        await until(lambda: place.api.condition(VM, "Ready").get("status") == "True", 60, "Ready")
        await place.anew(5.0, elsewhere=False)
        assert place.says("Ready")
        place.api.apply(VM, {**SPEC, "tags": {"team": "b"}})
        await until(lambda: place.api.status(VM).get("observedGeneration") == 2, 60, "the edit")
        assert (place.site.made, len(place.site.model.machines)) == (1, 1)
        await place.end()

    run(work())
