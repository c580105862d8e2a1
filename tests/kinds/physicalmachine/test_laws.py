"""What holds of every decision about a server, whatever the situation."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kinds.physicalmachine import servers as s

from hostwright.core.backend import Backend
from hostwright.core.errors import CredentialsMissing, CredentialsRejected, InvalidConfiguration, Unreachable
from hostwright.core.port import OperationType, Present, Unsure
from hostwright.engine.report import difference
from hostwright.kinds.physicalmachine.decide import decide
from hostwright.kinds.physicalmachine.port import (
    FoundServer,
    Inspect,
    Power,
    Reset,
    ResetBmc,
    SetPower,
)
from hostwright.kinds.physicalmachine.power import SETTLE, shows
from hostwright.kinds.physicalmachine.resource import PhysicalMachineStatus
from hostwright.kinds.physicalmachine.situation import Claim, Situation

LAW = settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
TOKENS = st.sampled_from(["", "1", "2"])
FAILURES = st.sampled_from(
    [None, None, None, Unreachable("no answer"), CredentialsRejected("401"), InvalidConfiguration("outside")]
)

SPECS = st.builds(
    s.spec,
    powerState=st.sampled_from(["PoweredOn", "PoweredOff", "Unmanaged"]),
    powerOffMode=st.sampled_from(["TrySoft", "Soft", "Hard"]),
    bootMode=st.sampled_from(["UEFI", "Legacy", "Unmanaged"]),
    locator=st.sampled_from(["Lit", "Dark", "Unmanaged"]),
    managementPolicy=st.sampled_from(["Managed", "Managed", "ObserveOnly"]),
    maintenance=st.sampled_from([{}, {"enabled": True}]),
    restartedAt=TOKENS,
    requests=st.fixed_dictionaries({"inspect": TOKENS, "bmcReset": TOKENS, "retry": TOKENS, "acceptIdentity": TOKENS}),
    deletionPolicy=st.sampled_from(["Retain", "PowerOff"]),
    deletionProtection=st.booleans(),
    claimPolicy=st.sampled_from([{}, {"namespaces": ["team-a"]}]),
)
FOUND = st.builds(
    FoundServer,
    failure=FAILURES,
    down_for=st.sampled_from([None, 5.0, 300.0]),
    rejected=st.integers(0, 2),
    uuid=st.sampled_from([s.UUID, s.UUID, s.UUID, "another", ""]),
    power=st.sampled_from(list(Power)),
    soft_off=st.booleans(),
    health=st.sampled_from(["OK", "Critical", ""]),
    boot_mode=st.sampled_from(["UEFI", "Legacy", ""]),
    locator=st.sampled_from(["Lit", "Dark", ""]),
    inspection=st.sampled_from([None, s.INSPECTED]),
)
STATUSES = st.builds(
    s.status,
    observedGeneration=st.sampled_from([-1, 1]),
    identity=st.sampled_from([None, {"uuid": s.UUID}]),
    hardware=st.sampled_from([None, {"cpu": 32}]),
    handled=st.one_of(
        st.none(),
        st.fixed_dictionaries(
            {**dict.fromkeys(s.HANDLED, TOKENS), "claim.uid": st.sampled_from(["", "u-1"]), "claim.restartedAt": TOKENS}
        ),
    ),
)
OPERATIONS = st.one_of(
    st.none(),
    st.builds(
        s.operation,
        st.sampled_from([OperationType.POWER_ON, OperationType.RESTART]),
        st.just("power/on"),
        ago=st.sampled_from([5.0, 300.0, 900.0]),
    ),
    st.builds(
        s.operation,
        st.sampled_from([OperationType.POWER_OFF, OperationType.RESTART]),
        st.sampled_from(["power/soft", "power/hard"]),
        ago=st.sampled_from([5.0, 300.0, 900.0]),
    ),
    st.just(s.operation(OperationType.RESET_BMC, "bmc/reset")),
    st.just(s.operation(OperationType.INSPECT, "inspection")),
    st.just(s.operation(OperationType.UPDATE, "locator")),
)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    spec, claim = draw(SPECS), None
    if draw(st.booleans()):
        spec = spec.model_copy(update={"claim_ref": s.spec(claimRef=s.REF).claim_ref})
        claim = draw(
            st.builds(
                Claim,
                there=st.booleans(),
                leaving=st.booleans(),
                elsewhere=st.sampled_from(["", "racks/r2"]),
                power=st.sampled_from([Power.ON, Power.OFF]),
                restarted_at=TOKENS,
            )
        )
    operation = draw(OPERATIONS)
    proven = draw(st.booleans())
    unknown = operation is not None and draw(st.booleans())
    found = draw(FOUND)
    quiet = unknown and proven and operation is not None and not shows(found, operation) and draw(st.booleans())
    return s.at(
        spec=spec,
        status=draw(STATUSES),
        look=s.seen(found) if proven or draw(st.integers(0, 9)) else Unsure("not asked"),
        backend=draw(st.builds(Backend, paused=st.booleans(), connected=st.just(True))),
        credentials=draw(st.sampled_from([None, None, None, CredentialsMissing("none")])),
        operation=operation,
        claim=claim,
        outcome_open=unknown,
        proven=proven,
        nothing_made=quiet,
        answered=operation is not None and draw(st.booleans()),
        since_call=draw(st.sampled_from([None, 3.0, 60.0])) if operation is not None else None,
        refused=operation is not None and not unknown and draw(st.booleans()),
        deleting_since=draw(st.sampled_from([None, None, s.NOW - timedelta(seconds=5)])),
        paused=draw(st.sampled_from([None, None, None, "CHG-1"])),
        rival=draw(st.sampled_from(["", "", "", "racks/r0"])),
    )


def found_of(situation: Situation) -> FoundServer | None:
    return situation.look.found if isinstance(situation.look, Present) else None


def changes(step: Any) -> bool:
    return step is not None and not isinstance(step, Inspect)


@LAW
@given(situations())
def test_nothing_is_changed_at_a_server_that_is_not_surely_the_right_one(situation: Situation) -> None:
    decision, found = decide(situation), found_of(situation)
    if decision.step is None:
        return
    assert situation.paused is None
    assert situation.credentials is None
    assert situation.rival == ""
    assert found is not None
    assert found.failure is None
    assert found.uuid == (situation.uuid or found.uuid) != ""


@LAW
@given(situations())
def test_what_is_only_observed_or_held_is_never_changed(situation: Situation) -> None:
    decision = decide(situation)
    if situation.observe_only or (situation.held and situation.deleting_since is None):
        assert not changes(decision.step)


@LAW
@given(situations())
def test_in_maintenance_there_is_no_power_action(situation: Situation) -> None:
    spec = situation.spec.model_copy(update={"maintenance": s.spec(maintenance={"enabled": True}).maintenance})
    assert not isinstance(decide(replace(situation, spec=spec, deleting_since=None)).step, SetPower)


@LAW
@given(situations())
def test_no_reset_towards_where_the_server_is_already(situation: Situation) -> None:
    step, found = decide(situation).step, found_of(situation)
    if isinstance(step, SetPower):
        assert found is not None
        assert found.power is not (Power.ON if step.reset is Reset.ON else Power.OFF)
        assert found.power is not Power.UNKNOWN


@LAW
@given(situations())
def test_no_reset_while_the_outcome_of_one_is_unknown(situation: Situation) -> None:
    """Unless the BMC shows that it was carried out, or the quiet time showed that it was not."""
    step, operation, found = decide(situation).step, situation.operation, found_of(situation)
    power = operation is not None and operation.expect.startswith("power/")
    if isinstance(step, SetPower | ResetBmc) and power and situation.outcome_open and not situation.nothing_made:
        assert found is not None
        assert operation is not None
        assert situation.proven
        assert shows(found, operation)


@LAW
@given(situations())
def test_the_same_reset_is_sent_again_only_when_it_did_nothing(situation: Situation) -> None:
    decision, operation = decide(situation), situation.operation
    if not isinstance(decision.step, SetPower) or operation is None or operation.expect != decision.expect:
        return
    if operation.type is not decision.operation or situation.refused:
        return
    assert situation.since_call is None or situation.since_call > SETTLE or operation.expect == "power/soft"
    if operation.expect == "power/soft":
        assert situation.spec.power_off_mode == "Soft"
        assert operation.started_at is not None
        assert situation.now - operation.started_at >= timedelta(minutes=10)


@LAW
@given(situations())
def test_without_a_record_of_what_was_handled_no_request_is_acted_on(situation: Situation) -> None:
    status = situation.status.model_copy(update={"handled": None})
    decision = decide(replace(situation, status=status, operation=None, outcome_open=False, nothing_made=False))
    assert not isinstance(decision.step, ResetBmc)
    assert decision.operation is not OperationType.RESTART


@LAW
@given(situations())
def test_it_is_let_go_only_when_it_goes_and_no_claim_has_it(situation: Situation) -> None:
    decision = decide(situation)
    if decision.release:
        assert situation.deleting_since is not None
        assert situation.claim is None
        assert not situation.spec.deletion_protection


@LAW
@given(situations())
def test_a_server_is_said_free_of_its_claim_only_when_it_is_off(situation: Situation) -> None:
    if s.word(decide(situation), "Claimed") == "False Released":
        found = found_of(situation)
        assert situation.releasing
        assert found is not None
        assert found.power is Power.OFF


@LAW
@given(situations())
def test_each_status_is_of_the_schema_and_said_once(situation: Situation) -> None:
    decision = decide(situation)
    kinds = [item.type for item in decision.said]
    assert len(kinds) == len(set(kinds))
    stalled, working = s.word(decision, "Stalled"), s.word(decision, "Reconciling")
    assert not (stalled and working)
    status = s.written(situation, decision)
    again = PhysicalMachineStatus.model_validate(status).model_dump(by_alias=True, exclude_none=True)
    assert difference(again, status) == {}


@LAW
@given(situations())
def test_what_sends_nothing_comes_to_rest(situation: Situation) -> None:
    """The same look with the status of the last decision ends, in a few rounds, with one that writes nothing."""
    for _ in range(5):
        decision = decide(situation)
        if decision.step is not None or decision.needs_proof or decision.release:
            return
        status = s.written(situation, decision)
        if difference(situation.status.model_dump(by_alias=True, exclude_none=True), status) == {}:
            return
        open_still = not decision.close_operation and situation.operation is not None
        situation = replace(
            situation,
            status=PhysicalMachineStatus.model_validate(status),
            operation=situation.operation if open_still else None,
            outcome_open=situation.outcome_open and open_still,
            nothing_made=situation.nothing_made and open_still,
        )
    raise AssertionError("each pass writes something")
