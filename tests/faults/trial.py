"""Objects brought through the steps of a scenario while their requests meet faults, and judged after each step."""

import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field

from tests.e2e.world import Running, World, eventually
from tests.faults.life import Scenario, Step
from tests.faults.plan import KILLS, Call, Fault, Plan, Strike
from tests.faults.way import Ways

#: Seconds for which a call is held back until others of its wave have come, too: the shortest deadline is longer.
GATHER = 13.0
#: Seconds without a call of a wave that is to be killed in, after which none is expected any more.
PATIENCE = 60.0
#: Nothing is changed any more for this long, in seconds: at rest.
QUIET = 1.5
#: How many objects a wave has: a Provider begins with eight calls at once, and each may hang in one.
WIDTH = 6
#: No verdict, but that the call did not come, or not at the right time.
NOT_MET = "not met"


@dataclass(frozen=True)
class Verdict:
    plan: Plan
    wrong: str = ""  # empty: all is as it must be
    seconds: float = 0.0

    @property
    def violation(self) -> bool:
        return self.wrong not in {"", NOT_MET}


@dataclass
class Theatre:
    """Where trials are made. One operator at a time, which a wave may kill."""

    ways: Ways
    stack: ExitStack
    operator: Running | None = None
    waves: int = 0
    broken: list[str] = field(default_factory=list)  # violations where no fault was

    def begin(self) -> None:
        if self.operator is None or self.operator.process.poll() is not None:
            self.operator = self.stack.enter_context(self.ways.world.operator(*self.ways.flags)).leading()

    def kill(self) -> None:
        assert self.operator is not None
        self.operator.kill()

    def names(self, scenario: Scenario, count: int) -> list[str]:
        self.waves += 1
        names = scenario.names(self.waves, count)
        self.ways.stage.cast(*names)
        return names


def learn(theatre: Theatre, scenario: Scenario) -> list[Call]:
    """The calls that one object's life is made of, where nothing goes wrong."""
    theatre.begin()
    (name,) = theatre.names(scenario, 1)
    stage = theatre.ways.stage
    stage.trace.clear()
    for step in scenario.steps:
        stage.begin(step.name, [], scenario.ours)
        step.do(theatre.ways.world, [name])
        wrong = _rest(theatre, step, [name], scenario.rest)
        assert not wrong, f"without any fault, {step.name}: {wrong}"
    scenario.tidy(theatre.ways.world, [name])
    tried = {step.name for step in scenario.steps if step.tried}
    calls = [met.call for met in stage.trace if met.subject == name and met.call.step in tried]
    return [call for call in calls if call.nth <= scenario.most]


def waves(plans: Sequence[Plan], width: int = 0) -> list[list[dict[str, Plan]]]:
    """Plans of one fault, each object with one of each step; as many objects as fit at once."""
    rows: list[dict[str, Plan]] = []
    for plan in plans:
        row = next((row for row in rows if plan.call.step not in row), None)
        if row is None:
            rows.append(row := {})
        row[plan.call.step] = plan
    width = width or WIDTH
    return [rows[start : start + width] for start in range(0, len(rows), width)]


def play(theatre: Theatre, scenario: Scenario, wave: Sequence[dict[str, Plan]]) -> list[Verdict]:
    names = theatre.names(scenario, len(wave))
    world = theatre.ways.world
    verdicts: list[Verdict] = []
    with scenario.watch(world, names) if scenario.watch is not None else nullcontext({}) as crossed:
        for step in scenario.steps:
            due = [(name, row[step.name]) for name, row in zip(names, wave, strict=True) if step.name in row]
            theatre.begin()
            theatre.ways.stage.begin(step.name, strikes := [Strike(plan, name) for name, plan in due], scenario.ours)
            verdicts += _step(theatre, step, names, strikes, scenario.rest)
    theatre.broken += [f"{name}, {wave[0]}: {said}" for name, said in crossed.items()]
    scenario.tidy(world, names)
    return verdicts


def _step(theatre: Theatre, step: Step, names: Sequence[str], strikes: Sequence[Strike], rest: float) -> list[Verdict]:
    began = time.monotonic()
    step.do(theatre.ways.world, names)
    met = _killed(theatre, step, [strike for strike in strikes if strike.plan.fault in KILLS])
    wrong = _rest(theatre, step, names, rest, strikes)
    took = time.monotonic() - began
    struck = {strike.subject for strike in strikes}
    theatre.broken += [f"{step.name} {name}: {what}" for name, what in wrong.items() if name not in struck]
    verdicts = []
    for strike in strikes:
        hit = strike.subject in met if strike.plan.fault in KILLS else strike.met.is_set()
        plan = Plan(strike.call or strike.plan.call, strike.plan.fault)
        verdicts.append(Verdict(plan, wrong.get(strike.subject, "" if hit else NOT_MET), took))
    return verdicts


def _killed(theatre: Theatre, step: Step, kills: Sequence[Strike]) -> set[str]:
    """Subjects in whose call the operator was killed; again for those whose call comes late, as on a slow machine."""
    met: set[str] = set()
    while held := _gathered(theatre.ways.world, step, kills):
        met |= held
        theatre.kill()
        theatre.begin()
        kills = [each for each in kills if not each.met.is_set()]
    return met


def _gathered(world: World, step: Step, kills: Sequence[Strike]) -> set[str]:
    """Whose calls are held back, once all are, or more would take too long; none: no more is to be expected."""
    began, rested = time.monotonic(), None

    def over() -> bool:
        nonlocal rested
        now = time.monotonic()
        since = [each.since for each in kills if each.held]
        if since:
            return all(each.met.is_set() for each in kills) or now - min(since) > GATHER
        at_rest = not any(step.lacks(world, each.subject) for each in kills)
        rested = (rested or now) if at_rest else None
        return (rested is not None and now - rested > QUIET) or now - began > PATIENCE

    if kills:
        eventually(over, PATIENCE + GATHER + 5)
    return {each.subject for each in kills if each.held}


def _rest(
    theatre: Theatre, step: Step, names: Sequence[str], seconds: float, strikes: Sequence[Strike] = ()
) -> dict[str, str]:
    """Name → what is wrong with it, once all have come to rest or their time is over."""
    world, stage = theatre.ways.world, theatre.ways.stage
    deadline = time.monotonic() + seconds
    lacking = dict.fromkeys(names, "not looked at")
    quiet, since = stage.changes.total(), time.monotonic()

    def rests() -> bool:
        nonlocal quiet, since
        for name in list(lacking):
            lacking[name] = step.lacks(world, name)
            if not lacking[name]:
                del lacking[name]
        under_way = any(each.met.is_set() and not each.done.is_set() for each in strikes)
        if lacking or under_way or stage.changes.total() != quiet:
            quiet, since = stage.changes.total(), time.monotonic()
        return time.monotonic() - since > QUIET or time.monotonic() > deadline

    eventually(rests, seconds + 30)
    judged = {name: step.wrong(world, name) for name in names if name not in lacking}
    never = {name: f"did not come to rest: {what}" for name, what in lacking.items()}
    return {**{name: what for name, what in judged.items() if what}, **never}


def plans_of(calls: Sequence[Call], faults: Sequence[Fault] = tuple(Fault)) -> list[Plan]:
    return [Plan(call, fault) for call in dict.fromkeys(calls) for fault in faults]
