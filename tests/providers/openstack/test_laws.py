"""What holds of plan and translate whatever is there."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.providers.openstack.rows import BINDINGS, CATALOG, MARK, NAMES, TRACE, port, server, spec

from hostwright.core import errors
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, RowState, Trace, Wait
from hostwright.kinds.virtualmachine.port import Create, Delete, Life, Memory, Power, SetPower, Unresolved, Wanted
from hostwright.providers.openstack.calls import Fence, PortSeen
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.resolve import resolve
from hostwright.providers.openstack.seen import Gathered, SeenPort, SeenServer
from hostwright.providers.openstack.translate import LIFE, choose, found, life, main_ports

STATUSES = st.sampled_from([*LIFE, "PAUSED", "SHELVED_OFFLOADED", "UNKNOWN", "VERIFY_RESIZE", "SOMETHING_NEW"])
TASKS = st.sampled_from([None, None, "spawning", "powering-off", "deleting"])
SERVERS = st.lists(
    st.builds(
        lambda number, status, task, tags, locked, name: server(
            f"s{number}", status=status, task=task, tags=tags, locked=locked, name=name
        ),
        st.integers(1, 4),
        STATUSES,
        TASKS,
        st.sampled_from([(MARK,), (MARK, "team=a"), ()]),
        st.booleans(),
        st.sampled_from([TRACE.name, "clone"]),
    ),
    max_size=4,
    unique_by=lambda seen: seen.row.id,
)
PORTS = st.lists(
    st.builds(
        lambda number, interface, device, description: port(
            f"p{number}", interface, device_id=device, description=description
        ),
        st.integers(1, 5),
        st.sampled_from(["eth0", "eth1", "other"]),
        st.sampled_from(["", "s1", "s2", "s9"]),
        st.sampled_from([MARK, ""]),
    ),
    max_size=5,
    unique_by=lambda seen: seen.row.id,
)
ROWS = st.lists(
    st.builds(
        LedgerRow,
        st.sampled_from(["server", "port/eth0", "port/eth1", "extra/s3", "extra/p4"]),
        st.sampled_from(["s1", "s2", "s3", "p1", "p2", "p4"]),
        st.sampled_from(list(RowState)),
        st.sampled_from(list(Ownership)),
    ).filter(lambda row: row.id[0] == ("s" if row.name in {"server", "extra/s3"} else "p")),
    max_size=4,
    unique_by=(lambda row: row.name, lambda row: row.id),
)


def look(servers: Sequence[SeenServer], ports: Sequence[SeenPort], trace: Trace) -> Present[Any]:
    """As `Machines.look` puts it together: what bears the mark or is in the ledger."""
    listed = {row.id for row in trace.ledger}
    ours = [seen for seen in servers if MARK in seen.row.tags or seen.row.id in listed]
    own = [seen for seen in ports if seen.row.description == MARK or seen.row.id in listed]
    return Present(found("R", Gathered(tuple(ours), tuple(own)), trace), 100.0)


def wish(*names: str) -> Wanted:
    asked = resolve(NAMES, spec(*({"name": name, "networkRef": {"name": "app"}} for name in names)), BINDINGS)
    assert isinstance(asked, Wanted)
    return asked


def fence(servers: Sequence[SeenServer], ports: Sequence[SeenPort]) -> Fence:
    return Fence(
        servers=frozenset(seen.row.id for seen in servers),
        ports={seen.row.id: PortSeen(seen.row.device_id, seen.as_of) for seen in ports},
    )


@given(SERVERS, PORTS, ROWS)
def test_nothing_is_deleted_but_what_the_ledger_lists_and_is_ours(
    servers: list[SeenServer], ports: list[SeenPort], rows: list[LedgerRow]
) -> None:
    trace = replace(TRACE, ledger=tuple(rows))
    planned = plan(Delete(), trace, None, look(servers, ports, trace), Memory(), fence(servers, ports))
    if isinstance(planned, Call):
        assert planned.row in rows
        assert planned.row is not None
        assert planned.row.ownership is not Ownership.REFERENCED
        assert planned.arguments.id == planned.row.id
        assert planned.destructive
        if planned.verb == "delete_port":
            going = {row.id for row in rows if row.ownership is not Ownership.REFERENCED}
            assert not going & {seen.row.id for seen in servers}, "what holds others goes first"


@given(SERVERS, PORTS, ROWS)
def test_deletion_ends_with_nothing_of_ours_left_and_all_else_as_it_was(
    servers: list[SeenServer], ports: list[SeenPort], rows: list[LedgerRow]
) -> None:
    trace = replace(TRACE, ledger=tuple(rows))
    there, plugs = list(servers), list(ports)
    memory = Memory()
    while not isinstance(
        planned := plan(Delete(), trace, None, look(there, plugs, trace), memory, fence(there, plugs)), Done
    ):
        if isinstance(planned, Wait):  # it was sent before: the backend gets on with it
            held = {row.id for row in rows if row.ownership is not Ownership.REFERENCED}
            there = [seen for seen in there if seen.row.id not in held]
            continue
        there = [seen for seen in there if seen.row.id != planned.arguments.id]
        plugs = [seen for seen in plugs if seen.row.id != planned.arguments.id]
    ours = {row.id for row in rows if row.ownership is not Ownership.REFERENCED}
    assert [seen.row.id for seen in (*there, *plugs)] == [
        seen.row.id for seen in (*servers, *ports) if seen.row.id not in ours
    ]


@given(SERVERS, PORTS, ROWS)
def test_no_second_server_is_made_while_one_of_ours_is_seen_or_listed(
    servers: list[SeenServer], ports: list[SeenPort], rows: list[LedgerRow]
) -> None:
    trace = replace(TRACE, ledger=tuple(rows))
    planned = plan(Create(), trace, wish("eth0", "eth1"), look(servers, ports, trace), Memory(), fence(servers, ports))
    listed = trace.row("server") is not None
    if listed or any(MARK in seen.row.tags for seen in servers):
        assert not (isinstance(planned, Call) and planned.verb == "create_server")
    if isinstance(planned, Call) and planned.verb == "attach_port":
        item = planned.arguments.body["interfaceAttachment"]["port_id"]
        assert next(seen.row.device_id for seen in ports if seen.row.id == item) == "", "never taken from another"


@given(SERVERS, PORTS, ROWS, st.sampled_from(list(Power)), st.sampled_from([99.0, 100.0, 101.0]))
def test_power_is_sent_only_to_a_machine_at_rest_that_was_seen_since(
    servers: list[SeenServer], ports: list[SeenPort], rows: list[LedgerRow], power: Power, receipt: float
) -> None:
    trace = replace(TRACE, ledger=tuple(rows))
    seen = look(servers, ports, trace)
    planned = plan(
        SetPower(power), trace, wish("eth0"), seen, Memory(receipts={"server": receipt}), fence(servers, ports)
    )
    at_rest = seen.found.life is Life.STEADY
    if isinstance(planned, Call):
        assert at_rest
        assert receipt < seen.as_of
        assert seen.found.shape.power is not power
    if isinstance(planned, Done):
        assert seen.found.shape.power is power


@given(SERVERS, PORTS, ROWS)
def test_every_port_is_an_interfaces_or_left_over_and_the_ledgers_goes_first(
    servers: list[SeenServer], ports: list[SeenPort], rows: list[LedgerRow]
) -> None:
    trace = replace(TRACE, ledger=tuple(rows))
    chosen, others = main_ports(ports, trace, "s1")
    assert sorted([seen.row.id for seen in (*chosen.values(), *others)]) == sorted(seen.row.id for seen in ports)
    for row in rows:
        name = row.name.removeprefix("port/")
        if row.name.startswith("port/") and any(seen.row.id == row.id for seen in ports):
            assert chosen[name].row.id == row.id


@given(SERVERS, PORTS, ROWS)
def test_the_same_rows_in_another_order_are_the_same_machine(
    servers: list[SeenServer], ports: list[SeenPort], rows: list[LedgerRow]
) -> None:
    trace = replace(TRACE, ledger=tuple(rows))
    one, other = look(servers, ports, trace).found, look(servers[::-1], ports[::-1], trace).found
    assert (one.id, one.life, one.shape) == (other.id, other.life, other.shape)
    assert {row.id for row in one.parts} == {row.id for row in other.parts}
    best = choose(servers, ports, trace)
    listed = trace.row("server")
    if best is not None and not (listed is not None and listed.id == best.row.id):
        assert MARK in best.row.tags, "a stranger's server is nobody's machine"


@given(STATUSES, TASKS, st.booleans())
def test_a_machine_that_may_be_changed_rests_unlocked(status: str, task: str | None, locked: bool) -> None:
    if life(server(status=status, task=task, locked=locked).row) is Life.STEADY:
        assert status in {"ACTIVE", "SHUTOFF", "SUSPENDED"}
        assert task is None
        assert not locked


@given(st.integers(1, 4), st.sampled_from([256, 512, 900, 1024, 2048]))
def test_a_size_is_met_exactly_or_refused(cpu: int, memory: int) -> None:
    asked = replace(BINDINGS, cpu=cpu, memory_mib=memory)
    answer = resolve(NAMES, spec(), asked)
    fitting = [flavor for flavor in CATALOG.flavors if (flavor.vcpus, flavor.ram) == (cpu, memory)]
    if fitting:
        assert isinstance(answer, Wanted)
        assert answer.size_id in {flavor.id for flavor in fitting}
    else:
        assert isinstance(answer, Unresolved)
        assert type(answer.failure) is errors.FlavorNotFound
