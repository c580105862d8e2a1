"""A machine that somebody else deleted: told, or made again once the backend itself has said that it is gone."""

# ruff: noqa: E501 - a case is one row

import pytest
from tests.kinds.situations import (
    GONE,
    NOW,
    UNSEEN,
    condition,
    line,
    seen,
    situation,
    spec,
    status,
    trace,
)

from hostwright.core.errors import ImageNotFound, Unreachable
from hostwright.core.port import LedgerRow
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Create, Life, Unresolved
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
