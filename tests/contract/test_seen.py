"""What the inventory notices by itself, and what it never concludes."""

import asyncio
from dataclasses import replace

import pytest
from tests.contract.driver import CLUSTER, Driver, new_trace
from tests.contract.harness import Harness, Need
from tests.contract.watched import Watched, watching

from hostwright.core import errors, names
from hostwright.core.errors import Failure
from hostwright.core.port import Missing, Present
from hostwright.kinds.virtualmachine.port import Create, Life, Mark, Power, SetPower, Unresolved, Wanted


async def test_a_machine_stopped_by_somebody_else_is_noticed(
    harness: Harness, machine: Driver, watched: Watched
) -> None:
    await machine.reach(Create())
    await asyncio.sleep(2 * harness.poll)
    watched.changed.clear()
    await harness.power_off(machine.id)
    await machine.until(lambda look: _power(look) is Power.OFF, "the machine is seen off")
    await machine.until(lambda _: machine.hex_id in watched.changed, "its machine is told")


async def test_a_settled_machine_is_not_told_of_again_and_again(
    harness: Harness, machine: Driver, watched: Watched
) -> None:
    await machine.reach(Create())
    quiet = 0
    while quiet < 2:  # counted in reads, which a loaded machine makes late
        quiet = 0 if await _read(machine, watched) else quiet + 1
    assert [told for _ in range(2) for told in await _read(machine, watched)] == []


async def test_a_machine_deleted_by_somebody_else_is_proven_missing(
    harness: Harness, machine: Driver, watched: Watched
) -> None:
    await machine.reach(Create())
    assert isinstance(await machine.provider.prove(machine.trace), Present)
    await harness.vanish(machine.id)
    await machine.until(
        lambda look: not isinstance(look, Present) or look.found.life is Life.PARTIAL, "the machine is not seen"
    )
    await machine.until(lambda _: machine.hex_id in watched.changed, "its machine is told")
    proven = await machine.provider.prove(machine.trace)
    assert isinstance(proven, Missing) or (isinstance(proven, Present) and proven.found.life is Life.PARTIAL)


async def test_what_somebody_else_deleted_is_proven_gone_and_can_be_made_again_for_the_same_identity(
    harness: Harness, machine: Driver
) -> None:
    """Without its row in the ledger alone: parts that are left are used, and bear the same addresses."""
    look = await machine.reach(Create())
    assert isinstance(look, Present)
    former, addresses = machine.id, look.found.internal_addresses
    parts = {part.name: part.id for part in look.found.parts if part.name != "server"}
    await harness.vanish(former)
    proven = await machine.provider.prove(machine.trace)
    assert isinstance(proven, Missing) or proven.found.life is Life.PARTIAL  # type: ignore[union-attr]
    machine.forget("server")
    look = await machine.reach(Create())
    assert isinstance(look, Present)
    assert look.found.life is Life.STEADY
    assert machine.id != former
    assert list(await harness.truth()) == [machine.id]
    left = {part.name: part.id for part in look.found.parts if part.name != "server"}
    assert left == parts
    if parts:
        assert look.found.internal_addresses == addresses


