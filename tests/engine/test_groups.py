"""The pass over a Provider's groups: one for each name, whatever becomes of calls and of the process."""

import pytest
from tests.engine.place import START
from tests.engine.yard import PROVIDER, Yard

from hostwright.core.errors import GroupQuotaExceeded, InvalidConfiguration, Transient
from hostwright.core.names import Reason
from hostwright.engine.ports import ClusterUnavailableError, StaleBodyError

NAME = "a/web"


@pytest.fixture
def yard() -> Yard:
    return Yard()


async def test_machines_of_one_name_share_a_group_that_goes_with_the_last(yard: Yard) -> None:
    first, second = yard.machine("m1"), yard.machine("m2")
    yard.machine("m3", "web", namespace="b")
    await yard.run()
    assert {fact.name.partition(" ")[0] for fact in yard.mine()} == {NAME, "b/web"}
    row = yard.rows[NAME]
    assert (row["state"], row["policy"], row["id"]) == ("Created", "AntiAffinity", yard.mine()[0].id)
    assert {first, second} <= set(yard.woken), "they wait for it"
    yard.gone(first)
    await yard.run(200)
    assert NAME in yard.rows
    yard.gone(second)
    await yard.run()
    assert set(yard.rows) == {"b/web"}
    assert [fact.name.partition(" ")[0] for fact in yard.mine()] == ["b/web"]


async def test_settled_groups_cost_one_list_a_minute_and_no_write(yard: Yard) -> None:
    for number in range(5):
        yard.machine(f"m{number}", f"g{number}")
    await yard.run()
    version = yard.body["metadata"]["resourceVersion"]
    yard.nova.calls.clear()
    await yard.run(600)
    assert yard.nova.calls.count("list") == len(yard.nova.calls) <= 11
    assert yard.body["metadata"]["resourceVersion"] == version


@pytest.mark.parametrize("fault", ["lost", "failed", "killed"])
async def test_a_lost_creation_is_looked_for_and_made_again_only_if_it_made_nothing(yard: Yard, fault: str) -> None:
    yard.machine("m1")
    yard.nova.fault = fault
    await yard.run(20)
    if fault == "failed":
        assert yard.mine() == [], "the quiet time is not over"
    await yard.run(60)
    (fact,) = yard.mine()
    assert yard.rows[NAME]["id"] == fact.id
    assert yard.nova.calls.count("make") == (2 if fault == "failed" else 1)


async def test_nothing_is_sent_that_was_not_announced(yard: Yard) -> None:
    machine = yard.machine("m1")

    def announced(verb: str) -> None:
        row = yard.rows.get(NAME, {})
        assert verb != "make" or (row["state"], row.get("id")) == ("Creating", None)
        assert verb != "remove" or row["state"] == "Deleting"

    yard.nova.before = announced
    yard.api.fails = [StaleBodyError, ClusterUnavailableError]
    await yard.run()
    assert len(yard.mine()) == 1
    yard.gone(machine)
    yard.api.fails = [ClusterUnavailableError, StaleBodyError]
    await yard.run()
    assert yard.mine() == []
    assert yard.rows == {}


async def test_a_machine_that_comes_while_the_deletion_is_announced_keeps_the_group(yard: Yard) -> None:
    machine = yard.machine("m1")
    await yard.run()
    (fact,) = yard.mine()
    yard.gone(machine)
    yard.api.during = lambda: yard.machine("m2")
    await yard.run()
    assert (yard.rows[NAME]["id"], yard.rows[NAME]["state"]) == (fact.id, "Created")
    assert "remove" not in yard.nova.calls


async def test_a_deletion_that_was_sent_is_carried_through_and_the_next_machine_has_another_group(yard: Yard) -> None:
    machine = yard.machine("m1")
    await yard.run()
    (before,) = yard.mine()
    yard.gone(machine)
    yard.nova.fault = "lost"
    yard.nova.before = lambda verb: yard.machine("m2") if verb == "remove" else None
    await yard.run()
    (after,) = yard.mine()
    assert after.id != before.id
    assert yard.rows[NAME]["id"] == after.id


