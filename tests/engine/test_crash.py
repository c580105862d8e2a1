"""Killed at every mutating request of a machine's life, at every place of its way: one machine, and then none."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, SimulatedSite, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Place, Wire

MEDIUM = {"classRef": {"name": "medium"}, "updatePolicy": {"maxDisruption": "Restart"}}

ANEW = {"rebuildToken": "1", "updatePolicy": {"maxDisruption": "Rebuild"}}


class Life:
    """Made, stopped, retagged, resized, rebuilt, deleted on a wire that strikes; each death brings a new process."""

    def __init__(self, wire: Wire, *, late: float = 0.0, list_lag: float = 0.0) -> None:
        self.clock, self.wire = Clock(), wire
        self.api = ApiServer(self.clock)
        self.site: SimulatedSite = site(visibility_lag=list_lag)
        self.lag = list_lag + 1.0
        self.processes: list[Process] = []
        wire.die, wire.late = self.die, late

    def begin(self) -> None:
        self.processes.append(Process(self.api, self.site, self.wire, self.clock, self.lag).start())

    def die(self) -> None:
        self.processes[-1].kill()

    def ready(self) -> bool:
        body = self.api.objects.get(VM)
        status = self.api.status(VM)
        fresh = body is not None and status.get("observedGeneration") == body["metadata"]["generation"]
        return fresh and self.api.condition(VM, "Ready").get("status") == "True" and not status.get("operation")

    async def deleted_after(self, what: Callable[[], object]) -> None:
        """The object goes while a machine is made again for that: nothing is left."""
        what()
        await self.reach("under way", lambda: "create" in self.wire.names or self.processes[-1].queue._closed)
        self.api.delete(VM)
        await self.reach("gone", lambda: VM not in self.api.objects)
        await _seconds(60.0)
        assert self.site.model.machines == {}
        self.over()

    def over(self) -> None:
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()

    async def reach(self, what: str, look: object) -> None:
        """With a new process two seconds after the present one died."""
        for _ in range(4):
            process = self.processes[-1]
            await until(lambda process=process: look() or process.queue._closed, 900, what)  # type: ignore[operator,misc]
            if look():  # type: ignore[operator]
                return
            await until(lambda: True, 1)
            await _seconds(2.0)
            self.begin()
        raise AssertionError(f"{what}: died too often")

    def enter(self, spec: Mapping[str, Any] = SPEC) -> None:
        """The catalog, an operator, and the machine as the user writes it."""
        for key, each in CATALOG.items():
            self.api.apply(key, each)
        self.begin()
        self.api.apply(VM, spec)

    async def whole(self) -> None:
        self.enter()
        await self.reach("Ready", self.ready)
        self._one_and_in_the_ledger()
        self.api.apply(VM, {**SPEC, "powerState": "PoweredOff", "tags": {"team": "b"}})
        await self.reach("stopped and retagged", self.ready)
        self._one_and_in_the_ledger()
        (row,) = self.site.model.machines.values()
        assert (row.powered_on, row.tags) == (False, {"team": "b"})
        self.api.apply(VM, {**SPEC, "powerState": "PoweredOff", "tags": {"team": "b"}, **MEDIUM})
        await self.reach("resized", self.ready)
        self._one_and_in_the_ledger()
        (row,) = self.site.model.machines.values()
        assert (row.powered_on, row.cpu, self.api.status(VM)["resolved"]["class"]["name"]) == (False, 2, "medium")
        self.api.apply(VM, {**SPEC, "powerState": "PoweredOff", "tags": {"team": "b"}, **MEDIUM, **ANEW})
        await self.reach("rebuilt", self.ready)
        self._one_and_in_the_ledger()
        (row,) = self.site.model.machines.values()
        assert (row.rebuilds, row.cpu, self.api.status(VM)["handled"]["rebuildToken"]) == (1, 2, "1")
        self.api.delete(VM)
        await self.reach("gone", lambda: VM not in self.api.objects)
        assert self.site.model.machines == {}
        assert self.site.most == 1
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()

    async def cut_short(self) -> None:
        """The user deletes it as soon as a process has died of its creation, before the next one begins."""
        self.enter()
        await until(lambda: self.processes[-1].queue._closed or self.ready(), 60, "death, or Ready")
        self.api.delete(VM)
        if VM in self.api.objects:
            await self.reach("gone", lambda: VM not in self.api.objects)
        await _seconds(60.0)  # what is on its way has arrived by then
        assert self.site.model.machines == {}
        assert self.site.most <= 1
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()

    def _one_and_in_the_ledger(self) -> None:
        assert len(self.site.model.machines) == 1
        assert [row["id"] for row in self.api.status(VM)["resources"]] == [*self.site.model.machines]


async def _seconds(seconds: float) -> None:
    clock = Clock()
    end = clock.monotonic() + seconds
    await until(lambda: clock.monotonic() >= end, seconds + 1)


def requests() -> list[str]:
    """The mutating requests of an undisturbed life, in order."""
    wire = Wire()
    run(Life(wire).whole())
    return wire.names


REQUESTS = requests()


def test_an_undisturbed_life_makes_few_requests() -> None:
    assert REQUESTS.count("create") == 1
    assert REQUESTS.count("delete") == 1
    assert [name for name in REQUESTS if name in {"stop", "set"}] != []
    assert REQUESTS.count("resize") == REQUESTS.count("rebuild") == 1


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_a_life_struck_once_ends_the_same(number: int, place: Place) -> None:
    run(Life(Wire(strikes={number: place})).whole())


@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_a_request_of_a_dead_process_that_arrives_after_its_successor_began(number: int) -> None:
    run(Life(Wire(strikes={number: Place.SENT}), late=4.0).whole())


@pytest.mark.parametrize("late", [0.0, 4.0])
@pytest.mark.parametrize("place", [Place.BEFORE, Place.SENT, Place.ANSWERED])
@pytest.mark.parametrize("number", range(len(REQUESTS) // 2), ids=lambda number: f"{number}-{REQUESTS[number]}")
def test_deleted_while_its_creation_is_under_way_nothing_is_left(number: int, place: Place, late: float) -> None:
    run(Life(Wire(strikes={number: place}), late=late, list_lag=late).cut_short())


@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_lists_that_lag_hide_nothing_from_a_successor(number: int) -> None:
    run(Life(Wire(strikes={number: Place.ANSWERED}), list_lag=3.0).whole())


@pytest.mark.parametrize(
    "pair", list(itertools.combinations(range(min(len(REQUESTS), 8)), 2)), ids=lambda pair: "-".join(map(str, pair))
)
def test_a_life_struck_twice_ends_the_same(pair: tuple[int, int]) -> None:
    run(Life(Wire(strikes={pair[0]: Place.ANSWERED, pair[1]: Place.LOST})).whole())
