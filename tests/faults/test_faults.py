"""A part of the trials, another with each commit: `FAULTS_TURN` plays a given one again, `make faults` plays all."""

from dataclasses import replace

import pytest
from tests.faults.plan import ANY, Call, Fault, Plan
from tests.faults.stand import Stand
from tests.faults.table import table
from tests.faults.trial import NOT_MET, play
from tests.faults.turn import turn

FAULTS = tuple(Fault)
#: Before these, what is played each time; of these, one: each site's own may be several.
OTHERS = 2
#: Calls of a step that are tried, each with an object of its own.
CALLS = 4


@pytest.mark.parametrize("number", range(3))
def test_one_fault_at_each_call_of_a_step_leaves_all_as_it_must_be(here: Stand, number: int) -> None:
    at, fault = turn() // 3 // len(FAULTS), FAULTS[(turn() // 3 + number) % len(FAULTS)]
    among = here.scenarios[OTHERS:] if number == OTHERS else here.scenarios[number : number + 1]
    at, scenario = at // len(among), among[at % len(among)]
    tried = [step.name for step in scenario.steps if step.tried]
    step = tried[at % len(tried)]
    until = 1 + next(number for number, each in enumerate(scenario.steps) if each.name == step)
    steps = (*scenario.steps[:until], *scenario.steps[until:][-1:])
    wave = [{step: Plan(Call(step, ANY, ANY, nth), fault)} for nth in range(1, (scenario.width or CALLS) + 1)]
    verdicts = play(here.theatre, replace(scenario, steps=steps), wave)
    print(table(scenario.name, verdicts))
    met = [each for each in verdicts if each.wrong != NOT_MET]
    print(f"\nbar: FAULTS_TURN={turn()}: {scenario.name}, {fault} at {len(met)} calls of {step}: none wrong")
    assert met
    assert [f"{each.plan}: {each.wrong}" for each in verdicts if each.violation] == []
    assert here.theatre.broken == []
