"""A server's group and the scheduler's hints: sent with its creation, known ever after by what it was made with."""

from dataclasses import replace

import msgspec
from tests.providers.openstack.rows import BINDINGS, NAMES, TRACE, port, server, spec
from tests.providers.openstack.test_plan import ask, call, seen

from hostwright.core import errors
from hostwright.core.drift import differences
from hostwright.core.names import Disruption
from hostwright.core.port import Present, Wait
from hostwright.kinds.virtualmachine.placement import GroupBinding
from hostwright.kinds.virtualmachine.port import Create, MachineShape, Rebuild, Release, Unresolved, Wanted
from hostwright.providers.openstack.bodies import server_body
from hostwright.providers.openstack.resolve import METADATA_VALUE, resolve
from hostwright.providers.openstack.rows import PLACED, Linked
from hostwright.providers.openstack.seen import SeenServer

GIVEN = {PLACED["server_group"], PLACED["hints"]}
OWN = GroupBinding("web", "g1")
GROUP = "6a4ecf6b-3b6e-4a3e-a8a1-d1a4cdd5b0a1"
HINTS = {"different_host": ["s7"], "same_host": ["s8", "s9"]}
IN_GROUP = replace(NAMES, catalog=replace(NAMES.catalog, server_groups=frozenset({GROUP})))


def wish(**openstack: object) -> Wanted:
    answer = resolve(IN_GROUP, spec(openstack=openstack), BINDINGS)
    assert isinstance(answer, Wanted), answer
    return answer


def made(wanted: Wanted) -> SeenServer:
    """As Nova lists it: its metadata is all that it shows of the request."""
    body = server_body(wanted, TRACE, ["p1"], None)["server"]
    return server(metadata=body["metadata"])


def shape(row: SeenServer) -> MachineShape:
    look = seen([row])
    assert isinstance(look, Present)
    return look.found.shape


def test_group_and_hints_are_beside_the_server_in_its_creating_request() -> None:
    body = server_body(wish(serverGroupID=GROUP, schedulerHints=HINTS), TRACE, ["p1"], None)
    assert body["os:scheduler_hints"] == {"different_host": "s7", "same_host": ["s8", "s9"], "group": GROUP}
    assert set(body["server"]["metadata"]) >= GIVEN
    assert "os:scheduler_hints" not in server_body(wish(), TRACE, ["p1"], None)
    assert not GIVEN & set(server_body(wish(), TRACE, ["p1"], None)["server"]["metadata"])


def test_what_it_was_made_with_is_seen_and_another_wish_is_a_replacement() -> None:
    first = wish(serverGroupID=GROUP, schedulerHints=HINTS)
    there = shape(made(first))
    assert (there.server_group, there.metadata) == (GROUP, {}), "our own keys are no metadata of the user's"
    placed = {"/serverGroupID", "/schedulerHints"}
    assert not [row for row in differences(first.shape, there) if row.path in placed]
    other = wish(serverGroupID=GROUP, schedulerHints={"different_host": ["s9"]})
    rows = [row for row in differences(other.shape, there) if row.path in placed]
    assert [(row.path, row.disruption) for row in rows] == [("/schedulerHints", Disruption.REPLACE)]
    bare = shape(made(wish()))
    late = [row.path for row in differences(first.shape, bare) if row.path in placed]
    assert late == ["/serverGroupID", "/schedulerHints"]


def test_a_group_of_our_own_is_a_hint_and_made_anew_it_is_another() -> None:
    first = resolve(NAMES, spec(), replace(BINDINGS, group=OWN))
    assert isinstance(first, Wanted)
    body = server_body(first, TRACE, ["p1"], None)
    assert body["os:scheduler_hints"] == {"group": "g1"}
    assert body["server"]["metadata"]["hostwright.group"] == "web/g1"
    there = shape(made(first))
    assert not [row for row in differences(first.shape, there) if row.path == "/placement/group"]
    for other in (GroupBinding("web", "g2"), GroupBinding("db", "g1"), GroupBinding("web")):
        late = resolve(NAMES, spec(), replace(BINDINGS, group=other))
        assert isinstance(late, Wanted)
        (row,) = [row for row in differences(late.shape, there) if row.path == "/placement/group"]
        assert (row.found, row.disruption) == ("web/g1", Disruption.REPLACE)


def test_no_server_is_made_outside_of_its_group() -> None:
    """One that had a server is not held back by a group that was lost; but its next server is."""
    lost = resolve(NAMES, spec(), replace(BINDINGS, group=GroupBinding("web")))
    assert isinstance(lost, Wanted)
    waits = ask(Create(), seen(ports=[port("p1")]), wanted=lost)
    assert isinstance(waits, Wait), waits
    assert "group web" in waits.message
    there = resolve(NAMES, spec(), replace(BINDINGS, group=OWN))
    assert isinstance(there, Wanted)
    call(ask(Create(), seen(ports=[port("p1")]), wanted=there), "create_server")


def test_what_stands_in_the_way_of_a_group_stands_in_the_way_of_the_machine() -> None:
    waits = replace(BINDINGS, group=GroupBinding("web", failure=errors.GroupNotReady("being made")))
    answer = resolve(NAMES, spec(), waits)
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is errors.GroupNotReady
    both = resolve(IN_GROUP, spec(openstack={"serverGroupID": GROUP}), replace(BINDINGS, group=OWN))
    assert isinstance(both, Unresolved)
    assert "both name a group" in both.failure.message


def test_hints_are_recorded_whatever_their_length_and_their_order() -> None:
    many = {f"key{number}": ["v" * 200] for number in range(10)}
    word = wish(schedulerHints=many).shape.hints or ""
    assert 0 < len(word) <= METADATA_VALUE
    assert word == wish(schedulerHints=dict(reversed(many.items()))).shape.hints
    assert word != wish(schedulerHints={**many, "key3": ["w"]}).shape.hints


def test_a_group_that_is_not_there_is_told_before_any_call_and_one_that_cannot_be_listed_is_tried() -> None:
    asked = spec(openstack={"serverGroupID": "lost"})
    answer = resolve(IN_GROUP, asked, BINDINGS)
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is errors.GroupNotFound
    assert "lost" in answer.failure.message
    hidden = replace(NAMES, catalog=replace(NAMES.catalog, server_groups=None))
    assert isinstance(resolve(hidden, asked, BINDINGS), Wanted)


def test_it_goes_with_a_rebuild_and_is_taken_off_when_the_machine_is_let_go() -> None:
    row = made(wish(serverGroupID=GROUP, schedulerHints=HINTS))
    row = replace(row, row=msgspec.structs.replace(row.row, image=Linked("i1")))
    rebuild = call(ask(Rebuild("i1", "word"), seen([row])), "rebuild")
    assert set(rebuild.arguments.on.body["rebuild"]["metadata"]) >= GIVEN
    left = dict(row.row.metadata)
    for _ in range(len(left)):
        rest = replace(row, row=msgspec.structs.replace(row.row, metadata=left))
        left.pop(call(ask(Release(), seen([rest])), "remove_metadata").arguments.path.rpartition("/")[2])
    assert left == {}
