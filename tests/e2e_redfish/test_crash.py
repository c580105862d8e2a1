"""kill -9 after every kind of request the operator sends to change a server: never a second Reset for what was done.

The BMC does the work and keeps its answer back; when every server of a wave hangs in its request, the operator is
killed, and the next one has to find out what became of it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from tests.e2e.world import Running, World, eventually
from tests.e2e_redfish.conftest import machine

from hostwright.sandbox.redfish.lab import Bmcs

FLAGS = ("--visibility-lag", "1")
#: An answer is kept back for this long, in seconds: until the kill. Less than a request's own 20 s.
LATE = 18
#: A request whose outcome is unknown is not repeated before its deadline and the lag have passed.
QUIET = 20 + 1
RESET, RESTART = "POST .*ComputerSystem.Reset", "POST .*Manager.Reset"


@dataclass(frozen=True)
class Change:
    number: int
    spec: Mapping[str, Any]
    hangs_in: str

    @property
    def name(self) -> str:
        return machine(self.number)


ON = {"powerState": "PoweredOn"}
FIRST = [Change(number, ON, RESET) for number in range(5)]
SECOND = [
    Change(0, {"powerState": "PoweredOff"}, RESET),
    Change(1, {"powerState": "PoweredOff", "powerOffMode": "Hard"}, RESET),
    Change(2, {"restartedAt": "once"}, RESET),
    Change(3, {"requests": {"bmcReset": "once"}}, RESTART),
    Change(4, {"bootMode": "Legacy"}, "PATCH .*/Systems/"),
    Change(5, {"locator": "Blinking"}, "PATCH .*/Systems/"),
]


def test_killed_after_each_request_each_transition_was_asked_for_once(world: World, bmcs: Bmcs) -> None:
    with world.operator(*FLAGS) as registers:
        registers.leading()
        world.kubectl("delete", "hpc", "--all", "--timeout=60s")
        world.kubectl("wait", "hpm", "--all", "--for=jsonpath={.status.phase}=Free", "--timeout=90s")
    for each in bmcs.all():
        bmcs.switch(each["number"], "Off")
    bmcs.forget()
    bmcs.set(1, power_seconds=8.0)  # taken, and not seen for a while
    _killed_in(world, bmcs, FIRST)
    _settled(world, bmcs, dict.fromkeys(range(5), "On"))
    assert {number: bmcs.resets(number) for number in range(5)} == {number: ["On"] for number in range(5)}
    bmcs.set(1, power_seconds=0.0)
    _killed_in(world, bmcs, SECOND)
    bmcs.fault(2, "Slow", match=RESET, seconds=LATE)
    with world.operator(*FLAGS) as halfway:  # the restart's second half
        _killed_when_all_hang(halfway, bmcs, {2: RESET})
    _settled(world, bmcs, {0: "Off", 1: "Off", 2: "On", 3: "On", 4: "On", 5: "Off"})
    resets = {number: bmcs.resets(number)[1:] for number in range(5)}
    assert resets == {0: ["GracefulShutdown"], 1: ["ForceOff"], 2: ["GracefulShutdown", "On"], 3: [], 4: []}
    assert bmcs.one(3)["restarts"] == 1
    assert bmcs.resets(5) == []
    assert _status(world, 2)["handled"]["restartedAt"] == "once"
    assert all("Legacy" in body for body in _patches(bmcs, 4))
    assert all("Blinking" in body for body in _patches(bmcs, 5))
    print(
        "\nbar: kill -9 after On, GracefulShutdown, ForceOff, both halves of a restart, a BMC's reset: each asked once"
    )


def test_a_reset_that_was_not_carried_out_is_repeated_after_the_quiet_time_only(world: World, bmcs: Bmcs) -> None:
    bmcs.switch(5, "Off")
    bmcs.forget()
    bmcs.fault(5, "Cut", match=RESET)
    world.kubectl("patch", "hpm", "r1-u06", "--type=merge", "-p", json.dumps({"spec": ON}))
    with world.operator(*FLAGS) as first:
        first.leading()
        eventually(lambda: bmcs.resets(5), 30, "the Reset was sent")
        first.kill()
    with world.operator(*FLAGS) as second:
        second.leading()
        began = eventually(lambda: bmcs.one(5)["power"] == "On", QUIET + 40, "powered on")
        assert began
        _until_settled(world, {5: "On"})
    sent = [row["began"] for row in bmcs.requests(5) if row["path"].endswith("ComputerSystem.Reset")]
    assert len(sent) == 2
    assert sent[1] - sent[0] >= QUIET


@pytest.fixture(autouse=True)
def as_before(world: World, bmcs: Bmcs) -> Iterator[None]:
    """Other tests find the servers unmanaged and off."""
    yield
    nothing = dict.fromkeys(("powerState", "powerOffMode", "restartedAt", "bootMode", "locator", "requests"))
    for each in bmcs.all():
        world.kubectl("patch", "hpm", machine(each["number"]), "--type=merge", "-p", json.dumps({"spec": nothing}))
        bmcs.switch(each["number"], "Off")


def _killed_in(world: World, bmcs: Bmcs, changes: list[Change]) -> None:
    for change in changes:
        bmcs.fault(change.number, "Slow", match=change.hangs_in, seconds=LATE)
        world.kubectl("patch", "hpm", change.name, "--type=merge", "-p", json.dumps({"spec": change.spec}))
    with world.operator(*FLAGS) as operator:
        _killed_when_all_hang(operator, bmcs, {change.number: change.hangs_in for change in changes})


def _killed_when_all_hang(operator: Running, bmcs: Bmcs, waited: Mapping[int, str]) -> None:
    operator.leading()
    eventually(lambda: all(_hangs(bmcs, number) for number in waited), LATE - 1, "every request of the wave was sent")
    operator.kill()


def _hangs(bmcs: Bmcs, number: int) -> bool:
    asked = bmcs.requests(number)
    return bool(asked) and asked[-1]["ended"] is None and asked[-1]["method"] != "GET"


def _patches(bmcs: Bmcs, number: int) -> list[str]:
    """The bodies; there is one at least."""
    sent = [str(row["body"]) for row in bmcs.requests(number) if row["method"] == "PATCH"]
    assert sent
    return sent


def _settled(world: World, bmcs: Bmcs, power: Mapping[int, str]) -> None:
    """The next operator brings it to its end; the truth is the server's."""
    with world.operator(*FLAGS) as operator:
        operator.leading()
        _until_settled(world, power)
    assert {number: bmcs.one(number)["power"] for number in power} == power


def _until_settled(world: World, power: Mapping[int, str]) -> None:
    for number, word in power.items():

        def settled(number: int = number, word: str = word) -> bool:
            status = _status(world, number)
            return status.get("phase") == "Free" and status.get("powerState") == f"Powered{word}"

        world.ready(machine(number), 90, "hpm")
        eventually(settled, 90, f"{machine(number)} is {word}")


def _status(world: World, number: int) -> dict[str, Any]:
    return world.status(machine(number), "hpm")