async def test_a_new_session_finds_a_machine_by_its_mark_alone(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    lost = replace(machine.trace, ledger=(), windows=())
    async with watching(harness) as again:
        look = again.provider.look(lost)
        assert isinstance(look, Present)
        assert look.found.id == machine.id
        assert [twin.id for twin in look.found.twins] == [machine.id]


async def test_a_mark_that_was_taken_off_is_put_back_by_id(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    assert machine.found().unmarked == ()
    await harness.unmark(machine.id)
    await machine.provider.prove(machine.trace)
    bare = machine.found().unmarked
    assert "server" in {row.name for row in bare}
    assert {(row.name, row.id) for row in bare} <= {(row.name, row.id) for row in machine.trace.ledger}
    assert machine.found().twins == ()
    for row in bare:
        await machine.reach(Mark(row))
    assert [call.verb for call in machine.sent[-len(bare) :]] == ["set_mark"] * len(bare)
    lost = replace(machine.trace, ledger=(), windows=())
    async with watching(harness) as again:  # by the marks alone
        look = again.provider.look(lost)
        assert isinstance(look, Present)
        assert {row.id for row in look.found.parts} == {row.id for row in machine.trace.ledger}
        assert look.found.unmarked == ()
        assert look.found.recorded == (lost.namespace, lost.object_name)


async def test_marks_are_told_after_the_first_sweep_only(harness: Harness, machine: Driver, watched: Watched) -> None:
    await machine.reach(Create())
    session = await harness.session()
    try:
        assert session.marked() is None
        assert not session.synced()
    finally:
        await session.close()
    servers = [row for row in watched.session.marked() or () if row.kind == "server"]
    assert [(row.id, row.name, row.machine_id) for row in servers] == [(machine.id, machine.trace.name, machine.hex_id)]


async def test_a_namesake_under_another_machine_id_is_seen(harness: Harness, machine: Driver) -> None:
    other = new_trace()
    elsewhere = names.owner_mark("another cluster", other.machine_id)
    twin = await harness.stranger(other, name=other.name, mark=other.mark)
    await harness.stranger(other, name="of-another-cluster", mark=elsewhere)
    await machine.reach(Create())
    await machine.until(lambda _: bool(machine.provider.namesakes(machine.trace)), "the namesake is seen")
    assert [item.id for item in machine.provider.namesakes(machine.trace)] == [twin]
    assert other.mark.startswith(names.mark_prefix(CLUSTER))


@pytest.mark.needs(Need.STALE_LISTS)
async def test_a_stale_list_never_reverts_a_newer_row(harness: Harness, machine: Driver) -> None:
    await machine.reach(Create())
    await harness.lag(2.0)
    await machine.send(await machine.next_call(SetPower(Power.OFF)))
    ended = asyncio.get_running_loop().time() + 3.5
    while asyncio.get_running_loop().time() < ended:
        look = machine.look()
        assert isinstance(look, Present)
        assert not (look.found.life is Life.STEADY and look.found.shape.power is Power.ON), "reverted"
        await machine.provider.prove(machine.trace)  # its list by mark is stale as well
    await machine.reach(SetPower(Power.OFF))


@pytest.mark.needs(Need.STALE_LISTS)
async def test_a_machine_that_no_list_shows_yet_is_still_there(harness: Harness, machine: Driver) -> None:
    await harness.lag(2.0)
    await machine.send(await machine.create_up_to("create_server"))
    ended = asyncio.get_running_loop().time() + 3.0
    while asyncio.get_running_loop().time() < ended:
        assert isinstance(machine.look(), Present)
        await asyncio.sleep(0.02)
    assert isinstance(await machine.provider.prove(machine.trace), Present)
    await machine.reach(Create())
    assert list(await harness.truth()) == [machine.id]


@pytest.mark.needs(Need.LIST_FAULTS)
async def test_a_list_that_ends_early_is_no_absence(harness: Harness, machine: Driver, watched: Watched) -> None:
    await machine.reach(Create())
    await harness.cut_lists(20)
    watched.answers.clear()
    for _ in range(4):
        before = len(watched.answers)
        watched.soon.set()
        await machine.until(lambda _, before=before: len(watched.answers) > before, "another read")
        assert isinstance(machine.look(), Present)
    async with watching(harness) as again:
        assert not isinstance(again.provider.look(machine.trace), Missing)
    assert isinstance(await machine.provider.prove(machine.trace), Present)


@pytest.mark.needs(Need.SHORT_PAGES)
async def test_pages_shorter_than_asked_for_are_not_the_end(harness: Harness) -> None:
    await harness.page_size(2)
    made = set()
    for _ in range(5):
        trace = new_trace()
        made.add(await harness.stranger(trace, name=trace.name, mark=trace.mark))
    async with watching(harness) as opened:
        assert {row.id for row in opened.session.marked() or ()} == made


@pytest.mark.needs(Need.NEW_IMAGES)
async def test_a_new_image_is_taken_up_with_the_catalog(harness: Harness, watched: Watched) -> None:
    asked = harness.unresolved(errors.ImageNotResolved)
    assert not isinstance(asked, str)
    spec, bindings, name = asked
    assert isinstance(watched.provider.resolve(spec, bindings), Unresolved)
    await harness.add_image(name)
    await watched.session.load_catalog()
    wanted = watched.provider.resolve(spec, bindings)
    assert isinstance(wanted, Wanted)
    assert wanted.shape.image == watched.session.image(bindings.image_section or {}).id


@pytest.mark.parametrize(
    "failure",
    [
        errors.NetworkNotFound,
        errors.ImageNotResolved,
        errors.NameAmbiguous,
        errors.SecurityGroupNotFound,
        errors.FlavorNotFound,
        errors.KeyPairNotFound,
    ],
)
async def test_what_cannot_be_resolved_is_told_by_its_own_class(
    harness: Harness, watched: Watched, failure: type[Failure]
) -> None:
    asked = harness.unresolved(failure)
    if isinstance(asked, str):
        pytest.skip(f"{harness.name} has no {failure.__name__}: {asked}")
    spec, bindings, name = asked
    answer = watched.provider.resolve(spec, bindings)
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is failure
    assert name in answer.failure.message
    assert answer.failure.message.endswith("."), "a whole sentence that says what to do"


async def test_a_pinned_image_stays_when_its_name_moves(harness: Harness, watched: Watched) -> None:
    wanted = watched.provider.resolve(harness.spec(), harness.bindings())
    assert isinstance(wanted, Wanted)
    pinned = watched.provider.resolve(harness.spec(), replace(harness.bindings(), pinned_image="an-older-image"))
    assert isinstance(pinned, Wanted)
    assert (wanted.shape.image, pinned.shape.image) == (wanted.image_id, "an-older-image")


async def test_two_logins_lead_to_the_same_place(harness: Harness, watched: Watched) -> None:
    async with watching(harness) as again:
        first, second = await watched.session.check(), await again.session.check()
    assert first.identity == second.identity
    assert all(first.identity.values())


async def test_the_catalog_names_the_networks(harness: Harness, watched: Watched) -> None:
    facts = {fact.name: fact for fact in watched.session.networks()}
    assert facts["app"].id
    assert facts["db"].id
    assert facts["app"].id != facts["db"].id


async def _read(machine: Driver, watched: Watched) -> list[str]:
    """Who is told of after the next read."""
    watched.changed.clear()
    watched.answers.clear()
    await machine.until(lambda _: bool(watched.answers), "another read")
    return list(watched.changed)


def _power(look: object) -> Power | None:
    return look.found.shape.power if isinstance(look, Present) else None
