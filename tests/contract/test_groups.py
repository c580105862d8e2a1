"""Groups of machines: made under a name of their own, joined, told whole, removed; also with lost answers."""

from dataclasses import replace

import pytest
from tests.contract.driver import Driver, new_trace
from tests.contract.harness import Fault, Harness, Need
from tests.contract.watched import Watched
from tests.contract.wishes import wish

from hostwright.core import errors
from hostwright.core.port import Missing
from hostwright.kinds.provider.port import Groups
from hostwright.kinds.virtualmachine.placement import GroupBinding
from hostwright.kinds.virtualmachine.port import Create, Delete, Unresolved, Wanted

PLACED = {"placement": {"group": {"name": "web", "policy": "AntiAffinity"}}}
SECONDS = 30.0


@pytest.fixture
def groups(harness: Harness, watched: Watched) -> Groups:
    if watched.session.groups is None:
        wish(harness, watched, **PLACED)
        pytest.fail("a group may be wished for, and the session has none")
    return watched.session.groups


def title() -> str:
    return f"team-a/web {new_trace().mark}"


def placed(harness: Harness, watched: Watched, group: GroupBinding) -> Wanted:
    return wish(harness, watched, bindings=replace(harness.bindings(), group=group), **PLACED)


async def test_a_group_is_made_joined_and_removed(harness: Harness, watched: Watched, groups: Groups) -> None:
    name = title()
    made = await groups.make(name, "AntiAffinity", SECONDS)
    assert (made.name, made.policy, made.members) == (name, "AntiAffinity", frozenset())
    assert await groups.one(made.id) == made
    assert made in await groups.listed()
    wanted = placed(harness, watched, GroupBinding("web", made.id))
    machines = [Driver(watched.provider, wanted, harness.patience) for _ in range(2)]
    for machine in machines:
        await machine.reach(Create())
        assert machine.found().shape.group == f"web/{made.id}"
    members = frozenset(machine.id for machine in machines)
    assert await groups.one(made.id) == replace(made, members=members)
    for machine in machines:
        assert isinstance(await machine.reach(Delete()), Missing)
    assert await groups.one(made.id) == made, "it is there still, and empty"
    for _ in range(2):
        await groups.remove(made.id, SECONDS)
        assert await groups.one(made.id) is None
    assert made.id not in {fact.id for fact in await groups.listed()}


async def test_two_of_one_name_are_two(groups: Groups) -> None:
    """So a name has to be of one attempt only."""
    name = title()
    made = [await groups.make(name, "SoftAntiAffinity", SECONDS) for _ in range(2)]
    assert {fact.id for fact in await groups.listed() if fact.name == name} == {fact.id for fact in made}
    for fact in made:
        await groups.remove(fact.id, SECONDS)


@pytest.mark.needs(Need.REPLY_FAULTS)
@pytest.mark.parametrize("fault", [Fault.LOSE_REPLY, Fault.APPLY_THEN_FAIL, Fault.FAIL])
async def test_whatever_becomes_of_an_answer_the_list_says_what_there_is(
    harness: Harness, groups: Groups, fault: Fault
) -> None:
    name = title()
    await harness.fault("create_group", fault)
    with pytest.raises(errors.Ambiguous):
        await groups.make(name, "Affinity", SECONDS)
    found = [fact for fact in await groups.listed() if fact.name == name]
    assert len(found) == (fault is not Fault.FAIL)
    made = found[0] if found else await groups.make(name, "Affinity", SECONDS)
    await harness.fault("delete_group", fault)
    with pytest.raises(errors.Ambiguous):
        await groups.remove(made.id, SECONDS)
    assert (await groups.one(made.id) is None) == (fault is not Fault.FAIL)
    await groups.remove(made.id, SECONDS)
    assert await groups.one(made.id) is None


async def test_a_machine_whose_group_cannot_be_had_is_not_resolved(
    harness: Harness, watched: Watched, groups: Groups
) -> None:
    failure = errors.GroupNotReady("the group web is made first.")
    bindings = replace(harness.bindings(), group=GroupBinding("web", failure=failure))
    answer = watched.provider.resolve(harness.spec(**PLACED), bindings)
    assert isinstance(answer, Unresolved)
    assert answer.failure is failure


async def test_a_machine_of_a_group_that_is_gone_is_not_made(
    harness: Harness, watched: Watched, groups: Groups
) -> None:
    made = await groups.make(title(), "AntiAffinity", SECONDS)
    await groups.remove(made.id, SECONDS)
    late = Driver(watched.provider, placed(harness, watched, GroupBinding("web", made.id)), harness.patience)
    with pytest.raises(errors.GroupNotReady, match=made.id):
        await late.reach(Create())
    assert await harness.truth() == {}
