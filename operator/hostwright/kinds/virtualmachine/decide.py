"""What is next for a VirtualMachine: going, paused, missing, unsettled, drifting, content — in this order."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import (
    BuildFailed,
    Failure,
    MachineDeletedExternally,
    MachineFailed,
    MachineHeld,
    NotBound,
    OwnershipMismatch,
    PowerOffTimedOut,
)
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import LedgerRow, Missing, Operation, OperationType, Present, Unsure
from hostwright.kinds.virtualmachine import say
from hostwright.kinds.virtualmachine.extras import Judgement, extra_row, judge
from hostwright.kinds.virtualmachine.leaving import leave
from hostwright.kinds.virtualmachine.port import (
    Create,
    Discard,
    Found,
    Life,
    Power,
    SetPower,
    Step,
    Unresolved,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import ManagementPolicy
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.steady import Gap, applied, assess

#: A machine that cannot move by itself is looked at this often (seconds); a change of it wakes us earlier.
SLOW = 600.0
#: An outage is told on its machines after this many seconds (PROTOCOLS section 7).
OUTAGE_TOLD_AFTER = 120.0
OFF, ON = "power/off", "power/on"


def decide(situation: Situation) -> Decision[Step]:
    """Pure: the same situation gives the same decision."""
    if situation.deleting_since is not None:
        return leave(situation)
    if situation.paused is not None:
        return _paused(situation)
    if situation.backend.failure is not None or not situation.backend.connected:
        return _provider_in_the_way(situation)
    if isinstance(situation.wanted, Unresolved):
        return _failed(situation.wanted.failure, look_again=30.0)
    if situation.outcome_open and not situation.nothing_made:
        verdict = _verify(situation)
        if verdict is not None:
            return verdict
    match situation.look:
        case Present(found=found):
            return _found(situation, found)
        case Missing():
            return _missing(situation)
        case Unsure(why=why):
            return _unsure(situation, why)


def _paused(situation: Situation) -> Decision[Step]:
    text = situation.paused or "no reason given"
    return Decision(said=(Said(Condition.PAUSED, True, Reason.PAUSED, text),), observed=False)


def _provider_in_the_way(situation: Situation) -> Decision[Step]:
    """An outage is told on settled machines only after a while; on machines with work to do at once."""
    backend = situation.backend
    failure = backend.failure
    settled = situation.provisioned and situation.status.observed_generation == situation.generation
    if failure is None and settled:  # a restart says nothing about machines that were settled
        return Decision(observed=False, look_again=2.0)
    if failure is None:
        return Decision(
            said=say.working(Reason.WAITING, "waiting for the Provider's first answer"),
            phase=_phase(situation),
            look_again=2.0,
        )
    if settled and backend.down_for is not None and backend.down_for < OUTAGE_TOLD_AFTER:
        return Decision(observed=False, look_again=OUTAGE_TOLD_AFTER - backend.down_for)
    if settled:
        text = f"the Provider does not answer, so the machine's state is not known: {failure.message}"
        said = Said(Condition.READY, None, Reason.PROVIDER_UNREACHABLE, text)
        return Decision(said=(said,), phase=Phase.UNKNOWN)
    return _failed(failure, look_again=30.0)


def _verify(situation: Situation) -> Decision[Step] | None:
    """The outcome of the last call is unknown: what the backend shows is adopted; else wait out the quiet time."""
    if not situation.proven:
        return Decision(
            needs_proof="the outcome of the last call is unknown",
            said=say.working(Reason.VERIFYING, "verifying the outcome of the last call", ready=_ready_now(situation)),
            phase=_phase(situation),
        )
    operation = situation.operation
    if isinstance(situation.look, Present) and operation is not None:
        if _shows(situation.look.found, operation):
            return None
        if operation.type is not OperationType.CREATE:
            return None  # power and updates are judged by what is found, and are harmless to repeat
    elif operation is not None and operation.type is not OperationType.CREATE:
        return None
    return Decision(
        said=say.working(Reason.VERIFYING, "verifying the outcome of the last call", ready=_ready_now(situation)),
        phase=_phase(situation),
        look_again=1.0,
    )


def _shows(found: Found, operation: Operation) -> bool:
    """Whether what the operation was to make is there."""
    return any(part.name == operation.expect for part in found.parts)


def _missing(situation: Situation) -> Decision[Step]:
    if situation.spec.management_policy is ManagementPolicy.OBSERVE_ONLY and not situation.provisioned:
        return _failed(
            NotBound("ObserveOnly looks at a machine that exists, and this object has none yet."), look_again=SLOW
        )
    if situation.provisioned:
        return _deleted_externally(situation)
    if situation.trace.row("server") is not None:
        # Made once and never seen up: only the backend itself can say that it is gone; then it is made again.
        if not situation.proven:
            return Decision(needs_proof="a server that was made is not seen", phase=_phase(situation))
        return replace(_create(situation), forget=("server",), step=None, look_again=0.0)
    return _create(situation)


def _deleted_externally(situation: Situation) -> Decision[Step]:
    """Reported, never made again by itself."""
    was = situation.trace.row("server")
    failure = MachineDeletedExternally(
        f"the machine {was.id if was else ''} was deleted on the provider by somebody else. "
        "Delete this object and apply it again to make a new one."
    )
    note = Note(failure.reason, failure.message, was.id if was else "", warning=True)
    return replace(_failed(failure, look_again=SLOW), notes=(note,), status={"powerState": None, "addresses": None})


def _unsure(situation: Situation, why: str) -> Decision[Step]:
    """Create without asking only where nothing was ever sent and the first full sweep is complete."""
    if situation.observe_only and not situation.provisioned:
        return _missing(situation)
    if not situation.backend.synced and _ready_now(situation):
        return Decision(observed=False, look_again=2.0)
    if not situation.backend.synced:
        return Decision(
            said=say.working(
                Reason.WAITING, f"waiting for the first full look at the Provider: {why}", ready=_ready_now(situation)
            ),
            look_again=2.0,
            phase=_phase(situation),
        )
    if situation.operation is None and not situation.trace.ledger and not situation.provisioned:
        return _create(situation)
    if situation.nothing_made:
        return _missing(situation)
    return Decision(needs_proof=why, phase=_phase(situation))


def _create(situation: Situation) -> Decision[Step]:
    if situation.observe_only:
        return _failed(NotBound("nothing is made while the machine or its Provider is only observed."), look_again=SLOW)
    waits = _wait_until(situation, situation.operation.next_retry_at if situation.operation else None)
    if waits is not None:
        return waits
    return Decision(
        step=Create(),
        operation=OperationType.CREATE,
        said=(
            *say.working(Reason.CREATING, "creating the machine"),
            Said(Condition.PROVISIONED, False, Reason.CREATING),
        ),
        phase=Phase.PROVISIONING,
    )


def _wait_until(situation: Situation, moment: datetime | None) -> Decision[Step] | None:
    """A retry that is not due yet: what was said last stays."""
    edited = situation.status.observed_generation != situation.generation  # a changed spec is tried at once
    if moment is None or moment <= situation.now or edited:
        return None
    return Decision(look_again=(moment - situation.now).total_seconds() + 0.5, phase=_phase(situation), observed=True)


def _found(situation: Situation, found: Found) -> Decision[Step]:
    verdict = judge(found, situation.trace)
    if found.twins and not verdict.keep:
        return _not_ours(verdict)
    gone = _extras_gone(situation, found)
    if gone and not situation.proven:
        return Decision(needs_proof="whether a duplicate is gone", phase=_phase(situation))
    decision = replace(_life(situation, found, verdict), forget=gone)
    rows = _rows(situation, found, verdict)
    status = {**say.found_status(found), **decision.status} if found.life is not Life.PARTIAL else decision.status
    return replace(decision, adopt=(*rows, *decision.adopt), status=status)


def _extras_gone(situation: Situation, found: Found) -> tuple[str, ...]:
    """Duplicates in the ledger that are not seen any more; proven gone, they leave it."""
    there = {part.id for part in found.parts} | {twin.id for twin in found.twins}
    rows = [row for row in situation.trace.ledger if row.name.startswith("extra/")]
    return tuple(row.name for row in rows if row.id not in there)


def _rows(situation: Situation, found: Found, verdict: Judgement) -> tuple[LedgerRow, ...]:
    """What is there and ours, and not in the ledger under its id: adopted."""
    listed = {row.id: row for row in situation.trace.ledger}
    strangers = {twin.id for twin in verdict.strangers}
    machine = LedgerRow("server", verdict.keep) if verdict.keep else None
    parts = [part for part in found.parts if part.name != "server" and part.id not in strangers]
    rows = [*([machine] if machine else []), *parts]
    return tuple(
        row for row in rows if row.id not in listed or (listed[row.id].name != row.name and row.name == "server")
    )


def _not_ours(verdict: Judgement) -> Decision[Step]:
    ids = ", ".join(twin.id for twin in verdict.strangers)
    failure = OwnershipMismatch(
        f"machines that bear this machine's mark were not made by Hostwright: {ids}. Remove their mark, or delete them."
    )
    return _failed(failure, look_again=SLOW)


def _life(situation: Situation, found: Found, verdict: Judgement) -> Decision[Step]:
    if verdict.extras and not situation.observe_only:
        row = extra_row(verdict.extras[0])
        return Decision(
            step=Discard(row),
            operation=OperationType.DELETE,
            said=say.working(Reason.DELETING, f"deleting the duplicate {row.id}", ready=_ready_now(situation)),
            phase=_phase(situation),
            notes=(Note("DuplicateFound", f"a second machine {row.id} of ours is deleted", row.id, warning=True),),
        )
    match found.life:
        case Life.PARTIAL:
            return _missing(situation)
        case Life.BUILDING:
            return _building(situation, found)
        case Life.FAILED:
            return _error(situation, found)
        case Life.DELETING:
            return Decision(
                said=say.working(Reason.WAITING, "the provider is deleting the machine"),
                phase=Phase.UNKNOWN,
                look_again=2.0,
            )
        case Life.HELD:
            text = f"the provider holds the machine: {found.message}. It is left alone until that is over."
            return _failed(MachineHeld(text, code=found.code), look_again=SLOW)
        case Life.CHANGING:
            return Decision(
                said=say.working(Reason.WAITING, found.message or "the provider is at work on the machine"),
                phase=_phase(situation),
                look_again=1.0,
            )
        case Life.STEADY:
            return _steady(situation, found)


def _building(situation: Situation, found: Found) -> Decision[Step]:
    late = situation.deadline_passed(found.created_at, situation.spec.timeouts.create)
    if late and not situation.provisioned:
        return _discard(situation, found, f"the build takes longer than {situation.spec.timeouts.create}")
    if situation.provisioned:
        return Decision(
            said=say.working(Reason.WAITING, found.message or "the provider is at work on the machine"),
            phase=Phase.UPDATING,
            look_again=1.0,
        )
    return Decision(
        step=Create(),
        operation=OperationType.CREATE,
        said=(
            *say.working(Reason.BUILDING, "the provider is building the machine"),
            Said(Condition.PROVISIONED, False, Reason.BUILDING),
        ),
        phase=Phase.PROVISIONING,
    )


def _error(situation: Situation, found: Found) -> Decision[Step]:
    text = found.message or "the provider gives no reason"
    if situation.provisioned:
        return _failed(MachineFailed(f"the machine is in ERROR: {text}", code=found.code), look_again=SLOW)
    return _discard(situation, found, f"the build failed: {text}")


def _discard(situation: Situation, found: Found, why: str) -> Decision[Step]:
    """A machine never seen active is removed by id and made again, its ports kept, with Capacity's back-off."""
    row = situation.trace.row("server") or LedgerRow("server", found.id)
    failure = BuildFailed(why, code=found.code)
    if situation.observe_only:
        return _failed(failure, look_again=SLOW)
    return Decision(
        step=Discard(replace(row, id=found.id)),
        operation=OperationType.CREATE,
        failure=failure,
        said=(*say.failed(failure), Said(Condition.PROVISIONED, False, failure.reason, why)),
        phase=Phase.PROVISIONING,
        notes=(Note(failure.reason, failure.message, found.id, warning=True),),
    )


