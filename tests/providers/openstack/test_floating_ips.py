"""Floating IPs in the inventory, and what a call on one comes to, on a cloud in memory."""

import msgspec
import pytest
from tests.providers.openstack.cloud import Cloud, refused
from tests.providers.openstack.rows import ID, MARK, TRACE

from hostwright.core import errors
from hostwright.core.port import Call, LedgerRow, Ownership, Receipt, Repeat
from hostwright.providers.openstack.calls import Move, NewFloatingIP
from hostwright.providers.openstack.floating_calls import FloatingIPs
from hostwright.providers.openstack.floating_rows import READ_FOR
from hostwright.providers.openstack.inventory import PORTS_EVERY, UNPLUGGED_WITHIN, Inventory
from hostwright.providers.openstack.rows import FloatingIP, Part, Port

HEX = ID.replace("-", "")
OURS = FloatingIP("f1", MARK, "203.0.113.5", "n-public", "p1", revision_number=3)
PROJECTS = FloatingIP("f2", "", "203.0.113.7", "n-public", revision_number=8)
NAME = "floatingip/eth0"
ROW = LedgerRow(NAME, "f2", ownership=Ownership.REFERENCED)


class Site:
    def __init__(self) -> None:
        self.cloud = Cloud()
        self.cloud.plugs["p1"] = Port(id="p1", description=MARK, device_id="s1")
        self.inventory = Inventory(self.cloud, self.cloud.monotonic, lambda: None)
        self.calls = FloatingIPs(self.cloud, self.inventory, self.cloud.monotonic)

    async def read(self, after: float = 1.0) -> list[str]:
        """One read, so many seconds later; who is told."""
        self.cloud.now += after
        self.cloud.asked.clear()
        return list(await self.inventory.read())

    @property
    def asked(self) -> int:
        return self.cloud.asked.count("floating")

    async def move(self, move: Move, answer: object = None, row: LedgerRow | None = None) -> Receipt:
        self.cloud.answer = answer
        self.cloud.asked.clear()
        verb = "disassociate" if move.target is None else "associate"
        return await self.calls.move(Call(verb, NAME, Repeat.IDEMPOTENT, move, row=row), move)

    @property
    def sent(self) -> list[str]:
        return [line for line in self.cloud.asked if line.startswith(("PUT", "POST", "DELETE"))]


@pytest.fixture
async def site() -> Site:
    made = Site()
    await made.read()
    return made


async def test_a_fleet_without_any_costs_one_list_at_login() -> None:
    site = Site()
    await site.read()
    assert site.asked == 1
    for _ in range(3):
        await site.read(PORTS_EVERY + 1)
        assert site.asked == 0


async def test_while_a_machine_has_one_they_are_read_with_the_ports(site: Site) -> None:
    site.cloud.floating["f1"] = OURS
    site.inventory.want_floating_ips()
    assert HEX in await site.read(PORTS_EVERY + 1)
    await site.read(1)
    assert site.asked == 0
    for _ in range(int(READ_FOR / PORTS_EVERY) + 2):  # its mark keeps them read
        await site.read(PORTS_EVERY + 1)
        assert site.asked == 1
    del site.cloud.floating["f1"]
    told = [await site.read(PORTS_EVERY + 1) for _ in range(2)]
    assert HEX in told[1], "two lists without it, and it is asked for by its id"
    assert site.inventory.floating_ips.gone_since("f1") is not None
    await site.read(READ_FOR + 1)
    await site.read(PORTS_EVERY + 1)
    assert site.asked == 0


async def test_whoever_puts_one_on_our_port_or_takes_it_off_the_machine_is_told(site: Site) -> None:
    site.cloud.floating["f2"] = PROJECTS
    site.inventory.want_floating_ips()
    await site.read(PORTS_EVERY + 1)
    assert site.inventory.gather(TRACE).floating_ips == ()
    site.cloud.floating["f2"] = msgspec.structs.replace(PROJECTS, port_id="p1")
    assert HEX in await site.read(PORTS_EVERY + 1)
    assert [item.row.id for item in site.inventory.gather(TRACE).floating_ips] == ["f2"]
    site.cloud.floating["f2"] = PROJECTS
    assert HEX in await site.read(PORTS_EVERY + 1)
    assert site.inventory.gather(TRACE).floating_ips == ()


async def test_one_with_our_mark_is_found_wherever_it_is(site: Site) -> None:
    site.cloud.floating["f1"] = msgspec.structs.replace(OURS, port_id=None)
    site.cloud.floating["f3"] = FloatingIP("f3", "hw:of-another", "203.0.113.6", "n-public")
    site.inventory.want_floating_ips()
    await site.read(PORTS_EVERY + 1)
    assert [item.row.id for item in site.inventory.gather(TRACE).floating_ips] == ["f1"]
    assert [item.row.id for item in site.inventory.gather(TRACE).ours(TRACE).floating_ips] == ["f1"]


