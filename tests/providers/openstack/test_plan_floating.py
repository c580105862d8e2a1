"""The next call on floating IPs, and what is seen of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.providers.openstack.rows import BINDINGS, MARK, NAMES, TRACE, port, row, server, spec

from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Repeat, RowState, Trace, Wait, Window
from hostwright.kinds.virtualmachine.port import (
    Delete,
    Discard,
    Found,
    Mark,
    Memory,
    Release,
    Rewire,
    Step,
    Unresolved,
    Wanted,
)
from hostwright.providers.openstack.calls import Fence, FloatingSeen, Move, NewFloatingIP, PortSeen
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.resolve import resolve
from hostwright.providers.openstack.rows import Address, FloatingIP, Network
from hostwright.providers.openstack.section import NetworkSection
from hostwright.providers.openstack.seen import Gathered, SeenFloatingIP
from hostwright.providers.openstack.translate import found

OUTSIDE = (Network("n-public", "public", external=True), Network("n-other", "other", external=True))
NETWORKS = {**NAMES.networks, "outside": NetworkSection(network="public")}
CATALOG = replace(NAMES.catalog, networks=(*NAMES.catalog.networks, *OUTSIDE))
WITH_POOLS = replace(NAMES, catalog=CATALOG, networks=NETWORKS)
SERVER, PORT = row("server", "s1"), row("port/eth0", "p1")
OURS, THEIRS = row("floatingip/eth0", "f1"), row("floatingip/eth0", "f2", ownership=Ownership.REFERENCED)
P0 = port("p1", device_id="s1", mac_address="02:00")
POOL, ADDRESS = {"pool": "public"}, {"address": "203.0.113.7"}
KEYS = ("eth0/floating_pool", "eth0/floating_address", "eth0/floating")


def wish(floating: dict[str, str] | None = None) -> Wanted:
    answer = resolve(
        WITH_POOLS, spec({"name": "eth0", "networkRef": {"name": "app"}, "floatingIP": floating}), BINDINGS
    )
    assert isinstance(answer, Wanted), answer
    return answer


def ip(item: str = "f1", address: str = "203.0.113.5", on: str | None = "p1", **fields: Any) -> SeenFloatingIP:
    about = {"description": MARK, "floating_network_id": "n-public", "created_at": "2026-11-24T10:00:00Z", **fields}
    return SeenFloatingIP(FloatingIP(item, floating_ip_address=address, port_id=on, **about), 10.0)


def look(ips: Sequence[SeenFloatingIP], trace: Trace, *, known: bool = True, **fields: Any) -> Found:
    return found("R", Gathered((server(**fields),), (P0,), (), tuple(ips), knows_floating_ips=known), trace)


def ask(
    wanted: Wanted | None,
    ips: Sequence[SeenFloatingIP],
    *rows: LedgerRow,
    step: Step = Rewire(KEYS),  # noqa: B008 - frozen
    receipts: Mapping[str, float] | None = None,
    servers: bool = True,
) -> Call | Wait | Done:
    trace = replace(TRACE, ledger=(SERVER, PORT, *rows))
    seen = look(ips, trace) if servers else found("R", Gathered((), (P0,), (), tuple(ips)), trace)
    floating = {
        item.row.id: FloatingSeen(
            item.row.floating_ip_address, item.row.floating_network_id, item.row.port_id or "", item.as_of
        )
        for item in ips
    }
    marked = frozenset(item.row.id for item in ips if item.row.description == MARK)
    fence = Fence(ports={"p1": PortSeen("s1", 10.0)}, floating=floating, marked=marked | {"s1", "p1"})
    planned = plan(step, trace, wanted, Present(seen, 10.0), Memory(receipts=receipts or {}), fence)
    assert isinstance(planned, Call | Wait | Done)
    return planned


def call(planned: Call | Wait | Done, verb: str) -> Call:
    assert isinstance(planned, Call), planned
    assert planned.verb == verb
    return planned


def move(planned: Call | Wait | Done, verb: str) -> Move:
    arguments = call(planned, verb).arguments
    assert isinstance(arguments, Move)
    return arguments


@pytest.mark.parametrize("pool", ["public", "n-public", "outside"])
def test_a_pool_is_named_by_the_providers_name_or_by_openstacks(pool: str) -> None:
    assert wish({"pool": pool}).shape.interfaces[0].floating_pool == "n-public"


@pytest.mark.parametrize("pool", ["app", "nowhere"])
def test_a_pool_that_is_no_external_network_is_told_with_those_that_are(pool: str) -> None:
    answer = resolve(
        WITH_POOLS, spec({"name": "eth0", "networkRef": {"name": "app"}, "floatingIP": {"pool": pool}}), BINDINGS
    )
    assert isinstance(answer, Unresolved)
    assert "there is: other, public" in answer.failure.message


def test_one_is_taken_from_the_pool_with_our_mark_and_on_our_port_in_one_request() -> None:
    made = call(ask(wish(POOL), []), "create_floating_ip")
    assert (made.expect, made.repeat) == ("floatingip/eth0", Repeat.INTENT)
    assert isinstance(made.arguments, NewFloatingIP)
    assert made.arguments.body == {
        "floatingip": {"floating_network_id": "n-public", "port_id": "p1", "description": MARK}
    }
    assert isinstance(ask(wish(POOL), [ip()], OURS), Done)


def test_ours_is_put_back_on_its_port_and_one_that_is_proven_gone_is_waited_for() -> None:
    back = move(ask(wish(POOL), [ip(on=None)], OURS), "associate")
    assert (back.id, back.source, back.target, back.referenced) == ("f1", "", "p1", False)
    assert isinstance(ask(wish(POOL), [ip(on=None)], OURS, receipts={"floatingip/eth0": 10.0}), Wait)
    assert isinstance(ask(wish(POOL), [], OURS), Wait)


def test_another_pool_is_another_floating_ip_and_the_old_one_goes_first() -> None:
    gone = call(ask(wish({"pool": "other"}), [ip()], OURS), "delete_floating_ip")
    assert (gone.destructive, gone.row, gone.arguments.path) == (True, OURS, "/v2.0/floatingips/f1")
    assert gone.arguments.part == "floatingip"
    call(ask(wish({"pool": "other"}), []), "create_floating_ip")


def test_one_that_the_project_has_is_in_the_ledger_as_not_ours_before_it_is_on_our_port() -> None:
    project = ip("f2", ADDRESS["address"], None, description="")
    taken = call(ask(wish(ADDRESS), [project]), "associate")
    assert (taken.repeat, taken.row, taken.destructive) == (Repeat.INTENT, THEIRS, False)
    assert isinstance(ask(wish(ADDRESS), [ip("f2", ADDRESS["address"], description="")], THEIRS), Done)


def test_one_that_no_list_has_shown_yet_is_asked_for_by_its_address() -> None:
    asked = move(ask(wish(ADDRESS), []), "find_floating_ip")
    assert (asked.id, asked.address) == ("", ADDRESS["address"])


def test_from_the_pool_to_an_address_and_back() -> None:
    project = ip("f2", ADDRESS["address"], None, description="")
    call(ask(wish(ADDRESS), [ip(), project], OURS), "delete_floating_ip")
    there = ip("f2", ADDRESS["address"], description="")
    off = move(ask(wish(POOL), [there], THEIRS), "disassociate")
    assert (off.id, off.source, off.target, off.referenced) == ("f2", "p1", None, True)
    call(ask(wish(POOL), [project], THEIRS), "create_floating_ip")


def test_an_address_that_is_ours_already_stays_ours() -> None:
    assert isinstance(ask(wish({"address": "203.0.113.5"}), [ip()], OURS), Done)


def test_wished_no_more_ours_is_deleted_and_the_projects_is_taken_off() -> None:
    call(ask(wish(), [ip()], OURS), "delete_floating_ip")
    there = ip("f2", ADDRESS["address"], description="")
    move(ask(wish(), [there], THEIRS), "disassociate")
    assert isinstance(ask(wish(), [ip("f2", ADDRESS["address"], "p9", description="")], THEIRS), Done)
    assert isinstance(ask(wish(), [ip("f9", "203.0.113.9", description="")]), Done), "somebody else's"


def test_at_the_end_they_go_before_the_server_and_what_is_not_ours_stays() -> None:
    call(ask(None, [ip()], OURS, step=Delete()), "delete_floating_ip")
    move(ask(None, [ip("f2", ADDRESS["address"], description="")], THEIRS, step=Delete()), "disassociate")
    elsewhere = ip("f2", ADDRESS["address"], "p9", description="")
    call(ask(None, [elsewhere], THEIRS, step=Delete()), "delete_server")
    call(ask(None, [], replace(OURS, state=RowState.DELETING), step=Delete()), "delete_server")
    call(ask(None, [elsewhere], THEIRS, step=Delete(), servers=False), "delete_port")


def test_marks_are_put_back_and_taken_off() -> None:
    back = call(ask(wish(POOL), [ip(description="mine")], OURS, step=Mark(OURS)), "set_mark")
    assert (back.arguments.path, back.arguments.body) == (
        "/v2.0/floatingips/f1",
        {"floatingip": {"description": MARK}},
    )
    trace = replace(TRACE, ledger=(SERVER, PORT, OURS))
    assert look([ip(description="mine")], trace).unmarked == (OURS,)
    theirs = replace(TRACE, ledger=(SERVER, PORT, THEIRS))
    assert look([ip("f2", description="mine")], theirs).unmarked == ()
    verbs = [call(ask(None, [ip()], OURS, step=Release()), "remove_mark").arguments.path]
    assert verbs[0].startswith("/v2.0/ports/")


def test_a_second_one_of_ours_is_an_extra_only_where_we_made_it() -> None:
    made = Window(datetime(2026, 11, 24, 9, 59, 50, tzinfo=UTC), datetime(2026, 11, 24, 10, 0, 10, tzinfo=UTC))
    trace = replace(TRACE, ledger=(SERVER, PORT, OURS), windows=(made,))
    both = [ip(), ip("f3", "203.0.113.6", None)]
    parts = {part.name: part.id for part in look(both, trace).parts}
    assert parts["floatingip/eth0"] == "f1"
    assert parts["extra/f3"] == "f3"
    before = ip("f3", "203.0.113.6", None, created_at="2026-11-23T10:00:00Z")
    assert "f3" not in {part.id for part in look([ip(), before], trace).parts}
    extra = row("extra/f3", "f3")
    assert call(ask(wish(POOL), both, OURS, extra, step=Discard(extra)), "delete_floating_ip").row == extra


def test_what_is_found_of_it_tells_ours_from_others() -> None:
    trace = replace(TRACE, ledger=(SERVER, PORT))
    (ours,) = look([ip()], trace).shape.interfaces
    assert (ours.floating_pool, ours.floating_address) == ("n-public", "203.0.113.5")
    (others,) = look([ip(description="")], trace).shape.interfaces
    assert (others.floating_pool, others.floating_address) == ("", "203.0.113.5")
    (referenced,) = look([ip("f2", description="")], replace(TRACE, ledger=(SERVER, PORT, THEIRS))).shape.interfaces
    assert (referenced.floating_pool, referenced.floating_address) == ("", "203.0.113.5")
    (off,) = look([ip(on=None)], replace(TRACE, ledger=(SERVER, PORT, OURS))).shape.interfaces
    assert (off.floating_pool, off.floating_address) == ("", "")


def test_external_addresses_do_not_wait_for_nova() -> None:
    trace = replace(TRACE, ledger=(SERVER, PORT))
    old = {"app": (Address("203.0.113.1", "floating", "02:00"), Address("203.0.113.2", "floating", "02:99"))}
    assert look([ip()], trace, addresses=old).external_addresses == ("203.0.113.5", "203.0.113.2")
    assert look([], trace, addresses=old).external_addresses == ("203.0.113.2",)
    assert look([], trace, known=False, addresses=old).external_addresses == ("203.0.113.1", "203.0.113.2")