async def test_while_a_deletion_may_yet_be_carried_out_no_machine_is_made_in_the_group(yard: Yard) -> None:
    """Its answer was lost, and somebody made a server in it meanwhile."""
    machine = yard.machine("m1")
    await yard.run()
    (fact,) = yard.mine()
    yard.gone(machine)
    yard.nova.fault = "failed"
    yard.nova.before = lambda verb: yard.nova.join(fact.id, "s9") if verb == "remove" else None
    await yard.run(1)
    yard.machine("m2")
    await yard.run(15)
    assert yard.rows[NAME]["state"] == "Deleting"
    await yard.run(60)
    assert (yard.rows[NAME]["state"], yard.rows[NAME]["id"]) == ("Created", fact.id)


async def test_what_another_operator_watches_is_left_to_it(yard: Yard) -> None:
    yard.groups.watches = lambda namespace: namespace == "a"
    theirs = {"name": "b/web", "policy": "Affinity", "state": "Created", "id": "g7", "title": "t"}
    metadata = {**yard.body["metadata"], "resourceVersion": "2"}
    yard.store.put(PROVIDER, {**yard.body, "metadata": metadata, "status": {"groups": [theirs]}})
    yard.machine("m1")
    yard.machine("m2", "db", namespace="b")
    await yard.run(120)
    assert set(yard.rows) == {NAME, "b/web"}
    assert yard.rows["b/web"] == theirs
    assert [item.name.partition(" ")[0] for item in yard.mine()] == [NAME]


async def test_a_group_with_servers_in_it_stays_until_they_are_gone(yard: Yard) -> None:
    machine = yard.machine("m1")
    await yard.run()
    (fact,) = yard.mine()
    yard.nova.join(fact.id, "s1")
    yard.gone(machine)
    await yard.run(120)
    assert [item.id for item in yard.mine()] == [fact.id]
    assert (yard.rows[NAME]["reason"], yard.rows[NAME]["state"]) == ("InUse", "Created")
    yard.nova.leave("s1")
    await yard.run(120)
    assert yard.mine() == []


async def test_one_that_somebody_deleted_is_told_and_made_again(yard: Yard) -> None:
    yard.machine("m1")
    await yard.run()
    (fact,) = yard.mine()
    del yard.nova.rows[fact.id]
    await yard.run(120)
    (after,) = yard.mine()
    assert yard.rows[NAME]["id"] == after.id != fact.id
    (note,) = yard.api.events
    assert (note.reason, note.warning) == (Reason.DRIFT_DETECTED, True)
    assert fact.id in note.message


async def test_look_alikes_are_never_taken_nor_touched(yard: Yard) -> None:
    before = yard.nova.put(NAME), yard.nova.put("a/web hw:0000000000000000:id0"), yard.nova.put("web", "s9")
    machine = yard.machine("m1", server="s1")
    yard.nova.fault = "lost"
    await yard.run(60)
    own = yard.rows[NAME]
    assert own["id"] not in before
    copy = yard.nova.put(own["title"])
    yard.gone(machine)
    await yard.run(120)
    assert set(yard.nova.rows) == {*before, copy}, "ours is gone by its id, its copy is somebody's"


async def test_of_two_that_bear_the_title_of_a_lost_creation_none_is_taken(yard: Yard) -> None:
    yard.machine("m1")
    yard.nova.fault = "lost"
    await yard.look()
    title = yard.rows[NAME]["title"]
    yard.nova.put(title)
    await yard.run(120)
    assert yard.nova.rows[yard.rows[NAME]["id"]].name != title


