"""Rows in the kind's words, and the creating request."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.providers.vsphere.samples import LISTED, TRACE, machine, off, wanted

from hostwright.core.drift import differences
from hostwright.core.port import LedgerRow
from hostwright.kinds.virtualmachine.port import Found, Life, Power
from hostwright.providers.vsphere import translate
from hostwright.providers.vsphere.inventory import Seen
from hostwright.providers.vsphere.rows import Clone, Machine, Nic


def found(*machines: Machine) -> Found:
    return translate.found("vc-uuid", [Seen(row, 1.0) for row in machines], LISTED)


@pytest.mark.parametrize(
    ("change", "life", "words"),
    [
        ({}, Life.STEADY, ""),
        ({"power": "suspended"}, Life.HELD, "vCenter says suspended"),
        ({"connection": "disconnected"}, Life.HELD, "vCenter says disconnected"),
        ({"connection": "inaccessible"}, Life.HELD, "vCenter says inaccessible"),
        ({"template": True}, Life.HELD, "it was made a template"),
        ({"configured": False}, Life.BUILDING, ""),
    ],
)
def test_how_it_lives(change: dict[str, Any], life: Life, words: str) -> None:
    row = replace(machine(), **change)
    assert (translate.life(row), translate.message(row)) == (life, words)


def test_a_machine_as_it_was_wished_differs_in_nothing() -> None:
    seen = found(machine(attributes={"team": "a"}))
    assert differences(wanted(tags={"team": "a"}).shape, seen.shape) == ()
    assert seen.provider_id == "vsphere://vc-uuid/vm-9"
    assert seen.internal_addresses == ("10.1.0.4",)
    assert seen.recorded == ("team-a", "web")
    assert seen.shape.metadata == {}


def test_fixed_addresses_are_no_drift_while_the_guest_says_nothing() -> None:
    seen = found(off(options={"hostwright.addresses.eth0": "10.1.2.10"}))
    wish = wanted({"addresses": ["10.1.2.10/24"]}, powerState="PoweredOff")
    assert differences(wish.shape, seen.shape) == ()
    assert seen.shape.power is Power.OFF
    assert seen.internal_addresses == ()


def test_the_failure_domain_stands_on_the_machine() -> None:
    request = clone(failureDomain="az2")
    seen = found(machine(options={"hostwright.failureDomain": request.options["hostwright.failureDomain"]}))
    assert (seen.zone, seen.shape.zone) == ("az2", "az2")
    assert "hostwright.failureDomain" not in clone().options
    (moved,) = differences(wanted(failureDomain="az1").shape, seen.shape)
    assert (moved.path, moved.disruption) == ("/zone", "Replace")


def test_copies_are_twins_and_templates_are_not() -> None:
    copy = replace(machine(), id="vm-10", name="copy")
    golden = replace(machine(), id="vm-11", name="golden", template=True)
    seen = found(machine(), copy, golden)
    assert {twin.id for twin in seen.twins} == {"vm-9", "vm-10"}
    assert seen.parts == (LedgerRow("server", "vm-9"),)
    assert seen.unmarked == ()
    bare = found(machine(options={"hostwright.mark": ""}))
    assert (bare.unmarked, bare.twins) == ((LedgerRow("server", "vm-9"),), ())


def test_a_card_more_has_a_name_of_its_own() -> None:
    more = Nic(4001, "00:50:56:aa:00:03", "network-2", "VirtualE1000")
    seen = found(replace(machine(), nics=(*machine().nics, more)))
    assert [item.name for item in seen.interfaces] == ["eth0", "card-4001"]


def clone(user_data: bytes | None = None, interface: dict[str, Any] | None = None, **more: Any) -> Clone:
    return translate.clone(wanted(interface, **more), TRACE, user_data)


def metadata(request: Clone) -> dict[str, Any]:
    assert request.options["guestinfo.metadata.encoding"] == "base64"
    read: dict[str, Any] = json.loads(base64.b64decode(request.options["guestinfo.metadata"]))
    return read


def test_the_clone_bears_mark_and_record_and_the_users_options() -> None:
    request = clone(b"#cloud-config\n", vsphere={"extraConfig": {"a.b": "1"}})
    assert request.options["hostwright.mark"] == TRACE.mark
    assert (request.options["hostwright.namespace"], request.options["hostwright.name"]) == ("team-a", "web")
    assert request.options["a.b"] == "1"
    assert base64.b64decode(request.options["guestinfo.userdata"]) == b"#cloud-config\n"
    assert (request.name, request.template, request.cpu, request.memory_mib) == (TRACE.name, "vm-1", 1, 512)
    assert metadata(request) == {"instance-id": TRACE.machine_id, "local-hostname": "web"}
    assert "guestinfo.userdata" not in clone().options


def test_cards_take_the_place_of_the_templates() -> None:
    request = clone(interface={"macAddress": "00:50:56:01:02:03"})
    assert [nic.key for nic in request.drop] == [4000]
    assert [(nic.network, nic.switch, nic.mac) for nic in request.nics] == [
        ("dvportgroup-1", "switch-uuid", "00:50:56:01:02:03")
    ]
    assert clone().nics[0].mac == "", "vCenter chooses"


def test_a_fixed_address_is_given_to_the_card_by_its_mac() -> None:
    request = clone(interface={"addresses": ["10.1.2.10/24"]})
    (card,) = request.nics
    assert card.mac.startswith("00:50:56:")
    assert int(card.mac[9:11], 16) <= 0x3F
    ethernets = metadata(request)["network"]["config"]["ethernets"]
    assert ethernets == {"eth0": {"match": {"macaddress": card.mac}, "addresses": ["10.1.2.10/24"]}}
    assert request.options["hostwright.addresses.eth0"] == "10.1.2.10"
    assert clone(interface={"addresses": ["10.1.2.10/24"]}).nics == request.nics, "the same whenever it is asked"
