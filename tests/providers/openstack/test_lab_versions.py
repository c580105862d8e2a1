"""Clouds that are older than ours: the lab's own Nova behind a proxy that takes no newer microversion."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import pytest
import yaml
from tests.contract.driver import Driver
from tests.contract.harness_openstack import OpenStackHarness
from tests.contract.watched import Watched, watching
from tests.providers.openstack.older import Older, older

from hostwright.core import errors
from hostwright.kinds.provider.port import Session
from hostwright.kinds.virtualmachine.port import (
    ConfirmResize,
    Create,
    Delete,
    Life,
    Power,
    Resize,
    SetPower,
    Unresolved,
    Update,
    Wanted,
)
from hostwright.providers.openstack.transport import FLOOR
from hostwright.sandbox.openstack.lab import LabFacts

if TYPE_CHECKING:
    from hostwright.providers.openstack.machines import Machines

BELOW = (FLOOR[0], FLOOR[1] - 1)


class OldHarness(OpenStackHarness):
    """The lab, with Nova seen through the proxy."""

    def __init__(self, facts: LabFacts, nova: Older) -> None:
        super().__init__(facts)
        self.nova = nova

    async def session(self, **options: Any) -> Session:
        cloud = yaml.safe_load(self.facts.clouds_file.read_text())["clouds"][self.facts.cloud]
        return await super().session(cloud={**cloud, "compute_endpoint_override": f"{self.nova.url}/v2.1"}, **options)


@pytest.fixture
def nova(openstack_lab: LabFacts) -> Iterator[Older]:
    there = urlsplit(openstack_lab.nova_url)
    with older(f"{there.scheme}://{there.netloc}", FLOOR) as made:
        yield made


@pytest.fixture
async def old(openstack_lab: LabFacts, nova: Older) -> AsyncIterator[OldHarness]:
    lent = OldHarness(openstack_lab, nova)
    lent.start()
    await lent.reset()
    yield lent
    await lent.reset()
    lent.stop()


@pytest.fixture
async def seen(old: OldHarness) -> AsyncIterator[Watched]:
    async with watching(old) as opened:
        yield opened


async def test_below_the_floor_it_is_told_and_nothing_is_asked(old: OldHarness) -> None:
    old.nova.newest = BELOW
    with pytest.raises(errors.BackendTooOld, match=r"newest microversion is 2\.71, .* enough is 2\.72 \(Stein\)"):
        await old.session()
    assert old.nova.asked == []


async def test_at_the_floor_a_machine_lives_as_on_a_new_cloud(old: OldHarness, seen: Watched) -> None:
    """Made with its mark, changed, resized and confirmed, and deleted; the guest bears the server's name."""
    assert (await seen.session.check()).api_version == "compute 2.72"
    wanted = seen.provider.resolve(old.spec(tags={"team": "a"}), old.bindings())
    assert isinstance(wanted, Wanted)
    made = Driver(seen.provider, wanted, old.patience)
    assert not cast("Machines", seen.provider).fence.keeps_volumes, "a volume that goes with its server (2.85)"
    await made.reach(Create())
    row = old._demo.compute.get_server(made.id)
    assert row.hostname == row.name
    assert made.trace.mark in old._demo.compute.get(f"/servers/{made.id}/tags", microversion="2.90").json()["tags"]
    await made.reach(SetPower(Power.OFF))
    await made.reach(SetPower(Power.ON))
    await made.reach(Update(("/tags",)))
    bindings = old.bindings()
    larger = seen.provider.resolve(old.spec(classRef=None, openstack={"flavor": {"name": "medium"}}), bindings)
    assert isinstance(larger, Wanted)
    made.wanted = larger
    await made.send(await made.next_call(Resize("medium")))
    await made.until(lambda look: getattr(look, "found", None) and look.found.life is Life.RESIZED, "to be confirmed")
    await made.send(await made.next_call(ConfirmResize()))
    await made.until(lambda look: look.found.life is Life.STEADY and look.found.shape.size == "medium", "resized")
    await made.reach(Delete())
    assert await old.truth() == {}
    assert {version for _, path, version in old.nova.asked if "/lab/" not in path} == {FLOOR}
    assert len(old.nova.changes) >= 5


async def test_a_host_name_of_the_users_own_needs_a_newer_cloud(old: OldHarness, seen: Watched) -> None:
    interface = {"name": "eth0", "networkRef": {"name": "app"}}
    asked = seen.provider.resolve(old.spec(network={"hostname": "web", "interfaces": [interface]}), old.bindings())
    assert isinstance(asked, Unresolved)
    assert type(asked.failure) is errors.InvalidConfiguration
    assert "remove spec.network.hostname 'web'" in asked.failure.message


async def test_an_upgraded_cloud_is_used_as_it_is_now_with_the_next_login(old: OldHarness) -> None:
    old.nova.newest = (2, 104)
    session = await old.session()
    assert (await session.check()).api_version == "compute 2.90"
    await session.close()