async def test_a_lost_status_finds_the_group_of_its_machines_again_and_no_other(yard: Yard) -> None:
    yard.machine("m1", server="s1")
    await yard.run()
    (fact,) = yard.mine()
    yard.nova.join(fact.id, "s1")
    prefix = fact.name.rpartition(":")[0]
    strange = {yard.nova.put(f"{prefix}:another", "s7"), yard.nova.put(f"{prefix}:empty")}
    metadata = {**yard.body["metadata"], "uid": "p-2", "resourceVersion": "500"}
    yard.store.put(PROVIDER, {**yard.body, "metadata": metadata, "status": {}})
    await yard.run()
    assert yard.rows[NAME]["id"] == fact.id
    assert {item.id for item in yard.mine()} == {fact.id, *strange}
    assert "make" in yard.nova.calls
    assert yard.nova.calls.count("make") == 1


async def test_a_refusal_is_told_in_the_row_and_tried_again_slowly(yard: Yard) -> None:
    machine = yard.machine("m1")
    yard.nova.refuses = GroupQuotaExceeded("Nova says: too many server groups.", code="403")
    await yard.run(59)
    assert yard.nova.calls.count("make") == 1
    assert yard.rows[NAME]["reason"] == "GroupQuotaExceeded"
    assert "too many" in yard.rows[NAME]["message"]
    yard.start()
    await yard.run(30)
    assert yard.nova.calls.count("make") == 2, "after another minute, by whichever process"
    yard.nova.refuses = None
    await yard.run(300)
    assert yard.rows[NAME]["state"] == "Created"
    assert "reason" not in yard.rows[NAME]
    yard.nova.refuses = GroupQuotaExceeded("full")
    yard.machine("m2", "db")
    await yard.run(5)
    yard.gone(machine, yard.machine("m2", "db"))
    await yard.run(20)
    assert yard.rows == {}, "one that was never made is only forgotten"


async def test_a_user_who_may_not_list_groups_is_told_so(yard: Yard) -> None:
    yard.machine("m1")
    refusal = InvalidConfiguration("the Provider's user may not use server groups")

    def refuse(verb: str) -> None:
        raise refusal

    yard.nova.before = refuse
    await yard.run(10)
    assert yard.rows[NAME]["reason"] == "InvalidConfiguration"
    assert yard.nova.made == 0


async def test_a_failed_look_proves_nothing(yard: Yard) -> None:
    yard.machine("m1")
    await yard.run()
    (fact,) = yard.mine()

    def fail(verb: str) -> None:
        raise Transient("Nova says: 500")

    yard.nova.before = fail
    await yard.run(300)
    assert yard.rows[NAME]["id"] == fact.id
    yard.nova.before = None
    await yard.run(100)
    assert [item.id for item in yard.mine()] == [fact.id]


async def test_whom_nothing_is_made_for(yard: Yard) -> None:
    """Only looked at, going, of a namespace that the Provider does not serve, or of a paused Provider."""
    yard.machine("m1", managementPolicy="ObserveOnly")
    await yard.run()
    strict = Yard(allowedNamespaces={"from": "None"})
    strict.machine("m1")
    await strict.run()
    paused = Yard(paused=True)
    paused.machine("m1")
    await paused.run()
    for each in (yard, strict, paused):
        assert (each.mine(), each.rows) == ([], {})
        assert each.nova.calls == []


async def test_two_policies_of_one_name_are_the_older_machines(yard: Yard) -> None:
    yard.machine("m1", policy="Affinity")
    yard.machine("m2", policy="AntiAffinity")
    await yard.run()
    assert [fact.policy for fact in yard.mine()] == ["Affinity"]


