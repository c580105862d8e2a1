"""Cinder does not answer: machines with disks wait for it and say so, all others go on."""

import pytest
from tests.providers.openstack.cloud import refused
from tests.providers.openstack.rows import ID, MARK, TRACE, spec
from tests.providers.openstack.test_machines import Site

from hostwright.core.errors import CredentialsRejected, Transient, Unreachable
from hostwright.core.port import LedgerRow, Missing, Present, Trace
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.openstack.inventory import SWEEP
from hostwright.providers.openstack.rows import VOLUME_MARK, LoginRefused, NotSent, Port, Refused, Volume
from hostwright.providers.openstack.transport import BLOCK_STORAGE

AWAY = refused(503, "away", BLOCK_STORAGE)
HEX = ID.replace("-", "")
SERVER, DISK = LedgerRow("server", "s1"), LedgerRow("volume/data", "v1")


@pytest.fixture
def site() -> Site:
    """A machine with a disk, and the login of a Provider that has such."""
    made = Site()
    made.cloud.put("s1", tags=(MARK,), name=TRACE.name)
    made.cloud.plugs["p1"] = Port(id="p1", description=MARK, device_id="s1")
    made.cloud.disks["v1"] = Volume(id="v1", status="in-use", metadata={VOLUME_MARK: MARK})
    made.inventory.want_volumes()
    return made


async def read(site: Site, after: float = 1.0) -> list[str]:
    site.cloud.now += after
    return list(await site.inventory.read())


def trace(*rows: LedgerRow, making: str = "") -> Trace:
    return Trace(
        ID, MARK, TRACE.mark_prefix, TRACE.name, TRACE.namespace, TRACE.object_name, ledger=rows, making=making
    )


def with_disk() -> VirtualMachineSpec:
    return spec().model_copy(update={"data_disks": [object()]})


@pytest.mark.parametrize("error", [AWAY, NotSent("connection refused"), TimeoutError()], ids=["503", "refused", "late"])
async def test_servers_and_ports_are_read_all_the_same(site: Site, error: Exception) -> None:
    await read(site)
    site.cloud.cinder = error
    site.cloud.put("s1", status="SHUTOFF")
    await read(site, SWEEP)
    assert site.inventory.servers["s1"].row.status == "SHUTOFF"
    away = site.machines.away(trace(SERVER, DISK), spec())
    assert away is not None
    assert isinstance(away[0], Unreachable)
    assert "Cinder is away" in away[0].message


async def test_a_start_while_it_is_away_knows_all_but_the_disks(site: Site) -> None:
    site.cloud.cinder = AWAY
    await read(site)
    assert site.inventory.synced()
    assert isinstance(site.machines.look(trace(SERVER)), Present)


async def test_it_hinders_whoever_has_disks_by_spec_ledger_or_an_open_call_and_nobody_else(site: Site) -> None:
    await read(site)
    assert site.machines.away(trace(SERVER, DISK), with_disk()) is None
    site.cloud.cinder = AWAY
    since = site.cloud.now + SWEEP
    await read(site, SWEEP)
    await read(site)
    assert site.machines.away(trace(SERVER), spec()) is None
    hindered = [
        site.machines.away(trace(SERVER), with_disk()),
        site.machines.away(trace(SERVER, DISK), spec()),
        site.machines.away(trace(SERVER, making="volume/data"), spec()),
    ]
    assert [away[1] for away in hindered if away is not None] == [since] * 3


async def test_it_is_asked_with_each_read_until_it_answers_and_both_turns_are_told(site: Site) -> None:
    await read(site)
    site.cloud.cinder = AWAY
    assert HEX in await read(site, SWEEP)
    site.cloud.cinder = None
    site.cloud.asked.clear()
    assert HEX in await read(site)
    assert "volumes" in site.cloud.asked
    assert site.machines.away(trace(SERVER, DISK), spec()) is None
    site.cloud.asked.clear()
    assert await read(site) == []
    assert "volumes" not in site.cloud.asked


async def test_what_is_not_there_any_more_is_proven_without_it_where_the_ledger_tells_of_no_disk(site: Site) -> None:
    del site.cloud.disks["v1"]
    await read(site)
    site.cloud.cinder = AWAY
    await read(site, SWEEP)
    site.cloud.remove("s1")
    del site.cloud.plugs["p1"]
    assert isinstance(await site.machines.prove(trace(SERVER)), Missing)
    for told in (trace(SERVER, DISK), trace(), trace(SERVER, making="volume/data")):
        with pytest.raises(Transient) as caught:
            await site.machines.prove(told)
        assert not isinstance(caught.value, Unreachable), "that would be the whole Provider's"
    site.cloud.cinder = None
    await read(site)
    assert isinstance(await site.machines.prove(trace(SERVER, DISK)), Missing)


async def test_a_refused_login_and_a_refusal_are_no_outage_of_it(site: Site) -> None:
    await read(site)
    site.cloud.cinder = LoginRefused("no")
    with pytest.raises(LoginRefused):
        await read(site, SWEEP)
    site.cloud.cinder = refused(403, "not you", BLOCK_STORAGE)
    with pytest.raises(CredentialsRejected):
        await site.machines.prove(trace(SERVER, DISK))
    site.cloud.cinder = refused(400, "what", BLOCK_STORAGE)
    with pytest.raises(Refused):
        await read(site, SWEEP)
    assert site.machines.away(trace(SERVER, DISK), spec()) is None
