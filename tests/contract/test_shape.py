"""What a machine is made with: each thing that a user may wish for is there, or is refused in so many words."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Harness
from tests.contract.watched import Watched
from tests.contract.wishes import not_here, wish

from hostwright.core.drift import differences
from hostwright.core.port import Missing, Present
from hostwright.kinds.virtualmachine.port import Create, Delete, Found, Life, Unresolved

Fields = dict[str, Any]
ETH1 = {"name": "eth1", "networkRef": {"name": "db"}}


def eth0(**more: Any) -> Fields:
    return {"network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, **more}]}}


def two() -> Fields:
    return {"network": {"interfaces": [*eth0()["network"]["interfaces"], ETH1]}}


WISHES: dict[str, Callable[[Harness], Fields]] = {
    "a MAC address": lambda _: eth0(macAddress="02:aa:bb:00:00:01"),
    "an address": lambda harness: eth0(addresses=[harness.address]),
    "a security group": lambda _: eth0(securityGroups=["web"]),
    "two interfaces": lambda _: two(),
    "a failure domain": lambda _: {"failureDomain": "az1"},
    "a root disk": lambda _: {"rootDisk": {"size": "10Gi"}},
    "data disks": lambda _: {"dataDisks": [{"name": "data", "size": "1Gi"}, {"name": "logs", "size": "2Gi"}]},
    "what only this backend has": lambda harness: dict(harness.own),
}
#: Brought about once the machine is there, or kept in a ledger that this suite does not have.
OTHERS: dict[str, Callable[[Harness], Fields]] = {
    "a floating IP": lambda _: eth0(floatingIP={"pool": "public"}),
    "a group": lambda _: {"placement": {"group": {"name": "web", "policy": "AntiAffinity"}}},
    "sleep": lambda _: {"powerState": "Suspended"},
    "an import": lambda _: {"import": {"id": "some-id"}},
}


@pytest.mark.parametrize("name", WISHES)
async def test_a_machine_is_made_as_wished_and_goes_with_all_of_it(
    harness: Harness, watched: Watched, name: str
) -> None:
    wanted = wish(harness, watched, **WISHES[name](harness))
    machine = Driver(watched.provider, wanted, harness.patience)
    found = _found(await machine.reach(Create()))
    assert found.life is Life.STEADY
    assert differences(wanted.shape, found.shape) == ()
    assert {item.name for item in found.interfaces if item.bound} == {item.name for item in wanted.shape.interfaces}
    for shape, item in zip(wanted.shape.interfaces, found.interfaces, strict=True):
        assert not shape.mac_address or item.mac_address == shape.mac_address
        assert not shape.addresses or item.addresses == shape.addresses
    assert {part.id for part in found.parts} == {row.id for row in machine.trace.ledger}
    assert list(await harness.truth()) == [machine.id]
    assert await harness.own_of(machine.id) >= _own(harness, name)
    assert isinstance(await machine.reach(Delete()), Missing)
    assert await harness.truth() == {}
    assert await harness.left() == []


@pytest.mark.parametrize("name", [*WISHES, *OTHERS])
async def test_what_is_not_to_be_had_is_refused_with_what_to_do(harness: Harness, watched: Watched, name: str) -> None:
    """Never taken and then left out."""
    spec = harness.spec(**{**WISHES, **OTHERS}[name](harness))
    answer = watched.provider.resolve(spec, harness.bindings())
    if isinstance(answer, Unresolved):
        assert not_here(answer.failure), answer.failure.message


async def test_tags_are_the_machines_then_its_labels_then_the_providers(harness: Harness, watched: Watched) -> None:
    bindings = replace(
        harness.bindings(),
        default_tags={"team": "x", "backup": "x", "tier": "provider"},
        label_tags={"team": "y", "backup": "label"},
    )
    machine = Driver(watched.provider, wish(harness, watched, bindings=bindings), harness.patience)
    found = _found(await machine.reach(Create()))
    tags = {"team": "a", "backup": "label", "tier": "provider"}
    assert dict(found.shape.tags) == tags
    assert (await harness.truth())[machine.id].tags == tags


def _own(harness: Harness, name: str) -> set[tuple[str, str]]:
    """Key and value of each field, flat, of the block that is the backend's own."""
    blocks = harness.own.values() if name == "what only this backend has" else ()
    return {(key, str(value)) for block in blocks for key, value in block.items()}


def _found(look: object) -> Found:
    assert isinstance(look, Present), look
    found: Found = look.found
    return found
