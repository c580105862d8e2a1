"""A machine that is not seen: made, made again, or told as gone."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision
from hostwright.core.errors import NotBound
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import OperationType, Present
from hostwright.kinds.virtualmachine import change, disks, made, replacing, say
from hostwright.kinds.virtualmachine.lost import disk_gone, disks_held, forgotten, lost
from hostwright.kinds.virtualmachine.port import Create, Step, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import Named
from hostwright.kinds.virtualmachine.storage import ROOT
from hostwright.kinds.virtualmachine.values import ManagementPolicy
from hostwright.kinds.virtualmachine.verdict import SLOW, blocked


def missing(situation: Situation) -> Decision[Step]:
    if situation.spec.management_policy is ManagementPolicy.OBSERVE_ONLY and not situation.provisioned:
        return blocked(
            situation,
            NotBound("ObserveOnly looks at a machine that exists, and this object has none yet."),
            look_again=SLOW,
        )
    if situation.provisioned:
        # A list can end early, so that ports show and their server does not: only the backend can say that it is gone.
        if isinstance(situation.look, Present) and not situation.proven:
            return Decision(needs_proof="the machine is not seen", phase=situation.phase)
        return replacing.gone(situation) or lost(situation)
    if situation.trace.row("server") is not None:
        # Made once and never seen up: only the backend itself can say that it is gone; then it is made again.
        if not situation.proven:
            return Decision(needs_proof="a server that was made is not seen", phase=situation.phase)
        return replace(_create(situation), forget=("server",), step=None, look_again=0.0)
    return _create(situation)


def unsure(situation: Situation, why: str) -> Decision[Step]:
    """Create without asking only where nothing was ever sent and the first full sweep is complete."""
    if situation.observe_only and not situation.provisioned:
        return missing(situation)
    if not situation.backend.synced and (situation.ready_now or situation.told):
        return Decision(observed=False, look_again=2.0)
    if not situation.backend.synced:
        return Decision(
            said=say.working(
                Reason.WAITING, f"waiting for the first full look at the Provider: {why}", ready=situation.ready_now
            ),
            look_again=2.0,
            phase=situation.phase,
        )
    if situation.operation is None and not situation.trace.ledger and not situation.provisioned:
        return _create(situation)
    if situation.nothing_made:
        return missing(situation)
    waits = wait_until(situation, situation.operation.next_retry_at if situation.operation else None)
    if waits is not None:  # the last call was refused: nothing is asked before the next may be made
        return waits
    return Decision(needs_proof=why, phase=situation.phase)


def _create(situation: Situation) -> Decision[Step]:
    if situation.observe_only:
        return blocked(
            situation, NotBound("nothing is made while the machine or its Provider is only observed."), look_again=SLOW
        )
    waits = wait_until(situation, situation.operation.next_retry_at if situation.operation else None)
    if waits is not None:
        return waits
    stray = tuple(row.name for row in situation.trace.ledger if row.name.startswith("extra/"))
    if stray and not situation.proven:
        return Decision(needs_proof="an extra of the ledger is not seen", phase=situation.phase)
    if stray:  # the ledger first: with such a row by hand this would not be the first sight that looks for namesakes
        return Decision(forget=stray, phase=situation.phase, look_again=0.0)
    look = situation.look
    unseen = disks.unseen(situation, look.found if isinstance(look, Present) else None)
    if unseen and not situation.proven:
        return Decision(needs_proof="a disk that was made is not seen", phase=situation.phase)
    if unseen:
        data = tuple(row for row in unseen if row.name != f"volume/{ROOT}")  # a root disk is made with its machine
        return disk_gone(situation, situation.wanted, data) or forgotten(situation, unseen)
    return Decision(
        step=Create(),
        operation=OperationType.CREATE,
        said=(
            *say.working(Reason.CREATING, "creating the machine"),
            Said(Condition.PROVISIONED, False, Reason.CREATING),
        ),
        phase=Phase.PROVISIONING,
        status=_begun_as(situation),
    )


def _begun_as(situation: Situation) -> dict[str, Any]:
    """The size that is being made, and with what. All else counts as applied once the machine is up."""
    if not isinstance(situation.wanted, Wanted):
        return {}
    size = Named(name=situation.wanted.size_name, id=situation.wanted.size_id)
    bootstrap = change.bootstrap_of(situation.spec.bootstrap)
    provider = situation.spec.provider_ref.name
    made_with = made.wishes(situation.spec, situation.wanted)
    begun = {"provider": provider, "class": size.model_dump(), "bootstrap": bootstrap, "madeWith": made_with}
    return {"resolved": {**begun, **disks_held(situation)}}


def wait_until(situation: Situation, moment: datetime | None) -> Decision[Step] | None:
    """A retry that is not due yet: what was said last stays."""
    edited = situation.status.observed_generation != situation.generation  # a changed spec is tried at once
    if moment is None or moment <= situation.now or edited:
        return None
    wait = (moment - situation.now).total_seconds() + 0.5
    return Decision(look_again=wait, phase=situation.phase, said=say.again(situation.status.last_error))
