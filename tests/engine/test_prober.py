"""Machines that are asked whether they answer, in virtual time: only a change of the answer is written."""

import asyncio
import ipaddress
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.engine.apiserver import ApiServer
from tests.engine.process import Gate, Process, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.test_pool import POOL, wish
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.engine.ports import Body, Key
from hostwright.engine.prober import AT_ONCE, Prober
from hostwright.engine.queue import Priority

PROBED: dict[str, Any] = {**SPEC, "readiness": {"probe": {"tcpSocket": {"port": 22}, "periodSeconds": 10}}}


@dataclass
class Guests:
    """The network behind the operator: who listens, and each connection that was tried."""

    listening: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    takes: float = 0.01  # seconds until there is no answer
    now: int = 0
    most: int = 0

    async def dial(self, address: str, port: int) -> str:
        self.asked.append(f"{address}:{port}")
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.001 if address in self.listening else self.takes)
        finally:
            self.now -= 1
        return "" if address in self.listening else f"{address} says: connection refused"


class Ward:
    """One machine with a probe, and operators over it."""

    def __init__(self, **more: Any) -> None:
        self.clock, self.guests = Clock(), Guests()
        self.api, self.site, self.wire = ApiServer(self.clock), site(), Wire()
        self.more = more
        self.processes: list[Process] = []
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)
        self.begin()

    def begin(self) -> Process:
        name = f"p{len(self.processes)}"
        process = Process(
            self.api, self.site, self.wire, self.clock, name=name, dial=self.guests.dial, **self.more
        ).start()
        self.processes.append(process)
        return process

    async def up(self, spec: dict[str, Any] = PROBED) -> str:
        self.api.apply(VM, spec)
        await until(lambda: self.condition("Ready") == "True", 60, "Ready")
        address: str = self.api.status(VM)["addresses"][0]["address"]
        return address

    def condition(self, kind: str) -> str:
        return str(self.api.condition(VM, kind).get("status", ""))

    def reason(self) -> str:
        return str(self.api.condition(VM, "Available").get("reason", ""))

    def writes(self) -> int:
        return len(self.api.status_writes)

    async def turns(self, word: str, seconds: float) -> None:
        await until(lambda: self.condition("Available") == word, seconds, f"Available {word}: {self.reason()}")

    def end(self) -> None:
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()


def test_it_is_available_once_it_answers_and_not_before() -> None:
    async def tale() -> None:
        ward = Ward()
        address = await ward.up()
        assert ward.condition("Available") == "False"
        await until(lambda: ward.reason() == "ProbeFailed", 5, "told at once that nothing answers")
        before = ward.writes()
        await asyncio.sleep(300)
        assert ward.writes() == before, "nothing changes, so nothing is written"
        assert 25 <= len(ward.guests.asked) <= 36
        ward.guests.listening.add(address)
        await ward.turns("True", 12)
        assert ward.writes() == before + 1
        assert ward.condition("Ready") == "True"
        await asyncio.sleep(600)
        assert ward.writes() == before + 1
        ward.end()

    run(tale())


def test_three_failures_in_a_row_turn_it_and_one_answer_turns_it_back() -> None:
    async def tale() -> None:
        ward = Ward()
        address = await ward.up()
        ward.guests.listening.add(address)
        await ward.turns("True", 15)
        before = ward.writes()
        asked = len(ward.guests.asked)
        ward.guests.listening.clear()
        await until(lambda: len(ward.guests.asked) == asked + 2, 30, "asked twice")
        ward.guests.listening.add(address)
        await asyncio.sleep(60)
        assert ward.writes() == before, "two failures are none"
        ward.guests.listening.clear()
        stopped = ward.clock.monotonic()
        await ward.turns("False", 40)
        assert 18 <= ward.clock.monotonic() - stopped <= 36
        assert ward.reason() == "ProbeFailed"
        ward.guests.listening.add(address)
        await ward.turns("True", 12)
        await asyncio.sleep(1)
        told = [note.reason for note in ward.api.events.values() if note.reason in {"ProbeFailed", "Available"}]
        assert told[-2:] == ["ProbeFailed", "Available"]
        ward.end()

    run(tale())


@pytest.mark.parametrize("listens", [True, False])
def test_a_new_process_writes_nothing_while_the_answer_is_what_was_told(listens: bool) -> None:
    async def tale() -> None:
        ward = Ward()
        address = await ward.up()
        if listens:
            ward.guests.listening.add(address)
        await until(lambda: ward.reason() == ("Available" if listens else "ProbeFailed"), 30, "told")
        ward.processes[-1].kill()
        before = ward.writes()
        ward.begin()
        await asyncio.sleep(120)
        assert ward.writes() == before
        ward.guests.listening ^= {address}
        await ward.turns("False" if listens else "True", 45)
        ward.end()

    run(tale())


