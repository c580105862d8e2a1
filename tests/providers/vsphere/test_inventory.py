"""A row that is read by id while vCenter tells a change of it: neither is lost, whichever is older."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest

from hostwright.providers.vsphere.inventory import Inventory
from hostwright.providers.vsphere.rows import OFF, ON, Machine, Updates

if TYPE_CHECKING:
    from hostwright.providers.vsphere.client import Client

STARTED = Machine(id="vm-1", name="team-web-1", configured=True, power=ON)
STOPPED = replace(STARTED, power=OFF)


@dataclass
class Vcenter:
    """Tells each change once; its answer to a question by id is what was there when it was asked."""

    now: float = 1000.0
    there: Machine = STOPPED
    news: list[Updates] = field(default_factory=lambda: [Updates((STOPPED,), whole=True)])
    slow: asyncio.Event = field(default_factory=asyncio.Event)  # answers by id come once it is set
    late: asyncio.Event = field(default_factory=asyncio.Event)  # changes are told once it is set
    asked: int = 0

    def monotonic(self) -> float:
        self.now += 0.01
        return self.now

    def changes(self, machine: Machine) -> None:
        self.there = machine
        self.news.append(Updates((machine,)))

    async def wait(self, _: float) -> Updates:
        news = self.news.pop() if self.news else Updates()
        await self.late.wait()
        return news

    async def machine(self, _: str) -> Machine:
        self.asked += 1
        there = self.there
        await self.slow.wait()
        return there


@pytest.fixture
async def vcenter() -> Vcenter:
    made = Vcenter()
    made.late.set()
    return made


@pytest.fixture
async def inventory(vcenter: Vcenter) -> Inventory:
    made = Inventory(cast("Client", vcenter), vcenter.monotonic, lambda: None)
    await made.read()
    return made


async def test_an_answer_that_a_change_has_overtaken_does_not_hide_it(vcenter: Vcenter, inventory: Inventory) -> None:
    asking = asyncio.create_task(inventory.prove("vm-1"))
    await asyncio.sleep(0)
    vcenter.changes(STARTED)
    await inventory.read()
    vcenter.slow.set()
    assert await asking == STARTED
    assert inventory.rows["vm-1"].machine == STARTED, "no later wait would tell it again"
    assert vcenter.asked == 2


async def test_an_answer_that_nothing_has_overtaken_is_asked_for_once(vcenter: Vcenter, inventory: Inventory) -> None:
    vcenter.slow.set()
    vcenter.changes(STARTED)
    await inventory.prove("vm-1")
    assert vcenter.asked == 1
    await inventory.read()
    assert inventory.rows["vm-1"].machine == STARTED
    assert vcenter.asked == 1, "the change told nothing new"


async def test_a_change_that_an_answer_has_overtaken_is_asked_for_by_id(vcenter: Vcenter, inventory: Inventory) -> None:
    vcenter.slow.set()
    vcenter.changes(STARTED)
    vcenter.late.clear()
    reading = asyncio.create_task(inventory.read())
    await asyncio.sleep(0)
    vcenter.there = replace(STARTED, cpu=2)
    await inventory.prove("vm-1")
    vcenter.late.set()
    await reading
    assert inventory.rows["vm-1"].machine.cpu == 2
