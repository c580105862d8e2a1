"""Deletion of a PhysicalMachine: the server is left as it is, or powered off and seen off first."""

from datetime import timedelta

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import DeleteTimedOut, Failure, ProviderDeleted
from hostwright.core.names import Condition, Reason
from hostwright.core.port import OperationType
from hostwright.core.saying import failed, working
from hostwright.kinds.physicalmachine import say
from hostwright.kinds.physicalmachine.contact import answering
from hostwright.kinds.physicalmachine.port import FoundServer, Power, Step
from hostwright.kinds.physicalmachine.power import toward
from hostwright.kinds.physicalmachine.release import release
from hostwright.kinds.physicalmachine.situation import Situation
from hostwright.kinds.physicalmachine.values import DeletionPolicy, Phase
from hostwright.kinds.physicalmachine.verify import verify, verify_towards

#: A power-off before the object goes that takes longer is reported, and tried on.
DELETE_WITHIN = timedelta(minutes=15)
_EXIT = "To let go of the server as it is, set spec.deletionPolicy: Retain."


def leave(situation: Situation) -> Decision[Step]:
    """What is next for an object with a deletionTimestamp."""
    if situation.paused is not None:
        return _waits(f"deletion waits: paused ({situation.paused or 'no reason given'})", observed=False)
    if situation.spec.deletion_protection:
        return _waits("deletion waits until spec.deletionProtection is false")
    if situation.claim is not None:
        return _claimed(situation)
    if situation.observe_only or situation.spec.deletion_policy is DeletionPolicy.RETAIN:
        return _released("let go; the server stays as it is", situation)
    return _powered_off(situation)


def _claimed(situation: Situation) -> Decision[Step]:
    """It waits for the release; anyone may take a claimRef off that leads nowhere."""
    ref = situation.spec.claim_ref
    who = f"{ref.namespace}/{ref.name}" if ref is not None else ""
    if not situation.releasing:
        return _waits(f"deletion waits for claim {who} to be deleted")
    found = answering(situation)
    if isinstance(found, Decision):
        return _told(found, f"claim {who} lets it go, and it is not seen off; remove spec.claimRef to go on without")
    decision = verify(situation, found) or release(situation, found)
    said = (*decision.said, *_facts(situation, found, decision))
    return _told(decision, f"waiting for the release of claim {who}", said)


def _powered_off(situation: Situation) -> Decision[Step]:
    if not situation.backend.exists:
        if situation.never_reported:
            return _released("nothing was ever done to it, and the Provider does not exist", situation)
        name = situation.spec.provider_ref.name
        return _stalled(ProviderDeleted(f"Provider {name!r} does not exist, so it cannot be powered off. {_EXIT}"))
    found = answering(situation)
    if isinstance(found, Decision):
        return _late(situation, "it cannot be powered off") or _told(found, f"waiting to power it off. {_EXIT}")
    decision = verify_towards(situation, found, Power.OFF)
    decision = decision or toward(situation, found, Power.OFF, OperationType.POWER_OFF)
    if decision is not None:
        late = _late(situation, "powering off") if decision.step is None and not decision.needs_proof else None
        return late or _told(decision, f"powering off. {_EXIT}", (*decision.said, *say.contact(found)))
    if not situation.proven:
        words = working(Reason.DELETING, "it is off; the BMC is asked once more")
        return _told(Decision(needs_proof="before the finalizer goes", said=words), "powered off")
    return _released("powered off and let go", situation)


def _facts(situation: Situation, found: FoundServer, decision: Decision[Step]) -> tuple[Said, ...]:
    spoken = {item.type for item in decision.said}
    return tuple(item for item in say.facts(situation, found) if item.type not in spoken)


def _told(decision: Decision[Step], text: str, said: tuple[Said, ...] | None = None) -> Decision[Step]:
    """The same, told as a deletion."""
    rows = (*(decision.said if said is None else said), Said(Condition.DELETING, True, Reason.DELETING, text))
    return Decision(
        step=decision.step,
        operation=decision.operation,
        expect=decision.expect,
        needs_proof=decision.needs_proof,
        said=rows,
        phase=Phase.DELETING,
        failure=decision.failure,
        status=decision.status,
        close_operation=decision.close_operation,
        notes=decision.notes,
        look_again=decision.look_again if decision.look_again is not None else 10.0,
    )


def _late(situation: Situation, doing: str) -> Decision[Step] | None:
    since = situation.deleting_since
    if since is None or situation.now - since < DELETE_WITHIN:
        return None
    return _stalled(DeleteTimedOut(f"the deletion takes longer than 15 minutes: {doing}. {_EXIT}"))


def _stalled(failure: Failure) -> Decision[Step]:
    row = Said(Condition.DELETING, True, failure.reason, failure.message)
    return Decision(said=(*failed(failure), row), phase=Phase.DELETING, failure=failure, look_again=10.0)


def _waits(text: str, *, observed: bool = True) -> Decision[Step]:
    reason = Reason.WAITING if observed else Reason.PAUSED
    rows = working(reason, text) if observed else (Said(Condition.PAUSED, True, reason, text),)
    deleting = Said(Condition.DELETING, True, reason, text)
    return Decision(said=(*rows, deleting), phase=Phase.DELETING, observed=observed, look_again=60.0)


def _released(text: str, situation: Situation) -> Decision[Step]:
    return Decision(release=True, phase=Phase.DELETING, notes=(Note(Reason.RELEASED, text, situation.machine_id),))
