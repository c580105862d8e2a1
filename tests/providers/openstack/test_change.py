"""What takes a server down for a while: the next call, what is an answer, and what became of a resize."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.providers.openstack.rows import BINDINGS, NAMES, TRACE, port, row, server, spec

from hostwright.core.errors import Failure, InvalidConfiguration, NoValidHost, ResizeFailed, Transient
from hostwright.core.port import Call, Done, Operation, OperationType, Present, Repeat, Wait
from hostwright.kinds.virtualmachine.port import (
    ConfirmResize,
    Inquire,
    Memory,
    Power,
    Rebuild,
    Release,
    Resize,
    SetPower,
    Step,
    Wanted,
)
from hostwright.providers.openstack import errors, explain
from hostwright.providers.openstack.calls import SEND_AGAIN, Asked, Fence, On
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.plan_change import CONFIRMED
from hostwright.providers.openstack.resolve import resolve
from hostwright.providers.openstack.rows import Action, ActionEvent, Flavor, Linked, Refused, Reply
from hostwright.providers.openstack.seen import Gathered
from hostwright.providers.openstack.translate import found

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
LEDGER = replace(TRACE, ledger=(row("server", "s1"), row("port/eth0", "p1")))
SMALL, MEDIUM, BIG = (
    Flavor(original_name=name, vcpus=1, ram=512, disk=disk)
    for name, disk in (("small", 5), ("medium", 10), ("small-big-disk", 50))
)
AT = 100.0


def wish() -> Wanted:
    answer = resolve(NAMES, spec(), replace(BINDINGS, cpu=2, memory_mib=1024, class_name="m"))
    assert isinstance(answer, Wanted)
    return answer


def ask(step: Step, *, answered: float | None = None, confirmed: float | None = None, **row_: Any) -> Any:
    """The next call on a small server of these fields; when our last call on it, and confirmation, was answered."""
    there = Gathered((server(**{"flavor": SMALL, "image": Linked("i1"), **row_}),), (port(),))
    receipts = {name: at for name, at in (("server", answered), (CONFIRMED, confirmed)) if at is not None}
    operation = Operation("op", OperationType.RESIZE, "size/medium", started_at=NOW)
    return plan(step, LEDGER, wish(), Present(found("R", there, LEDGER), AT), Memory(operation, receipts), Fence())


def sent(planned: object) -> tuple[str, Repeat, object]:
    assert isinstance(planned, Call)
    assert isinstance(planned.arguments, On)
    assert planned.arguments.path == "/servers/s1/action"
    return planned.verb, planned.repeat, planned.arguments.body


def test_a_resize_is_one_request_that_needs_an_intent() -> None:
    for status in ("ACTIVE", "SHUTOFF"):
        planned = ask(Resize("medium"), status=status)
        assert sent(planned) == ("resize", Repeat.INTENT, {"resize": {"flavorRef": "f3"}})


@pytest.mark.parametrize(
    "state",
    [{"status": "RESIZE", "task": "resize_prep"}, {"task": "powering-off"}, {"answered": AT}],
    ids=["at work", "at other work", "an old look"],
)
def test_a_resize_waits_while_nova_works_or_the_look_is_old(state: dict[str, object]) -> None:
    assert isinstance(ask(Resize("medium"), **state), Wait)


def test_a_size_that_is_there_is_not_asked_for() -> None:
    assert ask(Resize("medium"), flavor=MEDIUM) == Done()


def test_a_smaller_root_disk_is_told_before_nova_is_asked() -> None:
    refused = ask(Resize("medium"), flavor=BIG)
    assert isinstance(refused, InvalidConfiguration)
    assert "10 GiB" in refused.message
    assert "50 GiB" in refused.message


def test_a_confirmation_is_sent_once_and_again_only_when_nothing_comes_of_it() -> None:
    """Nova shows VERIFY_RESIZE without a task until it has carried the confirmation out."""
    shown = {"status": "VERIFY_RESIZE", "flavor": MEDIUM}
    first = ("confirm_resize", Repeat.IDEMPOTENT, {"confirmResize": None})
    assert sent(ask(ConfirmResize(), **shown, answered=AT - 5)) == first
    assert sent(ask(ConfirmResize(), **shown)) == first  # after a restart
    assert isinstance(ask(ConfirmResize(), **shown, answered=AT - 5, confirmed=AT - 1), Wait)
    stuck = {"answered": AT - SEND_AGAIN - 9, "confirmed": AT - SEND_AGAIN - 1}
    assert sent(ask(ConfirmResize(), **shown, **stuck)) == first
    another = {"confirmed": AT - 9, "answered": AT - 5}  # the receipt is of a resize before this one
    assert sent(ask(ConfirmResize(), **shown, **another)) == first
    assert ask(ConfirmResize(), flavor=MEDIUM) == Done()


POWER = {
    "ACTIVE": {Power.OFF: "os-stop", Power.SUSPENDED: "suspend"},
    "SHUTOFF": {Power.ON: "os-start", Power.SUSPENDED: "os-start"},
    "SUSPENDED": {Power.ON: "resume", Power.OFF: "resume"},
}


@pytest.mark.parametrize("status", POWER)
def test_every_way_between_two_power_states_leads_over_active(status: str) -> None:
    """Nova stops no suspended server: 409 "while it is in vm_state suspended" (tried)."""
    for power, request in POWER[status].items():
        planned = ask(SetPower(power), status=status)
        assert isinstance(planned, Call)
        assert (planned.repeat, planned.arguments.body) == (Repeat.IDEMPOTENT, {request: None})


def test_a_rebuild_carries_its_word_and_all_metadata_and_names_nothing_that_stays() -> None:
    planned = ask(
        Rebuild("i2", "w/i2"), metadata={"rack": "r1", "hostwright.namespace": "team", "hostwright.name": "web"}
    )
    assert isinstance(planned, Call)
    assert (planned.verb, planned.repeat, planned.destructive) == ("rebuild", Repeat.INTENT, True)
    record = {"hostwright.namespace": "team", "hostwright.name": "web", "hostwright.rebuild": "w/i2"}
    assert planned.arguments.on.body == {"rebuild": {"imageRef": "i2", "metadata": {"rack": "r1", **record}}}


def test_a_rebuild_that_the_server_shows_is_not_sent_again() -> None:
    shown = {"metadata": {"hostwright.rebuild": "w/i2"}}
    assert ask(Rebuild("i2", "w/i2"), **shown) == Done()
    assert isinstance(ask(Rebuild("i2", "w/i2"), status="REBUILD", **shown), Wait)
    assert isinstance(ask(Rebuild("i2", "w/i2"), answered=AT), Wait), "an old look"
    assert isinstance(ask(Rebuild("i2", "w/i2"), status="ERROR"), Call)


def test_a_server_that_boots_from_a_volume_is_not_rebuilt() -> None:
    """Nova would take the image that the volume was made from, and leave the volume as it is."""
    shown = found("R", Gathered((server(image=""),), ()), LEDGER)
    known = replace(shown, shape=replace(shown.shape, image="i2"))
    planned = plan(Rebuild("i2", "w/i2"), LEDGER, wish(), Present(known, AT), Memory(), Fence())
    assert isinstance(planned, InvalidConfiguration)


def test_the_word_of_a_rebuild_is_no_metadata_of_the_users_and_goes_when_the_server_is_let_go() -> None:
    there = Gathered((server(metadata={"a": "b", "hostwright.rebuild": "w/i2"}),), ())
    shown = found("R", there, LEDGER)
    assert (dict(shown.shape.metadata), shown.rebuilt) == ({"a": "b"}, "w/i2")
    planned = plan(Release(), LEDGER, None, Present(shown, AT), Memory(), Fence())
    assert isinstance(planned, Call)
    assert planned.arguments.path == "/servers/s1/metadata/hostwright.rebuild"


def test_asking_why_is_no_change_and_names_the_time_of_the_request() -> None:
    planned = ask(Inquire("resize"))
    assert isinstance(planned, Call)
    assert (planned.verb, planned.repeat) == ("ask_actions", Repeat.READ)
    assert planned.arguments == Asked("s1", "resize", "m", NOW)


#: Bodies as the lab's Nova sent them.
ANSWERS = {
    "When resizing, instances must change flavor!": "resize",
    "Instance has not been resized.": "confirm_resize",
}


def test_what_is_there_already_is_an_answer_and_nothing_else_is() -> None:
    for text, verb in ANSWERS.items():
        refusal = refused(400, text)
        assert errors.is_answer(verb, refusal)
        assert not errors.is_answer("create_server", refusal)
    smaller = refused(
        400,
        "Flavor's disk is smaller than the minimum size specified in image metadata. "
        "Flavor disk is 5368709120 bytes, minimum size is 10737418240 bytes.",
    )
    assert not errors.is_answer("resize", smaller)
    assert isinstance(errors.of_write(smaller, intent=True), InvalidConfiguration)
    quota = refused(403, "Quota exceeded for cores: Requested 2, but already used 2 of 2 cores")
    assert errors.of_write(quota, intent=True).reason == "QuotaExceeded"


def refused(status: int, text: str) -> Refused:
    body = f'{{"badRequest": {{"code": {status}, "message": "{text}"}}}}'
    return Refused("compute", Reply(status, body.encode()))


def action(*events: tuple[str, str | None, str | None], at: datetime = NOW) -> Action:
    rows = tuple(ActionEvent(name, result, details) for name, result, details in events)
    return Action("resize", "req-1", at.strftime("%Y-%m-%dT%H:%M:%S.000000"), rows)


FULL = "No valid host was found. No valid host found for resize"
WHY: dict[str, tuple[Action | None, type[Failure], str]] = {
    "no host, to an administrator": (action(("cold_migrate", "Error", FULL)), NoValidHost, FULL),
    "no host, to a user": (
        action(("cold_migrate", "Error", None), ("conductor_migrate_server", "Error", None)),
        NoValidHost,
        "cold_migrate",
    ),
    "on the host": (
        action(("compute_prep_resize", "Error", None), ("cold_migrate", "Error", None)),
        ResizeFailed,
        "compute_prep_resize",
    ),
    "reverted": (action(("compute_prep_resize", "Success", None)), ResizeFailed, "somebody reverted it"),
    "not noted yet": (
        action(("cold_migrate", "Success", None), ("conductor_migrate_server", None, None)),
        Transient,
        "how the resize to m ended",
    ),
    "not recorded": (None, Transient, "asked for again"),
    "an older one": (action(("cold_migrate", "Error", FULL), at=NOW - timedelta(minutes=2)), Transient, "asked for"),
    "one second before, by Nova's clock": (
        action(("cold_migrate", "Error", FULL), at=NOW - timedelta(seconds=1)),
        NoValidHost,
        FULL,
    ),
}


@pytest.mark.parametrize("name", WHY)
def test_what_became_of_a_resize(name: str) -> None:
    recorded, kind, words = WHY[name]
    failure = explain.why(Asked("s1", "resize", "m", NOW), recorded)
    assert type(failure) is kind
    assert words in failure.message
    assert failure.request_id == ("req-1" if kind is not Transient else "")


def test_somebody_elses_resize_says_how_to_end_it() -> None:
    there = Gathered((server(status="VERIFY_RESIZE", flavor=MEDIUM),), ())
    message = found("R", there, LEDGER).message
    assert "openstack server resize confirm s1" in message
    assert "openstack server resize revert s1" in message
