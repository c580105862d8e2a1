"""The inventory against the model itself, on a clock that only the test moves."""

from dataclasses import replace

import pytest
from tests.providers.simulated.direct import Clock, Direct

from hostwright.core import names
from hostwright.core.port import LedgerRow, Trace
from hostwright.core.rows import GONE_REMEMBERED
from hostwright.providers.simulated.client import Unanswered
from hostwright.providers.simulated.inventory import Inventory
from hostwright.providers.simulated.rows import Machine, MachineRequest, Problem, Refused

ID = "11111111-2222-4333-8444-555555555555"
TRACE = Trace(ID, names.owner_mark("c", ID), names.mark_prefix("c"), "team-web-1", "team", "web")


class World:
    def __init__(self, **settings: object) -> None:
        self.clock = Clock()
        self.client = Direct(self.clock, build_seconds=0.0, **settings)
        self.inventory = Inventory(self.client, self.clock, lambda: None)

    async def make(self, name: str = TRACE.name, mark: str = TRACE.mark) -> Machine:
        request = MachineRequest(
            name=name, image="image-tiny", cpu=1, memory_mib=512, mark=mark, namespace="team", object_name="web"
        )
        made = await self.client.create(request)
        return await self.client.machine(made.id)

    def seen(self, trace: Trace = TRACE) -> list[str]:
        return [item.machine.id for item in self.inventory.gather(trace)]

    async def read(self, after: float = 1.0) -> None:
        self.clock.now += after
        await self.inventory.read()


async def test_the_first_read_is_a_sweep_and_the_next_ones_ask_for_changes_until_a_sweep_is_due() -> None:
    world = World()
    assert not world.inventory.synced()
    for after in (1.0, 1.0, 57.0, 2.0):
        await world.read(after)
    assert world.client.reads == ["sweep", "changes", "changes", "sweep"]
    assert world.inventory.synced()


async def test_a_large_site_is_swept_less_often() -> None:
    world = World()
    for number in range(501):
        await world.make(f"m{number}", "")
    await world.read()
    world.client.reads.clear()
    await world.read(61.0)
    assert world.client.reads == ["changes"]
    await world.read(900.0)
    assert world.client.reads[1] == "sweep"


async def test_a_row_is_as_fresh_as_the_last_complete_read_or_its_own_reply() -> None:
    world = World()
    machine = await world.make()
    await world.read()
    began = world.clock.now
    assert world.inventory.as_of(world.inventory.gather(TRACE)) == began
    world.clock.now += 5
    world.inventory.write(machine, world.clock.now)
    assert world.inventory.as_of(world.inventory.gather(TRACE)) == began + 5
    await world.read()
    assert world.inventory.as_of(world.inventory.gather(TRACE)) == began + 6


async def test_a_failed_read_makes_nothing_fresher_and_removes_nothing() -> None:
    world = World()
    machine = await world.make()
    await world.read()
    began = world.clock.now
    world.client.down = Unanswered("cut")
    with pytest.raises(Unanswered):
        await world.read()
    assert world.seen() == [machine.id]
    assert world.inventory.as_of(world.inventory.gather(TRACE)) == began


async def test_an_old_row_never_replaces_a_newer_one() -> None:
    world = World()
    old = await world.make()
    await world.read()
    new = await world.client.stop(old.id)
    world.inventory.write(new, world.clock.now)
    world.inventory.write(old, world.clock.now + 100)
    assert world.inventory.gather(TRACE)[0].machine == new


async def test_a_row_that_was_proven_gone_never_comes_back() -> None:
    world = World()
    machine = await world.make()
    await world.read()
    world.inventory.write_gone(machine.id, world.clock.now)
    world.inventory.write(machine, world.clock.now + 1)
    assert world.seen() == []
    assert world.inventory.gone_since(LedgerRow("server", machine.id)) == world.clock.now


async def test_a_deletion_is_seen_by_its_tombstone_with_the_next_changes() -> None:
    world = World()
    machine = await world.make()
    await world.read()
    world.client.model.vanish(world.clock.now, machine.id)
    await world.read()
    assert world.seen(replace(TRACE, ledger=(LedgerRow("server", machine.id),))) == []
    assert world.inventory.gone_since(LedgerRow("server", machine.id)) == world.clock.now


async def test_a_deletion_that_falls_before_a_sweep_is_seen_with_the_changes_after_it() -> None:
    """A list without it proves nothing, and tells nothing of what ended since the changes were read last."""
    world = World(delete_seconds=0.0)
    machine = await world.make()
    await world.read()
    await world.client.delete(machine.id)
    await world.read(60.0)
    assert world.client.reads[-1] == "sweep"
    await world.read()
    assert world.client.reads[-1] == "changes"
    assert world.seen() == []
    assert world.inventory.gone_since(LedgerRow("server", machine.id)) is not None


async def test_a_row_that_two_sweeps_lack_is_asked_for_by_id() -> None:
    """Its tombstone was never listed: only the site's own 404 takes it away, and only after two sweeps."""
    world = World()
    machine = await world.make()
    await world.read()
    world.client.model.vanish(world.clock.now, machine.id)
    world.client.model.gone.clear()
    await world.read(61.0)
    assert world.seen() == [machine.id]
    await world.read(61.0)
    assert world.seen() == []
    assert world.client.reads[-1] == "machine"


async def test_changes_from_too_long_ago_become_a_sweep() -> None:
    world = World()
    await world.read()
    model = world.client.model
    for number in range(GONE_REMEMBERED + 1):
        made = model.create(world.clock.now, MachineRequest(name=f"x{number}", image="image-tiny", cpu=1, memory_mib=1))
        model.vanish(world.clock.now, made.id)
    world.client.reads.clear()
    await world.read()
    assert world.client.reads == ["changes", "sweep"]


async def test_a_mark_that_was_taken_off_leads_nowhere() -> None:
    world = World()
    machine = await world.make()
    await world.read()
    await world.client.remove_mark(machine.id)
    await world.read()
    assert world.seen() == []
    assert world.inventory.recorded("team", "web") == []
    assert world.inventory.marked(TRACE.mark_prefix) == []


async def test_prove_tells_absence_from_refusal() -> None:
    world = World()
    assert await world.inventory.prove("never-there") is None
    world.client.down = Unanswered("cut")
    with pytest.raises(Unanswered):
        await world.inventory.prove("never-there")


async def test_a_404_that_is_not_the_sites_own_proves_nothing() -> None:
    world = World()
    machine = await world.make()
    await world.read()
    proxy = Refused(404, Problem(code="", message="no such route"))
    world.client.down = proxy
    with pytest.raises(Refused):
        await world.inventory.prove(machine.id)
    assert world.seen() == [machine.id]