def _steady(situation: Situation, found: Found) -> Decision[Step]:
    if not isinstance(situation.wanted, Wanted):
        raise TypeError("a steady machine is decided with a resolved spec")
    gap = assess(situation, situation.wanted, found)
    status = {
        "pendingChanges": [row.model_dump(by_alias=True) for row in gap.pending] or None,
        "drift": [row.model_dump(by_alias=True) for row in gap.drift] or None,
    }
    if situation.observe_only:
        return _content(situation, situation.wanted, found, gap, status)
    if any(not item.bound for item in found.interfaces):
        step: Decision[Step] = Decision(
            step=Create(),
            operation=OperationType.UPDATE,
            said=(*say.working(Reason.UPDATING, "plugging in the network"), *say.present(found)),
            phase=Phase.UPDATING,
        )
        return replace(step, status=status)
    restart = _restart(situation, found)
    if restart is not None:
        return replace(restart, status={**status, **restart.status})
    if gap.power is not None:
        return replace(_power(situation, found, gap), status=status)
    if gap.update is not None:
        return replace(_update(situation, found, gap), status=status)
    return _content(situation, situation.wanted, found, gap, status)


def _restart(situation: Situation, found: Found) -> Decision[Step] | None:
    """Off, seen off, on, seen on: each half is harmless to repeat, and the operation says which half it is."""
    operation = situation.operation
    running = operation is not None and operation.type is OperationType.RESTART
    if not running:
        if (
            not situation.restart_asked
            or situation.spec.power_state.value != "PoweredOn"
            or found.shape.power is Power.OFF
        ):
            return None
        return _half(found, Power.OFF, OFF)
    if operation is not None and operation.expect == OFF:
        return _half(found, *((Power.OFF, OFF) if found.shape.power is Power.ON else (Power.ON, ON)))
    if found.shape.power is Power.OFF:
        return _half(found, Power.ON, ON)
    return None


