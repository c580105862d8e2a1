"""A machine that was there before its object: bound on the backend's own word, marked, compared, never made anew."""

# ruff: noqa: E501 - a case is one row

from dataclasses import replace
from typing import Any

import pytest
from tests.kinds.situations import (
    GONE,
    MARK,
    NOW,
    RESOLVED,
    UNSEEN,
    found,
    fresh,
    line,
    seen,
    situation,
    spec,
    status,
    trace,
    twin,
    wanted,
)

from hostwright.core.port import LedgerRow, Ownership, Present, Sought, Trace
from hostwright.kinds.virtualmachine import change
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import (
    DiskShape,
    InterfaceFound,
    InterfaceShape,
    Life,
    Mark,
    Rebuild,
    Twin,
    Wanted,
)
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.values import DeletionPolicy

BY_ID = {"import": {"id": "s1"}}
OR_MADE = {"import": {"id": "s1", "policy": "AdoptOrCreate"}}
HANDLED = {"restartedAt": "", "rebuildToken": "", "import": "s1"}
OTHERS = "hw:ffffffffffffffff:0"
ADOPTED = LedgerRow("server", "s1", ownership=Ownership.ADOPTED)
IMPORTED_PORT = LedgerRow("port/eth0", "p1", ownership=Ownership.REFERENCED)


def seeking(*candidates: Twin, **changes: Any) -> Situation:
    sought = replace(trace(), sought=Sought("s1"))
    return fresh(
        **{
            "spec": spec(**BY_ID),
            "trace": sought,
            "candidates": candidates,
            "proven": True,
            "look": GONE,
            "backend": {"synced": True},
            **changes,
        }
    )


def bound(**changes: Any) -> Situation:
    """Bound, its port too, and nothing applied yet."""
    rows: Trace = trace(ADOPTED, IMPORTED_PORT)
    before = status(resolved=None, conditions=[], handled=HANDLED)
    bare = found(twins=(), unmarked=(ADOPTED,), parts=(ADOPTED, IMPORTED_PORT))
    return situation(
        **{"spec": spec(**BY_ID), "trace": rows, "status": before, "look": Present(bare, 100.0), **changes}
    )


def wired() -> Wanted:
    return wanted(interfaces=(InterfaceShape("eth0", "n1"),))


