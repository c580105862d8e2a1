"""What a call leaves in the inventory, and which refusals are answers."""

from dataclasses import replace

import pytest
from tests.providers.openstack.cloud import Cloud, refused
from tests.providers.openstack.rows import BINDINGS, ID, MARK, NAMES, TRACE, row, spec

from hostwright.core import errors
from hostwright.core.errors import Failure
from hostwright.core.port import Call, LedgerRow, Missing, Present, Receipt, Trace, Unsure, Wait
from hostwright.kinds.virtualmachine.port import BringDisks, Create, Delete, Life, Memory, Power, SetPower, Step, Wanted
from hostwright.providers.openstack.calls import Fence
from hostwright.providers.openstack.inventory import PORTS_EVERY, Inventory
from hostwright.providers.openstack.machines import Machines
from hostwright.providers.openstack.resolve import resolve
from hostwright.providers.openstack.rows import VOLUME_DISK, VOLUME_MARK, Port, Unanswered, Volume
from hostwright.providers.openstack.translate import mac

MAC_TAKEN = refused(409, "The mac address 02:00:00:00:00:01 is in use.", "network", "MacAddressInUse")
MAC_FORBIDDEN = refused(403, "rule:create_port:mac_address is disallowed by policy", "network", "PolicyNotAuthorized")


class Site:
    """One session's parts, on a cloud in memory."""

    def __init__(self) -> None:
        self.cloud = Cloud()
        self.inventory = Inventory(self.cloud, self.cloud.monotonic, lambda: None)
        self.machines = machines(self)
        self.wanted = resolve(NAMES, spec(), BINDINGS)

    def plan(self, step: Step, trace: Trace = TRACE, memory: Memory | None = None) -> object:
        assert isinstance(self.wanted, Wanted)
        look = self.machines.look(trace)
        return self.machines.plan(step, trace, self.wanted, look, memory or Memory())

    def call(self, step: Step, trace: Trace = TRACE) -> Call:
        planned = self.plan(step, trace)
        assert isinstance(planned, Call), planned
        return planned

    async def perform(self, call: Call, answer: object) -> Receipt:
        self.cloud.answer = answer
        return await self.machines.perform(call, None)

    async def fails(self, call: Call, answer: object) -> Failure:
        with pytest.raises(Failure) as caught:
            await self.perform(call, answer)
        return caught.value


def machines(site: Site, visibility_lag: float = 0.0) -> Machines:
    return Machines(
        site.cloud,
        inventory=site.inventory,
        names=lambda: NAMES,
        region="R",
        monotonic=site.cloud.monotonic,
        visibility_lag=visibility_lag,
        fence=Fence(),
    )


NAMES_WITH_DISKS = replace(NAMES, catalog=replace(NAMES.catalog, volume_types=frozenset()))


@pytest.fixture
async def site() -> Site:
    made = Site()
    await made.inventory.read()
    made.cloud.now += 1
    return made


def trace(*rows: LedgerRow) -> Trace:
    return Trace(ID, MARK, TRACE.mark_prefix, TRACE.name, TRACE.namespace, TRACE.object_name, ledger=rows)


def port(item: str = "p1", **fields: str) -> Port:
    """A port of our mark and name."""
    given = {"name": f"{TRACE.name}-eth0", "description": MARK, "network_id": "n-app", **fields}
    return Port(id=item, **given)  # type: ignore[arg-type] - its text fields


async def test_a_port_that_was_made_is_seen_at_once(site: Site) -> None:
    receipt = await site.perform(
        site.call(Create()), {"port": {"id": "p1", "name": f"{TRACE.name}-eth0", "description": MARK}}
    )
    assert receipt.made == (LedgerRow("port/eth0", "p1"),)
    assert site.call(Create()).verb == "create_server"


async def test_a_taken_mac_of_ours_is_adopted(site: Site) -> None:
    call = site.call(Create())
    site.cloud.plugs["p7"] = port("p7", mac_address=mac(ID, "eth0", 0))
    receipt = await site.perform(call, MAC_TAKEN)
    assert receipt.made == (LedgerRow("port/eth0", "p7"),)


async def test_a_strangers_mac_takes_the_next_salt(site: Site) -> None:
    call = site.call(Create())
    site.cloud.plugs["p7"] = Port(id="p7", description="theirs", mac_address=mac(ID, "eth0", 0))
    assert await site.perform(call, MAC_TAKEN) == Receipt()
    assert site.call(Create()).arguments.mac == mac(ID, "eth0", 1)
    await site.perform(call, MAC_TAKEN)
    assert site.call(Create()).arguments.mac == mac(ID, "eth0", 2)