def _half(found: Found, power: Power, expect: str) -> Decision[Step]:
    return Decision(
        step=SetPower(power),
        operation=OperationType.RESTART,
        expect=expect,
        said=(*say.working(Reason.RESTARTING, "restarting"), *say.present(found)),
        phase=Phase.UPDATING,
    )


def _power(situation: Situation, found: Found, gap: Gap) -> Decision[Step]:
    power = gap.power or Power.ON
    reason = Reason.STARTING if power is Power.ON else Reason.STOPPING
    text = "powering on" if power is Power.ON else "powering off"
    notes: tuple[Note, ...] = ()
    if gap.power_is_drift:
        was = "off" if power is Power.ON else "on"
        text = f"was powered {was} by somebody else; {text} again"
        notes = (Note(Reason.DRIFT_DETECTED, text, say.stamp(situation.now), warning=True),)
    said = (
        *say.working(reason, text),
        Said(Condition.POWER_STATE_SYNCED, False, reason, text),
        *say.present(found),
    )
    decision: Decision[Step] = Decision(
        step=SetPower(power),
        operation=OperationType.POWER,
        said=said,
        phase=Phase.UPDATING,
        notes=notes if _power_was_synced(situation) else (),
    )
    if power is Power.OFF and situation.deadline_passed(_power_since(situation), situation.spec.timeouts.power_off):
        failure = PowerOffTimedOut(f"the guest has not gone down within {situation.spec.timeouts.power_off}")
        return replace(decision, failure=failure, said=(*say.failed(failure), *said[2:]))
    return decision


