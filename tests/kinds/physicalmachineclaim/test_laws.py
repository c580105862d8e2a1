"""What holds of every decision about a claim, whatever the situation."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kinds.physicalmachineclaim.claims import HELD, OTHER, UID, US, said, server, situation

from hostwright.core.access import LabelSelector
from hostwright.core.names import LABEL_RACK, LABEL_ZONE, Condition
from hostwright.kinds.physicalmachineclaim.decide import Bind, Situation, Unbind, decide
from hostwright.kinds.physicalmachineclaim.resource import PhysicalMachineClaimStatus
from hostwright.kinds.physicalmachineclaim.servers import HEALTH, Holder, Ref, Server, Spread, Why, Wish, choose

NAMES = ("r1", "r2", "r3", "r4")
words = st.sampled_from(["", "a", "b"])
#: A busy machine is no reason to fail.
calmly = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def servers(draw: st.DrawFn, name: str) -> Server:
    """As any writer may have left it."""
    labels = {LABEL_ZONE: draw(words), LABEL_RACK: draw(words), "pool": draw(words)}
    ours_before = Holder(US, "u-0")
    return server(
        name,
        labels={key: value for key, value in labels.items() if value},
        namespaces=frozenset(draw(st.sets(st.sampled_from(["team-a", "racks"])))),
        holder=draw(st.sampled_from([None, None, HELD, OTHER, ours_before])),
        promised=frozenset(draw(st.sets(st.sampled_from([US, OTHER.claim])))),
        hindrance=draw(st.sampled_from([None, None, *Why])),
        cpu=draw(st.sampled_from([None, 4, 8])),
        memory_mib=draw(st.sampled_from([None, 1024, 2048])),
        health=draw(st.sampled_from([*HEALTH, "Critical"])),
        power=draw(st.sampled_from(["", "PoweredOn", "PoweredOff"])),
        ready=draw(st.sampled_from(["", "True", "False", "Unknown"])),
        reason="Because",
        stalled=draw(st.booleans()),
        held=draw(st.booleans()),
        reachable=draw(st.booleans()),
        released=draw(st.booleans()),
        handled_for=draw(st.sampled_from([UID, "u-0", ""])),
        handled_restart=draw(st.sampled_from(["", "1"])),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    machine = draw(st.sampled_from([None, *(Ref("racks", name) for name in NAMES)]))
    fleet = [draw(servers(name)) for name in NAMES if draw(st.booleans())]
    # the index is made of the claims' own status
    fleet = [
        replace(each, promised=each.promised | {US} if each.ref == machine else each.promised - {US}) for each in fleet
    ]
    selector = draw(st.sampled_from([None, LabelSelector(match_labels={"pool": "a"})]))
    wish = Wish("team-a", selector, cpu=draw(st.sampled_from([0, 8])), memory_mib=draw(st.sampled_from([0, 2048])))
    spec: dict[str, Any] = {"powerState": draw(st.sampled_from(["PoweredOn", "PoweredOff"]))}
    if draw(st.booleans()):
        spec["restartedAt"] = "1"
    named = next((each for each in fleet if each.ref == machine), None)
    rivalled = named is not None and named.holder not in {None, HELD} and draw(st.booleans())
    return situation(*fleet, spec=spec, wish=wish, machine=machine, rivalled=rivalled, deleting=draw(st.booleans()))


def known(there: Situation) -> list[Server]:
    return [*there.free, *there.holding, *([there.named] if there.named else [])]


@calmly
@given(situations())
def test_no_server_of_another_live_claim_is_bound(there: Situation) -> None:
    step = decide(there).step
    if isinstance(step, Bind):
        mine = there.machine is not None and step.server.ref == there.machine and not there.rivalled
        assert mine or (step.server.holder is None and not step.server.promised and step.server.hindrance is None)


@calmly
@given(situations())
def test_a_claim_that_has_a_server_never_takes_another(there: Situation) -> None:
    step = decide(there).step
    if isinstance(step, Bind) and (there.machine is not None or there.holding):
        assert step.server.ref == there.machine


@calmly
@given(situations())
def test_a_claim_that_is_being_deleted_takes_none(there: Situation) -> None:
    step = decide(replace(there, deleting=True)).step
    if isinstance(step, Bind):
        assert step.server.ref == there.machine


@calmly
@given(situations())
def test_only_a_claim_ref_of_our_own_that_was_never_used_is_taken_off(there: Situation) -> None:
    step = decide(there).step
    if isinstance(step, Unbind):
        assert step.server.holder == HELD
        assert step.server.ref != there.machine


@calmly
@given(situations())
def test_a_claim_goes_only_when_its_server_was_seen_off_or_cannot_be_reached(there: Situation) -> None:
    if decide(there).release:
        assert there.deleting
        first = there.holding[:1]
        assert all(each.released or not each.reachable for each in first)
        named = there.named
        assert named is None or there.rivalled or named.holder == HELD or named.ref != there.machine


@calmly
@given(situations())
def test_the_status_names_a_server_only_when_both_sides_agree(there: Situation) -> None:
    decision = decide(there)
    if "machineRef" in decision.status:
        named = Ref(**decision.status["machineRef"])
        assert there.machine in {None, named}
        assert any(each.ref == named and each.holder == HELD for each in known(there))
    bound = [item for item in decision.said if item.type is Condition.BOUND]
    assert all(item.status is not True or "machineRef" in decision.status for item in bound)


@calmly
@given(situations())
def test_a_claim_waits_only_when_nothing_will_do_and_counts_them_all(there: Situation) -> None:
    decision = decide(there)
    if decision.failure is None or decision.failure.reason != "NoMachineAvailable":
        return
    assert all(there.wish.verdict(each) is not None for each in there.free)
    total = sum(there.tally.values())
    message = said(decision, Condition.READY).message
    assert message.startswith(f"0 of {total} " if total else "there is no PhysicalMachine")
    assert decision.look_again is not None


@st.composite
def fleets(draw: st.DrawFn) -> list[Server]:
    """Servers of which most may be taken."""
    fleet = [draw(servers(name)) for name in NAMES]
    allowed = frozenset({"team-a"})
    return [
        each
        if draw(st.integers(0, 3)) == 0
        else replace(each, namespaces=allowed, holder=None, promised=frozenset(), hindrance=None)
        for each in fleet
    ]


@calmly
@given(fleets(), st.permutations(range(len(NAMES))))
def test_no_better_server_is_passed_over_whatever_the_order(fleet: list[Server], order: list[int]) -> None:
    wish, spread = Wish("team-a"), Spread({"a": 1}, {("a", "a"): 1})
    found = choose(wish, fleet, spread)
    takable = [each for each in fleet if wish.verdict(each) is None]
    assert (found is None) == (not takable)
    if found is not None:
        assert found in takable
        as_healthy = [each for each in takable if HEALTH.get(each.health, 3) == HEALTH.get(found.health, 3)]
        assert all(HEALTH.get(each.health, 3) >= HEALTH.get(found.health, 3) for each in takable)
        if found.labels.get(LABEL_ZONE) == "a":
            assert all(each.labels.get(LABEL_ZONE) == "a" for each in as_healthy)
    assert choose(wish, [fleet[number] for number in order], spread) == found


@calmly
@given(situations())
def test_what_is_said_fits_the_status_and_is_said_once(there: Situation) -> None:
    decision = decide(there)
    kinds = [item.type for item in decision.said]
    assert len(kinds) == len(set(kinds))
    if decision.step is None and not decision.release:
        assert Condition.READY in kinds
        assert decision.phase
        ready = said(decision, Condition.READY)
        assert (ready.status is True) == (Condition.RECONCILING not in kinds and Condition.STALLED not in kinds) or (
            ready.status is None
        )
    PhysicalMachineClaimStatus.model_validate({**decision.status, "phase": decision.phase or None})
