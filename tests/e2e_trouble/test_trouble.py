"""Everything that goes wrong on a cloud, all at once: understood from `kubectl describe` alone, over by itself."""

import select
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.e2e.world import World, eventually
from tests.e2e_trouble import names, shortage
from tests.e2e_trouble.names import GONE, MISSING
from tests.e2e_trouble.shortage import SHORTAGES
from tests.e2e_trouble.stage import FULL, NO_PORTS, Case, Stage
from tests.e2e_trouble.states import STATES
from tests.e2e_trouble.told import compare

CASES: Mapping[str, Case] = {**STATES, **SHORTAGES, **MISSING, **GONE}
#: The first attempt where there is no room is repeated after two seconds, instead of a minute.
FLAGS = ("--capacity-retry", "2")
#: The machine whose host goes down.
ALONE = "host-down"
#: Seconds from the cause until it is told, and from its end until all is well.
TOLD_WITHIN, WELL_WITHIN = 90, 180


@pytest.fixture(scope="module")
def troubled(world: World) -> Iterator[Stage]:
    """Every case's machine, and every cause."""
    began = time.monotonic()
    stage = Stage(world, world.cloud)
    for provider in (FULL, NO_PORTS):
        stage.make_project(provider)
    names.prepare(stage)
    shortage.sizes(stage)
    with world.operator(*FLAGS) as running:
        running.leading()
        born = {name: case for name, case in CASES.items() if case.born}
        alone_on_its_host(stage, ALONE)
        world.apply(*(case.manifest(name) for name, case in born.items()))
        for name in born:
            world.ready(name, 120)
        shortage.prepare(stage)
        print(f"\nbar: {len(born)} machines for the cases of trouble were up after {time.monotonic() - began:.0f} s")
        together(stage, CASES, lambda case: case.cause)
        world.apply(*(case.manifest(name) for name, case in CASES.items() if not case.born))
        yield stage


def alone_on_its_host(stage: Stage, name: str) -> None:
    """A host that is down refuses what is asked of all its servers."""
    stage.world.apply(CASES[name].manifest(name))
    stage.world.ready(name, 60)
    (service,) = [row for row in stage.hosts() if row.host == stage.host(name)]
    stage.cloud.admin.compute.disable_service(service)


def together(stage: Stage, cases: Mapping[str, Case], act: Callable[[Case], Callable[[Stage, str], Any]]) -> None:
    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(act(case), stage, name) for name, case in cases.items()]:
            done.result()


def is_told(world: World, name: str, case: Case) -> bool:
    if case.where == "Events":
        return bool(world.events(name, case.reason)) and world.condition(name, "Ready").get("status") == "True"
    return bool(world.condition(name, case.where).get("reason") == case.reason)


def looked_at(world: World, name: str, case: Case) -> bool:
    """A settled machine is looked at late; the catalog is read again meanwhile, for those that lack something."""
    world.nudged("hvm", name)
    deadline = time.monotonic() + 3
    while not is_told(world, name, case) and time.monotonic() < deadline:
        select.select([], [], [], 0.1)
    return is_told(world, name, case)


@pytest.mark.parametrize("name", CASES)
def test_its_cause_and_who_acts_and_what_to_do_are_told(troubled: Stage, name: str) -> None:
    case = CASES[name]
    look = looked_at if name in GONE else is_told
    eventually(lambda: look(troubled.world, name, case), TOLD_WITHIN, f"{name}: {case.reason}")
    compare(troubled.world, name)


@pytest.fixture(scope="module")
def mended(troubled: Stage) -> Stage:
    """Every cause is gone."""
    together(troubled, CASES, lambda case: case.mend)
    return troubled


@pytest.mark.parametrize("name", CASES)
def test_it_is_over_by_itself_when_its_cause_is(mended: Stage, name: str) -> None:
    world = mended.world
    status = world.ready(name, WELL_WITHIN)["status"]
    eventually(lambda: world.condition(name, "UpToDate").get("status") == "True", WELL_WITHIN, f"{name} UpToDate")
    assert "lastError" not in status
    assert not world.condition(name, "Stalled")
    assert not world.condition(name, "Reconciling")
    assert status["powerState"] == CASES[name].spec.get("powerState", "PoweredOn") or name == "bounced"
    if CASES[name].provider == "os-lab":
        (server,) = mended.cloud.servers(name)
        assert server.status == ("SHUTOFF" if name == "bounced" else "ACTIVE")
