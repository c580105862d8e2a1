"""The fence, and what a session tells, with the model itself behind the client's Protocol."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from tests.providers.simulated.direct import Clock, Direct
from tests.providers.simulated.test_plan import TRACE, wanted

from hostwright.core import errors
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, Receipt, Unsure
from hostwright.kinds.provider.port import Context
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.kinds.virtualmachine.port import Create, Memory, Power, SetPower
from hostwright.providers.simulated import BACKEND
from hostwright.providers.simulated.rows import MachineRequest
from hostwright.providers.simulated.session import Session, open_session

FREE = replace(TRACE, ledger=())


@dataclass
class World:
    client: Direct
    session: Session

    def call(self) -> Call:
        planned = self.session.machines.plan(Create(), FREE, wanted(), Unsure("not seen"), Memory())
        assert isinstance(planned, Call)
        return planned


def context(clock: Clock) -> Context:
    return Context("sim", "c", ThreadPoolExecutor(1), clock, lambda: datetime.fromtimestamp(clock.now, UTC))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    client = Direct(Clock())
    session = await open_session(client, {"app": "app"}, context(client.clock))
    yield World(client, session)
    await session.close()


async def test_a_stranger_with_our_name_is_a_conflict_and_stays_as_it_is(world: World) -> None:
    request = MachineRequest(name=TRACE.name, image="image-tiny", cpu=1, memory_mib=512)
    stranger = await world.client.create(request)
    with pytest.raises(errors.OwnershipMismatch) as caught:
        await world.session.machines.perform(world.call(), None)
    assert stranger.id in caught.value.message
    assert list(world.client.model.machines.values()) == [stranger]
    assert isinstance(world.session.machines.look(FREE), Unsure), "it is not taken for ours"


async def test_our_own_name_is_adopted(world: World) -> None:
    first = await world.session.machines.perform(world.call(), b"x")
    second = await world.session.machines.perform(world.call(), b"x")
    assert first == second == Receipt(made=(LedgerRow("server", next(iter(world.client.model.machines))),))


async def test_a_machine_that_is_off_already_is_seen_off_though_lists_show_it_late(world: World) -> None:
    made = (await world.session.machines.perform(world.call(), None)).made[0]
    world.client.clock.now += 5
    await world.session.read()
    world.client.model.tamper(world.client.clock.now, made.id, powered_on=False)
    shown = world.session.machines.look(FREE)
    step = SetPower(Power.OFF)
    call = world.session.machines.plan(step, FREE, wanted(), shown, Memory())
    assert isinstance(call, Call)
    assert await world.session.machines.perform(call, None) == Receipt()
    world.client.clock.now += 1
    assert world.session.machines.plan(step, FREE, wanted(), world.session.machines.look(FREE), Memory()) == Done()


async def test_a_reply_is_seen_at_once_and_is_as_fresh_as_its_end(world: World) -> None:
    world.client.clock.now += 7
    await world.session.machines.perform(world.call(), None)
    look = world.session.machines.look(FREE)
    assert isinstance(look, Present)
    assert look.as_of == world.client.clock.now


async def test_missing_is_as_old_as_the_beginning_of_its_proof(world: World) -> None:
    proven = await world.session.machines.prove(TRACE)
    assert proven == Missing(world.client.clock.now)


async def test_a_secret_without_its_key_and_an_endpoint_that_is_none_are_told_before_anything_is_sent() -> None:
    spec = {"type": "Simulated", "allowedNamespaces": {"from": "All"}}
    with pytest.raises(errors.InvalidConfiguration):
        await BACKEND.connect(ProviderSpec.model_validate(spec), None, context(Clock()))
    whole = ProviderSpec.model_validate({**spec, "simulated": {"endpoint": "http://127.0.0.1:9"}})
    with pytest.raises(errors.CredentialsMissing):
        await BACKEND.connect(whole, {"password": b"x"}, context(Clock()))
    with pytest.raises(errors.Unreachable):
        await BACKEND.connect(whole, None, context(Clock()))