async def test_a_port_that_nova_unplugs_is_read_until_it_is_unplugged(site: Site) -> None:
    assert not site.inventory.moving()
    site.inventory.unplugging("p1")
    assert site.inventory.moving()
    site.cloud.plugs["p1"] = Port(id="p1", description=MARK)
    assert HEX in await site.read()
    assert not site.inventory.moving()
    site.cloud.plugs["p1"] = Port(id="p1", description=MARK, device_id="s1")
    await site.read(PORTS_EVERY + 1)
    site.inventory.unplugging("p1")
    site.cloud.now += UNPLUGGED_WITHIN
    assert not site.inventory.moving(), "Nova does not come to it"
    site.inventory.unplugging("p1", refused=True)
    assert not site.inventory.moving()


async def test_one_is_put_on_at_the_revision_that_was_read(site: Site) -> None:
    site.cloud.floating["f2"] = PROJECTS
    there = msgspec.structs.replace(PROJECTS, port_id="p1")
    answer = {"floatingip": msgspec.to_builtins(there)}
    receipt = await site.move(Move("f2", "203.0.113.7", "", "p1"), answer, ROW)
    assert receipt.made == (ROW,)
    assert site.sent == ["PUT /v2.0/floatingips/f2"]
    assert site.cloud.revision == 8
    assert site.inventory.floating_ips["f2"].row.port_id == "p1"


async def test_one_that_is_there_already_is_not_sent_again(site: Site) -> None:
    site.cloud.floating["f2"] = msgspec.structs.replace(PROJECTS, port_id="p1")
    assert (await site.move(Move("f2", "203.0.113.7", "", "p1"), row=ROW)).made == (ROW,)
    assert site.sent == []


@pytest.mark.parametrize("item", ["f2", ""])
async def test_one_that_nobody_has_any_more_is_told(site: Site, item: str) -> None:
    with pytest.raises(errors.FloatingIPNotFound, match=r"203\.0\.113\.7"):
        await site.move(Move(item, "203.0.113.7", "", "p1"))
    assert site.sent == []


async def test_one_found_by_its_address_is_known_and_nothing_is_sent(site: Site) -> None:
    site.cloud.floating["f2"] = PROJECTS
    assert await site.move(Move("", "203.0.113.7", "", "p1")) == Receipt()
    assert site.sent == []
    assert site.inventory.floating_ips.at("203.0.113.7") is not None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (msgspec.structs.replace(PROJECTS, port_id="p9"), "on port p9"),
        (msgspec.structs.replace(PROJECTS, description="hw:0123456789abcdef:another"), "made for another machine"),
    ],
)
async def test_what_somebody_else_has_is_not_taken(site: Site, row: FloatingIP, words: str) -> None:
    site.cloud.floating["f2"] = row
    with pytest.raises(errors.AddressInUse, match=words):
        await site.move(Move("f2", "203.0.113.7", "", "p1"), row=ROW)
    assert site.sent == []


async def test_what_was_changed_since_it_was_read_is_looked_at_anew(site: Site) -> None:
    site.cloud.floating["f2"] = PROJECTS
    changed = refused(412, "Constrained to 8, but current revision is 9", "network", "RevisionNumberConstraintFailed")
    assert await site.move(Move("f2", "203.0.113.7", "", "p1"), changed, ROW) == Receipt()
    assert site.inventory.moving()


async def test_taken_off_one_that_is_not_ours_leaves_the_ledger(site: Site) -> None:
    site.cloud.floating["f2"] = msgspec.structs.replace(PROJECTS, port_id="p1")
    answer = {"floatingip": msgspec.to_builtins(PROJECTS)}
    off = Move("f2", "203.0.113.7", "p1", None, referenced=True)
    assert (await site.move(off, answer)).gone == (NAME,)
    assert site.sent == ["PUT /v2.0/floatingips/f2"]
    site.cloud.floating["f2"] = msgspec.structs.replace(PROJECTS, port_id="p9")
    assert (await site.move(off)).gone == (NAME,)
    assert site.sent == [], "somebody else has it by now"


async def test_a_second_one_for_a_port_is_ours_by_its_mark_or_a_strangers(site: Site) -> None:
    new = NewFloatingIP({"floatingip": {"description": MARK, "port_id": "p1"}}, "p1")
    call = Call("create_floating_ip", NAME, Repeat.INTENT, new)
    taken = refused(409, "already has a floating IP", "network", "FloatingIPPortAlreadyAssociated")
    site.cloud.answer = taken
    site.cloud.floating["f1"] = OURS
    assert (await site.calls.create(call, new)).made == (LedgerRow(NAME, "f1"),)
    site.cloud.floating["f1"] = msgspec.structs.replace(OURS, description="")
    with pytest.raises(type(taken)):
        await site.calls.create(call, new)
    assert Part.FLOATING_IP.value == NAME.partition("/")[0]
