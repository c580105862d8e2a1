"""A machine that somebody else deleted: told, or made again once the backend itself has said that it is gone."""

# ruff: noqa: E501 - a case is one row

from typing import Any

import pytest
from tests.kinds.situations import (
    GONE,
    NOW,
    RESOLVED,
    UNSEEN,
    condition,
    line,
    seen,
    situation,
    spec,
    status,
    trace,
    wanted,
)

from hostwright.core.errors import ImageNotFound, Unreachable
from hostwright.core.port import LedgerRow
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Create, DiskFound, DiskShape, Life, Unresolved
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import VirtualMachineStatus

RECREATE = spec(onExternalDeletion="Recreate")
TOLD = [condition(kind, "False", reason="MachineDeletedExternally") for kind in ("Ready", "Provisioned")]
IS_TOLD = "nothing | Failed | -Ready:{0} +Stalled:{0} -Provisioned:{0} -NetworkReady:{0} ?PowerStateSynced:{0}".format(
    "MachineDeletedExternally"
)
AGAIN = "nothing | Provisioning | -Ready:{0} +Reconciling:{0} -Provisioned:{0} -NetworkReady:{0} ?PowerStateSynced:{0}".format(
    "Recreating"
)
CASES: dict[str, tuple[Situation, str]] = {
    "by the inventory alone": (situation(spec=RECREATE, look=GONE), "prove | Running"),
    "not listed": (situation(spec=RECREATE, look=UNSEEN), "prove | Running"),
    "its ports only": (situation(spec=RECREATE, look=seen(Life.PARTIAL)), "prove | Running"),
    "proven": (situation(spec=RECREATE, look=GONE, proven=True), AGAIN),
    "proven, its ports left": (situation(spec=RECREATE, look=seen(Life.PARTIAL), proven=True), AGAIN),
    "told before, wished since": (
        situation(spec=RECREATE, look=GONE, proven=True, status=status(conditions=TOLD)),
        AGAIN,
    ),
    "not wished": (situation(look=GONE, proven=True), IS_TOLD),
    "only observed": (
        situation(spec=spec(onExternalDeletion="Recreate", managementPolicy="ObserveOnly"), look=GONE, proven=True),
        IS_TOLD,
    ),
    "its Provider only observed": (
        situation(spec=RECREATE, look=GONE, proven=True, backend={"paused": True}),
        IS_TOLD,
    ),
    "paused": (situation(spec=RECREATE, look=GONE, proven=True, paused="CHG-1"), "nothing | +Paused:Paused"),
    "an outage": (
        situation(spec=RECREATE, look=GONE, wanted=None, backend={"failure": Unreachable("x"), "down_for": 9.0}),
        "nothing",
    ),
    "nothing it could be made of": (
        situation(spec=RECREATE, look=GONE, wanted=Unresolved(ImageNotFound("x"))),
        "nothing | Running | -Ready:ImageNotFound +Stalled:ImageNotFound",
    ),
    "it is only being deleted": (
        situation(spec=RECREATE, look=seen(Life.DELETING), proven=True),
        "nothing | Unknown | -Ready:Waiting +Reconciling:Waiting",
    ),
    "deleted, and kept by the backend": (
        situation(spec=RECREATE, look=seen(Life.HELD, message="SOFT_DELETED"), proven=True),
        "nothing | Failed | -Ready:MachineHeld +Stalled:MachineHeld",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_done(name: str) -> None:
    case, row = CASES[name]
    assert line(decide(case)) == row


def test_only_the_servers_row_goes_and_nothing_counts_as_applied_to_the_new_machine() -> None:
    asked = spec(onExternalDeletion="Recreate", restartedAt="2", rebuildToken="3")
    decision = decide(situation(spec=asked, look=GONE, proven=True))
    assert decision.forget == ("server",)
    assert decision.adopt == ()
    assert decision.status["resolved"] == {"provider": "prod"}
    assert decision.status["handled"] == {"restartedAt": "2", "rebuildToken": "3"}, "it is new already"
    (note,) = decision.notes
    assert (note.reason, note.transition, note.warning) == ("Recreating", "s1", True)


@pytest.mark.parametrize("left", [(), (LedgerRow("port/eth0", "p1"),)])
def test_then_it_is_made_as_a_new_one_is(left: tuple[LedgerRow, ...]) -> None:
    first = decide(situation(spec=RECREATE, look=GONE, proven=True))
    told = {**status().model_dump(by_alias=True, exclude_none=True), **first.status}
    told["conditions"] = [
        {**condition(item.type, item.word, reason=item.reason, at=NOW), "message": item.message} for item in first.said
    ]
    after = VirtualMachineStatus.model_validate({name: value for name, value in told.items() if value is not None})
    look = seen(Life.PARTIAL) if left else UNSEEN
    again = situation(spec=RECREATE, status=after, trace=trace(*left), look=look, operation=None)
    assert not again.provisioned
    decision = decide(again)
    assert isinstance(decision.step, Create)
    assert decision.status["resolved"]["class"]["name"] == "small"


DATA, ROOT = LedgerRow("volume/data", "v1"), LedgerRow("volume/root", "v0")
HELD = {"data": "20Gi", "root": "40Gi"}


def lost_with_disks(
    *rows: LedgerRow, wish: tuple[DiskShape, ...] = (DiskShape("data", 20),), **changes: Any
) -> Situation:
    """Its server is forgotten, and it is to be made again."""
    conditions = [condition(kind, "False", reason="Recreating") for kind in ("Ready", "Provisioned")]
    told = status(conditions=conditions, resolved={"provider": "prod", "disks": HELD})
    return situation(
        **{
            "spec": RECREATE,
            "status": told,
            "trace": trace(*rows),
            "wanted": wanted(disks=wish),
            "look": GONE,
            **changes,
        }
    )


def test_disks_that_may_hold_data_are_remembered_while_it_is_made_again() -> None:
    known = status(resolved={**RESOLVED, "disks": HELD})
    first = decide(situation(spec=RECREATE, look=GONE, proven=True, status=known))
    assert first.status["resolved"] == {"provider": "prod", "disks": HELD}
    left = (DiskFound("data", "v1", 20, attached=False), DiskFound("root", "v0", 40, attached=False))
    again = decide(lost_with_disks(DATA, ROOT, look=seen(Life.PARTIAL, disks=left, parts=(DATA, ROOT))))
    assert isinstance(again.step, Create), "with the disks that are left"
    assert again.status["resolved"]["disks"] == HELD


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (lost_with_disks(DATA), "prove | Running"),
        (
            lost_with_disks(DATA, proven=True),
            "nothing | Running | -Ready:{0} +Stalled:{0} -DisksReady:{0}".format("DiskDeletedExternally"),
        ),
        (lost_with_disks(DATA, proven=True, wish=()), "nothing | Running"),
        (lost_with_disks(ROOT, proven=True), "nothing | Running"),
    ],
    ids=["not seen", "proven gone", "not wished any more", "the root disk"],
)
def test_a_disk_that_held_data_is_never_replaced_by_an_empty_one(case: Situation, told: str) -> None:
    decision = decide(case)
    assert line(decision) == told
    assert (decision.forget == ()) == ("Disk" in told or "prove" in told)
