"""A Provider that answers slowly keeps no machine of another one waiting, and no end of the process."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from tests.engine.apiserver import ApiServer, FakeCluster
from tests.engine.process import Gate, InMemory, Told, site
from tests.engine.samples import CATALOG, SPEC
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.engine.engine import Engine, Outside
from hostwright.engine.ports import Key
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.simulated.section import SECTIONS

#: Seconds that each of its writes takes.
SLOW = 10.0
SIM = CATALOG[Key("Provider", "", "sim")]


@dataclass
class Sites:
    """One site for each Provider, by its name."""

    sites: Mapping[str, InMemory]
    sections = SECTIONS

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        return await self.sites[context.name].connect(spec, secret, context)


class Place:
    """An operator with a few workers, a quick Provider `sim`, and a slow one with room for more calls than workers."""

    def __init__(self, places: int) -> None:
        self.clock, self.told = Clock(), Told()
        self.api, self.wire = ApiServer(self.clock), Wire(back=SLOW)
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)
        self.api.apply(Key("Provider", "", "slow"), {**SIM, "limits": {"pollInterval": "1s", "maxConcurrency": places}})
        sources = [
            {"name": name, "providerRef": {"name": name}, "simulated": {"image": "tiny"}} for name in ("sim", "slow")
        ]
        image = Key("MachineImage", "", "tiny")
        self.api.apply(image, {**CATALOG[image], "sources": sources})
        sites = {"slow": InMemory(site(), self.wire, self.clock), "sim": InMemory(site(), Wire(), self.clock)}
        ids = itertools.count()
        self.engine = Engine(
            Outside(
                cluster=FakeCluster(self.api, Wire()),
                gate=Gate(),
                clock=self.clock,
                telemetry=self.told,
                backends={"Simulated": Sites(sites)},
                cluster_id="c-1",
                namespace="hostwright-system",
                new_id=lambda: f"op-{next(ids)}",
                jitter=lambda: 0.0,
                visibility_lag=1.0,
            )
        )
        self.api.subscribe(self.engine.inbox.observe)
        self.engine.workers.start(4, 1)

    def apply(self, name: str, provider: str) -> Key:
        key = Key("VirtualMachine", "team-a", name)
        self.api.apply(key, {**SPEC, "providerRef": {"name": provider}})
        return key

    def ready(self, key: Key) -> bool:
        return self.api.condition(key, "Ready").get("status") == "True"

    async def end(self) -> None:
        assert self.told.bugs == []
        await self.engine.drain(0.0)
        await self.engine.disconnect()


def _seconds(places: int) -> float:
    """Until a machine of the quick Provider is Ready while twenty of the slow one are to be made."""

    async def work() -> float:
        place = Place(places)
        await until(lambda: all(each.state.synced for each in place.engine.connections.values()), 5, "connected")
        for number in range(20):
            place.apply(f"slow-{number}", "slow")
        await until(lambda: place.wire.names.count("create") > 0, 5, "the first is on its way")
        began = place.clock.monotonic()
        key = place.apply("quick", "sim")
        await until(lambda: place.ready(key), 600, "Ready")
        seconds = place.clock.monotonic() - began
        await place.end()
        return seconds

    return run(work())


def test_machines_that_wait_for_a_place_at_one_provider_keep_none_of_another_waiting() -> None:
    assert _seconds(1) < 2 * SLOW / 10


def test_calls_that_are_under_way_at_one_provider_keep_no_machine_of_another_waiting() -> None:
    assert _seconds(64) < 2 * SLOW / 10


def test_what_waits_for_a_place_sends_nothing_once_the_process_ends() -> None:
    async def work() -> None:
        place = Place(1)
        for number in range(20):
            place.apply(f"slow-{number}", "slow")
        await until(lambda: place.wire.names.count("create") > 0, 5, "the first is on its way")
        began = place.clock.monotonic()
        assert await place.engine.drain(15.0)
        assert place.clock.monotonic() - began <= SLOW
        assert place.wire.names.count("create") == 1
        await place.end()

    run(work())
