"""The claim lets the server go: it is powered off and seen off before anybody else has it (PROTOCOLS section 9)."""

from dataclasses import replace

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.names import Condition, Reason
from hostwright.core.port import OperationType
from hostwright.core.saying import working
from hostwright.kinds.physicalmachine.port import FoundServer, Power, Step
from hostwright.kinds.physicalmachine.power import toward
from hostwright.kinds.physicalmachine.situation import Situation


def release(situation: Situation, found: FoundServer) -> Decision[Step]:
    """`Claimed` is False with the reason Released once the server was seen off: then claimRef may be taken off."""
    if found.power is not Power.OFF and (why := _may_not(situation)):
        return Decision(said=working(Reason.RELEASING, f"the claim lets it go; {why}: power it off"), look_again=60.0)
    off = toward(situation, found, Power.OFF, OperationType.POWER_OFF)
    if off is not None:
        return off
    claimed = situation.condition(Condition.CLAIMED)
    if not situation.proven and (claimed is None or claimed[1] != Reason.RELEASED):
        return Decision(needs_proof="before the server is free", said=working(Reason.RELEASING, "seen off"))
    ref = situation.spec.claim_ref
    text = f"powered off, and free of claim {ref.namespace}/{ref.name}" if ref is not None else "powered off"
    decision: Decision[Step] = Decision(
        said=(*working(Reason.RELEASING, text), Said(Condition.CLAIMED, False, Reason.RELEASED, text)),
        close_operation=True,
    )
    if claimed is not None and claimed[1] == Reason.RELEASED:
        return decision
    return replace(decision, notes=(Note(Reason.RELEASED, text, ref.uid if ref is not None else ""),))


def _may_not(situation: Situation) -> str:
    if situation.observe_only:
        return "the server is only observed"
    return "it is in maintenance" if situation.spec.maintenance.enabled else ""