def test_it_must_answer_for_min_ready_seconds_on_end() -> None:
    async def tale() -> None:
        ward = Ward()
        address = await ward.up({**PROBED, "readiness": {**PROBED["readiness"], "minReadySeconds": 60}})
        ward.guests.listening.add(address)
        await until(lambda: ward.reason() == "Waiting" and bool(ward.guests.asked), 15, "answers")
        began = ward.clock.monotonic()
        await ward.turns("True", 80)
        assert 58 <= ward.clock.monotonic() - began <= 72
        ward.end()

    run(tale())


def test_one_that_is_off_or_paused_is_not_asked() -> None:
    async def tale() -> None:
        ward = Ward()
        address = await ward.up()
        ward.guests.listening.add(address)
        await ward.turns("True", 15)
        ward.api.apply(VM, {**PROBED, "powerState": "PoweredOff"})
        await until(lambda: ward.reason() == "PoweredOff", 30, "off")
        await asyncio.sleep(1)
        asked = len(ward.guests.asked)
        await asyncio.sleep(60)
        assert len(ward.guests.asked) == asked
        ward.api.apply(VM, PROBED)
        await ward.turns("True", 30)
        ward.api.patch(VM, {"metadata": {"annotations": {"compute.hostwright.dev/paused": "CHG-1"}}})
        await asyncio.sleep(1)
        asked = len(ward.guests.asked)
        await asyncio.sleep(60)
        assert (len(ward.guests.asked), ward.condition("Available")) == (asked, "True")
        ward.end()

    run(tale())


def test_who_does_not_lead_asks_nobody() -> None:
    async def tale() -> None:
        ward = Ward()
        address = await ward.up()
        ward.guests.listening.add(address)
        await ward.turns("True", 15)
        standby = ward.begin()
        standby.gate = Gate(holds=False)
        standby.engine.prober._gate = standby.gate
        ward.processes[0].kill()
        ward.guests.asked.clear()
        await asyncio.sleep(60)
        assert ward.guests.asked == []
        standby.gate.holds = True
        standby.engine.turned(True)
        ward.guests.listening.clear()
        await ward.turns("False", 45)
        ward.end()

    run(tale())


def test_what_is_refused_is_never_connected_to_and_told() -> None:
    async def tale() -> None:
        ward = Ward(refuse_probes=[ipaddress.ip_network("10.64.0.0/16")])
        address = await ward.up()
        ward.guests.listening.add(address)
        await until(lambda: ward.reason() == "ProbeFailed", 15, "told")
        assert "--refuse-probes" in ward.api.condition(VM, "Available")["message"]
        await asyncio.sleep(60)
        assert ward.guests.asked == []
        ward.end()

    run(tale())


def _body(number: int, available: str = "False") -> Body:
    return {
        "metadata": {"name": f"m{number}", "namespace": "n"},
        "spec": PROBED,
        "status": {
            "powerState": "PoweredOn",
            "addresses": [{"type": "InternalIP", "address": f"10.1.{number // 250}.{number % 250 + 1}"}],
            "conditions": [{"type": "Available", "status": available}],
        },
    }


def test_of_a_thousand_that_do_not_answer_few_are_asked_at_once() -> None:
    async def tale() -> None:
        guests, woken = Guests(takes=2.0), list[Key]()
        prober = Prober(guests.dial, Gate(), Clock(), lambda key, _: woken.append(key), lambda: 0.1)
        for number in range(1000):
            prober.follow(Key("VirtualMachine", "n", f"m{number}"), _body(number))
        task = asyncio.create_task(prober.run())
        await asyncio.sleep(120)
        assert guests.most == AT_ONCE
        assert len(set(guests.asked)) == 1000, "nobody is forgotten"
        assert len(woken) == 1000, "each is told once"
        task.cancel()

    run(tale())


def test_those_that_answer_wait_for_none_that_does_not() -> None:
    async def tale() -> None:
        guests = Guests(takes=2.0)
        prober = Prober(guests.dial, Gate(), Clock(), lambda *_: None, lambda: 0.1)
        for number in range(2010):
            prober.follow(Key("VirtualMachine", "n", f"m{number}"), _body(number, "True" if number < 10 else "False"))
        guests.listening = {row["address"] for number in range(10) for row in _body(number)["status"]["addresses"]}
        task = asyncio.create_task(prober.run())
        await asyncio.sleep(100)
        asked = [sum(each == f"{address}:22" for each in guests.asked) for address in guests.listening]
        assert min(asked) >= 9, "every ten seconds, as is wished"
        assert guests.most <= 2 * AT_ONCE
        task.cancel()

    run(tale())


def test_at_a_start_those_that_were_available_are_spread_over_their_period() -> None:
    async def tale() -> None:
        guests = Guests(takes=0.001)
        prober = Prober(guests.dial, Gate(), Clock(), lambda *_: None, lambda: 0.1)
        for number in range(1000):
            prober.follow(Key("VirtualMachine", "n", f"m{number}"), _body(number, "True"))
        task = asyncio.create_task(prober.run())
        await asyncio.sleep(5)
        assert 400 <= len(guests.asked) <= 600
        task.cancel()

    run(tale())


