"""A machine at rest: plugged in, restarted, powered, updated, or left in peace."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.drift import Difference
from hostwright.core.errors import PowerFailed, PowerOffTimedOut
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import LedgerRow, OperationType, Ownership
from hostwright.kinds.virtualmachine import adopting, change, changing, disks, network, replacing, say
from hostwright.kinds.virtualmachine.bringing import bring, ready
from hostwright.kinds.virtualmachine.port import Discard, Found, Mark, Power, SetPower, Step, Update, Wanted
from hostwright.kinds.virtualmachine.sent import being_sent, sending
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.steady import Gap, applied, assess
from hostwright.kinds.virtualmachine.values import PowerState
from hostwright.kinds.virtualmachine.verdict import SLOW, blocked

OFF, ON = "power/off", "power/on"
_POWERING = {
    Power.ON: (Reason.STARTING, "powering on"),
    Power.OFF: (Reason.STOPPING, "powering off"),
    Power.SUSPENDED: (Reason.SUSPENDING, "suspending"),
}
_WAS = {Power.ON: "powered on", Power.OFF: "powered off", Power.SUSPENDED: "suspended", None: "powered off"}
#: Events of what was done, which nobody does while a machine is only observed.
_DONE = frozenset({Reason.RESTARTED, Reason.RESIZED, Reason.REBUILT})
#: What of status.resolved tells a later change of the user's from drift.
_APPLIED = frozenset({"powerState", "tags", "metadata", "interfaces", "disks", "madeWith"})


def at_rest(situation: Situation, found: Found) -> Decision[Step]:
    wanted = situation.wanted
    if not isinstance(wanted, Wanted):
        raise TypeError("a steady machine is decided with a resolved spec")
    waiting = changing.stale(situation, found) or adopting.first(situation, wanted, found)
    if waiting is not None:
        return waiting
    situation, reached = changing.settle(situation, wanted, found)
    if reached and changing.was_moved(situation, wanted):
        return Decision(
            said=say.working(Reason.REBUILDING, "rebuilding"), status=reached, phase=say.phase_of(found), look_again=0.0
        )
    settled, situation = situation, disks.noted(situation, wanted, found)
    if situation is not settled and situation.status.resolved is not None:
        reached = {**reached, "resolved": situation.status.resolved.model_dump(by_alias=True, exclude_none=True)}
    gap = assess(situation, wanted, found)
    status = {
        **reached,
        "pendingChanges": [row.model_dump(by_alias=True) for row in gap.pending] or None,
        "drift": [row.model_dump(by_alias=True) for row in gap.drift] or None,
        "disks": disks.status(situation, found),
    }
    domain = situation.spec.failure_domain
    if domain is not None and wanted.shape.zone == found.shape.zone:  # the backend knows the place by its own name
        status["failureDomain"] = domain
    if situation.observe_only:
        return _observed(situation, wanted, found, gap, status)
    working = _working(situation, wanted, found, gap)
    if working is None and gap.refused is not None:
        working = blocked(situation, gap.refused, look_again=SLOW)
    if working is None and being_sent(situation):  # a look from before that says nothing of what is there by now
        return Decision(observed=False, look_again=1.0)
    if working is not None:  # what drifts beside it is told on
        told = replace(working, status={**status, **working.status}, said=(*working.said, *say.drifted(gap)))
    else:
        told = _content(situation, wanted, found, gap, status)
    ledger = situation.trace.ledger
    adopt = (*network.taken_up(ledger, wanted, found), *disks.taken_up(situation, wanted, found))
    forget = (*network.left_alone(ledger, wanted, found), *disks.let_go(wanted, found))
    return replace(told, adopt=(*told.adopt, *adopt), forget=(*told.forget, *forget))


def _working(situation: Situation, wanted: Wanted, found: Found, gap: Gap) -> Decision[Step] | None:
    """The next thing that is left to do. Where another machine is to be made, all else would be done in vain."""
    if gap.replace:
        unmarked = _bare(situation, found)
        return _mark(situation, found, unmarked) if unmarked else replacing.begin(situation, found, gap)
    working = replacing.taken_back(situation) or _restart(situation, found)
    heavy = changing.heavy(situation, wanted, found, gap)
    if gap.power is Power.SUSPENDED and heavy is not None and heavy.step is not None:
        working = working or heavy  # none of these is made on a suspended machine
    if working is None and gap.power is not None:
        working = _power(situation, found, gap)
    if working is None and gap.update is not None:
        working = _update(situation, wanted, found, gap, gap.update)
    if working is None and gap.rewire is not None and not _changing(situation, gap):
        working = _rewire(situation, found, gap)
    if working is None and not _changing(situation, gap):
        working = bring(situation, wanted, found, gap.disks)
    if working is None and (bare := _bare(situation, found)) is not None:
        working = _mark(situation, found, bare)
    working = working or heavy
    if working is None and (extra := network.duplicate(situation.trace.ledger, found)) is not None:
        working = _discard(found, extra)
    return working


def _changing(situation: Situation, gap: Gap) -> bool:
    """A change that was sent, and of which nothing is known yet: its operation says what it is to become."""
    operation = situation.operation
    if operation is None or not change.is_one(operation) or operation.next_retry_at is not None:
        return False
    return gap.size is not None or gap.rebuild


def _restart(situation: Situation, found: Found) -> Decision[Step] | None:
    """Off, seen off, on, seen on: each half is harmless to repeat, and the operation says which half it is."""
    operation = situation.operation
    running = operation is not None and operation.type is OperationType.RESTART
    if not running:
        if (
            not situation.restart_asked
            or situation.spec.power_state is not PowerState.POWERED_ON
            or found.shape.power is Power.OFF
        ):
            return None
        return _half(found, Power.OFF, OFF)
    if situation.spec.power_state is PowerState.POWERED_OFF:  # wished since: off is half of the way already
        return None
    if operation is not None and operation.expect == OFF:
        return _half(found, *((Power.ON, ON) if found.shape.power is Power.OFF else (Power.OFF, OFF)))
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
    reason, text = _POWERING[power]
    notes: tuple[Note, ...] = ()
    if gap.power_is_drift:
        text = f"was {_WAS[found.shape.power]} by somebody else; {text} again"
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
    if found.power_failed:
        undone = PowerFailed(found.power_failed, request_id=found.request_id)
        return replace(decision, failure=undone, said=(*say.failed(undone), *said[2:]))
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
    """When the powering off began: not before the work did, as power may have drifted, and been left so, for long."""
    rows = {row.type: row for row in situation.status.conditions or []}
    synced, work = rows.get(Condition.POWER_STATE_SYNCED), rows.get(Condition.RECONCILING)
    if synced is None or synced.status != "False" or synced.reason != Reason.STOPPING:
        return None
    return max(datetime.fromisoformat(row.last_transition_time) for row in (synced, work) if row is not None)


def _update(situation: Situation, wanted: Wanted, found: Found, gap: Gap, update: Update) -> Decision[Step]:
    roots = ", ".join(update.roots)  # every entry by name would cost a write for each call
    return Decision(
        step=update,
        status=sending(situation, wanted, update),
        operation=OperationType.UPDATE,
        said=(*say.working(Reason.UPDATING, f"updating {roots}"), *say.present(found)),
        phase=Phase.UPDATING,
        notes=_set_back(situation, gap),
    )


def _rewire(situation: Situation, found: Found, gap: Gap) -> Decision[Step]:
    return Decision(
        step=gap.rewire,
        operation=OperationType.UPDATE,
        said=(*say.working(Reason.UPDATING, f"updating {network.PATH}"), *say.present(found)),
        phase=Phase.UPDATING,
        notes=_set_back(situation, gap),
    )


def _discard(found: Found, extra: LedgerRow) -> Decision[Step]:
    """A part of ours that a lost call made once more."""
    text = f"deleting the duplicate {extra.id}"
    return Decision(
        step=Discard(extra),
        operation=OperationType.DELETE,
        said=(*say.working(Reason.DELETING, text), *say.present(found)),
        phase=Phase.UPDATING,
        notes=(Note("DuplicateFound", f"a second part {extra.id} of ours is deleted", extra.id, warning=True),),
    )


def _set_back(situation: Situation, gap: Gap) -> tuple[Note, ...]:
    """Drift is told once, when it is first seen."""
    if not situation.ready_now:
        return ()
    return tuple(
        Note(
            Reason.DRIFT_DETECTED,
            _set_back_text(row),
            f"{row.full_path}/{say.stamp(situation.now)}",
            warning=True,
        )
        for row in gap.corrected[:1]
    )


def _set_back_text(row: Difference) -> str:
    if row.path == network.PATH and row.key.endswith(f"/{network.PLUGGED}"):
        return f"interface {row.key.partition('/')[0]} was unplugged by somebody else; plugged in again"
    return f"{row.full_path} was changed to {row.found!r} by somebody else; set back"


def _bare(situation: Situation, found: Found) -> LedgerRow | None:
    """What we made and nothing marks as ours any more: with the ledger lost as well, it would be made twice."""
    ours = {row.id for row in situation.trace.ledger if row.ownership is not Ownership.REFERENCED}
    return next((row for row in found.unmarked if row.id in ours), None)


def _mark(situation: Situation, found: Found, row: LedgerRow) -> Decision[Step]:
    """Whatever the drift mode: the mark is no wish of the user's, it says whose the thing is."""
    text = f"the owner mark of {row.name} {row.id} was taken off by somebody else; put back"
    note = Note(Reason.DRIFT_DETECTED, text, f"{row.id}/{say.stamp(situation.now)}", warning=True)
    return Decision(
        step=Mark(row),
        operation=OperationType.UPDATE,
        said=(*say.working(Reason.UPDATING, f"putting the owner mark back on {row.name}"), *say.present(found)),
        phase=Phase.UPDATING,
        notes=(note,) if situation.ready_now else (),
    )


