"""A machine that somebody else deleted on the backend: told, or made again where that is wished; and its disks."""

from typing import Any

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import DiskDeletedExternally, MachineDeletedExternally
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import LedgerRow, Ownership
from hostwright.kinds.virtualmachine import disks, say
from hostwright.kinds.virtualmachine.port import Step, Unresolved, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.storage import ROOT
from hostwright.kinds.virtualmachine.values import OnExternalDeletion
from hostwright.kinds.virtualmachine.verdict import SLOW, failed

#: What was found of the machine that is gone, or waited or drifted on it.
_OF_THE_LOST = ("powerState", "providerID", "addresses", "interfaces", "pendingChanges", "drift", "lastError")


def lost(situation: Situation) -> Decision[Step]:
    """Made again only once the backend itself has said that it is gone: an inventory alone ends no machine."""
    recreate = situation.spec.on_external_deletion is OnExternalDeletion.RECREATE
    if not recreate:
        imported = situation.trace.imported and situation.spec.import_ is not None
        anew = "apply it without import" if imported else "apply it again"
        return _told(situation, f"Delete this object and {anew} to make a new one.")
    if situation.observe_only:
        return _told(situation, "It is made again once the machine, or its Provider, is not only observed.")
    if not situation.proven:
        return Decision(needs_proof="the machine is not seen", phase=situation.phase)
    was = situation.trace.row("server")
    text = f"the machine {was.id if was else ''} was deleted on the provider by somebody else; it is made again"
    note = Note(Reason.RECREATING, text, was.id if was else "", warning=True)
    return made_again(situation, Reason.RECREATING, text, note)


def _told(situation: Situation, what_to_do: str) -> Decision[Step]:
    was = situation.trace.row("server")
    failure = MachineDeletedExternally(
        f"the machine {was.id if was else ''} was deleted on the provider by somebody else. {what_to_do}"
    )
    note = Note(failure.reason, failure.message, was.id if was else "", warning=True)
    base = failed(failure, look_again=SLOW)
    said = (
        *base.said,
        Said(Condition.PROVISIONED, False, failure.reason),  # by this reason it is known that there was a machine
        Said(Condition.NETWORK_READY, False, failure.reason),
        Said(Condition.POWER_STATE_SYNCED, None, failure.reason),
    )
    status = {"powerState": None, "addresses": None}
    return Decision(
        failure=failure, said=said, phase=base.phase, look_again=base.look_again, notes=(note,), status=status
    )


def made_again(situation: Situation, reason: Reason, text: str, *notes: Note) -> Decision[Step]:
    """Its row leaves the ledger with its proof, and it is not provisioned any more; the next pass makes it.

    What else is in the ledger stays and is used, disks with their data too; but a root disk that somebody else made is
    none of the new one's. Nothing counts as applied to it, and a restart that was asked of the former one is none of
    its.
    """
    root = situation.trace.row(f"volume/{ROOT}")
    theirs = root is not None and root.ownership is Ownership.REFERENCED
    status = dict.fromkeys(_OF_THE_LOST)
    resolved = {"provider": situation.spec.provider_ref.name, **disks_held(situation)}
    asked = {"restartedAt": situation.spec.restarted_at or "", "rebuildToken": situation.spec.rebuild_token or ""}
    handled = {**(situation.status.handled or {}), **asked}
    return Decision(
        forget=("server", f"volume/{ROOT}") if theirs else ("server",),
        close_operation=True,  # half a restart, or of a change, of the former one
        said=(
            *say.working(reason, text),
            Said(Condition.PROVISIONED, False, reason, text),
            Said(Condition.NETWORK_READY, False, reason),
            Said(Condition.POWER_STATE_SYNCED, None, reason),
        ),
        phase=Phase.PROVISIONING,
        status={**status, "resolved": resolved, "handled": handled},
        notes=notes,
        look_again=0.0,
    )


def disks_held(situation: Situation) -> dict[str, Any]:
    """Of `status.resolved`: the disks that may hold data, whatever becomes of the machine."""
    resolved = situation.status.resolved
    return {"disks": dict(resolved.disks)} if resolved is not None and resolved.disks else {}


def disk_gone(
    situation: Situation, wanted: Wanted | Unresolved | None, rows: tuple[LedgerRow, ...]
) -> Decision[Step] | None:
    """Of disks that are proven gone, one that held data and is wished: it is told, not replaced by an empty one."""
    held = disks_held(situation).get("disks", {})
    wished = disks.applied(wanted) if isinstance(wanted, Wanted) else {}
    for row in rows:
        name = row.name.partition("/")[2]
        if name in held and name in wished:
            failure = DiskDeletedExternally(
                f"disk {name!r} ({row.id}) was deleted on the provider by somebody else. "
                "Take it out of the spec and put it back to get a new, empty one."
            )
            note = Note(failure.reason, failure.message, row.id, warning=True)
            said = (*say.failed(failure), Said(Condition.DISKS_READY, False, failure.reason, failure.message))
            return Decision(failure=failure, said=said, phase=situation.phase, notes=(note,), look_again=SLOW)
    return None


def forgotten(situation: Situation, rows: tuple[LedgerRow, ...]) -> Decision[Step]:
    """They leave the ledger with their proof."""
    return Decision(forget=tuple(row.name for row in rows), phase=situation.phase, look_again=0.0)
