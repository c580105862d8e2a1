"""What is decided for a claim, situation by situation."""

from dataclasses import replace
from typing import Any

import pytest
from tests.kinds.physicalmachineclaim.claims import HELD, OTHER, R1, UID, US, line, ours, said, server, situation

from hostwright.core.access import LabelSelector
from hostwright.core.names import LABEL_RACK, LABEL_ZONE, Condition, Reason
from hostwright.kinds.physicalmachineclaim.decide import decide
from hostwright.kinds.physicalmachineclaim.servers import Ref, Server, Spread, Why, Wish, choose, told

LEFT_ALONE: dict[str, Any] = {"hindrance": Why.MAINTENANCE, "maintenance": "new fan"}
WANTS_OFF = {"powerState": "PoweredOff"}


@pytest.mark.parametrize(
    ("expected", "there"),
    [
        ("Bind racks/r1", situation(server())),
        ("Pending Ready=False NoMachineAvailable", situation()),
        ("Pending Ready=False NoMachineAvailable", situation(server(holder=OTHER))),
        ("Pending Ready=False NoMachineAvailable", situation(server(promised=frozenset({OTHER.claim})))),
        ("Pending Ready=False NoMachineAvailable", situation(server(namespaces=frozenset({"racks"})))),
        ("Bound Ready=True Settled", situation(ours(), machine=R1)),
        # only our status lacks, after a crash between the two writes
        ("Bound Ready=False Waiting", situation(server(holder=HELD), server("r0"))),
        ("Unbind racks/r1", situation(server(holder=HELD, namespaces=frozenset()))),
        ("Unbind racks/r1", situation(server(holder=HELD, promised=frozenset({OTHER.claim})))),
        ("Unbind racks/r1", situation(server(holder=HELD, hindrance=Why.DELETING))),
        # late: the status names another one by now
        ("Unbind racks/r2", situation(ours(), server("r2", holder=HELD), machine=R1)),
        # lost, or written over
        ("Bind racks/r1", situation(ours(holder=None), machine=R1)),
        ("Bind racks/r1", situation(ours(holder=OTHER), machine=R1)),
        ("Unknown Ready=False MachineTaken Stalled", situation(ours(holder=OTHER), machine=R1, rivalled=True)),
        ("Unknown Ready=False MachineGone Stalled", situation(server("r2"), machine=R1)),
    ],
)
def test_binding(expected: str, there: Any) -> None:
    assert line(decide(there)) == expected


@pytest.mark.parametrize(
    ("expected", "there"),
    [
        ("Release", situation(server())),
        ("Releasing Ready=False Releasing", situation(server(holder=HELD))),
        ("Release", situation(server(holder=HELD, released=True))),
        ("Releasing Ready=False Releasing", situation(ours(), machine=R1)),
        ("Release", situation(ours(released=True, power="PoweredOff"), machine=R1)),
        ("Release", situation(ours(reachable=False), machine=R1)),
        ("Release", situation(machine=R1)),
        ("Bind racks/r1", situation(ours(holder=None), machine=R1)),
        ("Release", situation(ours(holder=OTHER), machine=R1, rivalled=True)),
        ("Unbind racks/r2", situation(ours(), server("r2", holder=HELD), machine=R1)),
    ],
)
def test_deletion(expected: str, there: Any) -> None:
    assert line(decide(replace(there, deleting=True))) == expected


@pytest.mark.parametrize(
    ("expected", "found", "spec"),
    [
        ("Bound Ready=False Starting", ours(power="PoweredOff"), {}),
        ("Bound Ready=False Stopping", ours(), WANTS_OFF),
        ("Bound Ready=True Settled", ours(power="PoweredOff"), WANTS_OFF),
        ("Bound Ready=False Waiting", ours(handled_for="u-0"), {}),
        ("Bound Ready=False Restarting", ours(), {"restartedAt": "1"}),
        ("Bound Ready=True Settled", ours(handled_restart="1"), {"restartedAt": "1"}),
        ("Bound Ready=True Maintenance", ours(**LEFT_ALONE), {}),
        ("Bound Ready=False Maintenance", ours(**LEFT_ALONE), WANTS_OFF),
        ("Bound Ready=False Paused", ours(hindrance=Why.PAUSED), WANTS_OFF),
        ("Bound Ready=False Unmanaged", ours(hindrance=Why.OBSERVED), WANTS_OFF),
        ("Bound Ready=False Broken Stalled", ours(power="PoweredOff", stalled=True, reason="Broken"), {}),
        ("Bound Ready=True Settled", ours(stalled=True, reason="Broken"), {}),
        ("Bound Ready=False Lost Stalled", ours(held=True, reason="Lost"), {}),
        ("Unknown Ready=Unknown Unreachable", ours(ready="Unknown", reason="Unreachable", reachable=False), {}),
    ],
)
def test_a_bound_claim_says_how_its_server_is(expected: str, found: Server, spec: dict[str, Any]) -> None:
    decision = decide(situation(found, spec=spec, machine=R1))
    assert line(decision) == expected
    assert said(decision, Condition.BOUND).word == "True"
    assert decision.status["machineRef"] == {"namespace": "racks", "name": "r1"}


def test_a_claim_is_available_while_its_server_runs_as_wished_and_answers() -> None:
    def available(found: Server, **spec: Any) -> str:
        return said(decide(situation(found, spec=spec, machine=R1)), Condition.AVAILABLE).word

    assert available(ours()) == "True"
    assert available(ours(power="PoweredOff"), powerState="PoweredOff") == "False"
    assert available(ours(reachable=False)) == "False"
    assert available(ours(), restartedAt="1") == "False"
    assert available(ours(ready="Unknown")) == "Unknown"