async def test_a_taken_mac_may_be_that_of_a_port_which_is_not_shown_yet(site: Site) -> None:
    """The answer to its POST was lost, and a list is served from a replica that does not have it."""
    site.machines = machines(site, visibility_lag=30.0)
    call = site.call(Create())
    for _ in range(2):
        assert type(await site.fails(call, MAC_TAKEN)) is errors.Transient
        assert site.call(Create()).arguments.mac == mac(ID, "eth0", 0)
        site.cloud.now += 20.0
    site.cloud.plugs["p7"] = port("p7", mac_address=mac(ID, "eth0", 0))
    assert (await site.perform(call, MAC_TAKEN)).made == (LedgerRow("port/eth0", "p7"),)


async def test_a_post_without_an_answer_begins_the_time_anew(site: Site) -> None:
    """Its port may be there by now, whoever had the address before."""
    site.machines = machines(site, visibility_lag=30.0)
    call = site.call(Create())
    assert type(await site.fails(call, MAC_TAKEN)) is errors.Transient
    site.cloud.now += 40.0
    await site.fails(call, refused(503, "busy", "network"))
    assert type(await site.fails(call, MAC_TAKEN)) is errors.Transient
    site.cloud.now += 40.0
    assert await site.perform(call, MAC_TAKEN) == Receipt()


async def test_where_no_mac_may_be_chosen_the_fence_is_given_up_and_told(site: Site) -> None:
    receipt = await site.perform(site.call(Create()), MAC_FORBIDDEN)
    assert dict(receipt.facts) == {"createFence": "n-app"}
    assert site.call(Create()).arguments.mac == ""


async def test_a_users_own_mac_is_never_replaced(site: Site) -> None:
    own = spec({"name": "eth0", "networkRef": {"name": "app"}, "macAddress": "02:aa:00:00:00:01"})
    site.wanted = resolve(NAMES, own, BINDINGS)
    call = site.call(Create())
    assert type(await site.fails(call, MAC_TAKEN)) is errors.AddressInUse
    assert type(await site.fails(call, MAC_FORBIDDEN)) is errors.InvalidConfiguration
    assert site.call(Create()).arguments.mac == "02:aa:00:00:00:01"


async def test_a_server_that_was_accepted_is_seen_before_any_list_shows_it(site: Site) -> None:
    site.inventory.write_port(port(), site.cloud.now)
    receipt = await site.perform(site.call(Create()), {"server": {"id": "s1"}})
    assert receipt.made == (LedgerRow("server", "s1"),)
    assert isinstance(site.plan(Create()), Wait), "even without the ledger"
    site.cloud.now += 1
    await site.inventory.read()  # a list that does not show it yet
    assert isinstance(site.plan(Create(), trace(row("server", "s1"))), Wait)


@pytest.mark.parametrize("answer", [{}, {"server": {}}, {"server": "s1"}])
async def test_a_creation_whose_answer_cannot_be_read_has_an_unknown_outcome(site: Site, answer: object) -> None:
    site.inventory.write_port(port(), site.cloud.now)
    assert type(await site.fails(site.call(Create()), answer)) is errors.Ambiguous


async def settled(site: Site) -> Trace:
    site.cloud.put("s1", name=TRACE.name, tags=(MARK,))
    site.cloud.plugs["p1"] = port(device_id="s1")
    await site.inventory.read()
    site.cloud.now += 100
    await site.inventory.read()
    site.cloud.now += 1
    return trace(row("server", "s1"), row("port/eth0", "p1"))


@pytest.mark.parametrize(
    "answer",
    [
        Unanswered("cut"),
        refused(500, "Unexpected API Error."),
        refused(409, "Cannot 'stop' instance s1 while it is in vm_state stopped", kind="conflictingRequest"),
        {},
    ],
)
async def test_whatever_a_call_came_to_the_row_is_fresh_after_the_next_read(site: Site, answer: object) -> None:
    ledger = await settled(site)
    call = site.call(SetPower(Power.OFF), ledger)
    if isinstance(answer, Unanswered) or (isinstance(answer, Exception) and "500" in str(answer)):
        assert type(await site.fails(call, answer)) is errors.Ambiguous
    else:
        assert await site.perform(call, answer) == Receipt()
    sent = Memory(receipts={"server": site.cloud.now})
    assert isinstance(site.plan(SetPower(Power.OFF), ledger, sent), Wait), "not looked yet"
    site.cloud.now += 1
    await site.inventory.read()
    now = site.plan(SetPower(Power.OFF), ledger, sent)
    if answer == {}:
        assert isinstance(now, Wait)
        assert now.message.startswith("Nova accepted the stop, and the server is ACTIVE again: nothing came of it")
    else:
        assert isinstance(now, Call), "it did nothing, as is seen now"


