"""How long a read waits for news: at rest for a minute, and only a moment while something of ours moves."""

from dataclasses import dataclass, field
from typing import cast

from hostwright.providers.vsphere.client import AT_REST, PATIENCE, Client
from hostwright.providers.vsphere.inventory import BUSY_FOR, Inventory
from hostwright.providers.vsphere.rows import ON, Machine, Updates

VM = Machine(id="vm-1", name="team-web-1", configured=True, power=ON)


@dataclass
class Vcenter:
    """One machine, of which nothing new is told."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)
    news: list[Updates] = field(default_factory=list)

    async def wait(self, seconds: float) -> Updates:
        self.waits.append(seconds)
        return self.news.pop() if self.news else Updates()

    async def machine(self, _: str) -> Machine:
        return VM


def made() -> tuple[Vcenter, Inventory]:
    vcenter = Vcenter(news=[Updates((VM,), whole=True)])
    return vcenter, Inventory(cast("Client", vcenter), lambda: vcenter.now, lambda: None)


async def test_a_fleet_at_rest_is_waited_for_long() -> None:
    vcenter, inventory = made()
    for passed in (0.0, BUSY_FOR - 1.0, 2.0):
        vcenter.now += passed
        await inventory.read()
    assert vcenter.waits == [PATIENCE, PATIENCE, AT_REST]


async def test_what_is_asked_for_by_id_or_changed_or_touched_makes_waits_short_again() -> None:
    vcenter, inventory = made()
    await inventory.read()

    async def asked() -> None:
        await inventory.prove(VM.id)

    async def touched() -> None:
        inventory.touch(VM.id)

    async def changed() -> None:
        vcenter.news.append(Updates((Machine(id=VM.id, name=VM.name, configured=True),)))
        await inventory.read()

    for stir in (asked, touched, changed):
        vcenter.now += BUSY_FOR
        await stir()
        vcenter.now += 1.0
        await inventory.read()
        assert vcenter.waits[-1] == PATIENCE, stir.__name__
