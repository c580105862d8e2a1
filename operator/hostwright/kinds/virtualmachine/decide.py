"""What is next for a VirtualMachine: going, paused, expired, missing, unsettled, drifting, content — in this order."""

import zlib
from dataclasses import replace

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import Failure, GroupNotReady, ProviderNotAllowed, ProviderNotFound
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import Missing, Operation, Present, Unsure
from hostwright.kinds.virtualmachine import adopting, change, changing, say
from hostwright.kinds.virtualmachine.absent import missing, unsure
from hostwright.kinds.virtualmachine.available import with_available
from hostwright.kinds.virtualmachine.expiry import dated, expire, expired
from hostwright.kinds.virtualmachine.leaving import leave
from hostwright.kinds.virtualmachine.port import Found, Life, Step, Unresolved
from hostwright.kinds.virtualmachine.present import present
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.verdict import blocked

#: An outage is told on its machines after this many seconds (PROTOCOLS section 7).
OUTAGE_TOLD_AFTER = 120.0
OUTAGE_TOLD_PER_SECOND = 50.0


def decide(situation: Situation) -> Decision[Step]:
    """Pure: the same situation gives the same decision."""
    if situation.deleting_since is not None:
        return leave(situation)
    if situation.paused is not None:
        return _paused(situation)
    if expired(situation):
        return expire(situation)
    return dated(situation, with_available(situation, _living(situation)))


def _living(situation: Situation) -> Decision[Step]:
    if situation.backend.failure is not None or not situation.backend.connected:
        return _provider_in_the_way(situation)
    if isinstance(situation.wanted, Unresolved):
        return changing.half_way(situation) or _unresolved(situation, situation.wanted.failure)
    if situation.outcome_open and not situation.nothing_made:
        verdict = _verify(situation)
        if verdict is not None:
            return verdict
    if _half_seen(situation):
        return Decision(observed=False, look_again=2.0)
    binding = adopting.bind(situation) if adopting.asked(situation) else adopting.unrecorded(situation)
    if binding is not None:
        return binding
    match situation.look:
        case Present(found=found):
            return present(situation, found)
        case Missing():
            return missing(situation)
        case Unsure(why=why):
            return unsure(situation, why)


def _paused(situation: Situation) -> Decision[Step]:
    text = situation.paused or "no reason given"
    return Decision(said=(Said(Condition.PAUSED, True, Reason.PAUSED, text),), observed=False)


def _half_seen(situation: Situation) -> bool:
    """At a start servers are listed before ports: of a settled machine nothing is said until all was seen once."""
    settled = situation.provisioned and situation.told
    return settled and not situation.backend.synced and not situation.proven


def _provider_in_the_way(situation: Situation) -> Decision[Step]:
    """An outage is told on settled machines only after a while; on machines with work to do at once."""
    backend = situation.backend
    failure = backend.failure
    if failure is None and situation.told:  # a restart says nothing anew, or each machine's Events would come again
        return Decision(observed=False, look_again=2.0)
    if failure is None:
        return Decision(
            said=say.working(Reason.WAITING, "waiting for the Provider's first answer"),
            phase=situation.phase,
            look_again=2.0,
        )
    if isinstance(failure, ProviderNotFound | ProviderNotAllowed):  # no outage: it is gone, or closed to this namespace
        return blocked(situation, failure, look_again=30.0)
    told_after = OUTAGE_TOLD_AFTER + _turn(situation)
    if situation.reached and backend.down_for is not None and backend.down_for < told_after:
        return Decision(observed=False, look_again=told_after - backend.down_for)
    if situation.reached:
        text = f"the Provider does not answer, so the machine's state is not known: {failure.message}"
        said = Said(Condition.READY, None, Reason.PROVIDER_UNREACHABLE, text)
        return Decision(said=(said,), phase=Phase.UNKNOWN)
    return blocked(situation, failure, look_again=30.0)


def _unresolved(situation: Situation, failure: Failure) -> Decision[Step]:
    """Nothing can be compared or made; a machine that is there is still reported on."""
    if isinstance(failure, GroupNotReady):
        return Decision(said=say.working(Reason.WAITING, failure.message), phase=situation.phase, look_again=2.0)
    decision = blocked(situation, failure, look_again=30.0)
    if isinstance(situation.look, Present) and situation.look.found.life is not Life.PARTIAL:
        found = situation.look.found
        if _as_it_was(situation, found):
            note = Note(failure.reason, failure.message, str(situation.generation), warning=True)
            decision = replace(decision, said=say.unresolved(found, failure), notes=(note,))
        return replace(decision, phase=say.phase_of(found), status=say.found_status(found))
    return decision


def _as_it_was(situation: Situation, found: Found) -> bool:
    """All that this generation asked was reached, and the machine is still so: a reference that broke asks nothing."""
    resolved, server = situation.status.resolved, situation.trace.row("server")
    ours = server is not None and server.id == found.id and situation.operation is None
    plugged_in = all(item.bound for item in found.interfaces)
    powered = resolved is not None and resolved.power_state in {"Unmanaged", str(found.shape.power)}
    return situation.reached and ours and found.life is Life.STEADY and plugged_in and powered


def _turn(situation: Situation) -> float:
    """Seconds by which the telling waits for its turn: every machine of the Provider is told in the same outage."""
    place = zlib.crc32(situation.trace.machine_id.encode()) % max(situation.backend.machines, 1)
    return place / OUTAGE_TOLD_PER_SECOND


def _verify(situation: Situation) -> Decision[Step] | None:
    """The outcome of the last call is unknown: what the backend shows is adopted; else wait out the quiet time."""
    if situation.operation is not None and change.is_one(situation.operation):
        return changing.verify(situation, situation.operation)
    if not situation.proven:
        return Decision(
            needs_proof="the outcome of the last call is unknown",
            said=say.working(Reason.VERIFYING, "verifying the outcome of the last call", ready=situation.ready_now),
            phase=situation.phase,
        )
    operation = situation.operation
    if operation is not None and not operation.makes:
        return None  # power and updates are judged by what is found, and are harmless to repeat
    if isinstance(situation.look, Present) and operation is not None:
        if _shows(situation.look.found, operation) or situation.look.found.in_the_making:
            return None
    elif isinstance(situation.look, Missing) and operation is not None and operation.task:
        return None  # the backend's task has ended, and says itself what came of it
    return Decision(
        said=say.working(Reason.VERIFYING, "verifying the outcome of the last call", ready=situation.ready_now),
        phase=situation.phase,
        look_again=1.0,
    )


def _shows(found: Found, operation: Operation) -> bool:
    """Whether what the operation was to make is there."""
    return any(part.name == operation.part for part in found.parts)
