"""The next request of a step, pure.

| verb         | request                         | repeat     | when everything stops right after it            |
|--------------|---------------------------------|------------|-------------------------------------------------|
| power_on     | POST …/ComputerSystem.Reset On  | Intent     | the server on, on its way, or as before         |
| power_off    | POST … GracefulShutdown         | Intent     | the guest asked to end, which it may never do   |
| power_off    | POST … ForceOff                 | Intent     | the server off, on its way, or as before        |
| reset_bmc    | POST …/Manager.Reset            | Intent     | the BMC away for minutes, or as before          |
| set_boot     | PATCH …/Systems/1 Boot          | Idempotent | the mode of the next start set, or as before    |
| set_locator  | PATCH …/Systems/1 IndicatorLED  | Idempotent | the light as asked for, or as before            |
| inspect      | GETs only                       | Read       | nothing                                         |

A restart is off, seen off, on: after a lost reply nobody could tell whether a ForceRestart was carried out. After
a Reset that may have been sent comes a look: a second one could end what the first has begun. When one may be repeated,
the kind decides.
"""

from dataclasses import dataclass

from hostwright.core.errors import Failure, InvalidConfiguration
from hostwright.core.names import Actor
from hostwright.core.port import Call, Done, Repeat, Wait
from hostwright.kinds.physicalmachine.port import (
    BMC_RESET,
    BOOT,
    HARD,
    INSPECTION,
    LOCATOR,
    ON,
    SOFT,
    Inspect,
    Memory,
    Reset,
    ResetBmc,
    SetBootMode,
    SetLocator,
    SetPower,
    Step,
)
from hostwright.providers.redfish.rows import Power, System

#: An inspection is as many turns as there are parts, each with its own deadline; this bounds a BMC that is slow at all.
INSPECTION_SECONDS = 300.0
#: Of a request, with the read before it.
SECONDS = 20.0
#: How the reset is asked for, the first word that the BMC knows. PushPowerButton is none: it toggles.
WORDS = {Reset.ON: ("On", "ForceOn"), Reset.SOFT_OFF: ("GracefulShutdown",), Reset.HARD_OFF: ("ForceOff",)}
#: Locator → IndicatorLED.
LIGHTS = {"Lit": "Lit", "Blinking": "Blinking", "Dark": "Off"}
_MOVING = frozenset({Power.POWERING_ON, Power.POWERING_OFF})


@dataclass(frozen=True, slots=True)
class Order:
    """A call's arguments: whose BMC, which server must answer there, and what is asked of it."""

    machine_id: str
    uuid: str  # the recorded one; empty: none is
    step: Step


def plan(step: Step, machine_id: str, uuid: str, system: System, as_of: float, memory: Memory) -> "Outcome":
    """`as_of` is when the look that shows this System began."""
    expect = _expect(step)
    words = (ON, SOFT, HARD) if isinstance(step, SetPower) else (expect,)
    answered = max((memory.receipts.get(word, float("-inf")) for word in words), default=float("-inf"))
    if as_of <= answered and not isinstance(step, Inspect):
        return Wait("the effect of the last request is not seen yet")
    request = next_request(step, system)
    if not isinstance(request, Request):
        return request
    order = Order(machine_id, uuid, step)
    deadline = INSPECTION_SECONDS if isinstance(step, Inspect) else SECONDS
    return Call(request.verb, expect, request.repeat, order, deadline, message=request.message)


@dataclass(frozen=True, slots=True)
class Request:
    verb: str
    repeat: Repeat
    message: str
    word: str = ""


Outcome = Call | Wait | Done | Failure


def next_request(step: Step, system: System) -> Request | Wait | Done | Failure:
    """By what the System shows; asked again right before it is sent."""
    match step:
        case SetPower(reset=reset):
            return _power(reset, system)
        case ResetBmc():
            if not system.managers:
                return _cannot("this BMC shows no Manager, so it cannot be told to restart")
            return Request("reset_bmc", Repeat.INTENT, "restarting the BMC")
        case SetBootMode(mode=mode):
            if system.boot.mode == mode:
                return Done()
            return Request("set_boot", Repeat.IDEMPOTENT, f"setting the boot mode to {mode}", mode)
        case SetLocator(state=state):
            if system.indicator == LIGHTS[state]:
                return Done()
            return Request("set_locator", Repeat.IDEMPOTENT, f"setting the locator to {state}", LIGHTS[state])
        case Inspect():
            return Request("inspect", Repeat.READ, "reading the hardware")


def _power(reset: Reset, system: System) -> Request | Wait | Done | Failure:
    if system.power is (Power.ON if reset is Reset.ON else Power.OFF):
        return Done()
    if system.power is Power.UNKNOWN:
        return Wait("the BMC does not say whether the server is on")
    if system.power in _MOVING and reset is not Reset.HARD_OFF:
        return Wait(f"the server is {system.power}")
    words = [word for word in WORDS[reset] if not system.reset_types or word in system.reset_types]
    if not words:
        known = ", ".join(system.reset_types)
        return _cannot(f"this BMC knows no {' or '.join(WORDS[reset])}; it knows: {known}")
    verb = "power_on" if reset is Reset.ON else "power_off"
    return Request(verb, Repeat.INTENT, f"asking the BMC for {words[0]}", words[0])


def _expect(step: Step) -> str:
    match step:
        case SetPower(reset=reset):
            return reset.value
        case ResetBmc():
            return BMC_RESET
        case SetBootMode():
            return BOOT
        case SetLocator():
            return LOCATOR
        case Inspect():
            return INSPECTION


def _cannot(why: str) -> Failure:
    return InvalidConfiguration(f"{why[:1].upper()}{why[1:]}.", actor=Actor.PLATFORM)
