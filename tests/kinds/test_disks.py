"""What is decided about a machine's disks, one row each; what is kept at the end; what is never taken for gone."""

# ruff: noqa: E501 - a case is one row

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.kinds.situations import (
    NOW,
    PORT,
    RESOLVED,
    SERVER,
    condition,
    line,
    operation,
    seen,
    situation,
    spec,
    status,
    trace,
    wanted,
)

from hostwright.core.port import LedgerRow, OperationType, Ownership, Window
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import BringDisks, Delete, DiskFound, DiskShape, Life
from hostwright.kinds.virtualmachine.situation import Situation

SUPPORTED = frozenset({"/powerState", "/tags", "/metadata", "/dataDisks", "/rootDisk/size"})
DATA, KEPT, OWN = LedgerRow("volume/data", "v1"), LedgerRow("volume/kept", "v2"), LedgerRow("volume/own", "v3")
FOUND = DiskFound("data", "v1", 20, attached=True)
THERE = DiskShape("data", 20, "v1")


def disks(*wishes: DiskShape, **changes: Any) -> Situation:
    """A settled machine that is wished with these data disks; `there`: found; `rows`: in its ledger."""
    there: tuple[DiskFound, ...] = changes.pop("there", (FOUND,))
    rows: tuple[LedgerRow, ...] = changes.pop("rows", (DATA,))
    root: Any = changes.pop("root", (None, None))
    applied = changes.pop("applied", {"data": "20Gi"})
    shapes = tuple(DiskShape(disk.name, disk.size, disk.id) for disk in there if disk.attached and disk.name != "root")
    plugged = changes.pop("plugged", frozenset(disk.id for disk in there if disk.attached))
    noted = changes.pop("noted", [])
    return situation(
        **{
            "generation": 2,
            "trace": trace(SERVER, PORT, *rows),
            "wanted": wanted(disks=wishes, root_size=root[0]),
            "look": seen(shape={"disks": shapes, "root_size": root[1]}, disks=there, plugged=plugged),
            "status": status(resolved={**RESOLVED, "disks": applied}, disks=noted),
            "backend": {"supported": SUPPORTED},
            **changes,
        }
    )


