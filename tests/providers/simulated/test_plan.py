"""The next call, from what is wanted and found."""

from dataclasses import replace

import pytest

from hostwright.core import names
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, RowState, Trace, Unsure, Wait
from hostwright.kinds.virtualmachine.port import (
    Bindings,
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
    Unresolved,
    Update,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.simulated.model import CATALOG
from hostwright.providers.simulated.plan import SEND_AGAIN, On, plan
from hostwright.providers.simulated.resolve import Names, resolve
from hostwright.providers.simulated.rows import Machine, MachineRequest, State, Table, Task
from hostwright.providers.simulated.translate import choose, found

ID = "11111111-2222-4333-8444-555555555555"
SERVER = LedgerRow("server", "m1")
TRACE = Trace(ID, names.owner_mark("c", ID), names.mark_prefix("c"), "team-web-1", "team", "web", ledger=(SERVER,))
SPEC = VirtualMachineSpec.model_validate(
    {
        "providerRef": {"name": "sim"},
        "classRef": {"name": "small"},
        "imageRef": {"name": "tiny"},
        "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, "addresses": ["10.64.1.1/16"]}]},
        "tags": {"team": "a", "env": "prod"},
        "bootstrap": {"cloudInit": {"sshAuthorizedKeys": ["ssh-ed25519 " + "A" * 68 + " me"]}},
    }
)
BINDINGS = Bindings(
    cpu=1,
    memory_mib=512,
    class_name="small",
    image_name="tiny",
    image_section={"image": "tiny"},
    default_tags={"env": "test", "by": "platform"},
    hostname="web",
)
NAMES = Names(CATALOG, {"app": "app", "db": "db", "lost": "no-such"})


def wanted() -> Wanted:
    answer = resolve(NAMES, SPEC, BINDINGS)
    assert isinstance(answer, Wanted)
    return answer


def test_what_a_simulated_site_has_not_is_told_and_not_left_out() -> None:
    nic = {"name": "eth0", "networkRef": {"name": "app"}, "floatingIP": {"pool": "public"}}
    spec = VirtualMachineSpec.model_validate({**SPEC.model_dump(by_alias=True), "network": {"interfaces": [nic]}})
    answer = resolve(NAMES, spec, BINDINGS)
    assert isinstance(answer, Unresolved)
    assert (answer.failure.reason, answer.failure.actor) == ("InvalidConfiguration", "You")
    assert "a simulated site has none. Remove floatingIP." in answer.failure.message


def row(**changes: object) -> Machine:
    fields: dict[str, object] = {
        "id": "m1",
        "number": 1,
        "name": TRACE.name,
        "mark": TRACE.mark,
        "namespace": "team",
        "object_name": "web",
        "hostname": "web",
        "image": "image-tiny",
        "cpu": 1,
        "memory_mib": 512,
        "interfaces": (),
        "state": State.ACTIVE,
        "powered_on": True,
        "created_at": 5.0,
        "revision": 3,
    }
    return Machine(**{**fields, **changes})


def look(*machines: Machine, as_of: float = 100.0, trace: Trace = TRACE) -> Look:
    chosen = choose(machines, trace)
    assert chosen is not None
    return Present(found("site", chosen, machines, trace, CATALOG.sizes), as_of)


def receipt(at: float, name: str = "server") -> Memory:
    return Memory(receipts={name: at})


def test_the_creating_request_carries_all_there_is() -> None:
    for nothing in (Unsure("not seen"), Missing(1.0)):
        call = plan(Create(), replace(TRACE, ledger=()), wanted(), nothing, Memory())
        assert isinstance(call, Call)
        request = call.arguments
        assert isinstance(request, MachineRequest)
        assert (request.name, request.mark) == (TRACE.name, TRACE.mark)
        assert (request.namespace, request.object_name, request.hostname) == ("team", "web", "web")
        assert (request.image, request.cpu, request.memory_mib) == ("image-tiny", 1, 512)
        assert request.tags == {"team": "a", "env": "prod", "by": "platform"}, "the machine's own tags win"
        assert request.interfaces[0].addresses == ("10.64.1.1",)
        assert len(request.ssh_keys) == 1


@pytest.mark.parametrize(
    ("machine", "kind"),
    [
        (row(), Done),
        (row(powered_on=False), Done),
        (row(state=State.BUILDING), Wait),
        (row(task=Task.STARTING), Wait),
        (row(state=State.DELETING), Wait),
        (row(state=State.ERROR), Wait),
    ],
)
def test_a_machine_that_is_there_is_never_made_again(machine: Machine, kind: type) -> None:
    assert isinstance(plan(Create(), TRACE, wanted(), look(machine), Memory()), kind)


@pytest.mark.parametrize(
    ("machine", "memory", "answer"),
    [
        (row(), Memory(), "stop"),
        (row(powered_on=False), Memory(), Done),
        (row(task=Task.STOPPING), Memory(), Wait),
        (row(state=State.BUILDING), Memory(), Wait),
        (row(), receipt(101.0), Wait),  # what we see is from before the last call
        (row(powered_on=False), receipt(101.0), Wait),
        (row(), receipt(99.0), "stop"),
        (row(), receipt(100.01), "stop"),  # the reply's own row, stamped a moment earlier than its receipt
    ],
)
def test_switching_off(machine: Machine, memory: Memory, answer: object) -> None:
    planned = plan(SetPower(Power.OFF), TRACE, wanted(), look(machine), memory)
    assert planned.verb == answer if isinstance(planned, Call) else isinstance(planned, answer)


def test_tags_go_one_at_a_time_and_only_what_was_ours_is_removed() -> None:
    have = {"team": "a", "old": "x", "foreign": "y"}
    step = Update(("/tags",), drop_tags=("old", "team", "never"))
    calls = []
    for _ in range(5):
        planned = plan(step, TRACE, wanted(), look(row(tags=have)), Memory())
        if isinstance(planned, Done):
            break
        assert isinstance(planned, Call)
        on = planned.arguments
        assert isinstance(on, On)
        assert on.table is Table.TAGS
        calls.append((planned.verb, on.key))
        have = (
            {**have, on.key: on.value} if planned.verb == "set_tag" else {k: v for k, v in have.items() if k != on.key}
        )
    assert calls == [("set_tag", "by"), ("set_tag", "env"), ("remove_tag", "old")]
    assert have == {"team": "a", "foreign": "y", "by": "platform", "env": "prod"}


def test_only_the_paths_of_the_step_are_touched() -> None:
    assert isinstance(plan(Update(("/metadata",)), TRACE, wanted(), look(row(tags={})), Memory()), Done)


def test_of_a_mapping_only_the_entries_of_the_step_are_set() -> None:
    planned = plan(Update(("/tags/env",)), TRACE, wanted(), look(row(tags={"env": "x"})), Memory())
    assert isinstance(planned, Call)
    assert (planned.verb, planned.arguments.key) == ("set_tag", "env")
    assert isinstance(plan(Update(("/tags/env",)), TRACE, wanted(), look(row(tags={"env": "prod"})), Memory()), Done)


def test_deletion_goes_by_the_ledger_extras_too() -> None:
    trace = replace(TRACE, ledger=(SERVER, LedgerRow("extra/m2", "m2", state=RowState.DELETING)))
    stranger = row(id="m3", name="a-clone", number=3)
    extra = row(id="m2", number=2, name="other")
    first = plan(Delete(), trace, None, look(row(), extra, stranger, trace=trace), Memory())
    assert isinstance(first, Call)
    assert (first.arguments.id, first.destructive) == ("m1", True)
    second = plan(Delete(), trace, None, look(extra, stranger, trace=trace), receipt(70.0 - SEND_AGAIN, "extra/m2"))
    assert isinstance(second, Call)
    assert (second.arguments.id, second.expect) == ("m2", "extra/m2")
    assert isinstance(plan(Delete(), trace, None, look(stranger, trace=trace), Memory()), Done)


@pytest.mark.parametrize(
    ("machine", "sent", "kind"),
    [
        (row(state=State.DELETING), 99.0, Wait),
        (row(state=State.DELETING), 99.0 - SEND_AGAIN, Call),  # accepted, and it does not end
        (row(), 101.0, Wait),
        (row(), 99.0, Call),  # seen standing after it was sent
        (row(), None, Call),
    ],
)
def test_a_deletion_is_sent_again_when_it_does_not_end(machine: Machine, sent: float | None, kind: type) -> None:
    memory = receipt(sent) if sent is not None else Memory()
    assert isinstance(plan(Delete(), TRACE, None, look(machine), memory), kind)
    assert isinstance(plan(Discard(SERVER), TRACE, None, look(machine), memory), kind)


def test_an_unsure_look_ends_a_deletion_only_for_prove_to_judge() -> None:
    assert isinstance(plan(Delete(), TRACE, None, Unsure("outage"), Memory()), Done)


def test_a_mark_is_put_back_on_a_machine_that_bears_none() -> None:
    call = plan(Mark(SERVER), TRACE, None, look(row(mark="")), Memory())
    assert isinstance(call, Call)
    assert (call.verb, call.arguments.id, call.arguments.owner.mark) == ("set_mark", "m1", TRACE.mark)
    assert isinstance(plan(Mark(SERVER), TRACE, None, look(row(mark="")), receipt(101.0)), Wait)
    assert isinstance(plan(Mark(SERVER), TRACE, None, look(row()), Memory()), Done)


def test_release_takes_every_mark_off() -> None:
    both = look(row(), row(id="m2", number=2, name="a-clone"))
    call = plan(Release(), TRACE, None, both, Memory())
    assert isinstance(call, Call)
    assert (call.verb, call.arguments.id) == ("remove_mark", "m1")
    rest = look(row(mark=""), row(id="m2", number=2, name="a-clone"))
    call = plan(Release(), TRACE, None, rest, Memory())
    assert isinstance(call, Call)
    assert call.arguments.id == "m2"
    assert isinstance(plan(Release(frozenset({"m2"})), TRACE, None, rest, Memory()), Done), "a stranger's is left"
    assert isinstance(plan(Release(), TRACE, None, look(row(mark="")), Memory()), Done)


def test_which_of_several_is_the_machine() -> None:
    free = replace(TRACE, ledger=())
    clone = row(id="m0", number=0, name="a-clone")
    failed = row(id="m2", number=2, state=State.ERROR)
    assert choose([clone, failed, row()], free) == row()
    assert choose([clone, failed], free) == failed
    assert choose([clone], free) == clone
    assert choose([row(), failed], replace(TRACE, ledger=(LedgerRow("server", "m2"),))) == failed
    assert choose([row(mark="")], free) is None


@pytest.mark.parametrize(
    ("machine", "life"),
    [
        (row(state=State.BUILDING), Life.BUILDING),
        (row(), Life.STEADY),
        (row(task=Task.STOPPING), Life.CHANGING),
        (row(state=State.ERROR), Life.FAILED),
        (row(state=State.DELETING), Life.DELETING),
    ],
)
def test_lives(machine: Machine, life: Life) -> None:
    seen = look(machine)
    assert isinstance(seen, Present)
    assert seen.found.life is life
    assert seen.found.size_name == "small"
