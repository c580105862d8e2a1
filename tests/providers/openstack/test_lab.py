"""What only the real services show: failed builds, locks, networks without a fence, a stranger's addresses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.driver import Driver
from tests.contract.harness_openstack import OpenStackHarness
from tests.contract.watched import Watched

from hostwright.core import errors
from hostwright.core.port import Call, Present, Repeat, Wait
from hostwright.kinds.virtualmachine.port import Create, Delete, Discard, Life, Power, SetPower, Wanted
from hostwright.providers.openstack.calls import On
from hostwright.sandbox.openstack import clouds


def machine(
    harness: OpenStackHarness, watched: Watched, interface: dict[str, Any] | None = None, **more: Any
) -> Driver:
    wanted = watched.provider.resolve(harness.spec(interface, **more), harness.bindings())
    assert isinstance(wanted, Wanted), wanted
    return Driver(watched.provider, wanted, harness.patience)


async def test_a_failed_build_is_told_discarded_and_made_again_with_the_same_port(
    harness: OpenStackHarness, watched: Watched
) -> None:
    made = machine(harness, watched, openstack={"metadata": {"lab:spawn": "abort"}})
    await made.send(await made.create_up_to("create_server"))
    failed, port = made.id, made.trace.row("port/eth0")
    await made.until(lambda look: isinstance(look, Present) and look.found.life is Life.FAILED, "the failure")
    assert made.found().message, "Nova's own words"
    row = made.trace.row("server")
    assert row is not None
    await made.reach(Discard(row))
    made.forget("server")
    made.wanted = replace(made.wanted, shape=replace(made.wanted.shape, metadata={}))
    await made.reach(Create())
    assert made.id != failed
    assert made.trace.row("port/eth0") == port
    assert list(await harness.truth()) == [made.id]


async def test_a_lock_is_told_and_not_asked_again(harness: OpenStackHarness, watched: Watched) -> None:
    made = machine(harness, watched)
    await made.reach(Create())
    stop = await made.next_call(SetPower(Power.OFF))
    await harness.lock(made.id, on=True)
    with pytest.raises(errors.MachineHeld, match="is locked"):
        await made.send(stop)
    assert (await harness.truth())[made.id].powered_on is True
    await made.until(lambda look: isinstance(look, Present) and look.found.life is Life.HELD, "the lock is seen")
    assert "locked: being moved" in made.found().message
    assert isinstance(made.plan(SetPower(Power.OFF)), Wait)
    await harness.lock(made.id, on=False)
    await made.reach(SetPower(Power.OFF))


async def test_a_port_that_came_loose_is_plugged_in_once(harness: OpenStackHarness, watched: Watched) -> None:
    made = machine(harness, watched)
    await made.reach(Create())
    port = made.found().interfaces[0].id
    await harness.unplug(made.id, port)
    look = await made.provider.prove(made.trace)  # the watch reads the ports of settled machines once a minute
    assert isinstance(look, Present)
    assert not look.found.interfaces[0].bound
    before = len(made.sent)
    await made.reach(Create())
    assert [call.verb for call in made.sent[before:]] == ["attach_port"]
    assert made.found().interfaces[0].bound


async def test_a_network_that_lets_nobody_choose_a_mac_takes_the_path_without_a_fence(
    harness: OpenStackHarness, watched: Watched
) -> None:
    made = machine(harness, watched, {"networkRef": {"name": "db"}})
    first = await made.next_call(Create())
    assert first.repeat is Repeat.FENCED
    receipt = await made.send(first)
    assert (receipt.made, list(receipt.facts)) == ((), ["createFence"])
    second = await made.next_call(Create())
    assert second.repeat is Repeat.INTENT
    await made.reach(Create())
    fences = {fact.name: fact.create_fence for fact in watched.session.networks()}
    assert (fences["db"], fences["app"]) == ("None", "MACAddress")
    await made.reach(Delete())
    assert await harness.truth() == {}


async def test_strangers_addresses_are_refused_and_their_ports_stay(
    harness: OpenStackHarness, watched: Watched
) -> None:
    address, mac = "10.0.77.7", "02:aa:bb:cc:dd:01"
    strangers = machine(harness, watched, {"addresses": [f"{address}/14"], "macAddress": mac})
    await strangers.send(await strangers.next_call(Create()))
    for interface in ({"macAddress": mac}, {"addresses": [f"{address}/14"]}):
        other = machine(harness, watched, interface)
        with pytest.raises(errors.AddressInUse):
            await other.send(await other.next_call(Create()))
        assert other.trace.ledger == ()
    assert isinstance(await strangers.provider.prove(strangers.trace), Present)


async def test_an_application_credential_is_a_login_to_the_same_project(
    harness: OpenStackHarness, watched: Watched
) -> None:
    facts = harness.facts
    demo = clouds.connect(facts.clouds_file, facts.cloud)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    made = demo.identity.create_application_credential(
        demo.current_user_id, "hostwright", expires_at=until.replace(tzinfo=None).isoformat()
    )
    auth = {
        "auth_url": facts.urls["keystone"],
        "application_credential_id": made.id,
        "application_credential_secret": made.secret,
    }
    cloud = {"auth_type": "v3applicationcredential", "region_name": facts.region, "auth": auth}
    try:
        session = await harness.session(cloud=cloud)
        here, there = await session.check(), await watched.session.check()
        assert here.identity == there.identity
        assert (here.expires_at, there.expires_at) == (until, None)
        assert [fact.name for fact in session.networks() if fact.id] == ["app", "db"]
        await session.close()
    finally:
        demo.identity.delete_application_credential(demo.current_user_id, made.id)
    with pytest.raises(errors.CredentialsRejected):
        await harness.session(cloud=cloud)


async def test_nova_deletes_by_force_whatever_the_state(harness: OpenStackHarness, watched: Watched) -> None:
    """The request of a SOFT_DELETED server; the lab reclaims at once, so an active one has to do."""
    made = machine(harness, watched)
    await made.reach(Create())
    on = On(made.id, "compute", "POST", f"/servers/{made.id}/action", {"forceDelete": None})
    row = made.trace.row("server")
    await made.send(Call("force_delete_server", "server", Repeat.IDEMPOTENT, on, destructive=True, row=row))
    await made.until(
        lambda look: isinstance(look, Present) and look.found.life is Life.PARTIAL, "only its port is left"
    )
    assert await harness.truth() == {}
    await made.reach(Delete())
