"""The next request of a step, and what a BMC says as the kind knows it: tables and laws."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostwright.core.errors import InvalidConfiguration
from hostwright.core.port import Call, Done, Repeat, Wait
from hostwright.kinds.physicalmachine.port import Memory, Reset, ResetBmc, SetBootMode, SetLocator, SetPower, Step
from hostwright.providers.redfish.found import inspection, server, unique
from hostwright.providers.redfish.plan import Order, Outcome, next_request, plan
from hostwright.providers.redfish.rows import Bmc, Boot, Drive, Hardware, Nic, Power, System

ALL = ("On", "ForceOff", "GracefulShutdown", "ForceRestart", "PushPowerButton")


def seen(power: Power, types: tuple[str, ...] = ALL) -> System:
    return System("/redfish/v1/Systems/1", power=power, reset_types=types, managers=("/redfish/v1/Managers/1",))


def planned(step: Step, system: System, as_of: float = 1.0, **receipts: float) -> Outcome:
    return plan(step, "m", "u", system, as_of, Memory(receipts={f"power/{key}": at for key, at in receipts.items()}))


@pytest.mark.parametrize(
    ("reset", "power", "word"),
    [
        (Reset.ON, Power.OFF, "On"),
        (Reset.SOFT_OFF, Power.ON, "GracefulShutdown"),
        (Reset.HARD_OFF, Power.ON, "ForceOff"),
        (Reset.HARD_OFF, Power.POWERING_ON, "ForceOff"),
        (Reset.HARD_OFF, Power.POWERING_OFF, "ForceOff"),  # the kind asks for it when a soft one hangs
        (Reset.HARD_OFF, Power.PAUSED, "ForceOff"),
    ],
)
def test_one_reset_for_a_transition(reset: Reset, power: Power, word: str) -> None:
    call = planned(SetPower(reset), seen(power), 10.0, soft=5.0)
    assert isinstance(call, Call)
    assert (call.expect, call.repeat, call.arguments) == (reset, Repeat.INTENT, Order("m", "u", SetPower(reset)))
    request = next_request(SetPower(reset), seen(power))
    assert getattr(request, "word", "") == word
    late = planned(SetPower(reset), seen(power), 10.0, soft=10.0)
    assert isinstance(late, Wait), "the look is not newer than the last reset, whichever it was"


def test_nothing_is_sent_where_nothing_is_known_or_needed() -> None:
    for reset in Reset:
        goal = Power.ON if reset is Reset.ON else Power.OFF
        assert planned(SetPower(reset), seen(goal)) == Done()
        assert isinstance(planned(SetPower(reset), seen(Power.UNKNOWN)), Wait)
    for moving in (Power.POWERING_ON, Power.POWERING_OFF):
        assert isinstance(planned(SetPower(Reset.ON), seen(moving)), Wait)
        assert isinstance(planned(SetPower(Reset.SOFT_OFF), seen(moving)), Wait)


@given(st.sampled_from(Reset), st.sampled_from(Power), st.sets(st.sampled_from([*ALL, "ForceOn", "Nmi", "PowerCycle"])))
def test_never_a_restart_and_never_the_button(reset: Reset, power: Power, types: set[str]) -> None:
    request = next_request(SetPower(reset), seen(power, tuple(sorted(types))))
    if isinstance(request, InvalidConfiguration):
        assert request.message
    elif not isinstance(request, Wait | Done):
        word = getattr(request, "word", "")
        assert word in {"On", "ForceOn"} if reset is Reset.ON else word in {"GracefulShutdown", "ForceOff"}
        assert not types or word in types


def test_settings_are_sent_until_they_are_read_back() -> None:
    system = replace(seen(Power.OFF), boot=Boot(mode="Legacy"), indicator="Off")
    for step, expect in ((SetBootMode("UEFI"), "boot"), (SetLocator("Lit"), "locator")):
        call = planned(step, system)
        assert isinstance(call, Call)
        assert (call.expect, call.repeat) == (expect, Repeat.IDEMPOTENT)
    assert planned(SetBootMode("Legacy"), system) == Done()
    assert planned(SetLocator("Dark"), system) == Done()


def test_a_bmc_is_reset_where_it_shows_itself() -> None:
    call = planned(ResetBmc(), seen(Power.ON))
    assert isinstance(call, Call)
    assert (call.expect, call.repeat) == ("bmc/reset", Repeat.INTENT)
    assert isinstance(planned(ResetBmc(), replace(seen(Power.ON), managers=())), InvalidConfiguration)


def test_a_server_as_the_kind_knows_it() -> None:
    system = replace(
        seen(Power.POWERING_OFF, ("On", "ForceOff")), uuid="u", boot=Boot(mode="Weird"), indicator="Blinking"
    )
    found = server(system)
    assert (found.power, found.soft_off, found.boot_mode, found.locator) == ("PoweringOff", False, "", "Blinking")
    assert server(seen(Power.PAUSED)).power == ""
    assert server(seen(Power.ON, ())).soft_off, "a BMC that does not say knows it, until it refuses"


def test_an_inspection_as_the_kind_knows_it() -> None:
    hardware = Hardware(
        replace(seen(Power.ON), cpus=8, memory_mib=1024, boot=Boot(targets=("UefiHttp",))),
        bmcs=(Bmc("/redfish/v1/Managers/bmc", health="Warning", firmware="1.2"),),
        drives=(Drive("0"), Drive("0", health="Critical")),
        nics=(Nic("a"), Nic("a")),
        missing=("virtual media",),
    )
    found = inspection(hardware, 7.0)
    assert [disk.name for disk in found.disks] == ["0", "0-2"]
    assert [nic.name for nic in found.nics] == ["a", "a-2"]
    assert found.degraded == ("disk 0-2: Critical", "BMC bmc: Warning")
    assert (found.at, found.cpu, found.memory_mib, found.bmc_firmware, found.http_boot) == (7.0, 8, 1024, "1.2", True)
    assert found.missing == ("virtual media",)


@given(st.lists(st.sampled_from(["0", "1", "0-2", "0-3", ""]), max_size=12))
def test_names_of_parts_are_unique_and_none_is_lost(names: list[str]) -> None:
    given_names = unique(names)
    assert len(given_names) == len(names)
    assert len(set(given_names)) == len(names)
