"""The next call, pure.

| verb      | request                        | repeat | when everything stops right after it          |
|-----------|--------------------------------|--------|-----------------------------------------------|
| power_on  | POST …/ComputerSystem.Reset On | Intent | the server on, on its way, or as before       |
| power_off | POST … GracefulShutdown        | Intent | the guest asked to end, which it may never do |
| power_off | POST … ForceOff                | Intent | the server off, on its way, or as before      |

A restart is off, seen off, on: after a lost reply nobody could tell whether a ForceRestart was carried out. After
a Reset that may have been sent comes a look: a second one could end what the first has begun.
"""

from dataclasses import dataclass

from hostwright.core.port import Call, Done, Repeat, Wait
from hostwright.providers.redfish.rows import Power, Reset, System

POWER = "power"
SECONDS = 20.0
#: How the reset is asked for, the first word that the BMC knows. PushPowerButton is none: it toggles.
WORDS = {Reset.ON: ("On", "ForceOn"), Reset.SOFT_OFF: ("GracefulShutdown",), Reset.HARD_OFF: ("ForceOff",)}


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The BMC has no such reset."""

    message: str


def plan_power(reset: Reset, system: System | None, as_of: float, answered: float) -> Call | Wait | Done | Unsupported:
    """`as_of` is when the look at the system began, `answered` when the last Reset was: monotonic seconds."""
    if system is None:
        return Wait("the BMC has not been seen")
    if as_of <= answered:
        return Wait("a reset was sent; its effect is not seen yet")
    goal, going = (Power.ON, Power.POWERING_ON) if reset is Reset.ON else (Power.OFF, Power.POWERING_OFF)
    if system.power is goal:
        return Done()
    if system.power is Power.UNKNOWN:
        return Wait("the BMC does not say whether the server is on")
    if system.power in {Power.POWERING_ON, Power.POWERING_OFF} and (
        system.power is going or reset is not Reset.HARD_OFF
    ):
        return Wait(f"the server is {system.power}")
    words = [word for word in WORDS[reset] if not system.reset_types or word in system.reset_types]
    if not words:
        return Unsupported(f"this BMC knows no {' or '.join(WORDS[reset])}; it knows: {', '.join(system.reset_types)}")
    verb = "power_on" if reset is Reset.ON else "power_off"
    return Call(verb, POWER, Repeat.INTENT, (system, words[0]), SECONDS, message=f"asking the BMC for {words[0]}")
