"""What is decided of a server, by example: phases by first match, power, requests, whose it is, going."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kinds.physicalmachine import servers as s

from hostwright.core.errors import CredentialsMissing, CredentialsRejected, ProviderNotFound, Unreachable
from hostwright.core.port import OperationType, Unsure
from hostwright.kinds.physicalmachine.decide import decide
from hostwright.kinds.physicalmachine.port import Power
from hostwright.kinds.physicalmachine.situation import Claim, Situation

DOWN = Unreachable("no answer")
CLAIMED = s.spec(claimRef=s.REF)
UNSEEN = s.status(identity=None, hardware=None, phase=None, observedGeneration=-1, conditions=None)


@pytest.mark.parametrize(
    ("situation", "phase", "said"),
    [
        (s.at(), "Free", "True Settled"),
        (s.at(spec=CLAIMED, claim=Claim()), "Claimed", "True Settled"),
        (s.at(status=UNSEEN, look=Unsure("not asked")), "Connecting", "False Connecting"),
        (s.at(status=UNSEEN, credentials=CredentialsMissing("no Secret")), "Pending", "False CredentialsMissing"),
        (s.at(s.found(answered=False, failure=DOWN), status=UNSEEN), "Connecting", "False Unreachable"),
        (s.at(s.found(failure=CredentialsRejected("401"), rejected=2)), "Failed", "False CredentialsRejected"),
        (s.at(s.found(uuid="another")), "Failed", "False IdentityChanged"),
        (s.at(s.found(uuid="")), "Failed", "False IdentityChanged"),
        (s.at(rival="racks/r0"), "Failed", "False OwnershipConflict"),
        (s.at(s.found(failure=DOWN, down_for=121.0)), "Unknown", "Unknown Unreachable"),
        (s.at(s.found(failure=DOWN, down_for=119.0)), "", "nothing"),
        (s.at(spec=CLAIMED, claim=Claim(there=False)), "Releasing", "SetPower power/soft"),
        (s.at(spec=CLAIMED, claim=Claim(leaving=True)), "Releasing", "SetPower power/soft"),
        (s.at(spec=CLAIMED, claim=Claim(elsewhere="racks/r2")), "Held", "False Held"),
        (s.at(spec=s.spec(claimRef=s.REF, claimPolicy={}), claim=Claim()), "Held", "False Held"),
        (s.at(spec=s.spec(maintenance={"enabled": True})), "Servicing", "True Maintenance"),
        (s.at(status=s.status(hardware=None)), "Inspecting", "Inspect inspection"),
        (s.at(spec=s.spec(requests={"inspect": "1"})), "Inspecting", "Inspect inspection"),
        (s.at(backend=replace(s.BACKEND, failure=ProviderNotFound("none"))), "Free", "False ProviderNotFound"),
    ],
)
def test_the_phase_is_the_first_that_fits(situation: Situation, phase: str, said: str) -> None:
    decision = decide(situation)
    assert (str(decision.phase), s.line(decision)) == (phase, said)


ON, OFF = s.spec(powerState="PoweredOn"), s.spec(powerState="PoweredOff")
HARD = s.spec(powerState="PoweredOff", powerOffMode="Hard")
SOFT = s.spec(powerState="PoweredOff", powerOffMode="Soft")
POWER_ON, POWER_OFF = OperationType.POWER_ON, OperationType.POWER_OFF


@pytest.mark.parametrize(
    ("spec", "power", "more", "line"),
    [
        (ON, Power.OFF, {}, "SetPower power/on"),
        (ON, Power.ON, {}, "True Settled"),
        (ON, Power.STARTING, {}, "False Starting"),
        (ON, Power.STOPPING, {}, "False Starting"),
        (ON, Power.UNKNOWN, {}, "False Starting"),
        (OFF, Power.ON, {}, "SetPower power/soft"),
        (HARD, Power.ON, {}, "SetPower power/hard"),
        (OFF, Power.STOPPING, {}, "False Stopping"),
        (s.spec(), Power.OFF, {}, "True Settled"),
        # what was asked for is not asked for again
        (ON, Power.OFF, {"operation": s.operation(POWER_ON, "power/on"), "since_call": 5.0}, "False Starting"),
        (ON, Power.OFF, {"operation": s.operation(POWER_ON, "power/on"), "since_call": 26.0}, "SetPower power/on"),
        (ON, Power.OFF, {"operation": s.operation(POWER_ON, "power/on"), "refused": True}, "SetPower power/on"),
        (OFF, Power.ON, {"operation": s.operation(POWER_OFF, "power/soft"), "since_call": 90.0}, "False Stopping"),
        (OFF, Power.ON, {"operation": s.operation(POWER_OFF, "power/soft", ago=181)}, "SetPower power/hard"),
        (OFF, Power.STOPPING, {"operation": s.operation(POWER_OFF, "power/soft", ago=181)}, "SetPower power/hard"),
        (
            OFF,
            Power.ON,
            {"operation": s.operation(POWER_OFF, "power/soft", ago=181), "refused": True},
            "SetPower power/soft",
        ),
        (OFF, Power.ON, {"operation": s.operation(POWER_OFF, "power/hard"), "since_call": 5.0}, "False Stopping"),
        (SOFT, Power.ON, {"operation": s.operation(POWER_OFF, "power/soft", ago=181)}, "False PowerOffTimedOut"),
        (SOFT, Power.ON, {"operation": s.operation(POWER_OFF, "power/soft", ago=601)}, "SetPower power/soft"),
        # an unknown outcome is verified first
        (ON, Power.OFF, {"operation": s.operation(POWER_ON, "power/on"), "outcome_open": True}, "prove"),
        (
            ON,
            Power.OFF,
            {"operation": s.operation(POWER_ON, "power/on"), "outcome_open": True, "proven": True},
            "True Verifying",
        ),
        (
            ON,
            Power.OFF,
            {
                "operation": s.operation(POWER_ON, "power/on"),
                "outcome_open": True,
                "proven": True,
                "nothing_made": True,
            },
            "SetPower power/on",
        ),
        (
            ON,
            Power.ON,
            {"operation": s.operation(POWER_ON, "power/on"), "outcome_open": True, "proven": True},
            "True Settled",
        ),
        # a system without a soft power-off
        (OFF, Power.ON, {"look": s.seen(s.found(soft_off=False))}, "SetPower power/hard"),
    ],
)
def test_power(spec: Any, power: Power, more: dict[str, Any], line: str) -> None:
    situation = s.at(s.found(power), spec=spec)
    assert s.line(decide(replace(situation, **more))) == line


RESTART = s.spec(powerState="PoweredOn", restartedAt="2")


@pytest.mark.parametrize(
    ("spec", "power", "operation", "line"),
    [
        (RESTART, Power.ON, None, "SetPower power/soft"),
        (s.spec(restartedAt="2"), Power.ON, None, "SetPower power/soft"),
        (RESTART, Power.OFF, None, "SetPower power/on"),
        (RESTART, Power.ON, s.operation(OperationType.RESTART, "power/soft"), "False Restarting"),
        (RESTART, Power.OFF, s.operation(OperationType.RESTART, "power/soft"), "SetPower power/on"),
        (s.spec(restartedAt="2"), Power.OFF, s.operation(OperationType.RESTART, "power/hard"), "SetPower power/on"),
        (RESTART, Power.ON, s.operation(OperationType.RESTART, "power/on"), "True Settled"),
        (
            s.spec(powerState="PoweredOff", restartedAt="2"),
            Power.OFF,
            s.operation(OperationType.RESTART, "power/soft"),
            "True Settled",
        ),
    ],
)
def test_a_restart_is_off_seen_off_and_on(spec: Any, power: Power, operation: Any, line: str) -> None:
    decision = decide(s.at(s.found(power), spec=spec, operation=operation))
    assert s.line(decision) == line
    if decision.step is None and line == "True Settled":
        assert decision.status["handled"]["restartedAt"] == "2"


def test_a_half_done_restart_outlives_a_maintenance() -> None:
    spec = s.spec(restartedAt="2", maintenance={"enabled": True})
    decision = decide(s.at(s.found(Power.OFF), spec=spec, operation=s.operation(OperationType.RESTART, "power/soft")))
    assert (s.line(decision), decision.close_operation, "handled" in decision.status) == (
        "True Maintenance",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("expect", "more", "closed"),
    [
        ("power/hard", {"since_call": 5.0}, False),
        ("power/hard", {"since_call": 26.0}, True),
        ("power/hard", {"since_call": 5.0, "refused": True}, True),
        ("power/soft", {"since_call": 90.0}, False),
        ("power/soft", {"since_call": 90.0, "now": s.NOW + timedelta(minutes=3)}, True),
    ],
)
def test_a_reset_that_is_not_seen_yet_outlives_a_maintenance(expect: str, more: dict[str, Any], closed: bool) -> None:
    spec = s.spec(powerState="PoweredOff", maintenance={"enabled": True})
    decision = decide(replace(s.at(spec=spec, operation=s.operation(POWER_OFF, expect)), **more))
    assert (s.line(decision), decision.close_operation) == ("True Maintenance", closed)
    assert (decision.look_again is None) is closed


CLAIM_HANDLED = {**s.HANDLED, "claim.uid": "u-1", "claim.restartedAt": "1"}


@pytest.mark.parametrize(
    ("handled", "asked", "line"),
    [
        (s.HANDLED, "9", "True Settled"),  # what is there at binding is only recorded
        (CLAIM_HANDLED, "1", "True Settled"),
        (CLAIM_HANDLED, "2", "SetPower power/soft"),
        ({**CLAIM_HANDLED, "claim.uid": "of another"}, "2", "True Settled"),
    ],
)
def test_the_claims_restart(handled: dict[str, str], asked: str, line: str) -> None:
    situation = s.at(spec=CLAIMED, claim=Claim(restarted_at=asked), status=s.status(handled=handled))
    decision = decide(situation)
    assert s.line(decision) == line
    if line == "True Settled":
        assert decision.status["handled"]["claim.restartedAt"] == asked
        assert decision.status["handled"]["claim.uid"] == "u-1"


@pytest.mark.parametrize(
    ("spec", "claim", "power", "line"),
    [
        (s.spec(claimRef=s.REF, powerState="PoweredOff"), Claim(power=Power.ON), Power.OFF, "SetPower power/on"),
        (s.spec(claimRef=s.REF, powerState="PoweredOn"), Claim(power=Power.OFF), Power.ON, "SetPower power/soft"),
        (s.spec(claimRef=s.REF, restartedAt="2"), Claim(), Power.ON, "True Settled"),
    ],
)
def test_while_claimed_the_claims_wish_counts(spec: Any, claim: Claim, power: Power, line: str) -> None:
    assert s.line(decide(s.at(s.found(power), spec=spec, claim=claim))) == line


def test_a_server_is_free_of_its_claim_only_when_the_bmc_itself_said_that_it_is_off() -> None:
    situation = s.at(s.found(Power.OFF), spec=CLAIMED, claim=Claim(leaving=True))
    assert s.line(decide(situation)) == "prove"
    decision = decide(replace(situation, proven=True))
    assert s.word(decision, "Claimed") == "False Released"
    assert [note.reason for note in decision.notes] == ["Released"]
    told = s.status(conditions=[s.condition("Claimed", "False", "Released")])
    again = decide(replace(situation, status=told))
    assert (s.word(again, "Claimed"), again.needs_proof, again.notes) == ("False Released", "", ())


@pytest.mark.parametrize("more", [{"maintenance": {"enabled": True}}, {"managementPolicy": "ObserveOnly"}])
def test_a_release_that_may_not_switch_it_off_says_so(more: dict[str, Any]) -> None:
    decision = decide(s.at(spec=s.spec(claimRef=s.REF, **more), claim=Claim(leaving=True)))
    assert (s.line(decision), s.word(decision, "Claimed")) == ("False Releasing", "True Releasing")


@pytest.mark.parametrize(
    ("wanted", "more", "line"),
    [
        ({"bootMode": "Legacy"}, {}, "SetBootMode boot"),
        ({"bootMode": "UEFI"}, {}, "True Settled"),
        ({"locator": "Lit"}, {}, "SetLocator locator"),
        ({"locator": "Lit"}, {"look": s.seen(s.found(locator=""))}, "False InvalidConfiguration"),
        (
            {"locator": "Lit"},
            {"operation": s.operation(OperationType.UPDATE, "locator"), "since_call": 3.0},
            "False Updating",
        ),
        (
            {"locator": "Lit"},
            {"operation": s.operation(OperationType.UPDATE, "locator"), "since_call": 30.0},
            "False InvalidConfiguration",
        ),
        (
            {"locator": "Lit"},
            {"operation": s.operation(OperationType.UPDATE, "locator"), "since_call": 700.0},
            "SetLocator locator",
        ),
    ],
)
def test_a_setting_is_read_back(wanted: dict[str, Any], more: dict[str, Any], line: str) -> None:
    assert s.line(decide(s.at(spec=s.spec(**wanted), **more))) == line


RESET = s.operation(OperationType.RESET_BMC, "bmc/reset")
RECORDED = {**s.HANDLED, "bmcReset": "1"}


@pytest.mark.parametrize(
    ("handled", "more", "line"),
    [
        (s.HANDLED, {}, "ResetBmc bmc/reset"),
        (
            RECORDED,
            {"operation": RESET, "since_call": 5.0, "answered": True},
            "False ResettingBMC",
        ),
        (RECORDED, {"operation": RESET, "since_call": 30.0, "answered": True}, "closed"),
        (RECORDED, {"operation": RESET, "outcome_open": True}, "prove"),
        (
            RECORDED,
            {"operation": RESET, "outcome_open": True, "proven": True, "nothing_made": True},
            "closed",
        ),
        (RECORDED, {"operation": RESET, "refused": True}, "ResetBmc bmc/reset"),
        (None, {}, "True Settled"),  # there at first sight: only recorded
    ],
)
def test_a_bmc_reset_is_sent_at_most_once(handled: Any, more: dict[str, Any], line: str) -> None:
    situation = s.at(spec=s.spec(requests={"bmcReset": "1"}), status=s.status(handled=handled), **more)
    decision = decide(situation)
    assert ("closed" if decision.close_operation and decision.notes else s.line(decision)) == line
    if decision.step is not None:
        assert decision.status["handled"]["bmcReset"] == "1"  # with the intent


def test_an_accepted_server_is_inspected_anew_and_an_old_token_accepts_none() -> None:
    swapped = s.found(uuid="another")
    old = s.at(
        swapped,
        spec=s.spec(requests={"acceptIdentity": "1"}),
        status=s.status(handled={**s.HANDLED, "acceptIdentity": "1"}),
    )
    assert s.line(decide(old)) == "False IdentityChanged"
    decision = decide(s.at(swapped, spec=s.spec(requests={"acceptIdentity": "1"})))
    assert (decision.step, decision.status["identity"]["uuid"], decision.status["hardware"]) == (None, "another", None)
    assert decision.status["handled"]["acceptIdentity"] == "1"


GOING = {"deleting_since": s.NOW - timedelta(seconds=5)}
OFF_FIRST = s.spec(deletionPolicy="PowerOff")


@pytest.mark.parametrize(
    ("situation", "line"),
    [
        (s.at(**GOING), "release"),
        (s.at(look=Unsure("never asked"), **GOING), "release"),
        (s.at(spec=s.spec(deletionProtection=True), **GOING), "False Waiting"),
        (s.at(spec=OFF_FIRST, **GOING), "SetPower power/soft"),
        (s.at(s.found(Power.OFF), spec=OFF_FIRST, **GOING), "prove"),
        (s.at(s.found(Power.OFF), spec=OFF_FIRST, proven=True, **GOING), "release"),
        (s.at(spec=s.spec(deletionPolicy="PowerOff", managementPolicy="ObserveOnly"), **GOING), "release"),
        (s.at(s.found(uuid="another"), spec=OFF_FIRST, **GOING), "False IdentityChanged"),
        (s.at(s.found(failure=DOWN, down_for=900.0), spec=OFF_FIRST, **GOING), "Unknown Unreachable"),
        (
            s.at(s.found(failure=DOWN, down_for=900.0), spec=OFF_FIRST, deleting_since=s.NOW - timedelta(minutes=16)),
            "False DeleteTimedOut",
        ),
        (s.at(spec=OFF_FIRST, backend=replace(s.BACKEND, exists=False), **GOING), "False ProviderDeleted"),
        (s.at(spec=CLAIMED, claim=Claim(), **GOING), "False Waiting"),
        (s.at(spec=CLAIMED, claim=Claim(there=False), **GOING), "SetPower power/soft"),
        (s.at(s.found(Power.OFF), spec=CLAIMED, claim=Claim(there=False), proven=True, **GOING), "False Releasing"),
        (s.at(paused="CHG-1", spec=OFF_FIRST, **GOING), "nothing"),
    ],
)
def test_going(situation: Situation, line: str) -> None:
    decision = decide(situation)
    assert s.line(decision) == line
    if not decision.release:
        assert s.word(decision, "Deleting") != ""


ON_ITS_WAY: dict[str, Any] = {"operation": s.operation(POWER_ON, "power/on"), "since_call": 2.0, "answered": True}


@pytest.mark.parametrize(
    "situation",
    [
        s.at(s.found(Power.OFF), spec=OFF, **ON_ITS_WAY),
        s.at(s.found(Power.OFF), spec=s.spec(), **ON_ITS_WAY),
        s.at(s.found(Power.OFF), spec=CLAIMED, claim=Claim(leaving=True), proven=True, **ON_ITS_WAY),
        s.at(s.found(Power.OFF), spec=OFF_FIRST, proven=True, **GOING, **ON_ITS_WAY),
    ],
)
def test_a_server_that_was_just_switched_on_is_not_taken_for_off(situation: Situation) -> None:
    decision = decide(situation)
    assert s.line(decision) == "False Waiting"
    assert not decision.close_operation
    assert s.word(decision, "Claimed") != "False Released"
    later = decide(replace(situation, since_call=26.0))
    assert s.line(later) in {"True Settled", "False Releasing", "release"}


def test_power_that_somebody_else_changed_is_told_once() -> None:
    drifted = decide(s.at(s.found(Power.OFF), spec=ON))
    assert [note.reason for note in drifted.notes] == ["DriftDetected"]
    wished = decide(s.at(s.found(Power.OFF), spec=ON, generation=2))
    assert wished.notes == ()


def test_an_outage_keeps_what_was_under_way() -> None:
    rows = [
        s.condition("Ready", "False", "Stopping", "powering off"),
        s.condition("Reconciling", "True", "Stopping", "powering off"),
        s.condition("Reachable", "True", "Reachable"),
    ]
    decision = decide(s.at(s.found(failure=DOWN, down_for=3.0), status=s.status(conditions=rows)))
    assert s.word(decision, "Reconciling") == "True Stopping"
    assert s.word(decision, "Reachable") == "False Unreachable"
    assert [note.reason for note in decision.notes] == ["Unreachable"]


def test_what_a_bmc_does_not_say_is_left_as_it_was() -> None:
    bare = s.found(Power.UNKNOWN, model="", health="", boot_mode="", locator="")
    decision = decide(s.at(bare))
    assert s.line(decision) == "True Settled"
    assert (decision.status["powerState"], decision.status["identity"]["model"]) == ("PoweredOn", "R1")
    assert s.word(decision, "Healthy") == "Unknown NotReported"
