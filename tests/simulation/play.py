"""One seed, from its first second to its verdict."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.engine.virtual import run
from tests.simulation.dice import Decisions
from tests.simulation.draw import Drawn, draw
from tests.simulation.judge import Violation
from tests.simulation.people import People
from tests.simulation.tidying import give_up, help_out, tidy_up
from tests.simulation.world import World

#: Seconds in which all has to come to rest once the faults are over, and then stay silent: a sweep of it, and some.
BOUND = 4000.0
SILENT = 125.0
#: Turns of the loop: a quiet life takes a thousand or two, one that looks for its rest to the end twenty thousand.
TURNS = 60_000


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    violation: str = ""
    seconds: float = 0.0  # virtual
    checks: Mapping[str, int] = field(default_factory=dict)  # by their rule
    requests: Mapping[str, int] = field(default_factory=dict)
    told: frozenset[str] = frozenset()  # the reasons of its Events
    used: frozenset[str] = frozenset()
    trace: tuple[str, ...] = field(default=(), repr=False)
    decisions: Decisions = field(default_factory=dict, repr=False)


def play(seed: int, directed: frozenset[str] | None = None, turns: int = TURNS) -> Outcome:
    return tell(draw(seed, directed), turns=turns)


def tell(drawn: Drawn, given: Decisions | None = None, turns: int = TURNS) -> Outcome:
    """One story: its decisions drawn, or given."""
    random.seed(drawn.seed)  # the workers' jitter
    worlds: list[World] = []
    violation = ""
    try:
        run(_whole(drawn, given, worlds), turns)
    except Violation as broken:
        violation = str(broken)
    except Exception as error:  # noqa: BLE001 - whatever it is, the seed failed
        violation = f"{type(error).__name__}: {error}"
    world = worlds[0]
    seconds = float(world.trace[-1].split()[0]) if world.trace else 0.0
    judge = world.judge
    return Outcome(
        drawn.seed,
        violation,
        seconds,
        judge.checks,
        judge.names,
        frozenset(str(note.reason) for note in world.api.events.values()),
        frozenset(world.used),
        (str(drawn), *world.trace),
        world.rng.taken,
    )


async def _whole(drawn: Drawn, given: Decisions | None, worlds: list[World]) -> None:
    world = World(drawn, given)
    worlds.append(world)
    people = People(world)
    try:
        await _trouble(world, people)
        world.calm_down()
        tidy_up(people)
        await _rest(world, people)
        await _silence(world)
        while world.judge.at_rest():  # a sweep of the site may have told something new meanwhile
            await _rest(world, people)
            await _silence(world)
        world.judge.last()
        if world.cloud is not None:
            await _none(world, people)
    finally:
        world.end()
    if world.judge.broken is not None:
        raise world.judge.broken


async def _trouble(world: World, people: People) -> None:
    times = sorted(world.rng.uniform(0.0, world.drawn.span, "when") for _ in range(world.drawn.acts))
    began = world.clock.monotonic()
    people.make()
    for moment in times:
        await asyncio.sleep(max(0.0, began + moment - world.clock.monotonic()))
        people.act()
        _step(world)


async def _rest(world: World, people: People) -> None:
    """Until all is as wished for a while; what people are asked to do they do."""
    end, calm = world.clock.monotonic() + BOUND, 0
    while calm < 2:
        _step(world)
        wrong = world.judge.at_rest()
        calm = 0 if wrong else calm + 1
        if world.clock.monotonic() > end:
            raise Violation(f"L1: no rest within {BOUND:.0f} s: {'; '.join(wrong)}")
        await asyncio.sleep(15.0)
        help_out(people)


async def _none(world: World, people: People) -> None:
    """Everybody deletes what he has, and then it is gone."""
    end = world.clock.monotonic() + BOUND
    while any(key.kind == "VirtualMachine" for key in world.api.objects):
        give_up(people)
        await asyncio.sleep(15.0)
        _step(world)
        help_out(people)
        if world.clock.monotonic() > end:
            left = [world.api.condition(key, "Ready") for key in world.api.objects if key.kind == "VirtualMachine"]
            raise Violation(f"L1: not all gone within {BOUND:.0f} s: {left}")
    world.cloud.judge.none()
    _step(world)


async def _silence(world: World) -> None:
    """For a while nothing is written and nothing said. What is told late may be told first: machines of nobody, say."""
    clock, before = world.clock.monotonic, _done(world)
    began = since = clock()
    while clock() - since < SILENT:
        await asyncio.sleep(10.0)
        _step(world)
        after = _done(world)
        world.judge.expect(clock() - began < 3 * SILENT, f"L2: not silent at rest: {before} became {after}")
        if after != before:
            since, before = clock(), after


def _done(world: World) -> tuple[int, int, int, int]:
    return len(world.api.status_writes), world.judge.writes, len(world.api.events), world.api.version


def _step(world: World) -> None:
    world.judge.look()
    for operator in world.alive():
        world.judge.defects(operator)
    if world.judge.broken is not None:
        raise world.judge.broken
