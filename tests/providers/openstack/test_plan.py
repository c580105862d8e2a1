"""The next call, from what is wanted and seen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.openstack.rows import BINDINGS, MARK, NAMES, TRACE, port, row, server, spec

from hostwright.core.port import (
    Call,
    Done,
    LedgerRow,
    Missing,
    Ownership,
    Present,
    Repeat,
    RowState,
    Trace,
    Unsure,
    Wait,
)
from hostwright.kinds.virtualmachine.port import (
    Create,
    Delete,
    Discard,
    Life,
    Look,
    Mark,
    Memory,
    Power,
    Release,
    SetPower,
    Step,
    Update,
    Wanted,
)
from hostwright.providers.openstack.calls import SEND_AGAIN, Fence, NewPort, NewServer, On, PortSeen
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.resolve import resolve
from hostwright.providers.openstack.seen import Gathered, SeenPort, SeenServer
from hostwright.providers.openstack.translate import found, mac

TWO = spec({"name": "eth0", "networkRef": {"name": "db"}}, {"name": "eth1", "networkRef": {"name": "app"}})
UNFENCED_DB = Fence(frozenset({"n-db"}))
NOTHING = Unsure("not seen")
SERVER, PORT = row("server", "s1"), row("port/eth0", "p1")


def wish(asked: object = None) -> Wanted:
    answer = resolve(NAMES, asked or spec(), BINDINGS)  # type: ignore[arg-type] - a spec
    assert isinstance(answer, Wanted), answer
    return answer


def ledger(*rows: LedgerRow) -> Trace:
    return replace(TRACE, ledger=rows)


def seen(
    servers: Sequence[SeenServer] = (), ports: Sequence[SeenPort] = (), trace: Trace = TRACE, as_of: float = 100.0
) -> Look:
    return Present(found("R", Gathered(tuple(servers), tuple(ports)), trace), as_of)


def ask(
    step: Step,
    look: Look = NOTHING,
    trace: Trace = TRACE,
    *,
    wanted: Wanted | None = None,
    fence: Fence = Fence(),  # noqa: B008 - frozen
    receipts: Mapping[str, float] | None = None,
) -> Call | Wait | Done:
    return plan(step, trace, wanted or wish(), look, Memory(receipts=receipts or {}), fence)


def call(planned: Call | Wait | Done, verb: str) -> Call:
    assert isinstance(planned, Call), planned
    assert planned.verb == verb
    return planned


def test_fenced_ports_come_first() -> None:
    first = call(ask(Create(), wanted=wish(TWO), fence=UNFENCED_DB), "create_port")
    assert (first.expect, first.repeat) == ("port/eth1", Repeat.FENCED)
    assert isinstance(first.arguments, NewPort)
    assert first.arguments.body["port"]["mac_address"] == mac(TRACE.machine_id, "eth1", 0)
    assert first.arguments.body["port"]["description"] == MARK
    made = seen(ports=[port("p2", "eth1")])
    second = call(ask(Create(), made, wanted=wish(TWO), fence=UNFENCED_DB), "create_port")
    assert (second.expect, second.repeat) == ("port/eth0", Repeat.INTENT)
    assert "mac_address" not in second.arguments.body["port"]
    third = call(
        ask(Create(), seen(ports=[port("p1"), port("p2", "eth1")]), wanted=wish(TWO), fence=UNFENCED_DB),
        "create_server",
    )
    assert isinstance(third.arguments, NewServer)
    assert third.arguments.ports == ("p1", "p2"), "in the order of the spec"
    assert (third.repeat, third.deadline, third.destructive) == (Repeat.INTENT, 30.0, False)


def test_the_next_salt_gives_another_mac() -> None:
    salted = call(ask(Create(), fence=Fence(salts={f"{TRACE.machine_id}/eth0": 1})), "create_port")
    assert salted.arguments.mac == mac(TRACE.machine_id, "eth0", 1) != mac(TRACE.machine_id, "eth0", 0)


def test_a_users_own_mac_is_asked_for_even_where_none_may_be_chosen() -> None:
    own = spec({"name": "eth0", "networkRef": {"name": "db"}, "macAddress": "02:aa:00:00:00:01"})
    asked = call(ask(Create(), wanted=wish(own), fence=UNFENCED_DB), "create_port")
    assert (asked.arguments.mac, asked.arguments.users_mac) == ("02:aa:00:00:00:01", True)


def test_a_second_port_of_an_interface_is_deleted_before_the_server_is_made() -> None:
    trace = ledger(PORT, row("extra/p9", "p9"))
    both = [port("p1"), port("p9", created_at="2026-11-24T10:00:05Z")]
    extra = call(ask(Create(), seen(ports=both, trace=trace), trace), "delete_port")
    assert (extra.expect, extra.row, extra.destructive) == ("extra/p9", row("extra/p9", "p9"), True)
    assert extra.arguments.path.endswith("/p9")
    call(ask(Create(), seen(ports=both[:1], trace=trace), trace), "create_server")


@pytest.mark.parametrize("look", [NOTHING, Missing(5.0), seen(ports=[port()])])
def test_no_second_server_while_one_in_the_ledger_is_not_seen(look: Look) -> None:
    assert isinstance(ask(Create(), look, ledger(PORT, SERVER)), Wait)


@pytest.mark.parametrize("status", ["BUILD", "ERROR", "PAUSED", "SHELVED_OFFLOADED"])
def test_no_second_server_while_one_is_there_in_any_state(status: str) -> None:
    assert isinstance(ask(Create(), seen([server(status=status)], [port()])), Wait)


def test_a_machine_at_rest_is_done_and_a_port_that_came_loose_is_plugged_in() -> None:
    assert isinstance(ask(Create(), seen([server()], [port(device_id="s1")])), Done)
    loose = call(ask(Create(), seen([server()], [port()])), "attach_port")
    assert (loose.expect, loose.repeat) == ("port/eth0", Repeat.IDEMPOTENT)
    assert loose.arguments.body == {"interfaceAttachment": {"port_id": "p1"}}


def test_power() -> None:
    on, off = seen([server()]), seen([server(status="SHUTOFF")])
    stop = call(ask(SetPower(Power.OFF), on), "stop")
    assert (stop.arguments.body, stop.repeat) == ({"os-stop": None}, Repeat.IDEMPOTENT)
    assert call(ask(SetPower(Power.ON), off), "start").arguments.body == {"os-start": None}
    assert isinstance(ask(SetPower(Power.OFF), off), Done)


@pytest.mark.parametrize(
    "fields",
    [{"task": "powering-off"}, {"status": "BUILD"}, {"status": "PAUSED"}, {"status": "RESCUE"}, {"status": "ERROR"}],
)
def test_power_waits_while_nova_is_at_work_or_holds_the_server(fields: dict[str, str]) -> None:
    assert isinstance(ask(SetPower(Power.OFF), seen([server(**fields)])), Wait)


@pytest.mark.parametrize(("sent", "kind"), [(99.0, Done), (100.0, Wait), (101.0, Wait)])
def test_what_was_read_before_the_receipt_proves_no_power(sent: float, kind: type) -> None:
    look = seen([server(status="SHUTOFF")], as_of=100.0)
    assert isinstance(ask(SetPower(Power.OFF), look, receipts={"server": sent}), kind)


def test_entries_change_one_after_the_other_and_strangers_entries_stay() -> None:
    have = server(tags=(MARK, "team=a", "backup=nightly"), metadata={"rack": "r1", "one": "1"})
    wanted = wish(spec(tags={"team": "b"}, openstack={"metadata": {"two": "2"}}))
    step = Update(("/tags", "/metadata"), drop_metadata=("one", "never"))
    steps = [
        (have, "remove_tag", "DELETE", "/servers/s1/tags/team%3Da"),
        (server(tags=(MARK, "backup=nightly"), metadata=have.row.metadata), "set_tag", "PUT", "/tags/team%3Db"),
        (server(tags=(MARK, "team=b"), metadata=have.row.metadata), "set_metadata", "POST", "/servers/s1/metadata"),
        (
            server(tags=(MARK, "team=b"), metadata={"two": "2", "one": "1"}),
            "remove_metadata",
            "DELETE",
            "/metadata/one",
        ),
    ]
    for now, verb, method, path in steps:
        change = call(ask(step, seen([now]), wanted=wanted), verb)
        assert (change.arguments.method, change.arguments.path.endswith(path)) == (method, True)
    last = seen([server(tags=(MARK, "team=b", "backup=nightly"), metadata={"two": "2", "rack": "r1"})])
    assert isinstance(ask(step, last, wanted=wanted), Done)
    assert isinstance(ask(Update(("/metadata",)), seen([have]), wanted=wish(spec(tags={"team": "b"}))), Done)


def test_of_a_mapping_only_the_entries_of_the_step_are_set() -> None:
    have = server(tags=(MARK, "team=a", "tier=x"), metadata={"one": "x", "two": "x"})
    wanted = wish(spec(tags={"team": "b", "tier": "web"}, openstack={"metadata": {"one": "1", "two": "2"}}))
    tier = call(ask(Update(("/tags/tier",)), seen([have]), wanted=wanted), "remove_tag")
    assert tier.arguments.path.endswith("/tags/tier%3Dx")
    two = call(ask(Update(("/metadata/two",)), seen([have]), wanted=wanted), "set_metadata")
    assert two.arguments.body == {"metadata": {"two": "2"}}
    there = server(tags=(MARK, "team=a", "tier=web"), metadata={"one": "x", "two": "2"})
    assert isinstance(ask(Update(("/tags/tier", "/metadata/two")), seen([there]), wanted=wanted), Done)


def test_the_server_goes_before_its_ports_and_the_ports_wait_for_it() -> None:
    trace = ledger(PORT, SERVER)
    first = call(ask(Delete(), seen([server()], [port()], trace), trace), "delete_server")
    assert (first.destructive, first.row) == (True, SERVER)
    going = ledger(PORT, replace(SERVER, state=RowState.DELETING))
    assert isinstance(ask(Delete(), seen([server()], [port()], going), going, receipts={"server": 99.0}), Wait)
    last = call(ask(Delete(), seen((), [port()], going), going), "delete_port")
    assert (last.expect, last.arguments.path) == ("port/eth0", "/v2.0/ports/p1")
    assert isinstance(ask(Delete(), NOTHING, going), Done)


@pytest.mark.parametrize(("later", "kind"), [(SEND_AGAIN, Wait), (SEND_AGAIN + 1, Call)])
def test_a_deletion_that_does_not_end_is_sent_again(later: float, kind: type) -> None:
    trace = ledger(replace(SERVER, state=RowState.DELETING))
    look = seen([server(task="deleting")], trace=trace, as_of=100.0 + later)
    assert isinstance(ask(Delete(), look, trace, receipts={"server": 100.0}), kind)


def test_what_nova_keeps_as_soft_deleted_is_deleted_by_force_and_its_ports_after_it() -> None:
    kept = server(status="SOFT_DELETED")
    trace = ledger(replace(SERVER, state=RowState.DELETING), PORT)
    look, fence = seen([kept], [port()], trace), Fence(servers=frozenset({"s1"}), reclaimable=frozenset({"s1"}))
    sent = call(ask(Delete(), look, trace, fence=fence, receipts={"server": 99.0}), "force_delete_server")
    assert (sent.repeat, sent.destructive) == (Repeat.IDEMPOTENT, True)
    assert isinstance(sent.arguments, On)
    assert (sent.arguments.path, sent.arguments.body) == ("/servers/s1/action", {"forceDelete": None})
    assert isinstance(ask(Delete(), look, trace, fence=fence, receipts={"server": 100.0}), Wait)


def test_what_is_not_in_the_ledger_or_only_referenced_is_never_deleted() -> None:
    clone = server("s2", name="clone")
    trace = ledger(SERVER)
    first = call(ask(Delete(), seen([server(), clone], [port()], trace), trace), "delete_server")
    assert first.arguments.id == "s1"
    assert isinstance(ask(Delete(), seen([clone], [port()], trace), trace), Done)
    referenced = ledger(*(replace(item, ownership=Ownership.REFERENCED) for item in (SERVER, PORT)))
    assert isinstance(ask(Delete(), seen([server()], [port()], referenced), referenced), Done)


def test_a_loose_port_is_plugged_in_when_nothing_holds_it() -> None:
    look = seen([server()], [port(device_id="")])
    free = Fence(ports={"p1": PortSeen("", 10.0)})
    plugged = call(ask(Create(), look, fence=free), "attach_port")
    assert (plugged.expect, plugged.arguments.body) == ("port/eth0", {"interfaceAttachment": {"port_id": "p1"}})
    assert isinstance(ask(Create(), look, fence=free, receipts={"port/eth0": 10.0}), Wait), "not seen since"
    assert isinstance(ask(Create(), look, fence=free, receipts={"port/eth0": 9.0}), Call)
    taken = ask(Create(), seen([server()], [port(device_id="s9")]), fence=Fence(ports={"p1": PortSeen("s9", 10.0)}))
    assert isinstance(taken, Wait)
    assert "held by s9" in taken.message


def test_every_other_value_of_a_tag_goes_before_ours_is_set() -> None:
    asked = wish(spec(tags={"team": "b"}))
    update = Update(("/tags",))
    servers = [("team=a", "team=c"), ("team=b", "team=c"), ()]
    plans = [
        call(ask(update, seen([server(tags=(MARK, *tags))]), wanted=asked), verb)
        for tags, verb in zip(servers, ("remove_tag", "remove_tag", "set_tag"), strict=True)
    ]
    assert [item.arguments.path.rpartition("/")[2] for item in plans] == ["team%3Da", "team%3Dc", "team%3Db"]
    assert isinstance(ask(update, seen([server(tags=(MARK, "team=b"))]), wanted=asked), Done)
    drop = Update((), drop_tags=("old",))
    both = seen([server(tags=(MARK, "old=1", "old=2"))])
    assert call(ask(drop, both, wanted=asked), "remove_tag").arguments.path.endswith("old%3D1")


@given(
    st.sets(st.sampled_from(["a=1", "a=2", "b=1", "b=2", "c=1", "word"])),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("12")),
)
def test_tags_reach_what_is_wanted_and_others_stay(there: set[str], tags: dict[str, str]) -> None:
    asked, have = wish(spec(tags=tags)), set(there)
    for _ in range(20):
        planned = ask(Update(("/tags",)), seen([server(tags=(MARK, *sorted(have)))]), wanted=asked)
        if isinstance(planned, Done):
            break
        tag = unquote(call(planned, planned.verb).arguments.path.rpartition("/")[2])  # type: ignore[union-attr] - a Call
        have = have - {tag} if planned.verb == "remove_tag" else have | {tag}  # type: ignore[union-attr] - a Call
    ours = {f"{key}={value}" for key, value in tags.items()}
    assert have == ours | {tag for tag in there if tag.partition("=")[0] not in tags}


def test_discarding_takes_that_one_server_and_no_port() -> None:
    twin = row("extra/s2", "s2")
    look = seen([server(), server("s2", status="ERROR")], [port()])
    gone = call(ask(Discard(twin), look), "delete_server")
    assert (gone.expect, gone.row, gone.arguments.id, gone.destructive) == ("extra/s2", twin, "s2", True)
    assert isinstance(ask(Discard(twin), seen([server()], [port()])), Done)


def test_a_mark_is_put_back_on_what_bears_none() -> None:
    trace = ledger(SERVER, row("port/eth0", "p1"))
    bare = seen([server(tags=("team=a",))], [port(device_id="s1", description="")], trace=trace)
    first = call(ask(Mark(SERVER), bare, trace), "set_mark")
    assert (first.arguments.method, unquote(first.arguments.path)) == ("PUT", f"/servers/s1/tags/{MARK}")
    second = call(ask(Mark(row("port/eth0", "p1")), bare, trace), "set_mark")
    assert (second.expect, second.arguments.body) == ("port/eth0", {"port": {"description": MARK}})
    whole = seen([server()], [port(device_id="s1")], trace=trace)
    assert isinstance(ask(Mark(SERVER), whole, trace), Done)
    another = seen([server(tags=("hw:0123456789abcdef:of-another",))], [port(device_id="s1")], trace=trace)
    assert isinstance(ask(Mark(SERVER), another, trace), Done), "another's mark is not contested"


def test_release_takes_the_marks_off_and_the_servers_last() -> None:
    ports = [port(device_id="s1")]
    first = call(ask(Release(), seen([server()], ports), fence=Fence(marked=frozenset({"s1", "p1"}))), "remove_mark")
    assert (first.expect, first.arguments.body) == ("port/eth0", {"port": {"description": ""}})
    marked = Fence(marked=frozenset({"s1"}))
    second = call(ask(Release(), seen([server()], ports), fence=marked), "remove_metadata")
    assert isinstance(second.arguments, On)
    last = call(ask(Release(), seen([server(metadata={})], ports), fence=marked), "remove_mark")
    assert last.arguments.path.startswith("/servers/s1/tags/")
    assert not last.destructive
    stranger = Release(frozenset({"s1"}))
    assert isinstance(ask(stranger, seen([server()], ports), fence=marked), Done)
    trace = ledger(SERVER)
    free = seen([server(tags=(), metadata={})], trace=trace)
    assert isinstance(free, Present)
    assert free.found.life is Life.STEADY
    assert isinstance(ask(Release(), free, trace), Done)