async def test_a_conflict_that_stays_is_told_and_backed_off(site: Site) -> None:
    ledger = await settled(site)
    conflict = refused(409, "Cannot 'stop' instance s1 while it is in vm_state odd", kind="conflictingRequest")
    stop = site.call(SetPower(Power.OFF), ledger)
    assert await site.perform(stop, conflict) == Receipt(), "it may be in that state already: the next look tells"
    for _ in range(2):
        failure = await site.fails(stop, conflict)
        assert isinstance(failure, errors.Transient)
        assert "vm_state odd" in failure.message
    await site.perform(stop, {})
    assert await site.perform(stop, conflict) == Receipt()


async def test_a_lock_is_no_answer(site: Site) -> None:
    ledger = await settled(site)
    locked = refused(409, "Instance s1 is locked", kind="conflictingRequest")
    assert type(await site.fails(site.call(SetPower(Power.OFF), ledger), locked)) is errors.MachineHeld


async def test_deleting_what_is_gone_is_a_proof_only_when_the_404_names_it(site: Site) -> None:
    ledger = await settled(site)
    call = site.call(Delete(), ledger)
    assert await site.perform(call, refused(404, "no such backend")) == Receipt()
    assert isinstance(site.machines.look(ledger), Present)
    receipt = await site.perform(call, refused(404, "Instance s1 could not be found."))
    assert receipt.gone == ("server",)
    assert isinstance(site.machines.look(trace(row("server", "s1"))), Present), "its port"
    call = site.call(Delete(), ledger)
    assert (call.verb, await site.perform(call, {})) == ("delete_port", Receipt())
    assert isinstance(site.machines.look(ledger), Missing)


async def test_a_list_without_it_is_no_proof_and_a_404_to_each_id_is(site: Site) -> None:
    ledger = await settled(site)
    site.cloud.hidden = {"s1", "p1"}
    assert isinstance(await site.machines.prove(ledger), Present)
    site.cloud.remove("s1")
    del site.cloud.plugs["p1"]
    assert isinstance(await site.machines.prove(ledger), Missing)


async def test_before_the_first_read_nothing_is_said() -> None:
    fresh = Site()
    assert fresh.machines.look(TRACE) == Unsure("OpenStack was not read yet")


async def test_a_server_that_somebody_soft_deleted_is_held_and_its_object_deletes_it_by_force(site: Site) -> None:
    listed = await settled(site)
    site.cloud.put("s1", status="SOFT_DELETED")
    await site.inventory.read()
    look = await site.machines.prove(listed)
    assert isinstance(look, Present)
    assert (look.found.life, look.found.twins[0].life) == (Life.HELD, Life.DELETING)
    assert "restored" in look.found.message
    sent = site.plan(Delete(), listed)
    assert isinstance(sent, Call)
    assert sent.verb == "force_delete_server"
    site.cloud.now += 1
    site.cloud.remove("s1")
    gone = refused(404, "Instance s1 could not be found.")
    assert (await site.perform(sent, gone)).gone == ("server",)


async def test_a_disk_that_nova_cannot_attach_is_tried_again_after_a_while(site: Site) -> None:
    """Nova answers before its host tries, and gives the volume free again where that fails: no room on the bus, say."""
    site.wanted = resolve(NAMES_WITH_DISKS, spec(dataDisks=[{"name": "data", "size": "1Gi"}]), BINDINGS)
    metadata = {VOLUME_MARK: MARK, VOLUME_DISK: "data"}
    site.cloud.put("s1", name=TRACE.name, tags=(MARK,))
    site.cloud.disks["v1"] = Volume(id="v1", status="available", size=1, metadata=metadata)
    site.inventory.want_volumes()
    await site.inventory.read()
    step = BringDisks(("data",))
    first = site.call(step)
    assert first.verb == "attach_volume"
    await site.perform(first, {"volumeAttachment": {}})
    site.cloud.now += 5
    await site.inventory.read()
    assert isinstance(site.plan(step), Wait)
    site.cloud.now += PORTS_EVERY
    await site.inventory.read()
    assert site.call(step).verb == "attach_volume"
