"""What holds of every decision, whatever the situation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.kinds import situations as at
from tests.kinds.strategies import fallen, rekeyed, resting, situations

from hostwright.core.decision import Decision
from hostwright.core.names import Condition
from hostwright.core.port import Call, Missing, Operation, Present, RowState, Trace
from hostwright.engine.report import new_status, status_patch
from hostwright.kinds.virtualmachine.decide import OUTAGE_TOLD_AFTER, decide
from hostwright.kinds.virtualmachine.expiry import expired
from hostwright.kinds.virtualmachine.extras import judge
from hostwright.kinds.virtualmachine.port import (
    Create,
    Delete,
    Discard,
    Found,
    Life,
    Memory,
    Release,
    Rewire,
    SetPower,
    Step,
    Update,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.values import DeletionPolicy, DriftMode, ManagementPolicy, MaxDisruption
from hostwright.providers.openstack import plan as openstack
from hostwright.providers.openstack.calls import Fence
from hostwright.providers.simulated import plan as simulated

#: Each situation takes some milliseconds to build; a search of thousands is for one law at a time. The same examples
#: each time: a law whose assumptions are seldom met would now and then find none of 25.
EXAMPLES = 25
LIVING, GOING = situations(deleting=False), situations(deleting=True)
CONDITIONS = {
    Condition.READY,
    Condition.RECONCILING,
    Condition.STALLED,
    Condition.PROVISIONED,
    Condition.NETWORK_READY,
    Condition.POWER_STATE_SYNCED,
    Condition.UP_TO_DATE,
    Condition.DRIFTED,
    Condition.PAUSED,
    Condition.DELETING,
    Condition.AVAILABLE,
}


def word(decision: Decision[Step], kind: Condition) -> str:
    return next((item.word for item in decision.said if item.type is kind), "")


def machine_seen(situation: Situation) -> Found | None:
    look = situation.look
    return look.found if isinstance(look, Present) and look.found.life is not Life.PARTIAL else None


def reported(situation: Situation, decision: Decision[Step], trace: Trace | None = None) -> dict[str, Any]:
    """The status that is written for it."""
    status = situation.status.model_dump(by_alias=True, exclude_none=True)
    return new_status(
        {"metadata": {"generation": situation.generation, "resourceVersion": "1"}, "status": status},
        decision,
        machine_id=at.ID,
        rows=(trace or situation.trace).ledger,
        operation=situation.operation,
        handled={"restartedAt": situation.spec.restarted_at or ""},
        now=situation.now,
    )


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations())
def test_every_situation_has_a_decision_of_one_kind(situation: Situation) -> None:
    decision = decide(situation)
    assert repr(decide(situation)) == repr(decision)
    assert not (decision.release and (decision.step or decision.needs_proof))
    assert not (decision.remove and (decision.step or decision.needs_proof or decision.release or decision.said))
    assert not (decision.needs_proof and decision.step)
    assert not (decision.needs_proof and situation.proven), "what was asked is not asked again"
    assert decision.step is None or decision.operation is not None


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations())
def test_conditions_are_of_the_kind_and_do_not_contradict_each_other(situation: Situation) -> None:
    decision = decide(situation)
    kinds = [item.type for item in decision.said]
    assert set(kinds) <= CONDITIONS
    assert len(kinds) == len(set(kinds))
    told = {item.type: item.status for item in decision.said}
    assert not (told.get(Condition.STALLED) and told.get(Condition.RECONCILING))
    assert not (told.get(Condition.STALLED) and told.get(Condition.READY))
    if decision.step is not None:  # engine/tell.py puts a failure's words in the place of the first two
        assert kinds[:2] in ([Condition.READY, Condition.RECONCILING], [Condition.READY, Condition.STALLED])
    assert decision.step is None or not told[Condition.READY] or isinstance(decision.step, Discard)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations())
def test_the_api_server_takes_the_status(situation: Situation) -> None:
    """A refused write of our own would be tried for ever."""
    decision = decide(situation)
    status = VirtualMachineStatus.model_validate(reported(situation, decision))
    for rows, key in ((status.pending_changes, "path"), (status.drift, "path"), (status.interfaces, "name")):
        keys = [getattr(row, key) for row in rows or ()]
        assert len(keys) == len(set(keys))


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIVING)
def test_a_machine_is_made_only_where_none_can_be(situation: Situation) -> None:
    decision = decide(situation)
    assume(isinstance(decision.step, Create))
    seen = machine_seen(situation)
    if seen is not None:  # what is being built is completed
        assert seen.life is Life.BUILDING
        return
    assert situation.trace.row("server") is None
    assert not situation.provisioned
    assert not situation.observe_only
    nothing_sent = situation.operation is None and not situation.trace.ledger and situation.backend.synced
    listed = {row.id for row in situation.trace.ledger}
    parts = isinstance(situation.look, Present) and {part.id for part in situation.look.found.parts} <= listed
    assert situation.proven or nothing_sent or parts or isinstance(situation.look, Missing)
    assert not situation.outcome_open or situation.nothing_made or _shown(situation)


def _shown(situation: Situation) -> bool:
    look, operation = situation.look, situation.operation
    if not isinstance(look, Present) or operation is None:
        return False
    return any(part.name == operation.expect for part in look.found.parts) or operation.type != "Create"


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(fallen())
def test_only_what_is_ours_is_taken_away(situation: Situation) -> None:
    step = decide(situation).step
    assume(isinstance(step, Discard))
    assert isinstance(step, Discard)
    seen = machine_seen(situation)
    assert seen is not None
    strangers = {twin.id for twin in judge(seen, situation.trace).strangers}
    listed = {row.id for row in situation.trace.ledger}
    assert step.row.id in listed or step.row.id not in strangers
    assert situation.spec.management_policy is not ManagementPolicy.OBSERVE_ONLY
    if step.row.name == "server" and not step.anew:  # a failed build; never a machine that ran once
        assert not situation.provisioned


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(rekeyed())
def test_a_machine_is_replaced_only_for_a_change_of_its_spec(situation: Situation) -> None:
    """Allowed, recorded before, its own, and announced with its id."""
    decision = decide(situation)
    step = decision.step
    assume(isinstance(step, Discard) and step.anew)
    assert isinstance(step, Discard)
    assert decision.expect == f"replace/{step.row.id}"
    assert step.row == situation.trace.row("server")
    assert not situation.observe_only
    assert not situation.trace.imported
    gone_already = situation.operation is not None and situation.operation.expect == decision.expect
    if gone_already and step.row.state is RowState.DELETING:
        return
    assert situation.spec.update_policy.max_disruption is MaxDisruption.REPLACE
    resolved, wanted = situation.status.resolved, situation.wanted
    assert resolved is not None
    assert isinstance(wanted, Wanted)
    assert resolved.made_with is not None
    assert resolved.made_with.get("/keyPair") != wanted.shape.key_pair
    held = replace(situation, do_not_disrupt=True)
    assert not isinstance(decide(held).step, Discard)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIVING)
def test_nobody_elses_machine_is_worked_on(situation: Situation) -> None:
    seen = machine_seen(situation)
    assume(seen is not None and seen.id in {twin.id for twin in judge(seen, situation.trace).strangers})
    assert decide(situation).step is None


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(GOING)
def test_what_is_going_is_only_taken_away(situation: Situation) -> None:
    step = decide(situation).step
    assert step is None or isinstance(step, Delete | Release)
    assert not isinstance(step, Release) or situation.deletion_policy is DeletionPolicy.RETAIN
    assert not isinstance(step, Delete) or situation.deletion_policy is DeletionPolicy.DELETE


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(GOING)
def test_the_finalizer_goes_only_when_nothing_is_left_or_all_is_let_go(situation: Situation) -> None:
    decision = decide(situation)
    assume(decision.release)
    assert situation.paused is None
    let_go = situation.deletion_policy is DeletionPolicy.RETAIN
    observed = situation.spec.management_policy is ManagementPolicy.OBSERVE_ONLY
    nothing_sent = not situation.never_reported and situation.operation is None and not situation.trace.ledger
    no_provider = situation.never_reported and not situation.backend.exists
    gone = situation.proven and isinstance(situation.look, Missing)
    may_make = situation.outcome_open and (situation.operation is None or situation.operation.makes)
    verified = not situation.may_come and (not may_make or situation.nothing_made)
    assert let_go or observed or nothing_sent or no_provider or (gone and verified)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(GOING)
def test_protection_holds_a_deletion_that_came_past_the_api_server(situation: Situation) -> None:
    held = replace(situation, spec=situation.spec.model_copy(update={"deletion_protection": True}))
    assert not isinstance(decide(held).step, Delete)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations())
def test_while_only_observed_nothing_is_changed(situation: Situation) -> None:
    if not situation.observe_only:
        policy = {"management_policy": ManagementPolicy.OBSERVE_ONLY}
        situation = replace(situation, spec=situation.spec.model_copy(update=policy))
    assert decide(situation).step is None


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations())
def test_a_pause_holds_everything(situation: Situation) -> None:
    decision = decide(replace(situation, paused="CHG-1"))
    assert decision.step is None
    assert not decision.release
    assert not decision.remove
    assert not decision.needs_proof
    assert decision.observed is False
    assert word(decision, Condition.PAUSED) == "True"
    assert word(decision, Condition.READY) == ""


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations())
def test_what_is_protected_is_never_deleted_by_itself(situation: Situation) -> None:
    held = replace(situation, spec=situation.spec.model_copy(update={"deletion_protection": True}))
    assert not decide(held).remove


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situations())
def test_without_an_answering_provider_nothing_is_done(situation: Situation) -> None:
    assume(situation.backend.failure is not None or not situation.backend.connected)
    decision = decide(situation)
    assert decision.step is None
    assert not decision.needs_proof


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(LIVING, resting()))
def test_a_generation_is_called_reached_only_by_a_look_at_a_machine_that_is_as_it_asks(situation: Situation) -> None:
    decision = decide(situation)
    spoken = {item.type for item in decision.said}
    assume(Condition.UP_TO_DATE in spoken)
    assert isinstance(situation.look, Present)
    assert decision.step is None
    assert situation.reached or isinstance(situation.wanted, Wanted)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIVING, st.floats(0, 1000))
def test_an_outage_is_told_on_settled_machines_after_a_while_and_without_events(
    situation: Situation, seconds: float
) -> None:
    assume(situation.reached and situation.paused is None and not expired(situation))
    down = replace(situation.backend, exists=True, failure=at.DOWN, down_for=seconds)
    decision = decide(replace(situation, backend=down, wanted=None))
    assert decision.notes == ()
    assert decision.failure is None
    if seconds < OUTAGE_TOLD_AFTER:
        assert decision.said == ()
        assert not decision.observed
        assert not decision.phase
    else:
        assert [(item.type, item.word) for item in decision.said] == [(Condition.READY, "Unknown")]


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIVING)
def test_drift_is_left_where_it_is_not_to_be_corrected(situation: Situation) -> None:
    resolved = at.status().resolved
    quiet = situation.status.model_copy(
        update={"resolved": resolved, "handled": {"restartedAt": "2", "rebuildToken": ""}}
    )
    wanted = at.wanted()
    spec = at.spec(restartedAt="2", driftDetection={"mode": situation.drift_mode})
    situation = replace(situation, status=quiet, spec=spec, wanted=wanted, operation=None, outcome_open=False)
    assume(situation.drift_mode is not DriftMode.ENABLED)
    decision = decide(situation)
    assert not isinstance(decision.step, SetPower | Update | Rewire)
    seen = machine_seen(situation)
    settled = word(decision, Condition.READY) == "True" and seen is not None and seen.life is Life.STEADY
    differs = seen is not None and (seen.shape.power != wanted.shape.power or seen.shape.tags.get("team") != "a")
    if settled and differs:
        assert word(decision, Condition.DRIFTED) == ("True" if situation.drift_mode is DriftMode.WARN else "")


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(resting())
def test_what_the_ceiling_forbids_waits_and_is_told_until_it_is_allowed(situation: Situation) -> None:
    policy = situation.spec.update_policy.model_copy(update={"max_disruption": MaxDisruption.NONE})
    situation = replace(situation, spec=situation.spec.model_copy(update={"update_policy": policy}))
    decision = decide(situation)
    assert not isinstance(decision.step, Update)
    assume(word(decision, Condition.UP_TO_DATE) == "False")
    after = VirtualMachineStatus.model_validate(reported(situation, decision))
    again = decide(replace(situation, status=after, operation=None, outcome_open=False))
    assume(again.step is None and "pendingChanges" in again.status)
    held = {row.path for row in after.pending_changes or ()}
    assert held == {row["path"] for row in again.status["pendingChanges"] or ()}


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(resting())
def test_a_settled_machine_is_left_alone_and_written_once(situation: Situation) -> None:
    decision = decide(situation)
    assume(word(decision, Condition.READY) == "True" and decision.close_operation)
    assert decision.step is None
    rows = {row.name: row for row in (*situation.trace.ledger, *decision.adopt) if row.name not in decision.forget}
    trace = replace(situation.trace, ledger=tuple(rows.values()))
    first = reported(situation, decision, trace)
    again = replace(
        situation,
        status=VirtualMachineStatus.model_validate(first),
        trace=trace,
        operation=None,
        outcome_open=False,
        nothing_made=False,
        never_reported=False,
    )
    settled = decide(again)
    assume(not (settled.needs_proof or settled.step))  # what the backend showed first was another machine
    second = reported(again, settled)
    body = {"metadata": {"generation": situation.generation, "resourceVersion": "1"}, "status": first}
    assert status_patch(body, second) is None


@pytest.mark.parametrize(
    "plan",
    [simulated.plan, lambda *words: openstack.plan(*words, Fence())],
    ids=["simulated", "openstack"],
)
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(situation=resting())
def test_what_was_read_before_the_last_call_leads_to_no_other(plan: Callable[..., Any], situation: Situation) -> None:
    """`asOf` older than the machine's last receipt."""
    step = decide(situation).step
    assume(isinstance(step, SetPower | Update))
    memory = Memory(situation.operation, {"server": 101.0})
    assert not isinstance(plan(step, situation.trace, situation.wanted, situation.look, memory), Call)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIVING)
def test_a_call_of_unknown_outcome_is_verified_before_the_next_is_made(situation: Situation) -> None:
    assume(situation.outcome_open and not situation.nothing_made)
    operation = situation.operation
    assert isinstance(operation, Operation)
    if operation.type == "Create" and not situation.proven:
        assert decide(situation).step is None
    if operation.type == "Create" and situation.proven and not _shown(situation):
        assert decide(situation).step is None
