"""The next call on the ports of a machine at rest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.providers.openstack.rows import BINDINGS, MARK, NAMES, TRACE, port, row, server, spec

from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Repeat, Trace, Wait
from hostwright.kinds.virtualmachine.port import Found, Life, Memory, Rewire, Wanted
from hostwright.providers.openstack.calls import SEND_AGAIN, Fence, NewPort, On, PortSeen
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.resolve import resolve
from hostwright.providers.openstack.rows import Address, FixedIP, SecurityGroup
from hostwright.providers.openstack.seen import Gathered, SeenPort
from hostwright.providers.openstack.translate import found, mac

SERVER, PORT0, PORT1 = row("server", "s1"), row("port/eth0", "p1"), row("port/eth1", "p2")
APP, DB = {"networkRef": {"name": "app"}}, {"networkRef": {"name": "db"}}
ETH0, ETH1 = {"name": "eth0", **APP}, {"name": "eth1", **DB}
P0, P1 = port("p1", device_id="s1"), port("p2", "eth1", device_id="s1", network_id="n-db")


def wish(*interfaces: dict[str, Any]) -> Wanted:
    groups = (SecurityGroup("g0", "default", "p"), SecurityGroup("g9", "default", "of-another"))
    names = replace(
        NAMES, project="p", catalog=replace(NAMES.catalog, security_groups=(*NAMES.catalog.security_groups, *groups))
    )
    answer = resolve(names, spec(*interfaces), BINDINGS)
    assert isinstance(answer, Wanted), answer
    return answer


def ask(
    keys: Sequence[str],
    wanted: Wanted,
    ports: Sequence[SeenPort],
    *,
    rows: Sequence[LedgerRow] = (SERVER, PORT0, PORT1),
    receipts: Mapping[str, float] | None = None,
    told: float | None = None,
    **fields: Any,
) -> Call | Wait | Done:
    trace: Trace = replace(TRACE, ledger=tuple(rows))
    look = Present(found("R", Gathered((server(**fields),), tuple(ports)), trace), 10.0)
    fence = Fence(ports={item.row.id: PortSeen(item.row.device_id, item.as_of, told) for item in ports})
    return plan(Rewire(tuple(keys)), trace, wanted, look, Memory(receipts=receipts or {}), fence)


def call(planned: Call | Wait | Done, verb: str) -> Call:
    assert isinstance(planned, Call), planned
    assert planned.verb == verb
    return planned


def test_an_interface_is_added_as_at_creation_but_with_an_intent() -> None:
    made = call(ask(["eth1"], wish(ETH0, ETH1), [P0]), "create_port")
    assert (made.expect, made.repeat, made.destructive) == ("port/eth1", Repeat.INTENT, False)
    assert isinstance(made.arguments, NewPort)
    assert made.arguments.body["port"]["mac_address"] == mac(TRACE.machine_id, "eth1", 0)
    assert made.arguments.body["port"]["description"] == MARK
    loose = port("p2", "eth1", network_id="n-db")
    plugged = call(ask(["eth1/plugged"], wish(ETH0, ETH1), [P0, loose]), "attach_port")
    assert plugged.arguments.body == {"interfaceAttachment": {"port_id": "p2"}}
    assert isinstance(ask(["eth1/plugged"], wish(ETH0, ETH1), [P0, loose], receipts={"port/eth1": 10.0}), Wait)
    assert isinstance(ask(["eth1", "eth1/plugged"], wish(ETH0, ETH1), [P0, P1]), Done)


def test_an_interface_is_unplugged_seen_unplugged_and_then_deleted() -> None:
    gone = wish(ETH0)
    first = call(ask(["eth1"], gone, [P0, P1]), "detach_port")
    assert (first.expect, first.repeat, first.destructive) == ("port/eth1", Repeat.IDEMPOTENT, False)
    assert (first.arguments.method, first.arguments.path) == ("DELETE", "/servers/s1/os-interface/p2")
    assert isinstance(ask(["eth1"], gone, [P0, P1], receipts={"port/eth1": 10.0}), Wait), "not read since"
    assert isinstance(ask(["eth1"], gone, [P0, P1], receipts={"port/eth1": 9.0}, told=9.0), Wait), "Nova is at it"
    call(ask(["eth1"], gone, [P0, P1], receipts={"port/eth1": 9.0}), "detach_port")
    call(ask(["eth1"], gone, [P0, P1], told=10.0 - SEND_AGAIN - 1), "detach_port")
    free = port("p2", "eth1", network_id="n-db")
    assert isinstance(ask(["eth1"], gone, [P0, free], receipts={"port/eth1": 10.0}), Wait), "an old row is not believed"
    last = call(ask(["eth1"], gone, [P0, free], receipts={"port/eth1": 9.0}), "delete_port")
    assert (last.destructive, last.row, last.arguments.path) == (True, PORT1, "/v2.0/ports/p2")
    assert isinstance(ask(["eth1"], gone, [P0]), Done)


@pytest.mark.parametrize("device", ["s9", "router"])
def test_a_port_that_something_else_holds_is_not_deleted(device: str) -> None:
    held = ask(["eth1"], wish(ETH0), [P0, port("p2", "eth1", device_id=device)])
    assert isinstance(held, Wait)
    assert f"held by {device}" in held.message


def test_a_port_that_is_not_ours_is_only_unplugged() -> None:
    theirs = (SERVER, PORT0, replace(PORT1, ownership=Ownership.REFERENCED))
    call(ask(["eth1"], wish(ETH0), [P0, P1], rows=theirs), "detach_port")
    free = port("p2", "eth1")
    assert isinstance(ask(["eth1"], wish(ETH0), [P0, free], rows=theirs), Done)


def test_the_next_interface_is_plugged_in_before_the_last_is_unplugged() -> None:
    keys, wanted = ["eth0", "eth1", "eth1/plugged"], wish(ETH1)
    call(ask(keys, wanted, [P0], rows=(SERVER, PORT0)), "create_port")
    loose = port("p2", "eth1", network_id="n-db")
    call(ask(keys, wanted, [P0, loose]), "attach_port")
    assert isinstance(ask(keys, wanted, [P0, loose], receipts={"port/eth1": 11.0}), Wait)
    assert call(ask(keys, wanted, [P0, P1]), "detach_port").expect == "port/eth0"


def test_what_holds_an_address_that_another_is_to_have_goes_first() -> None:
    holder = port("p1", device_id="s1", fixed_ips=(FixedIP("10.0.0.9"),))
    wanted = wish({**ETH1, **APP, "addresses": ["10.0.0.9/24"]})
    assert call(ask(["eth0", "eth1"], wanted, [holder], rows=(SERVER, PORT0)), "detach_port").expect == "port/eth0"


@pytest.mark.parametrize(
    ("key", "change"), [("eth0/network", DB), ("eth0/mac_address", {"macAddress": "02:aa:00:00:00:01"})]
)
def test_another_network_or_mac_is_another_port_and_the_old_one_goes_first(key: str, change: dict[str, Any]) -> None:
    wanted = wish({**ETH0, **change})
    call(ask([key], wanted, [P0]), "detach_port")
    unplugged = [key, "eth0/plugged"]  # as it is seen half-way
    call(ask(unplugged, wanted, [port("p1")], receipts={"port/eth0": 9.0}), "delete_port")
    made = call(ask(["eth0"], wanted, [], rows=(SERVER,)), "create_port")
    assert made.arguments.body["port"]["network_id"] == ("n-db" if key == "eth0/network" else "n-app")


def test_addresses_and_groups_are_set_on_the_port_and_only_what_the_step_names() -> None:
    wanted = wish({**ETH0, "addresses": ["10.0.0.9/24"], "securityGroups": ["web"]})
    both = call(ask(["eth0/addresses", "eth0/security_groups"], wanted, [P0]), "update_port")
    assert (both.arguments.method, both.arguments.path) == ("PUT", "/v2.0/ports/p1")
    assert both.arguments.body == {"port": {"fixed_ips": [{"ip_address": "10.0.0.9"}], "security_groups": ["g1"]}}
    assert (both.expect, both.repeat) == ("port/eth0", Repeat.IDEMPOTENT)
    one = call(ask(["eth0/security_groups"], wanted, [P0]), "update_port")
    assert one.arguments.body == {"port": {"security_groups": ["g1"]}}
    assert isinstance(ask(["eth0/security_groups"], wanted, [P0], receipts={"port/eth0": 10.0}), Wait)
    done = port("p1", device_id="s1", security_groups=("g1",))
    assert isinstance(ask(["eth0/security_groups"], wanted, [done]), Done)


def test_groups_that_are_wished_no_more_give_way_to_the_projects_own_default() -> None:
    have = port("p1", device_id="s1", security_groups=("g1",))
    back = call(ask(["eth0/security_groups"], wish(ETH0), [have]), "update_port")
    assert back.arguments.body == {"port": {"security_groups": ["g0"]}}


@pytest.mark.parametrize("fields", [{"task": "rebooting"}, {"status": "PAUSED"}])
def test_nothing_is_rewired_while_nova_is_at_work(fields: dict[str, Any]) -> None:
    assert isinstance(ask(["eth1"], wish(ETH0, ETH1), [P0], **fields), Wait)


def test_addresses_are_those_of_our_ports_and_of_what_others_plugged_in() -> None:
    """Nova's list lags behind Neutron: 10.0.0.7 is of before."""
    rows = (Address("10.0.0.7", mac="02:00"), Address("10.0.0.8", mac="02:99"))
    ours = port("p1", device_id="s1", mac_address="02:00", fixed_ips=(FixedIP("10.0.0.9"),))
    gathered = Gathered((server(addresses={"app": rows}),), (ours,))
    seen: Found = found("R", gathered, replace(TRACE, ledger=(SERVER, PORT0)))
    assert seen.life is Life.STEADY
    assert seen.internal_addresses == ("10.0.0.9", "10.0.0.8")


def test_a_port_is_recognised_as_a_request_on_a_port() -> None:
    put = call(ask(["eth0/security_groups"], wish({**ETH0, "securityGroups": ["web"]}), [P0]), "update_port")
    assert isinstance(put.arguments, On)
    assert put.arguments.part == "port"