async def test_an_empty_group_is_made_anew_once_all_who_name_it_ask_for_another_policy(yard: Yard) -> None:
    for name in ("m1", "m2"):
        yard.machine(name, policy="Affinity")
    await yard.run()
    (before,) = yard.mine()
    yard.machine("m1", policy="SoftAffinity")
    await yard.run(120)
    assert yard.mine() == [before], "the other one may be made in it"
    yard.machine("m2", policy="SoftAffinity")
    await yard.run(20)
    (after,) = yard.mine()
    assert (after.policy, yard.rows[NAME]["policy"], yard.rows[NAME]["id"]) == (
        "SoftAffinity",
        "SoftAffinity",
        after.id,
    )
    assert yard.nova.calls.count("remove") == 1
    assert yard.api.events == [], "nobody else deleted it"


@pytest.mark.parametrize("fault", ["lost", "failed", "killed"])
async def test_whatever_becomes_of_the_answers_there_is_one_of_the_new_policy(yard: Yard, fault: str) -> None:
    yard.machine("m1", policy="Affinity")
    await yard.run()
    yard.machine("m1", policy="AntiAffinity")
    left = ["remove", "make"]  # the first of each is struck

    def strike(verb: str) -> None:
        if verb in left:
            left.remove(verb)
            yard.nova.fault = fault

    yard.nova.before = strike
    await yard.run(240)
    assert left == []
    assert [fact.policy for fact in yard.mine()] == ["AntiAffinity"]
    assert yard.rows[NAME]["id"] == yard.mine()[0].id


@pytest.mark.parametrize("what", ["a member", "a server", "an attempt", "only looked at"])
async def test_a_group_that_has_or_may_get_a_machine_keeps_its_policy(yard: Yard, what: str) -> None:
    yard.machine("m1", policy="Affinity")
    await yard.run()
    (before,) = yard.mine()
    if what == "a member":
        yard.nova.join(before.id, "s1")
    observed = {"managementPolicy": "ObserveOnly"} if what == "only looked at" else {}
    operation = {"type": "Create", "expect": "server"} if what == "an attempt" else None
    yard.machine("m1", "web", "SoftAffinity", "s1" if what == "a server" else "", operation=operation, **observed)
    await yard.run(120)
    assert [item.id for item in yard.mine()] == [before.id]
    assert yard.rows[NAME]["state"] == "Created"
    if what == "an attempt":
        ended = {**operation, "nextRetryAt": START.isoformat()} if operation else None
        yard.machine("m1", "web", "SoftAffinity", operation=ended)
        await yard.run(120)
        assert [fact.policy for fact in yard.mine()] == ["SoftAffinity"]


async def test_who_asks_for_the_old_policy_while_it_is_announced_keeps_the_group(yard: Yard) -> None:
    yard.machine("m1", policy="Affinity")
    await yard.run()
    (before,) = yard.mine()
    yard.machine("m1", policy="SoftAffinity")
    yard.api.during = lambda: yard.machine("m2", policy="Affinity")
    await yard.run(120)
    assert [item.id for item in yard.mine()] == [before.id]
    assert yard.rows[NAME]["state"] == "Created"
    assert "remove" not in yard.nova.calls


async def test_a_provider_that_goes_waits_for_its_groups_and_not_for_ever(yard: Yard) -> None:
    machine = yard.machine("m1")
    await yard.run()
    (fact,) = yard.mine()
    yard.gone(machine)
    going = {**yard.body, "metadata": {**yard.body["metadata"], "deletionTimestamp": START.isoformat()}}
    assert await yard.groups.holds(PROVIDER, going)
    yard.nova.join(fact.id, "s1")
    await yard.run(20)
    assert not await yard.groups.holds(PROVIDER, {**yard.body, "metadata": going["metadata"]}), "it is somebody's now"
    assert fact.id in yard.api.events[-1].message
    yard.nova.leave("s1")
    await yard.run(120)
    assert not await yard.groups.holds(PROVIDER, {**yard.body, "metadata": going["metadata"]})
    late = Yard()
    late.machine("m1")
    await late.run()
    late.gone(late.machine("m1"))
    late.clock.passed += 1000
    assert not await late.groups.holds(PROVIDER, {**late.body, "metadata": going["metadata"]})
