"""Whether a change that only another machine can have is made: what it waits for, and what forbids it."""

from collections.abc import Collection

from hostwright.core.drift import Difference
from hostwright.core.errors import Failure, GroupNotReady, InvalidConfiguration, OwnershipMismatch
from hostwright.core.names import Disruption, WaitingFor
from hostwright.kinds.virtualmachine import made
from hostwright.kinds.virtualmachine.extras import judge
from hostwright.kinds.virtualmachine.port import ROOT, Found, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.values import CEILING


def waits(situation: Situation, wanted: Wanted, row: Difference) -> WaitingFor | None:
    """Of a difference of class Replace; None: it is made now."""
    allowed = CEILING[situation.spec.update_policy.max_disruption].weight >= Disruption.REPLACE.weight
    if row.path not in situation.backend.supported:
        return WaitingFor.NOT_YET_SUPPORTED if allowed else WaitingFor.MAX_DISRUPTION
    if row.path in made.PATHS and not (made.known(situation, row.path) and made.changed(situation, wanted, row.path)):
        return WaitingFor.SPEC_CHANGE
    if not allowed:
        return WaitingFor.MAX_DISRUPTION
    return WaitingFor.DO_NOT_DISRUPT if situation.do_not_disrupt else None


def refusal(situation: Situation, wanted: Wanted, found: Found, paths: Collection[str], said: str) -> Failure | None:
    """Why it is not made on this machine, in words that say what to do. `said`: what is asked for, as written."""
    asked = f"a change of {said} makes another machine in the place of this one"
    if situation.trace.imported:
        return InvalidConfiguration(
            f"{asked}, and an imported one is never deleted for that. Set it back, or write another object."
        )
    if situation.spec.deletion_protection:
        return InvalidConfiguration(
            f"{asked}, and this one is protected. Set the change back, or deletionProtection to false first."
        )
    if situation.spec.root_disk is not None or situation.trace.row(f"volume/{ROOT}") is not None:
        return InvalidConfiguration(
            f"{asked}, which would lose or reuse what is on its rootDisk. Set it back, or write another object."
        )
    if made.ZONE in paths and wanted.shape.disks:
        return InvalidConfiguration(
            f"{asked}, and its dataDisks stay where they are: they may not be reachable from there. Set it back, or "
            "take them out of the spec first (under retention.whenDetached: Retain they are kept)."
        )
    strangers = judge(found, situation.trace).strangers
    if strangers:
        ids = ", ".join(sorted(twin.id for twin in strangers))
        return OwnershipMismatch(
            f"{asked}, and none is made beside others that bear its mark: {ids}. Take the mark off, or delete them."
        )
    group = wanted.shape.group
    if group is not None and "/" not in group:
        return GroupNotReady(f"{asked}, once group {group} is made: its Provider's status.groups says how far it is.")
    return None