def test_what_left_is_forgotten_and_another_port_is_asked_at_once() -> None:
    async def tale() -> None:
        guests, woken = Guests(), list[tuple[Key, Priority]]()
        prober = Prober(guests.dial, Gate(), Clock(), lambda *each: woken.append(each), lambda: 0.1)
        key, body = Key("VirtualMachine", "n", "m1"), _body(1)
        task = asyncio.create_task(prober.run())
        prober.follow(key, body)
        await asyncio.sleep(1)
        assert (prober.probed(key) or pytest.fail("no answer")).passing is False
        prober.follow(key, {**body, "spec": {"readiness": {"probe": {"tcpSocket": {"port": 80}}}}})
        assert prober.probed(key) is None
        await asyncio.sleep(1)
        assert guests.asked == ["10.1.0.2:22", "10.1.0.2:80"]
        prober.follow(key, None)
        await asyncio.sleep(60)
        assert (len(guests.asked), len(prober), prober.probed(key)) == (2, 0, None)
        task.cancel()

    run(tale())


def test_a_defect_is_raised_where_it_is_seen() -> None:
    async def broken(address: str, port: int) -> str:
        raise ZeroDivisionError

    async def tale() -> None:
        prober = Prober(broken, Gate(), Clock(), lambda *_: None, lambda: 0.1)
        prober.follow(Key("VirtualMachine", "n", "m1"), _body(1))
        with pytest.raises(ZeroDivisionError):
            await prober.run()

    run(tale())


def _pool(**changes: Any) -> dict[str, Any]:
    return wish(2, machine={"readiness": PROBED["readiness"]}, **changes)


def test_a_pool_counts_members_as_available_once_they_answer_and_rolls_no_further_than_that() -> None:
    async def tale() -> None:
        ward = Ward()
        ward.api.apply(
            Key("MachineClass", "", "medium"), {"cpu": 2, "memory": "1Gi", "allowedNamespaces": {"from": "All"}}
        )
        ward.api.apply(POOL, _pool())
        status = ward.api.status
        await until(lambda: status(POOL).get("readyReplicas") == 2, 60, "ready")
        await asyncio.sleep(30)
        assert status(POOL)["availableReplicas"] == 0
        assert ward.api.condition(POOL, "Ready")["status"] == "False"
        assert "TCP port 22 does not answer" in ward.api.condition(POOL, "Ready")["message"]
        ward.guests.listening |= {f"10.64.0.{number}" for number in range(10, 12)}
        await until(lambda: status(POOL).get("availableReplicas") == 2, 30, "available")
        await until(lambda: ward.api.condition(POOL, "Ready")["status"] == "True", 10, "Ready")
        before = {key for key in ward.api.objects if key.kind == "VirtualMachine"}
        ward.api.apply(POOL, wish(2, machine={"readiness": PROBED["readiness"], "classRef": {"name": "medium"}}))
        await asyncio.sleep(300)
        there = {key for key in ward.api.objects if key.kind == "VirtualMachine"}
        assert before <= there, "the new one does not answer, so none of the old ones goes"
        assert len(there) == 3
        ward.guests.listening |= {f"10.64.0.{number}" for number in range(12, 20)}
        await until(lambda: ward.api.condition(POOL, "UpToDate").get("status") == "True", 120, "rolled")
        await until(lambda: status(POOL).get("availableReplicas") == 2, 60, "available")
        ward.end()

    run(tale())


def test_the_pools_own_min_ready_seconds_run_from_when_a_member_answers() -> None:
    async def tale() -> None:
        ward = Ward()
        ward.api.apply(POOL, _pool(minReadySeconds=60))
        await until(lambda: ward.api.status(POOL).get("readyReplicas") == 2, 60, "ready")
        await asyncio.sleep(120)
        assert ward.api.status(POOL)["availableReplicas"] == 0
        ward.guests.listening |= {f"10.64.0.{number}" for number in range(10, 12)}
        began = ward.clock.monotonic()
        await until(lambda: ward.api.status(POOL).get("availableReplicas") == 2, 120, "available")
        assert 58 <= ward.clock.monotonic() - began <= 75
        ward.end()

    run(tale())


def test_a_pool_of_machines_that_are_off_is_counted_as_before() -> None:
    async def tale() -> None:
        ward = Ward()
        ward.api.apply(POOL, wish(2, machine={"readiness": PROBED["readiness"], "powerState": "PoweredOff"}))
        await until(lambda: ward.api.status(POOL).get("availableReplicas") == 2, 60, "available")
        ward.guests.asked.clear()  # of the moment between their making and their being switched off
        await asyncio.sleep(60)
        assert ward.guests.asked == []
        ward.end()

    run(tale())
