"""OpenStack's rows in the kind's words."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.openstack.rows import BINDINGS, MARK, NAMES, TRACE, port, row, server, spec

from hostwright.core.port import LedgerRow, Trace, Window
from hostwright.kinds.virtualmachine.port import Found, Life, Power, Wanted
from hostwright.providers.openstack.bodies import server_body
from hostwright.providers.openstack.read import parse
from hostwright.providers.openstack.resolve import resolve
from hostwright.providers.openstack.rows import Address, Fault, Flavor, Linked
from hostwright.providers.openstack.seen import Gathered, SeenPort, SeenServer
from hostwright.providers.openstack.translate import found, life, mac


def seen(servers: Sequence[SeenServer], ports: Sequence[SeenPort] = (), trace: Trace = TRACE) -> Found:
    return found("R", Gathered(tuple(servers), tuple(ports)), trace)


@pytest.mark.parametrize(
    ("status", "task", "becomes"),
    [
        ("BUILD", None, Life.BUILDING),
        ("BUILD", "spawning", Life.BUILDING),
        ("BUILD", "deleting", Life.DELETING),
        ("ACTIVE", None, Life.STEADY),
        ("SHUTOFF", None, Life.STEADY),
        ("ACTIVE", "powering-off", Life.CHANGING),
        ("SHUTOFF", "powering-on", Life.CHANGING),
        ("ACTIVE", "deleting", Life.DELETING),
        ("ACTIVE", "soft-deleting", Life.DELETING),
        ("ERROR", None, Life.FAILED),
        ("ERROR", "deleting", Life.DELETING),
        ("REBOOT", None, Life.CHANGING),
        ("PAUSED", None, Life.HELD),
        ("SUSPENDED", None, Life.STEADY),
        ("SHELVED", None, Life.HELD),
        ("SHELVED_OFFLOADED", None, Life.HELD),
        ("RESCUE", None, Life.HELD),
        ("VERIFY_RESIZE", None, Life.RESIZED),
        ("UNKNOWN", None, Life.HELD),
    ],
)
def test_life(status: str, task: str | None, becomes: Life) -> None:
    assert life(server(status=status, task=task).row) is becomes


NAMES_OF_INTERFACES = st.from_regex(r"[a-z][a-z0-9]{0,14}", fullmatch=True)


@given(st.uuids(version=4), NAMES_OF_INTERFACES, st.integers(0, 1000))
def test_a_mac_is_local_unicast_and_always_the_same(machine: object, interface: str, salt: int) -> None:
    address = mac(str(machine), interface, salt)
    octets = [int(part, 16) for part in address.split(":")]
    assert len(octets) == 6
    assert octets[0] == 0x02, "locally administered, unicast"
    assert address == address.lower() == mac(str(machine), interface, salt)


@given(st.uuids(version=4), st.uuids(version=4), NAMES_OF_INTERFACES, st.integers(0, 1000))
def test_another_machine_interface_or_salt_has_another_mac(
    one: object, other: object, interface: str, salt: int
) -> None:
    own = mac(str(one), interface, salt)
    assert own != mac(str(one), interface, salt + 1)
    assert own != mac(str(one), f"{interface}0", salt)
    assert (own == mac(str(other), interface, salt)) is (one == other)


@pytest.mark.parametrize(
    ("device", "read_at", "at_rest_since", "bound"),
    [
        ("s1", 10.0, 5.0, True),
        ("", 10.0, 5.0, False),  # read after the server came to rest: really unplugged
        ("s9", 10.0, 5.0, False),
        ("", 4.0, 5.0, True),  # read before: the row is from the time when it was not yet plugged in
        ("", 5.0, 5.0, False),  # a proof reads both at once
        ("", 10.0, float("inf"), True),
    ],
)
def test_an_old_row_of_a_port_does_not_say_that_it_came_loose(
    device: str, read_at: float, at_rest_since: float, bound: bool
) -> None:
    item = seen([server(active_at=at_rest_since)], [port(device_id=device, as_of=read_at)])
    assert [nic.bound for nic in item.interfaces] == [bound]  # type: ignore[attr-defined] - a Found


@pytest.mark.parametrize(
    ("fields", "becomes", "words"),
    [
        ({"locked": True}, Life.HELD, "the server is locked. Unlock it (openstack server unlock s1)"),
        (
            {"locked": True, "locked_reason": "being moved"},
            Life.HELD,
            "the server is locked: being moved. Unlock it (openstack server unlock s1)",
        ),
        (
            {"locked": True, "status": "SHUTOFF"},
            Life.HELD,
            "the server is locked. Unlock it (openstack server unlock s1)",
        ),
        ({"locked": True, "task": "powering-off"}, Life.CHANGING, "Nova is at work: powering-off"),
        ({"locked": True, "status": "BUILD"}, Life.BUILDING, ""),
        ({"locked": True, "status": "ERROR"}, Life.FAILED, ""),
        ({"locked": False, "locked_reason": None}, Life.STEADY, ""),
    ],
)
def test_a_locked_server_at_rest_is_held(fields: dict[str, object], becomes: Life, words: str) -> None:
    item = seen([server(**fields)])
    assert (item.life, item.message) == (becomes, words)


def test_two_values_of_one_tag_are_both_shown() -> None:
    item = seen([server(tags=("team=b", MARK, "team=a", "free"))])
    assert item.shape.tags == {"team": "a,b"}


def test_ports_without_a_server_are_a_part() -> None:
    item = seen([], [port()])
    assert (item.life, item.id, item.parts, item.twins) == (Life.PARTIAL, "", (LedgerRow("port/eth0", "p1"),), ())


def test_the_ledgers_server_is_the_machine_whatever_else_bears_the_mark() -> None:
    servers = [server("s1", status="ERROR"), server("s2")]
    trace = replace(TRACE, ledger=(row("server", "s1"),))
    assert seen(servers, [], trace).id == "s1"
    item = seen(servers)
    assert item.id == "s2", "else the best"
    assert {twin.id for twin in item.twins} == {"s1", "s2"}


def test_who_owns_our_ports_goes_before_who_is_older_and_our_name_before_all() -> None:
    older, owner = server("s1", created="2026-11-24T09:00:00Z"), server("s2")
    assert seen([older, owner]).id == "s1"
    assert seen([older, owner], [port(device_id="s2")]).id == "s2"
    renamed = server("s3", name="else", created="2026-11-24T08:00:00Z")
    assert seen([renamed, server("s4", status="BUILD")]).id == "s4"


def test_of_two_ports_the_oldest_stays_and_the_other_is_ours_only_inside_a_window() -> None:
    ports = [port("p2", created_at="2026-11-24T10:00:05Z"), port("p1")]
    assert seen([], ports).parts == (LedgerRow("port/eth0", "p1"),)
    start = parse("2026-11-24T10:00:00Z")
    assert start is not None
    inside = replace(TRACE, windows=(Window(start, start),))
    assert seen([], ports, inside).parts == (LedgerRow("port/eth0", "p1"), LedgerRow("extra/p2", "p2"))
    backup = port("p2", created_at="2026-11-24T10:00:05Z")
    named = [replace(backup, row=msgspec.structs.replace(backup.row, name="backup")), port("p1")]
    assert seen([], named, inside).parts == (LedgerRow("port/eth0", "p1"),), "with our mark, under a name of theirs"


def test_a_whole_machine() -> None:
    row_ = server(
        status="SHUTOFF",
        tags=(MARK, "team=a", "plain", "a=b=c"),
        metadata={"hostwright.namespace": "team", "hostwright.name": "web", "rack": "r1"},
        flavor=Flavor(original_name="small", vcpus=1, ram=512),
        image=Linked("i1"),
        addresses={"app": (Address("10.0.0.9", "fixed"), Address("172.24.0.3", "floating"))},
    )
    item = seen([row_], [port(device_id="s1")])
    assert item.shape.power is Power.OFF
    assert item.shape.tags == {"team": "a", "a": "b=c"}
    assert item.shape.metadata == {"rack": "r1"}
    assert (item.recorded, item.shape.size, item.shape.image) == (("team", "web"), "small", "i1")
    assert (item.internal_addresses, item.external_addresses) == (("10.0.0.9",), ("172.24.0.3",))
    assert item.provider_id == "openstack:///R/s1"
    assert {part.name for part in item.parts} == {"server", "port/eth0"}


def test_a_failure_has_novas_words() -> None:
    item = seen([server(status="ERROR", fault=Fault("No valid host was found.", 500))])
    assert (item.life, item.message, item.code) == (Life.FAILED, "No valid host was found.", "500")
    assert item.no_room
    other = seen([server(status="ERROR", fault=Fault("Build of instance x aborted", 500))])
    assert not other.no_room


def test_a_server_of_a_cell_that_is_down_has_hardly_a_key() -> None:
    item = seen([server(status="UNKNOWN", created="", metadata={}, name="")])
    words = "Nova says UNKNOWN: the cell of Nova that holds the server does not answer"
    assert (item.life, item.created_at, item.message) == (Life.HELD, None, words)


def test_mark_tags_and_record_are_in_the_creating_request() -> None:
    wanted = resolve(
        NAMES, spec(tags={"team": "a"}, openstack={"metadata": {"rack": "r1"}, "keyPair": "key"}), BINDINGS
    )
    assert isinstance(wanted, Wanted)
    body = server_body(wanted, TRACE, ["p1"], b"#!/bin/sh\n")["server"]
    assert body["tags"] == [MARK, "team=a"]
    assert body["metadata"] == {"rack": "r1", "hostwright.namespace": "team", "hostwright.name": "web"}
    assert (body["networks"], body["hostname"], body["key_name"]) == ([{"port": "p1"}], "web", "key")
    assert body["user_data"] == "IyEvYmluL3NoCg=="
    assert "config_drive" not in body