CASES: dict[str, tuple[Situation, str]] = {
    "before the first full look": (seeking(backend={"synced": False}), "nothing | Pending | -Ready:Waiting +Reconciling:Waiting"),
    "by a list alone": (seeking(twin(), proven=False, look=UNSEEN), "prove | Pending"),
    "none": (seeking(), "nothing | Pending | -Ready:ImportNotFound +Stalled:ImportNotFound"),
    "none, and one is to be made": (seeking(spec=spec(**OR_MADE)), "Create | Provisioning | -Ready:Creating +Reconciling:Creating -Provisioned:Creating"),
    "none to be made by a list alone": (seeking(spec=spec(**OR_MADE), proven=False, look=UNSEEN), "prove | Pending"),
    "none, and it is only observed": (seeking(spec=spec(**OR_MADE, managementPolicy="ObserveOnly")), "nothing | Pending | -Ready:NotBound +Stalled:NotBound"),
    "several": (seeking(twin(), twin("s2")), "nothing | Pending | -Ready:ImportAmbiguous +Stalled:ImportAmbiguous"),
    "another object's, by its mark": (seeking(twin(marks=(OTHERS,))), "nothing | Pending | -Ready:ImportConflict +Stalled:ImportConflict"),
    "another object's, by the cluster": (seeking(twin(), candidate_of="VirtualMachine team/other"), "nothing | Pending | -Ready:ImportConflict +Stalled:ImportConflict"),
    "one": (seeking(twin()), "nothing | Pending | -Ready:Importing +Reconciling:Importing"),
    "ours already, and the status was lost": (seeking(twin(marks=(MARK,)), look=seen()), "nothing | Pending | -Ready:Importing +Reconciling:Importing"),
    "only observed": (seeking(twin(), spec=spec(**BY_ID, managementPolicy="ObserveOnly")), "nothing | Pending | -Ready:Importing +Reconciling:Importing"),
    "deleted while it is sought": (seeking(twin(), deleting_since=NOW), "release | Deleting"),
    "bound: the mark comes first": (bound(), "Mark server=s1 | Running | -Ready:Importing +Reconciling:Importing +Provisioned:Created +NetworkReady:InSync"),
    "bound, and only observed": (bound(spec=spec(**BY_ID, managementPolicy="ObserveOnly")), "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync"),
    "bound, with another's mark too": (bound(look=seen(twins=(), rivals=(OTHERS,))), "nothing | Running | -Ready:ImportConflict +Stalled:ImportConflict"),
    "bound, with a port that no list showed": (bound(trace=trace(ADOPTED), wanted=wired(), look=seen(twins=(), interfaces=())), "prove | Running"),
    "observed, with a port that no list showed": (bound(spec=spec(**BY_ID, managementPolicy="ObserveOnly"), trace=trace(ADOPTED), wanted=wired(), look=seen(twins=(), interfaces=())), "prove | Running"),
    "bound while it is being built by others": (bound(look=seen(Life.BUILDING, twins=())), "nothing | Updating | -Ready:Waiting +Reconciling:Waiting"),
    "bound in ERROR: never made anew": (bound(look=seen(Life.FAILED, twins=())), "nothing | Failed | -Ready:MachineFailed +Stalled:MachineFailed"),
    "bound and gone": (bound(look=GONE, proven=True), "nothing | Failed | -Ready:MachineDeletedExternally +Stalled:MachineDeletedExternally -Provisioned:MachineDeletedExternally -NetworkReady:MachineDeletedExternally ?PowerStateSynced:MachineDeletedExternally"),
    "deleted: let go by default": (bound(deleting_since=NOW, proven=True), "Release | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting"),
    "deleted with it, and another's mark is on it": (bound(deleting_since=NOW, proven=True, spec=spec(**BY_ID, deletionPolicy="Delete"), look=seen(rivals=(OTHERS,))), "nothing | Deleting | -Ready:ImportConflict +Stalled:ImportConflict +Deleting:ImportConflict"),
    "deleted with it before it was marked": (bound(deleting_since=NOW, proven=True, spec=spec(**BY_ID, deletionPolicy="Delete")), "release | Deleting"),
    "deleted with it, and its mark was taken off": (bound(deleting_since=NOW, proven=True, spec=spec(**BY_ID, deletionPolicy="Delete"), status=status()), "nothing | Deleting | -Ready:OwnershipMismatch +Stalled:OwnershipMismatch +Deleting:OwnershipMismatch"),
    "deleted with it, with our mark": (bound(deleting_since=NOW, proven=True, spec=spec(**BY_ID, deletionPolicy="Delete"), look=seen(parts=(ADOPTED, IMPORTED_PORT))), "Delete | Deleting | -Ready:Deleting +Reconciling:Deleting +Deleting:Deleting"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    asked, expected = CASES[name]
    assert line(decide(asked)) == expected


def test_it_is_bound_with_its_row_and_what_was_asked_before_is_none_of_its() -> None:
    decision = decide(seeking(twin(), spec=spec(**BY_ID, restartedAt="yesterday", rebuildToken="1")))
    assert decision.adopt == (ADOPTED,)
    assert decision.status["handled"] == {"restartedAt": "yesterday", "rebuildToken": "1", "import": "s1"}
    assert [note.reason for note in decision.notes] == ["Imported"]


def test_one_that_is_made_in_its_place_is_not_sought_again() -> None:
    lost = status(conditions=[], resolved=None, handled=HANDLED)
    again = fresh(spec=spec(**BY_ID), status=lost, look=GONE, proven=True, backend={"synced": True})
    assert line(decide(again)).startswith("Create")


def test_ports_are_the_interfaces_that_name_them_then_the_first_on_the_network() -> None:
    wishes = (
        InterfaceShape("eth0", "n1"),
        InterfaceShape("eth1", "n1", mac_address="fa:16:3e:00:00:09"),
        InterfaceShape("eth2", "n1", addresses=("10.0.0.8",)),
        InterfaceShape("eth3", "n2"),
    )
    loose = (
        InterfaceShape("p-mac", "n1", ("10.0.0.9",), "fa:16:3e:00:00:09"),
        InterfaceShape("p-address", "n1", ("10.0.0.8",), "fa:16:3e:00:00:08"),
        InterfaceShape("p-first", "n1", ("10.0.0.7",), "fa:16:3e:00:00:07"),
        InterfaceShape("p-more", "n1", ("10.0.0.6",), "fa:16:3e:00:00:06"),
    )
    look = seen(twins=(), interfaces=(), loose=loose, parts=(ADOPTED,))
    listed = bound(trace=trace(ADOPTED), wanted=wanted(interfaces=wishes), look=look)
    assert decide(listed).needs_proof, "an old list has what was unplugged since"
    decision = decide(replace(listed, proven=True))
    assert {row.name: (row.id, row.ownership) for row in decision.adopt} == {
        "port/eth0": ("p-first", Ownership.REFERENCED),
        "port/eth1": ("p-mac", Ownership.REFERENCED),
        "port/eth2": ("p-address", Ownership.REFERENCED),
    }
    assert decision.step is None, "nothing is compared before all of it is known"


def test_what_is_in_no_wish_is_told_and_never_touched() -> None:
    loose = {"loose": (InterfaceShape("p9", "n9", ("10.9.0.9",)),), "loose_disks": (DiskShape("v9", 7, "v9"),)}
    look = seen(twins=(twin(marks=(MARK,)),), parts=(ADOPTED, IMPORTED_PORT), **loose)
    decision = decide(bound(status=status(resolved=RESOLVED, handled=HANDLED), look=look))
    assert decision.step is None
    assert {row["path"]: row["found"] for row in decision.status["drift"]} == {
        "/network/interfaces/p9": "a port with 10.9.0.9 on network n9",
        "/dataDisks/v9": "a volume of 7Gi",
    }


def test_another_size_or_image_waits_from_the_first_look_on() -> None:
    look = seen(
        twins=(twin(marks=(MARK,)),),
        parts=(ADOPTED, IMPORTED_PORT),
        shape={"size": "f9", "image": "i9"},
        size_name="huge",
    )
    decision = decide(bound(look=look))
    assert decision.step is None
    assert {row["path"]: row["waitingFor"] for row in decision.status["pendingChanges"]} == {
        "/classRef": "MaxDisruption",
        "/imageRef": "MaxDisruption",
    }
    assert decision.status["resolved"]["class"] == {"name": "huge", "id": "f9"}


def test_no_port_is_made_for_an_interface_that_may_be_one_which_is_not_shown() -> None:
    """It lies in another project, or is another machine's: told, before the machine is marked. One that is named otherwise is another one."""
    hidden = InterfaceShape("fa:16:3e:00:00:09", "", ("10.0.0.9",), "fa:16:3e:00:00:09")
    look = seen(twins=(), interfaces=(), loose=(hidden,), parts=(ADOPTED,), unmarked=(ADOPTED,))
    case = bound(trace=trace(ADOPTED), wanted=wired(), look=look, proven=True)
    decision = decide(case)
    assert line(decision) == "nothing | Running | -Ready:InvalidConfiguration +Stalled:InvalidConfiguration"
    assert decision.failure is not None
    assert "fa:16:3e:00:00:09 (10.0.0.9)" in decision.failure.message
    for other in ({"mac_address": "fa:16:3e:00:00:01"}, {"addresses": ("10.0.0.1",)}):
        named = wanted(interfaces=(InterfaceShape("eth0", "n1", **other),))
        assert isinstance(decide(replace(case, wanted=named)).step, Mark)
    observed = decide(replace(case, spec=spec(**BY_ID, managementPolicy="ObserveOnly")))
    assert {row["path"]: row["found"] for row in observed.status["drift"]} == {
        "/network/interfaces/eth0": "absent",
        "/network/interfaces/fa:16:3e:00:00:09": "a port with 10.0.0.9 of another project, or with another's mark",
    }


def test_an_observed_one_is_shown_with_the_size_that_it_has() -> None:
    look = seen(twins=(), parts=(ADOPTED, IMPORTED_PORT), shape={"size": "f9"}, size_name="huge", unmarked=(ADOPTED,))
    decision = decide(bound(spec=spec(**BY_ID, managementPolicy="ObserveOnly"), look=look))
    assert decision.status["resolved"]["class"] == {"name": "huge", "id": "f9"}
    assert [row["path"] for row in decision.status["drift"]] == ["/classRef"]


def test_the_mark_comes_before_whatever_differs() -> None:
    bare = found(twins=(), unmarked=(ADOPTED,), parts=(ADOPTED, IMPORTED_PORT), shape={"tags": {}})
    assert isinstance(decide(bound(look=Present(bare, 100.0))).step, Mark)


def test_by_default_it_is_let_go() -> None:
    assert bound().deletion_policy is DeletionPolicy.RETAIN
    assert situation().deletion_policy is DeletionPolicy.DELETE


def test_an_adopted_machine_stays_though_import_left_the_spec() -> None:
    assert bound(spec=spec()).deletion_policy is DeletionPolicy.RETAIN


def test_nothing_is_sent_to_the_machine_of_another_not_even_before_its_deletion() -> None:
    deleted = spec(**BY_ID, deletionPolicy="Delete")
    assert line(decide(bound(deleting_since=NOW, spec=deleted, look=seen(rivals=(OTHERS,))))).startswith("prove")


def test_one_that_was_bound_while_its_provider_was_paused_is_marked_as_ours_and_not_as_robbed_of_its_mark() -> None:
    told = dict(RESOLVED)
    del told["powerState"], told["tags"], told["metadata"]
    observed = status(resolved=told, handled=HANDLED)
    bare = found(twins=(), unmarked=(ADOPTED,), parts=(ADOPTED, IMPORTED_PORT), shape={"tags": {}})
    decision = decide(bound(status=observed, look=Present(bare, 100.0)))
    assert line(decision).startswith("Mark server=s1 | Running | -Ready:Importing")


def test_a_mark_that_was_taken_off_later_is_told_as_drift() -> None:
    bare = found(twins=(), unmarked=(ADOPTED,), parts=(ADOPTED, IMPORTED_PORT))
    decision = decide(bound(status=status(handled=HANDLED), generation=2, look=Present(bare, 100.0)))
    assert [note.reason for note in decision.notes] == ["DriftDetected"]


def test_a_port_that_is_to_be_another_leaves_the_ledger_once_it_is_unplugged() -> None:
    had = InterfaceShape("eth0", "n1", ("10.0.0.7",), "fa:16:3e:00:00:01", plugged=False)
    for wish in (InterfaceShape("eth0", "n2"), InterfaceShape("eth0", "n1", mac_address="fa:16:3e:00:00:02")):
        for loose, forgotten in ((True, ("port/eth0",)), (False, ())):
            item = InterfaceFound("eth0", "p1", "fa:16:3e:00:00:01", ("10.0.0.7",), bound=not loose)
            look = seen(
                twins=(twin(marks=(MARK,)),),
                parts=(ADOPTED, IMPORTED_PORT),
                interfaces=(item,),
                shape={"interfaces": (replace(had, plugged=not loose),)},
            )
            decision = decide(bound(status=status(handled=HANDLED), wanted=wanted(interfaces=(wish,)), look=look))
            assert decision.forget == forgotten


def test_while_it_is_only_observed_a_corrected_manifest_is_matched_anew() -> None:
    rows = (IMPORTED_PORT, LedgerRow("port/eth1", "p2", ownership=Ownership.REFERENCED))
    own = (
        InterfaceShape("eth0", "n1", ("10.0.0.7",), "fa:16:3e:00:00:01"),
        InterfaceShape("eth1", "n1", ("10.0.0.8",), "fa:16:3e:00:00:02"),
    )
    look = seen(
        twins=(),
        parts=(ADOPTED, *rows),
        interfaces=tuple(
            InterfaceFound(item.name, row.id, item.mac_address, item.addresses)
            for item, row in zip(own, rows, strict=True)
        ),
        shape={"interfaces": own},
        unmarked=(ADOPTED,),
    )
    before = bound(spec=spec(**BY_ID, managementPolicy="ObserveOnly"), trace=trace(ADOPTED, *rows), look=look)
    as_it_is = wanted(interfaces=(InterfaceShape("eth0", "n1"), InterfaceShape("eth1", "n1")))
    swapped = wanted(
        interfaces=(InterfaceShape("eth0", "n1", mac_address="fa:16:3e:00:00:02"), InterfaceShape("eth1", "n1"))
    )
    renamed = wanted(interfaces=(InterfaceShape("net0", "n1"), InterfaceShape("eth1", "n1")))
    assert decide(replace(before, wanted=as_it_is)).forget == ()
    assert decide(replace(before, wanted=swapped)).forget == ("port/eth0", "port/eth1")
    assert decide(replace(before, wanted=renamed)).forget == ("port/eth0", "port/eth1")
    settled = replace(before, wanted=swapped, status=status(handled=HANDLED))
    assert decide(settled).forget == (), "what we have managed is compared, and changed once that is allowed"


def test_one_that_is_gone_is_not_promised_to_come_back_by_the_same_manifest() -> None:
    decision = decide(bound(look=GONE, proven=True))
    assert decision.failure is not None
    assert "without import" in decision.failure.message


def test_made_again_it_leaves_the_former_root_disk_alone() -> None:
    root = LedgerRow("volume/root", "v1", ownership=Ownership.REFERENCED)
    again = bound(
        spec=spec(**BY_ID, onExternalDeletion="Recreate"),
        trace=trace(ADOPTED, IMPORTED_PORT, root),
        look=GONE,
        proven=True,
    )
    assert decide(again).forget == ("server", "volume/root")


def test_one_in_error_is_made_anew_only_where_that_is_asked_and_it_is_nobody_elses() -> None:
    wish = spec(**BY_ID, updatePolicy={"maxDisruption": "Rebuild"})
    ill = seen(Life.FAILED, twins=(), shape={"image": "i9"}, unmarked=(ADOPTED,))
    assert line(decide(bound(spec=wish, look=ill))).startswith("nothing | Failed | -Ready:MachineFailed")
    managed = status(handled=HANDLED)
    assert line(decide(bound(spec=wish, status=managed, look=ill))).startswith("nothing"), "drift, as of any machine"
    asked = spec(**BY_ID, updatePolicy={"maxDisruption": "Rebuild"}, rebuildToken="2")
    assert line(decide(bound(spec=asked, look=ill))).startswith("Rebuild")
    rivals = seen(Life.FAILED, twins=(), shape={"image": "i9"}, rivals=(OTHERS,))
    assert line(decide(bound(spec=asked, look=rivals))).startswith("nothing | Failed | -Ready:ImportConflict")


def test_its_makers_user_data_stays_where_none_was_ever_written_here() -> None:
    nothing, ours = change.bootstrap_of(None), {"cloudInit": {"sshAuthorizedKeys": ["ssh-ed25519 " + "A" * 68]}}
    asked = {**BY_ID, "updatePolicy": {"maxDisruption": "Rebuild"}, "rebuildToken": "2"}
    marked = seen(twins=(twin(marks=(MARK,)),), parts=(ADOPTED, IMPORTED_PORT))
    for bootstrap, applied, keeps in ((None, nothing, True), (None, "other", False), (ours, nothing, False)):
        wish = spec(**asked, **({"bootstrap": bootstrap} if bootstrap else {}))
        before = status(handled=HANDLED, resolved={**RESOLVED, "bootstrap": applied})
        step = decide(bound(spec=wish, status=before, look=marked)).step
        assert isinstance(step, Rebuild)
        assert step.keeps_user_data is keeps
    made = decide(situation(spec=spec(**{**asked, "import": None}))).step
    assert isinstance(made, Rebuild)
    assert not made.keeps_user_data, "our own"
