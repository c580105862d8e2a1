"""A thousand creations are lost at once: what it costs to find out, and that each is made once."""

import asyncio

from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.engine.ports import Key

MACHINES = 1000
#: As OpenStack's: a create's deadline and this are the quiet time of a minute.
LAG = 30.0
#: Seconds from the first of the creations, within its quiet time of 60; the last of them comes some ten seconds later.
WITHIN = 58.0


def test_a_thousand_lost_creations_are_looked_for_ever_less_often_and_made_once_each() -> None:
    async def work() -> None:
        clock = Clock()
        api, lossy = ApiServer(clock), site(fenced=False)
        for key, spec in CATALOG.items():
            api.apply(key, spec)
        lossy.swallows = True
        process = Process(api, lossy, Wire(), clock, lag=LAG).start()
        await asyncio.sleep(5.0)
        keys = [Key("VirtualMachine", f"team-{number % 7}", f"m{number}") for number in range(MACHINES)]
        for namespace in {key.namespace for key in keys}:
            api.apply(Key("Namespace", "", namespace), {})
        began = clock.monotonic()
        for key in keys:
            api.apply(key, SPEC)
        await until(lambda: lossy.made == MACHINES, 30, "all sent once")
        lossy.swallows = False
        before = lossy.reads
        await asyncio.sleep(began + WITHIN - clock.monotonic())
        assert lossy.made == MACHINES, "nothing is sent in the quiet time"
        proofs = lossy.reads - before - 60  # the inventory's own, one a second
        assert MACHINES < proofs < 8 * MACHINES
        await until(lambda: len(lossy.model.machines) == MACHINES, 120, "each made")
        await asyncio.sleep(30.0)
        assert lossy.most == 1
        assert len(lossy.model.machines) == MACHINES
        assert process.told.bugs == []
        process.kill()

    run(work())