def _observed(
    situation: Situation, wanted: Wanted, found: Found, gap: Gap, status: Mapping[str, object]
) -> Decision[Step]:
    """Nothing is done, so nothing counts as applied or acted on: what is wished meanwhile is the user's wish later."""
    content = _content(situation, wanted, found, gap, status)
    told = dict(content.status)
    before = situation.status.resolved
    resolved = told.pop("resolved")
    if before is None or before.power_state is None:
        told["resolved"] = {name: value for name, value in resolved.items() if name not in _APPLIED}
    if situation.backend.paused:
        del told["handled"]
        text = f"Provider {situation.spec.provider_ref.name} is paused: its machines are only observed"
        content = replace(content, said=(*content.said, Said(Condition.PAUSED, True, Reason.PAUSED, text)))
    notes = tuple(note for note in content.notes if note.reason not in _DONE)
    return replace(content, status=told, close_operation=False, notes=notes)


def _rebuild_token(situation: Situation) -> str:
    """A rebuild records it where it is seen. Otherwise it is recorded only where nothing is done about it."""
    recorded = situation.observe_only or situation.status.handled is None
    return (situation.spec.rebuild_token if recorded else None) or situation.rebuild_handled


def _content(
    situation: Situation, wanted: Wanted, found: Found, gap: Gap, status: Mapping[str, object]
) -> Decision[Step]:
    """Nothing is left to do."""
    resolved = applied(wanted, found, situation, gap)
    handled = dict(situation.status.handled or {})
    handled["restartedAt"] = situation.spec.restarted_at or handled.get("restartedAt", "")
    handled["rebuildToken"] = _rebuild_token(situation)
    notes = (
        []
        if situation.provisioned
        else [Note(Reason.CREATED, f"{wanted.size_name} machine {found.id} is up", found.id)]
    )
    restarting = situation.operation is not None and situation.operation.type is OperationType.RESTART
    if situation.operation is not None and restarting and found.shape.power is Power.ON:
        notes.append(Note(Reason.RESTARTED, "restarted", situation.operation.id))
    notes += changing.done(situation, found)
    return Decision(
        said=(*say.settled(wanted, found, gap), *ready(wanted, found)),
        phase=say.phase_of(found),
        status={**status, "resolved": resolved, "handled": handled, "lastError": None},
        close_operation=True,
        notes=tuple(notes),
    )
