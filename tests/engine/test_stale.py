"""A write that is refused since the object moved on: it is read again, whatever its watch has shown."""

from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Place as Way
from tests.engine.wire import Wire


class Place:
    """A machine at rest, and from then on no watch that says anything."""

    def __init__(self) -> None:
        clock = Clock()
        self.api, self.site = ApiServer(clock), site()
        for key, spec in {**CATALOG, VM: SPEC}.items():
            self.api.apply(key, spec)
        self.process = Process(self.api, self.site, Wire(), clock).start()

    async def deaf(self) -> None:
        await until(lambda: self.api.condition(VM, "Ready").get("status") == "True", 60, "Ready")
        self.api.subscribers.clear()

    def behind_our_back(self) -> None:
        """The machine is shown as moved, so that it is looked at."""
        (row,) = self.site.model.machines.values()
        self.site.model.stop(self.api.clock.now().timestamp(), row.id)


def test_an_edit_that_the_watch_did_not_show_is_read_when_a_write_is_refused_for_it() -> None:
    async def work() -> None:
        place = Place()
        await place.deaf()
        place.api.apply(VM, {**SPEC, "tags": {"team": "b"}})
        place.behind_our_back()
        await until(lambda: place.api.status(VM).get("observedGeneration") == 2, 30, "the edit was seen")
        assert place.process.told.bugs == []
        place.process.kill()

    run(work())


def test_an_object_whose_deletion_the_watch_did_not_show_is_let_go_when_a_write_finds_it_gone() -> None:
    async def work() -> None:
        place = Place()
        await place.deaf()
        del place.api.objects[VM]
        place.behind_our_back()
        await until(lambda: place.process.store.get(VM) is None, 30, "it left the store")
        assert place.process.told.bugs == []
        place.process.kill()

    run(work())


def test_a_machine_is_not_made_again_by_a_status_of_before_it_was_up_where_the_reply_was_lost_that_says_so() -> None:
    """Its creation needs no new intent where the site fences it, and the one believed in is closed by then."""

    async def work() -> None:
        place = Place()
        await until(lambda: "create" in place.process.wire.names, 30, "it is made")
        place.api.subscribers.clear()
        place.process.wire.next_of["patch_status"] = Way.CUT
        await until(lambda: place.api.condition(VM, "Provisioned").get("status") == "True", 30, "told as up")
        (row,) = place.site.model.machines
        place.site.model.vanish(place.api.clock.now().timestamp(), row)
        await until(
            lambda: place.api.condition(VM, "Ready").get("reason") == "MachineDeletedExternally", 90, "told as gone"
        )
        assert place.site.made == 1, "its user did not wish it to be made again"
        assert place.process.told.bugs == []
        place.process.kill()

    run(work())
