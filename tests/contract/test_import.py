"""A machine that was there before: found by what it has, marked, seen whosever it is, and let go of as it was."""

from dataclasses import replace

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Harness

from hostwright.core.names import owner_mark
from hostwright.core.port import LedgerRow, Missing, Ownership, Present, Sought, Trace
from hostwright.kinds.virtualmachine.importing import Import
from hostwright.kinds.virtualmachine.port import Found, Mark, Release, Unresolved

OTHERS = owner_mark("another-cluster", "11111111-2222-4333-8444-555555555555")


@pytest.fixture(autouse=True)
def _imports(harness: Harness, machine: Driver) -> None:
    spec = harness.spec().model_copy(update={"import_": Import(id="some-id")})
    if isinstance(machine.provider.resolve(spec, harness.bindings()), Unresolved):
        pytest.skip("import is refused here, and that is told")


async def _sought(machine: Driver, sought: Sought) -> list[str]:
    """Ids, after the backend itself was asked; and nothing of it counts as the machine's."""
    trace = replace(machine.trace, sought=sought)
    assert isinstance(await machine.provider.prove(trace), Missing)
    return sorted(twin.id for twin in machine.provider.matching(trace))


def _bound(trace: Trace, server: str) -> Trace:
    return replace(trace, provider_id=server, ledger=(LedgerRow("server", server, ownership=Ownership.ADOPTED),))


async def _seen(machine: Driver) -> Found:
    look = await machine.provider.prove(machine.trace)
    assert isinstance(look, Present), look
    return look.found


async def test_it_is_found_by_its_id_or_by_all_that_is_named(harness: Harness, machine: Driver) -> None:
    one = await harness.stranger(machine.trace, name="legacy", mark="")
    two = await harness.stranger(machine.trace, name="legacy", mark="")
    await harness.set_tag(one, "shop", "old")
    assert await _sought(machine, Sought(one)) == [one]
    assert await _sought(machine, Sought(name="legacy")) == sorted([one, two])
    assert await _sought(machine, Sought(name="legacy", tags=("shop=old",))) == [one]
    assert await _sought(machine, Sought(tags=("shop=old", "gone"))) == []
    assert await _sought(machine, Sought(name="legac")) == []
    assert await _sought(machine, Sought("9b8a7c6d-0000-4000-8000-000000000000")) == []
    await harness.vanish(one)
    assert await _sought(machine, Sought(name="legacy")) == [two]


async def test_whose_it_is_shows_before_it_is_bound(harness: Harness, machine: Driver) -> None:
    theirs = await harness.stranger(machine.trace, name="theirs", mark=OTHERS)
    assert await _sought(machine, Sought(theirs)) == [theirs]
    (twin,) = machine.provider.matching(replace(machine.trace, sought=Sought(theirs)))
    assert twin.marks == (OTHERS,)


async def test_it_is_marked_seen_beside_a_rival_and_let_go_of(harness: Harness, machine: Driver) -> None:
    server = await harness.stranger(machine.trace, name="legacy", mark="")
    before = (await harness.truth())[server]
    machine.trace = _bound(machine.trace, server)
    found = await _seen(machine)
    assert (found.id, found.rivals) == (server, ())
    (row,) = [row for row in found.unmarked if row.name == "server"]
    await machine.reach(Mark(row))
    assert (await harness.truth())[server].mark == machine.trace.mark
    assert (await _seen(machine)).unmarked == ()
    rival = replace(_bound(machine.trace, server), mark=OTHERS)
    seen = await machine.provider.prove(rival)
    assert isinstance(seen, Present)
    assert seen.found.rivals == (machine.trace.mark,), "as the other one sees it"
    await machine.reach(Release())
    after = (await harness.truth())[server]
    assert (after.mark, after.tags, after.powered_on) == ("", before.tags, before.powered_on)