def test_the_binding_is_told_once_when_the_status_takes_it_up() -> None:
    first = decide(situation(server(holder=HELD)))
    assert [(note.reason, note.transition) for note in first.notes] == [(Reason.BOUND, "racks/r1")]
    assert first.status["machineRef"] == {"namespace": "racks", "name": "r1"}
    assert decide(situation(ours(), machine=R1)).notes == ()


def test_a_server_that_does_not_answer_is_left_releasing_and_that_is_told() -> None:
    (note,) = decide(situation(ours(reachable=False), machine=R1, deleting=True)).notes
    assert note.warning
    assert "racks/r1 does not answer: it stays Releasing" in note.message


def test_a_deleted_claim_says_why_its_server_is_not_switched_off() -> None:
    decision = decide(situation(ours(**LEFT_ALONE), machine=R1, deleting=True))
    assert said(decision, Condition.DELETING).message == (
        "waiting until PhysicalMachine racks/r1 is seen off: "
        "it is in maintenance (new fan), and its power is left alone"
    )


def test_why_each_server_was_not_taken_is_counted() -> None:
    wish = Wish("team-a", LabelSelector(match_labels={"pool": "web"}), cpu=16)
    web = {"labels": {"pool": "web"}, "cpu": 64}
    servers = [
        server("r1"),
        server("r2"),
        server("r3", **{**web, "cpu": 8}),
        server("r4", **web, holder=OTHER),
        server("r5", **web, promised=frozenset({OTHER.claim})),
        server("r6", **web, hindrance=Why.MAINTENANCE),
        server("r7", **web, hindrance=Why.UNREACHABLE),
        server("r8", **web, hindrance=Why.UNHEALTHY),
        server("r9", **web, hindrance=Why.HELD),
        server("s1", **web, namespaces=frozenset({"racks"})),
        server("s2", **{**web, "cpu": None}),
    ]
    ready = said(decide(situation(*servers, wish=wish)), Condition.READY)
    assert ready.message == (
        "0 of 11 PhysicalMachines can be taken: 2 not matching the selector, 2 claimed, 1 not for this namespace, "
        "1 too small, 1 in maintenance, 1 unreachable, 1 not inspected yet, 1 held, 1 unhealthy. "
        "Tried again until there is room. The platform team must act."
    )


def test_who_asks_for_what_no_server_has_must_ask_for_less() -> None:
    big = Wish("team-a", cpu=4096)
    ready = said(decide(situation(server(), server("r2"), wish=big)), Condition.READY)
    assert ready.message.endswith("2 too small. Tried again until there is room. You must act.")
    ready = said(decide(situation(server(), server("r2", namespaces=frozenset()), wish=big)), Condition.READY)
    assert ready.message.endswith("The platform team must act.")
    assert said(decide(situation()), Condition.READY).message.endswith("The platform team must act.")


def test_no_server_at_all_is_said_so() -> None:
    assert told({}) == "there is no PhysicalMachine"
    assert told({Why.CLAIMED: 1, Why.HELD: 0}) == "0 of 1 PhysicalMachine can be taken: 1 claimed"


def at(name: str, zone: str, rack: str, **changes: Any) -> Server:
    return server(name, labels={LABEL_ZONE: zone, LABEL_RACK: rack}, **changes)


@pytest.mark.parametrize(
    ("taken", "servers"),
    [
        ("r2", [server("r1", health="Warning"), server("r2")]),
        ("r2", [server("r1", health="Warning"), server("r2", health="")]),
        ("r2", [server("r1", health=""), server("r2")]),
        ("r1", [server("r2"), server("r1")]),
        # zone a holds two, b one; rack b/1 holds that one
        ("b2", [at("a1", "a", "3"), at("b1", "b", "1"), at("b2", "b", "2")]),
        ("c1", [at("a1", "a", "3"), at("b2", "b", "2"), at("c1", "c", "1")]),
        ("a1", [at("a1", "a", "3"), at("c1", "c", "1", health="Warning")]),
        ("r1", [at("a1", "a", "3"), server("r1")]),
    ],
)
def test_the_healthiest_is_taken_and_of_those_where_fewest_are_held(taken: str, servers: list[Server]) -> None:
    spread = Spread({"a": 2, "b": 1}, {("a", "1"): 2, ("b", "1"): 1})
    for order in (servers, servers[::-1]):
        found = choose(Wish("team-a"), order, spread)
        assert found is not None
        assert found.ref == Ref("racks", taken)


def test_memory_and_processors_are_both_looked_at() -> None:
    small = server(cpu=8, memory_mib=16384)
    assert Wish("team-a", cpu=8, memory_mib=16384).verdict(small) is None
    assert Wish("team-a", cpu=9).verdict(small) is Why.TOO_SMALL
    assert Wish("team-a", memory_mib=16385).verdict(small) is Why.TOO_SMALL
    assert Wish("team-a").verdict(server(cpu=None, memory_mib=None)) is None


def test_the_claim_that_a_server_follows_is_named() -> None:
    ready = said(decide(situation(ours(holder=OTHER), machine=R1, rivalled=True)), Condition.READY)
    assert ready.message.startswith("PhysicalMachine racks/r1 follows the claim team-b/db. Delete this claim.")
    assert (US, UID) == HELD