def _power_was_synced(situation: Situation) -> bool:
    """The drift is told once, when it is first seen."""
    return _power_condition(situation) != "False"


def _power_condition(situation: Situation) -> str:
    rows = [row for row in situation.status.conditions or [] if row.type == Condition.POWER_STATE_SYNCED]
    return rows[0].status if rows else "Unknown"


def _power_since(situation: Situation) -> datetime | None:
    for row in situation.status.conditions or []:
        if row.type == Condition.POWER_STATE_SYNCED and row.status == "False":
            return datetime.fromisoformat(row.last_transition_time)
    return None


def _update(situation: Situation, found: Found, gap: Gap) -> Decision[Step]:
    paths = ", ".join(gap.update.paths) if gap.update else ""
    notes = tuple(
        Note(
            Reason.DRIFT_DETECTED,
            f"{row.full_path} was changed to {row.found!r} by somebody else; set back",
            f"{row.full_path}/{say.stamp(situation.now)}",
            warning=True,
        )
        for row in gap.corrected[:1]
    )
    return Decision(
        step=gap.update,
        operation=OperationType.UPDATE,
        said=(*say.working(Reason.UPDATING, f"updating {paths}"), *say.present(found)),
        phase=Phase.UPDATING,
        notes=notes if _ready_now(situation) else (),
    )


def _content(
    situation: Situation, wanted: Wanted, found: Found, gap: Gap, status: Mapping[str, object]
) -> Decision[Step]:
    """Nothing is left to do."""
    resolved = applied(wanted, situation)
    before = situation.status.resolved.model_dump(by_alias=True) if situation.status.resolved else {}
    for row in gap.pending:  # what waits was not applied: the names of what is there stay
        for path, name in (
            ("/classRef", "class"),
            ("/resources", "class"),
            ("/openstack/flavor", "class"),
            ("/imageRef", "image"),
        ):
            if row.path == path and before.get(name):
                resolved[name] = before[name]
    handled = dict(situation.status.handled or {})
    handled["restartedAt"] = situation.spec.restarted_at or handled.get("restartedAt", "")
    notes = (
        []
        if situation.provisioned
        else [Note(Reason.CREATED, f"{wanted.size_name} machine {found.id} is up", found.id)]
    )
    if situation.operation is not None and situation.operation.type is OperationType.RESTART:
        notes.append(Note(Reason.RESTARTED, "restarted", situation.operation.id))
    return Decision(
        said=say.settled(found, gap),
        phase=say.phase_of(found),
        status={**status, "resolved": resolved, "handled": handled, "lastError": None},
        close_operation=True,
        notes=tuple(notes),
    )


def _failed(failure: Failure, *, look_again: float) -> Decision[Step]:
    return Decision(
        failure=failure,
        said=say.failed(failure),
        phase=Phase.FAILED if say.stalls(failure) else Phase.PENDING,
        look_again=look_again,
    )


def _ready_now(situation: Situation) -> bool | None:
    """What Ready says now, so that a look which learnt nothing changes nothing."""
    for row in situation.status.conditions or []:
        if row.type == Condition.READY:
            return {"True": True, "False": False}.get(row.status)
    return False


def _phase(situation: Situation) -> str:
    return situation.status.phase or Phase.PENDING
