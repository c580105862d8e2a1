"""What a pool does next, one situation after the other."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kinds.machinepool.pools import LIVE, NOW, QUIET, REPLACE, UID, member, members, pool

from hostwright.core.errors import SelectorOverlap
from hostwright.core.names import Condition, Disruption
from hostwright.kinds.machinepool.compare import Classes, change
from hostwright.kinds.machinepool.decide import Adopt, Bear, Decision, Release, Remove, Step, Update, decide
from hostwright.kinds.machinepool.expected import Expected, Sent
from hostwright.kinds.machinepool.naming import machine_id, ordinal
from hostwright.kinds.machinepool.situation import Change, Situation
from hostwright.kinds.machinepool.values import InPlace, Order, Strategy, portion


def told(decision: Decision, kind: Condition) -> tuple[str, str]:
    return next(((item.word, str(item.reason)) for item in decision.said if item.type is kind), ("", ""))


def names(step: Step | None) -> list[str]:
    match step:
        case Bear(births=births):
            return [birth.name for birth in births]
        case Remove(members=found) | Update(members=found) | Adopt(members=found) | Release(members=found):
            return [each.name for each in found]
        case None:
            return []


def next_of(situation: Situation) -> tuple[str, list[str]]:
    step = decide(situation).step
    return type(step).__name__, names(step)


# -- scaling


def test_a_settled_pool_does_nothing_and_is_ready() -> None:
    decision = decide(pool(3, members(3)))
    assert decision.step is None
    assert told(decision, Condition.READY) == ("True", "Ready")
    assert told(decision, Condition.UP_TO_DATE) == ("True", "Settled")


def test_births_take_the_smallest_free_numbers_and_incarnations_that_none_had() -> None:
    step = decide(pool(4, [member(0), member(2, going=True)], births=7)).step
    assert isinstance(step, Bear)
    assert [(birth.name, birth.incarnation) for birth in step.births] == [("web-1", 8), ("web-3", 9), ("web-4", 10)]
    assert step.births[0].machine_id == machine_id(UID, "web-1", 8) != machine_id(UID, "web-1", 9)


def test_no_more_than_a_batch_is_born_at_once() -> None:
    assert len(next_of(pool(500))[1]) == 64


def test_random_names_are_the_same_at_every_look_and_never_anothers() -> None:
    wish = pool(3, naming="{pool}-{random}")
    first = next_of(wish)[1]
    assert first == next_of(wish)[1]
    assert len(set(first)) == 3
    assert all(name.startswith("web-") and len(name) == 9 for name in first)
    assert first[0] not in next_of(replace(wish, foreign=frozenset(first[:1])))[1]


def test_a_name_that_another_has_is_told_and_the_others_are_made() -> None:
    decision = decide(pool(3, foreign=frozenset({"web-1"})))
    assert names(decision.step) == ["web-0", "web-2"]
    assert told(decision, Condition.STALLED) == ("True", "NameTaken")


def test_a_limit_that_leaves_no_room_for_a_rollout_is_told() -> None:
    """maxUnavailable is 0: a new member has to come before one may go."""
    behind = members(3, change=REPLACE)
    decision = decide(pool(3, behind, limit=3, surge=1, unavailable=0))
    assert decision.step is None
    assert told(decision, Condition.READY) == ("False", "LimitReached")
    room = decide(pool(3, behind, limit=4, surge=1, unavailable=0))
    assert names(room.step) == ["web-3"]
    assert told(room, Condition.READY) == ("False", "RollingOut")


@pytest.mark.parametrize(
    ("order", "first"),
    [(Order.NEWEST, "web-3"), (Order.OLDEST, "web-0"), (Order.ORDINAL, "web-3")],
)
def test_who_goes_first_when_it_shrinks(order: Order, first: str) -> None:
    assert next_of(pool(3, members(4), order=order)) == ("Remove", [first])


def test_random_order_is_the_same_at_every_look() -> None:
    wish = pool(1, members(6), order=Order.RANDOM)
    assert next_of(wish) == next_of(wish)
    assert next_of(wish)[1] != next_of(replace(wish, order=Order.NEWEST))[1]


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({1: {"delete_first": True}}, "web-1"),
        ({2: {"delete_first": True}, 1: {"ready": False}}, "web-2"),
        ({0: {"ready": False}}, "web-0"),
        ({0: {"ready": None}}, "web-0"),
        ({3: {"do_not_disrupt": True}}, "web-2"),
        ({0: {"ready": False, "do_not_disrupt": True}}, "web-3"),
        ({3: {"protected": True}}, "web-2"),
    ],
)
def test_annotations_and_readiness_go_before_the_order(changes: dict[int, dict[str, Any]], gone: str) -> None:
    found = [member(number, **changes.get(number, {})) for number in range(4)]
    assert next_of(pool(3, found)) == ("Remove", [gone])


def test_where_only_protected_ones_are_left_it_is_told() -> None:
    decision = decide(pool(1, members(2, protected=True)))
    assert decision.step is None
    assert told(decision, Condition.READY) == ("False", "MemberProtected")


def test_its_limit_counts_those_that_are_going() -> None:
    assert next_of(pool(3, [member(0), member(1, going=True)], limit=3)) == ("Bear", ["web-2"])
    decision = decide(pool(5, members(3), limit=3))
    assert decision.step is None
    assert told(decision, Condition.READY) == ("False", "LimitReached")


def test_one_that_was_only_announced_goes_once_it_is_seen_and_no_other_in_its_place() -> None:
    announced = member(3, ready=False, seen=False, writable=False)
    assert decide(pool(3, [*members(3), announced])).step is None


# -- rollout


def test_a_surge_member_comes_first_and_an_old_one_goes_when_it_is_ready() -> None:
    old = members(3, change=REPLACE)
    assert next_of(pool(3, old)) == ("Bear", ["web-3"])
    assert decide(pool(3, [*old, member(3, ready=False)])).step is None
    assert next_of(pool(3, [*old, member(3)])) == ("Remove", ["web-2"])


def test_without_surge_one_goes_first() -> None:
    old = members(3, change=REPLACE)
    assert next_of(pool(3, old, surge=0, unavailable=1)) == ("Remove", ["web-2"])
    assert next_of(pool(3, old[:2], surge=0, unavailable=1)) == ("Bear", ["web-2"])


def test_a_member_must_be_ready_for_long_enough_to_count() -> None:
    new = member(3, ready_since=NOW - timedelta(seconds=10))
    decision = decide(pool(3, [*members(3, change=REPLACE), new], min_ready=30.0))
    assert (decision.step, decision.look_again) == (None, 20.0)


def test_one_that_is_ready_only_now_is_not_given_up_below_the_bound() -> None:
    now = NOW - timedelta(seconds=5)
    fresh = [member(number, change=REPLACE, ready_since=now) for number in range(3)]
    waits = pool(3, [*fresh, member(3, ready=False)], min_ready=30.0)
    assert decide(waits).step is None
    assert next_of(replace(waits, members=(*fresh, member(3)))) == ("Remove", ["web-2"])
    shrunk = pool(2, [*fresh[:2], *(member(number, ready=False) for number in (2, 3))], min_ready=30.0, surge=1)
    assert next_of(shrunk) == ("Remove", ["web-3"]), "not ready goes first"
    assert decide(replace(shrunk, members=(*fresh[:2], member(2, ready=False, protected=True)), surge=0)).step is None


def test_heavy_changes_keep_what_is_ready_only_now() -> None:
    restart, now = Change(Disruption.RESTART, ("/classRef/name",)), NOW - timedelta(seconds=5)
    found = [member(number, change=restart, ready_since=now) for number in range(2)]
    allowed = pool(2, found, min_ready=30.0, ceiling=Disruption.RESTART, unavailable=1, surge=0)
    assert next_of(allowed) == ("Update", ["web-1"])


def test_a_broken_old_one_is_replaced_whatever_else() -> None:
    found = [member(0, change=REPLACE, ready=False), *members(3, change=REPLACE)[1:], member(3, ready=False)]
    waits = replace(pool(3, found), surge=2)
    assert next_of(waits) == ("Bear", ["web-4"])
    assert next_of(pool(3, [found[0], *members(3)[1:]], surge=0, unavailable=1)) == ("Remove", ["web-0"])


def test_of_many_broken_ones_few_go_at_once() -> None:
    """They may be broken by an outage, and the new template may be a bad one, too."""
    assert next_of(pool(5, members(5, change=REPLACE, ready=False), surge=0, unavailable=2))[1] == ["web-4", "web-3"]
    half = [*members(4, change=REPLACE, ready=False), member(4, ready=False)]
    assert next_of(pool(5, half, surge=0, unavailable=2))[1] == ["web-3"]


def test_one_whose_state_nobody_knows_stays() -> None:
    found = members(3, change=REPLACE, ready=None)
    assert decide(pool(3, found, surge=0, unavailable=1)).step is None


def test_a_template_that_is_set_back_removes_the_broken_new_one() -> None:
    assert next_of(pool(3, [*members(3), member(3, change=REPLACE, ready=False)])) == ("Remove", ["web-3"])


def test_a_protected_one_stays_and_is_told_and_no_surge_waits_for_it() -> None:
    decision = decide(pool(1, [member(0, change=REPLACE, protected=True)]))
    assert decision.step is None
    assert told(decision, Condition.READY) == ("True", "ChangesPending")
    assert "deletionProtection" in next(item.message for item in decision.said if item.type is Condition.READY)


def test_paused_and_on_delete_leave_members_and_still_scale() -> None:
    for frozen in ({"paused": True}, {"strategy": Strategy.ON_DELETE}):
        assert decide(pool(3, members(3, change=REPLACE), **frozen)).step is None
        assert next_of(pool(2, members(3, change=LIVE), **frozen))[0] == "Remove"
        assert next_of(pool(4, members(3, change=LIVE), **frozen))[0] == "Bear"


def test_a_member_that_says_itself_that_it_is_behind_is_replaced() -> None:
    assert next_of(pool(1, [member(0, up_to_date=False)])) == ("Bear", ["web-1"])
    assert decide(pool(1, [member(0, up_to_date=None)])).step is None


def test_a_member_that_was_evacuated_is_told_and_left_alone() -> None:
    evacuated = member(0, up_to_date=False, moved=True)
    told = decide(pool(1, [evacuated]))
    assert told.step is None
    assert told.up_to_date == 0
    assert "by nobody's edit" in next(each.message for each in told.said if each.type == Condition.UP_TO_DATE)
    edited = member(0, up_to_date=False, moved=True, change=REPLACE)
    assert next_of(pool(1, [edited])) == ("Bear", ["web-1"]), "an edit of the template is another matter"


def test_the_object_of_before_under_its_name_is_not_the_birth_that_has_no_answer() -> None:
    expected = Expected(births={"web-0": Sent(0.0, identity="new"), "web-1": Sent(0.0)})
    expected.seen([member(0, identity="old"), member(1)])
    assert list(expected.births) == ["web-0"], "a claim has no machine id"
    expected.seen([member(0, uid="u9", identity="new")])
    assert not expected.births


# -- in place


def test_what_touches_no_machine_is_changed_on_all_and_what_may_on_few() -> None:
    assert next_of(pool(5, members(5, change=QUIET))) == ("Update", [f"web-{number}" for number in range(5)])
    assert next_of(pool(5, members(5, change=LIVE))) == ("Update", ["web-4"])
    assert next_of(pool(5, members(5, change=LIVE), surge=2, unavailable=1))[1] == ["web-4", "web-3", "web-2"]
    waits = [*members(4, change=LIVE), member(4, ready=False)]
    assert decide(pool(5, waits)).step is None, "the first one is not ready again yet"


def test_one_that_is_not_ready_is_changed_whatever_else() -> None:
    found = [member(0, change=LIVE, ready=False), member(1, change=LIVE), member(2, ready=False)]
    assert next_of(pool(3, found)) == ("Update", ["web-0"])


def test_heavier_than_live_only_where_allowed_and_above_the_bound() -> None:
    restart = Change(Disruption.RESTART, ("/classRef/name",))
    found = members(3, change=restart)
    assert next_of(pool(3, found)) == ("Bear", ["web-3"]), "not allowed: replaced"
    allowed = pool(3, found, ceiling=Disruption.RESTART, unavailable=1, surge=0)
    assert next_of(allowed) == ("Update", ["web-2"])
    assert decide(replace(allowed, unavailable=0)).step is None


def test_what_only_another_machine_can_have_comes_with_another_member_whatever_the_ceiling() -> None:
    anew = Change(Disruption.REPLACE, ("/placement/group/name",))
    allowed = pool(3, members(3, change=anew), ceiling=Disruption.REPLACE)
    assert next_of(allowed) == ("Bear", ["web-3"])
    assert decide(replace(allowed, in_place=InPlace.REQUIRE)).step is None, "nothing is replaced"


def test_heavier_than_live_with_none_to_spare_beside_one_more() -> None:
    """PROTOCOLS 10.5: with maxUnavailable 0 only while a surge member is ready."""
    restart = Change(Disruption.RESTART, ("/classRef/name",))
    bounds = {"ceiling": Disruption.RESTART, "unavailable": 0, "surge": 1}
    behind = members(3, change=restart)
    assert next_of(pool(3, behind, **bounds)) == ("Bear", ["web-3"])
    assert decide(pool(3, [*behind, member(3, ready=False)], **bounds)).step is None
    assert next_of(pool(3, [*behind, member(3)], **bounds)) == ("Update", ["web-2"])
    assert decide(pool(3, [*behind[:2], member(2, ready=False), member(3)], **bounds)).step is None, "one at a time"
    assert next_of(pool(3, [*behind[:1], *members(4)[1:]], **bounds)) == ("Update", ["web-0"])
    back = [member(0, ready=False, changing=True), *members(4)[1:]]
    assert decide(pool(3, back, **bounds)).step is None, "neither who is changed nor who stands in for it"
    assert next_of(pool(3, back, ceiling=Disruption.LIVE)) == ("Remove", ["web-0"]), "a change that none notices"
    assert next_of(pool(3, members(4), **bounds)) == ("Remove", ["web-3"])


def test_never_require_and_stubborn() -> None:
    assert next_of(pool(1, members(1, change=QUIET), in_place=InPlace.NEVER)) == ("Bear", ["web-1"])
    assert decide(pool(1, members(1, change=REPLACE), in_place=InPlace.REQUIRE)).step is None
    assert next_of(pool(1, members(1, change=LIVE), in_place=InPlace.REQUIRE)) == ("Update", ["web-0"])
    assert next_of(pool(1, members(1, change=LIVE), stubborn=frozenset({"u0"}))) == ("Bear", ["web-1"])


def test_labels_go_to_all_and_no_spec_with_them() -> None:
    step = decide(pool(2, members(2, change=REPLACE, labelled=False), strategy=Strategy.ON_DELETE)).step
    assert isinstance(step, Update)
    assert (names(step), step.spec) == (["web-0", "web-1"], False)


# -- members that come and go


def test_one_whose_labels_are_gone_is_let_go_and_orphans_come_up_to_replicas() -> None:
    assert next_of(pool(2, members(2), strays=(member(5),))) == ("Release", ["web-5"])
    assert next_of(pool(2, members(1), orphans=(member(7), member(6)))) == ("Adopt", ["web-6"])
    assert decide(pool(2, members(2), orphans=(member(7),))).step is None


def test_a_pool_that_goes_or_is_held_or_has_a_rival_does_nothing() -> None:
    for rest in ({"deleting": True}, {"held": "CHG-1"}, {"failure": SelectorOverlap("another")}):
        assert decide(pool(5, members(2), strays=(member(9),), **rest)).step is None
    assert not decide(pool(5, held="CHG-1")).observed


# -- comparing

CLASSES = Classes({"/tags": Disruption.LIVE, "/timeouts": Disruption.NONE}, frozenset({"/deletionProtection"}))


@pytest.mark.parametrize(
    ("template", "found", "expected"),
    [
        ({"tags": {"a": "b"}}, {"tags": {"a": "b"}}, None),
        ({"tags": {}}, {}, None),
        ({"tags": {"a": "b"}}, {"tags": {"a": "c"}}, Change(Disruption.LIVE, ("/tags/a",))),
        ({"tags": {}}, {"tags": {"a": "b"}}, Change(Disruption.LIVE, ("/tags/a",))),
        ({}, {"tags": {"a": "b"}}, Change(Disruption.LIVE, ("/tags",))),
        ({"timeouts": {"create": "1m"}}, {"tags": {"a": "b"}}, Change(Disruption.LIVE, ("/tags", "/timeouts"))),
        ({"anything": 1}, {"anything": 2}, Change(Disruption.REPLACE, ("/anything",))),
        ({"deletionProtection": False}, {"deletionProtection": True}, None),
        ({"deletionProtection": True}, {}, Change(Disruption.REPLACE, ("/deletionProtection",))),
        ({"list": [{"name": "a"}]}, {"list": []}, Change(Disruption.REPLACE, ("/list",))),
    ],
)
def test_field_by_field(template: dict[str, Any], found: dict[str, Any], expected: Change | None) -> None:
    assert change(template, found, CLASSES) == expected


def test_numbers_and_percentages() -> None:
    assert [portion(value, 10, up=True) for value in (2, "2", "25%", "0%")] == [2, 2, 3, 0]
    assert [portion(value, 10, up=False) for value in (2, "25%", "100%")] == [2, 2, 10]


def test_the_number_in_a_name() -> None:
    assert ordinal("web-12", "{pool}-{ordinal}", "web") == 12
    assert ordinal("web-x", "{pool}-{ordinal}", "web") == -1
    assert ordinal("web-1", "{pool}-{random}", "web") == -1
