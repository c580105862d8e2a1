"""What a ledger names as made by us, and is shown as another's or as nobody's: no call leads to it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.providers.simulated.direct import Clock, Direct
from tests.providers.simulated.test_machines import World, context
from tests.providers.simulated.test_plan import TRACE

from hostwright.core import names
from hostwright.core.port import Call, Done, LedgerRow, Present, Trace
from hostwright.kinds.virtualmachine.port import Delete, Discard, Found, Life, Memory
from hostwright.providers.simulated.rows import MachineRequest
from hostwright.providers.simulated.session import open_session

THEIRS = names.owner_mark("c", "99999999-2222-4333-8444-555555555555")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    client = Direct(Clock())
    session = await open_session(client, {"app": "app"}, context(client.clock))
    yield World(client, session)
    await session.close()


async def _made(world: World, mark: str, name: str, row: str) -> tuple[Found, Trace]:
    """As a proof shows it, to the machine whose ledger names it."""
    request = MachineRequest(name=name, image="image-tiny", cpu=1, memory_mib=512, mark=mark)
    made = await world.client.create(request)
    trace = replace(TRACE, ledger=(LedgerRow(row.format(made.id), made.id),))
    look = await world.session.machines.prove(trace)
    assert isinstance(look, Present)
    return look.found, trace


@pytest.mark.parametrize(("mark", "name"), [(THEIRS, "team-db-7"), (THEIRS, TRACE.name), ("", "somebodys")])
@pytest.mark.parametrize("row", ["server", "extra/{}"])
async def test_it_is_told_and_never_deleted(world: World, mark: str, name: str, row: str) -> None:
    found, trace = await _made(world, mark, name, row)
    assert found == Found(Life.PARTIAL, foreign=trace.ledger)
    look = world.session.machines.look(trace)
    for step in (Delete(), Discard(trace.ledger[0])):
        assert isinstance(world.session.machines.plan(step, trace, None, look, Memory()), Done)


async def test_ours_whose_mark_was_taken_off_is_known_by_its_name(world: World) -> None:
    found, trace = await _made(world, "", TRACE.name, "server")
    assert (found.foreign, found.unmarked) == ((), trace.ledger)
    look = world.session.machines.look(trace)
    assert isinstance(world.session.machines.plan(Delete(), trace, None, look, Memory()), Call)