WORK = "-Ready:Updating +Reconciling:Updating +Provisioned:Created +NetworkReady:InSync -DisksReady:Updating"
DONE = "+Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync +DisksReady:InSync"
#: Of a machine that was settled an hour ago, and for which something is being made.
WORKING = status(
    conditions=[condition("Ready", "False"), condition("Provisioned", "True"), condition("PowerStateSynced", "True")]
)
CASES: dict[str, tuple[Situation, str]] = {
    "as wished": (disks(DiskShape("data", 20)), f"nothing | Running | {DONE}"),
    "a new one": (disks(DiskShape("data", 20), DiskShape("logs", 5)), f"BringDisks | Updating | {WORK}"),
    "one that was there": (
        disks(DiskShape("data", 20), DiskShape("own", None, "v3")),
        f"BringDisks | Updating | {WORK}",
    ),
    "grown": (disks(DiskShape("data", 30)), f"BringDisks | Updating | {WORK}"),
    "the root grown": (
        disks(
            root=(40, 30),
            there=(DiskFound("root", "v0", 30, attached=True),),
            rows=(LedgerRow("volume/root", "v0"),),
            applied={"root": "30Gi"},
        ),
        f"BringDisks | Updating | {WORK}",
    ),
    "a root that was not made on a disk": (
        disks(root=(40, None), there=(), rows=(), applied={}),
        "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync",
    ),
    "taken out": (disks(), f"BringDisks | Updating | {WORK}"),
    "out, and kept": (disks(there=(replace(FOUND, attached=False),), applied={}), f"nothing | Running | {DONE}"),
    "out, and to go": (
        disks(there=(replace(FOUND, attached=False),), applied={}, noted=[{"name": "data", "whenDetached": "Delete"}]),
        f"BringDisks | Updating | {WORK}",
    ),
    "put back": (
        disks(DiskShape("data", 20), there=(replace(FOUND, attached=False),), applied={}),
        f"BringDisks | Updating | {WORK}",
    ),
    "put back smaller": (
        disks(DiskShape("data", 10), there=(replace(FOUND, attached=False),), applied={}),
        "nothing | Running | -Ready:InvalidConfiguration +Stalled:InvalidConfiguration",
    ),
    "another volume under the name of one that was kept": (
        disks(DiskShape("data", None, "v3"), there=(replace(FOUND, attached=False),), applied={}),
        "nothing | Running | -Ready:InvalidConfiguration +Stalled:InvalidConfiguration",
    ),
    "another one that was there, under its name": (
        disks(DiskShape("data", None, "v3"), there=(replace(FOUND, ours=False),), applied={"data": "v1"}),
        "nothing | Running | -Ready:InvalidConfiguration +Stalled:InvalidConfiguration",
    ),
    "a new one under the name of one that was there, which is not ours to grow": (
        disks(DiskShape("data", 30), there=(replace(FOUND, ours=False),), applied={"data": "v1"}),
        "nothing | Running | -Ready:InvalidConfiguration +Stalled:InvalidConfiguration",
    ),
    "shrunk": (
        disks(DiskShape("data", 10)),
        "nothing | Running | -Ready:InvalidConfiguration +Stalled:InvalidConfiguration",
    ),
    "grown by somebody else": (
        disks(DiskShape("data", 20), there=(replace(FOUND, size=30),)),
        f"nothing | Running | {DONE.replace(' +PowerStateSynced', ' +Drifted:DriftDetected +PowerStateSynced')}",
    ),
    "detached by somebody else": (
        disks(DiskShape("data", 20), there=(replace(FOUND, attached=False),)),
        f"BringDisks | Updating | {WORK}",
    ),
    "detached by somebody else, warned of": (
        disks(
            DiskShape("data", 20), there=(replace(FOUND, attached=False),), spec=spec(driftDetection={"mode": "Warn"})
        ),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +Drifted:DriftDetected +PowerStateSynced:InSync -DisksReady:Waiting",
    ),
    "nothing is allowed": (
        disks(DiskShape("data", 20), DiskShape("logs", 5), spec=spec(updatePolicy={"maxDisruption": "None"})),
        "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync -DisksReady:Waiting",
    ),
    "nothing is allowed, nor what goes with its disk": (
        disks(noted=[{"name": "data", "whenDetached": "Delete"}], spec=spec(updatePolicy={"maxDisruption": "None"})),
        "nothing | Running | +Ready:ChangesPending -UpToDate:ChangesPending +Provisioned:Created +NetworkReady:InSync +PowerStateSynced:InSync +DisksReady:InSync",
    ),
    "attached by somebody else, warned of": (
        disks(
            applied={}, noted=[{"name": "data", "whenDetached": "Delete"}], spec=spec(driftDetection={"mode": "Warn"})
        ),
        f"nothing | Running | {DONE.replace(' +PowerStateSynced', ' +Drifted:DriftDetected +PowerStateSynced')}",
    ),
    "nothing is allowed, but it is being made": (
        disks(
            DiskShape("own", None, "v3"),
            there=(),
            rows=(),
            applied={},
            spec=spec(updatePolicy={"maxDisruption": "None"}),
            status=status(resolved={"provider": "prod"}),
        ),
        f"BringDisks | Updating | {WORK}",
    ),
    "not seen": (disks(DiskShape("data", 20), there=()), "prove | Running"),
    "proven gone": (
        disks(DiskShape("data", 20), there=(), proven=True),
        "nothing | Running | -Ready:DiskDeletedExternally +Stalled:DiskDeletedExternally -DisksReady:DiskDeletedExternally",
    ),
    "proven gone before it held anything": (
        disks(DiskShape("data", 20), there=(), proven=True, applied={}),
        "nothing | Running",
    ),
    "not to be made": (
        disks(
            DiskShape("data", 20),
            there=(replace(FOUND, attached=False, broken=True),),
            rows=(replace(DATA, window=Window(NOW)),),
            applied={},
            status=WORKING,
        ),
        "Discard volume/data=v1 | Running | -Ready:BuildFailed +Reconciling:BuildFailed",
    ),
    "broken since it held data": (
        disks(DiskShape("data", 20), there=(replace(FOUND, attached=False, broken=True),)),
        "nothing | Running | -Ready:MachineFailed +Stalled:MachineFailed",
    ),
    "put back, and broken since it was kept": (
        disks(
            DiskShape("data", 20),
            there=(replace(FOUND, attached=False, broken=True),),
            rows=(replace(DATA, window=Window(NOW - timedelta(days=3))),),
            applied={},
            status=WORKING,
        ),
        "nothing | Running | -Ready:MachineFailed +Stalled:MachineFailed",
    ),
    "broken, and nobody knows since when, as the status was lost": (
        disks(
            DiskShape("data", 20),
            there=(replace(FOUND, attached=False, broken=True),),
            status=status(conditions=[], resolved=None),
        ),
        "nothing | Running | -Ready:MachineFailed +Stalled:MachineFailed",
    ),
    "broken, and only kept": (
        disks(there=(replace(FOUND, attached=False, broken=True),), applied={}),
        f"nothing | Running | {DONE}",
    ),
    "only observed": (
        disks(DiskShape("data", 20), DiskShape("logs", 5), spec=spec(managementPolicy="ObserveOnly")),
        "nothing | Running | +Ready:Settled +UpToDate:Settled +Provisioned:Created +NetworkReady:InSync +Drifted:DriftDetected +PowerStateSynced:InSync -DisksReady:Waiting",
    ),
    "the backend is at it": (
        disks(there=(replace(FOUND, busy="detaching", busy_since=NOW - timedelta(minutes=19)),)),
        f"BringDisks | Updating | {WORK}",
    ),
    "the backend does not end it": (
        disks(there=(replace(FOUND, busy="detaching", busy_since=NOW - timedelta(minutes=21)),)),
        "BringDisks | Updating | -Ready:DiskTimedOut +Stalled:DiskTimedOut +Provisioned:Created +NetworkReady:InSync -DisksReady:DiskTimedOut",
    ),
    "nothing is asked of one that the backend does not let go": (
        disks(DiskShape("data", 20), there=(replace(FOUND, busy="detaching", busy_since=NOW - timedelta(days=1)),)),
        f"nothing | Running | {DONE}",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_disk(case: str) -> None:
    asked, answer = CASES[case]
    assert line(decide(asked)) == answer


def test_only_a_disk_that_is_to_be_made_is_a_creation() -> None:
    """Of an unknown outcome, a creation waits out the quiet time; all else is judged by what is found."""
    assert decide(disks(DiskShape("data", 20), DiskShape("logs", 5))).operation is OperationType.CREATE
    assert decide(disks(DiskShape("data", 30))).operation is OperationType.UPDATE
    assert decide(disks(DiskShape("own", None, "v3"))).operation is OperationType.UPDATE


def test_a_disk_that_could_not_be_made_waits_for_its_turn() -> None:
    later = replace(operation(expect="volume/logs"), next_retry_at=NOW.replace(hour=11))
    waits = disks(
        DiskShape("data", 20),
        DiskShape("logs", 5),
        operation=later,
        status=status(observedGeneration=2, resolved={**RESOLVED, "disks": {"data": "20Gi"}}),
    )
    assert decide(waits).step is None
    assert decide(replace(waits, now=NOW.replace(hour=12))).step == BringDisks(("logs",))
    other = replace(waits, operation=replace(later, expect="volume/data"))
    assert decide(other).step == BringDisks(("logs",)), "what another one waits for holds it not up"


def test_what_goes_with_a_disk_that_leaves_is_noted_while_it_is_written() -> None:
    asked = spec(
        dataDisks=[{"name": "data", "size": "20Gi", "retention": {"whenDetached": "Delete", "whenDeleted": "Retain"}}]
    )
    told = decide(disks(DiskShape("data", 20), spec=asked)).status
    assert told["disks"] == [
        {
            "name": "data",
            "id": "v1",
            "size": "20Gi",
            "attached": True,
            "whenDetached": "Delete",
            "whenDeleted": "Retain",
        }
    ]
    gone = decide(disks(noted=told["disks"]))
    assert gone.step == BringDisks(("data",), frozenset({"data"})), "detached first: that is the plan's order"
    detached = decide(disks(there=(replace(FOUND, attached=False),), applied={}, noted=told["disks"]))
    assert detached.step == BringDisks(("data",), frozenset({"data"}))


def test_a_disk_that_was_there_is_referenced_and_leaves_the_ledger_with_the_spec() -> None:
    wish, there = DiskShape("own", None, "v3"), DiskFound("own", "v3", 3, attached=True, ours=False)
    taken = decide(disks(wish, there=(), rows=(), plugged=frozenset({"v3"}), applied={}))
    assert taken.adopt == (LedgerRow("volume/own", "v3", ownership=Ownership.REFERENCED),)
    owned = LedgerRow("volume/own", "v3", ownership=Ownership.REFERENCED)
    assert decide(disks(wish, there=(there,), rows=(owned,), applied={"own": "v3"})).adopt == ()
    left = decide(disks(there=(replace(there, attached=False),), rows=(owned,), applied={}))
    assert left.forget == ("volume/own",)
    assert left.step is None


def test_a_disk_that_was_deleted_as_asked_and_is_wished_again_is_a_new_one() -> None:
    """Seen detached, it holds nothing for the machine any more: nobody else has deleted it."""
    out = disks(there=(replace(FOUND, attached=False),), noted=[{"name": "data", "whenDetached": "Delete"}])
    told = decide(out).status
    assert not told["resolved"].get("disks")
    back = disks(DiskShape("data", 20), there=(), proven=True, status=status(resolved=told["resolved"]))
    assert decide(back).forget == ("volume/data",)


def test_what_a_disk_holds_is_known_from_when_it_is_attached_though_the_machine_is_not_done() -> None:
    """Another disk cannot be had for weeks, say: the first is in use meanwhile, and is not replaced by an empty one."""
    asked = disks(DiskShape("data", 20), DiskShape("own", None, "v3"), applied=None)
    told = decide(asked).status
    assert told["resolved"]["disks"] == {"data": "20Gi"}
    assert told["resolved"]["class"] == RESOLVED["class"]
    later = disks(
        DiskShape("data", 20), DiskShape("own", None, "v3"), there=(), proven=True, applied=told["resolved"]["disks"]
    )
    assert "DiskDeletedExternally" in line(decide(later))
    smaller = decide(disks(DiskShape("data", 30), applied=None)).status
    assert smaller["resolved"]["disks"] == {"data": "20Gi"}, "as it is, so that its growth is the user's wish still"


def test_at_the_end_only_what_is_to_be_kept_stays() -> None:
    """As written for a disk in the spec; of one that left it, as was noted then; of an unknown one, it stays."""
    asked = spec(
        dataDisks=[
            {"name": "data", "size": "20Gi"},
            {"name": "kept", "size": "20Gi", "retention": {"whenDeleted": "Retain"}},
        ],
        rootDisk={"size": "10Gi", "retention": {"whenDeleted": "Retain"}},
    )
    rows = (DATA, KEPT, LedgerRow("volume/root", "v0"), LedgerRow("volume/old", "v8"), LedgerRow("volume/gone", "v9"))
    noted = [
        {"name": "gone", "whenDetached": "Delete", "whenDeleted": "Retain"},
        {"name": "data", "whenDeleted": "Retain"},
    ]
    there = tuple(DiskFound(row.name.partition("/")[2], row.id, 1, attached=False) for row in rows)
    going = disks(spec=asked, rows=rows, there=there, noted=noted, deleting_since=NOW)
    assert decide(going).step == Delete(frozenset({"v2", "v0", "v8"}))


def test_a_disk_that_stays_ends_no_deletion_once_its_mark_is_off() -> None:
    asked = spec(dataDisks=[{"name": "kept", "size": "20Gi", "retention": {"whenDeleted": "Retain"}}])
    parts = seen(Life.PARTIAL, parts=(KEPT,), disks=(DiskFound("kept", "v2", 20, attached=False),))
    ours = disks(spec=asked, rows=(KEPT,), look=parts, proven=True, deleting_since=NOW)
    assert decide(ours).step == Delete(frozenset({"v2"}))
    bare = seen(Life.PARTIAL, parts=(KEPT,), disks=parts.found.disks, unmarked=(KEPT,))
    left = decide(replace(ours, look=bare))
    assert left.release
    assert "volume/kept=v2" in left.notes[0].message


def test_a_disk_of_the_ledger_that_is_not_seen_is_not_made_a_second_time() -> None:
    """Before the server is made, too: only the backend itself can say that it is gone."""
    first = situation(
        status=status(conditions=[condition("Ready", "False"), condition("Provisioned", "False")]),
        trace=trace(PORT, DATA),
        wanted=wanted(disks=(DiskShape("data", 20),)),
        look=seen(Life.PARTIAL),
        proven=False,
    )
    assert decide(first).needs_proof
    proven = decide(replace(first, proven=True))
    assert proven.forget == ("volume/data",)
    assert proven.step is None
