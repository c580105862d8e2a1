"""Deletion and the way out: by ledger, proven gone, released (PROTOCOLS section 5)."""

from dataclasses import replace

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import DeleteTimedOut, Failure, OwnershipMismatch, ProviderDeleted
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import LedgerRow, Missing, OperationType, Ownership, Present
from hostwright.kinds.virtualmachine import adopting, say
from hostwright.kinds.virtualmachine.disks import kept
from hostwright.kinds.virtualmachine.extras import extra_row, judge, named_wrongly
from hostwright.kinds.virtualmachine.port import Delete, Found, Release, Step
from hostwright.kinds.virtualmachine.situation import Backend, Situation
from hostwright.kinds.virtualmachine.values import DeletionPolicy, ManagementPolicy

_LATE = "waiting until no call of before can make anything any more"
_EXIT = "To let go of the machine without deleting it, set spec.deletionPolicy: Retain."


def leave(situation: Situation) -> Decision[Step]:
    """What is next for an object with a deletionTimestamp."""
    if situation.paused is not None:
        return _paused(situation)
    stray = adopting.astray(situation)
    if stray is not None:
        return stray
    if _nothing_was_sent(situation):
        return _released(situation, Reason.DELETED, "nothing was made on the provider")
    if situation.spec.management_policy is ManagementPolicy.OBSERVE_ONLY:
        return _released(situation, Reason.RELEASED, "the machine was only observed and stays as it is")
    if situation.deletion_policy is DeletionPolicy.RETAIN:
        return _retain(situation)
    if situation.spec.deletion_protection:
        return _protected()
    if not situation.backend.exists:
        if situation.never_reported:
            return _released(situation, Reason.DELETED, "nothing was ever reported, and the Provider does not exist")
        name = situation.spec.provider_ref.name
        gone = ProviderDeleted(f"Provider {name!r} does not exist, so its machine cannot be deleted. {_EXIT}")
        return _stalled(gone, 60.0)
    if not _may_work(situation.backend):
        return _no_answer(situation)
    return _delete(situation)


def _delete(situation: Situation) -> Decision[Step]:
    if situation.outcome_open and not situation.nothing_made:
        decision = _verify(situation)
        if decision is not None:
            return decision
    if not situation.proven and _anothers_too(situation):
        return _going(situation, "asking whether another has it too", needs_proof="another's mark is on it")
    if not situation.proven and not any(_to_delete(row) for row in _rows(situation)):
        return _going(situation, "asking the provider what is left", needs_proof="before the finalizer goes")
    if situation.proven:
        match situation.look:
            case Missing() if situation.may_come:
                return _going(situation, _LATE, look_again=5.0)
            case Missing():
                return _released(situation, Reason.DELETED, "everything made for it is gone")
            case Present(found=found) if _anothers_too(situation):
                return _stalled(adopting.rival(found), 60.0)
            case Present(found=found) if situation.trace.imported and adopting.bare(situation, found):
                return _not_taken_over(situation, found)
            case Present(found=found):
                found_rows = _unlisted(found, situation)
                if found_rows:
                    return replace(
                        _going(situation, "found more that bears our mark"), adopt=found_rows, look_again=0.0
                    )
                if found.in_the_making:
                    return _going(situation, found.message or "what is being made has to end first", look_again=2.0)
                if not _left(found, situation):
                    return _ended(found, situation)
    return _going(situation, "deleting what was made", step=Delete(kept(situation)))


def _not_taken_over(situation: Situation, found: Found) -> Decision[Step]:
    """Our mark is what makes an imported machine ours to delete: a ledger alone may have been written by hand."""
    if not adopting.managed_once(situation):
        return _released(situation, Reason.RELEASED, f"{found.id} was not taken over yet, and stays as it is")
    return _stalled(
        OwnershipMismatch(
            f"the imported machine {found.id} does not bear our mark any more, so it is not deleted. "
            f"Put the tag {situation.trace.mark} back, or delete it on the provider. {_EXIT}"
        ),
        60.0,
    )


def _anothers_too(situation: Situation) -> bool:
    look = situation.look
    return situation.trace.imported and isinstance(look, Present) and bool(look.found.rivals)


def _rows(situation: Situation) -> tuple[LedgerRow, ...]:
    """The ledger without what is shown not to be ours."""
    foreign = situation.look.found.foreign if isinstance(situation.look, Present) else ()
    return situation.trace.without(foreign).ledger


def _verify(situation: Situation) -> Decision[Step] | None:
    """An open operation is verified to its end: what is found enters the ledger; never a new attempt."""
    if situation.operation is not None and not situation.operation.makes:
        return None  # nothing that a deletion by id would leave
    if not situation.proven:
        return _going(situation, "verifying the last call", needs_proof="the outcome of the last call is unknown")
    if isinstance(situation.look, Present):
        rows = _unlisted(situation.look.found, situation)
        if rows:
            return replace(_going(situation, "found what the last call made"), adopt=rows, look_again=0.0)
    elif situation.operation is not None and situation.operation.task:
        return None  # the backend's task has ended, and nothing is there
    return _going(situation, "verifying the last call", look_again=1.0)


def _unlisted(found: Found, situation: Situation) -> tuple[LedgerRow, ...]:
    """What bears our mark and our namespace/name and is not in the ledger, machines that are not ours left out."""
    listed = {row.id for row in situation.trace.ledger}
    verdict = judge(found, situation.trace)
    strangers = {twin.id for twin in verdict.strangers}
    rows = [part for part in found.parts if part.id not in listed and part.id not in strangers]
    rows.extend(extra_row(twin) for twin in verdict.extras if twin.id not in listed and twin.id != found.id)
    return tuple(_own_name(row, situation, found) for row in rows)


def _left(found: Found, situation: Situation) -> bool:
    """Whether anything of the ledger is there still that has to go, or to be let go of."""
    there = {part.id for part in found.parts} | {twin.id for twin in found.twins}
    let_go = kept(situation) & {row.id for row in found.unmarked}
    return any(_to_delete(row) and row.id in there and row.id not in let_go for row in situation.trace.ledger)


def _ended(found: Found, situation: Situation) -> Decision[Step]:
    """What is there still stays: disks, as asked; or what we did not make, of which somebody has to be told."""
    if judge(found, situation.trace).strangers:
        return _stalled(_not_ours(found, situation), 60.0)
    if found.foreign:
        return _stalled(named_wrongly(found, f" {_EXIT}"), 60.0)
    stays = ", ".join(f"{part.name}={part.id}" for part in found.parts)
    return _released(situation, Reason.DELETED, f"everything made for it is gone; left on the provider: {stays}")


def _not_ours(found: Found, situation: Situation) -> OwnershipMismatch:
    ids = ", ".join(twin.id for twin in judge(found, situation.trace).strangers)
    return OwnershipMismatch(
        f"all that was made is gone; what bears this machine's mark still was not made by Hostwright: {ids}. "
        f"Remove its mark, or delete it. {_EXIT}"
    )


def _own_name(row: LedgerRow, situation: Situation, found: Found) -> LedgerRow:
    """What is not ours gives way to it."""
    taken = situation.trace.without(found.foreign).row(row.name)
    return replace(row, name=f"extra/{row.id}") if taken is not None and taken.id != row.id else row


def _retain(situation: Situation) -> Decision[Step]:
    late = situation.deadline_passed(situation.deleting_since, situation.spec.timeouts.delete)
    text = "released; left on the provider: " + (
        ", ".join(f"{row.name}={row.id}" for row in situation.trace.ledger) or "nothing"
    )
    backend = situation.backend
    away = not _may_work(backend)
    if not backend.exists or (late and (away or situation.tried_in_vain)):
        return _released(situation, Reason.RELEASED, text)
    if away:
        return _no_answer(situation)
    if situation.outcome_open and not situation.nothing_made:
        decision = _verify(situation)
        if decision is not None and not late:
            return decision
    if not situation.proven:
        return _going(situation, "removing our marks", needs_proof="before the machine is let go")
    if situation.may_come and not late:
        return _going(situation, _LATE, look_again=5.0)
    if isinstance(situation.look, Missing):
        return _released(situation, Reason.RELEASED, text)
    return _going(situation, "removing our marks", step=Release(_spare(situation)))


def _spare(situation: Situation) -> frozenset[str]:
    """A copy that somebody made bears our mark, too."""
    look = situation.look
    strangers = judge(look.found, situation.trace).strangers if isinstance(look, Present) else ()
    wish = situation.spec.import_
    imported = wish.id if wish is not None else None  # it is ours by that, where the status was lost
    meant = adopting.meant(situation.spec, (), look, situation.trace)  # or as the only one
    imported = meant[0].id if len(meant) == 1 else imported
    return frozenset(twin.id for twin in strangers if twin.id != imported)


def after_release(situation: Situation) -> Decision[Step]:
    """The plan found no mark of ours left: the finalizer may go."""
    rows = ", ".join(f"{row.name}={row.id}" for row in situation.trace.ledger) or "nothing"
    return _released(situation, Reason.RELEASED, f"released; left on the provider: {rows}")


def _nothing_was_sent(situation: Situation) -> bool:
    """A status with the machine's id, no operation and no rows proves that nothing was sent; a restored one does not.

    Where a status was lost, the next pass writes one, perhaps before any look was answered: without that id.
    """
    proves = situation.born_here and not situation.never_reported
    return proves and situation.operation is None and not situation.trace.ledger


def _to_delete(row: LedgerRow) -> bool:
    return row.ownership is not Ownership.REFERENCED


def _going(
    situation: Situation,
    message: str,
    *,
    step: Step | None = None,
    needs_proof: str = "",
    look_again: float | None = 1.0,
) -> Decision[Step]:
    if situation.deadline_passed(situation.deleting_since, situation.spec.timeouts.delete):
        late = DeleteTimedOut(f"the deletion takes longer than {situation.spec.timeouts.delete}: {message}. {_EXIT}")
        base = _stalled(late, look_again)
        return replace(base, step=step, operation=OperationType.DELETE, needs_proof=needs_proof)
    return Decision(
        step=step,
        operation=OperationType.DELETE,
        needs_proof=needs_proof,
        said=(
            *say.working(Reason.DELETING, message),
            Said(Condition.DELETING, True, Reason.DELETING, f"{message}. {_EXIT}"),
        ),
        phase=Phase.DELETING,
        look_again=look_again,
    )


def _no_answer(situation: Situation) -> Decision[Step]:
    failure = situation.backend.failure
    why = "it is paused, and its machines are only observed" if situation.backend.connected else "not connected yet"
    why = failure.message if failure is not None else why
    return _going(situation, f"waiting for Provider {situation.spec.provider_ref.name!r}: {why}", look_again=10.0)


def _may_work(backend: Backend) -> bool:
    return backend.connected and backend.failure is None and not backend.paused


def _protected() -> Decision[Step]:
    """The API server refuses to delete it; here it was deleted past that (its admission policy was not there)."""
    text = "deletion waits until spec.deletionProtection is false"
    return Decision(
        said=(*say.working(Reason.WAITING, text), Said(Condition.DELETING, True, Reason.WAITING, f"{text}. {_EXIT}")),
        phase=Phase.DELETING,
    )


def _stalled(failure: Failure, look_again: float | None) -> Decision[Step]:
    return Decision(
        said=(*say.failed(failure), Said(Condition.DELETING, True, failure.reason, failure.message)),
        phase=Phase.DELETING,
        failure=failure,
        look_again=look_again,
    )


def _paused(situation: Situation) -> Decision[Step]:
    text = f"deletion waits: paused ({situation.paused or 'no reason given'})"
    return Decision(
        said=(
            Said(Condition.PAUSED, True, Reason.PAUSED, text),
            Said(Condition.DELETING, True, Reason.PAUSED, f"{text}. {_EXIT}"),
        ),
        phase=Phase.DELETING,
        observed=False,
    )


def _released(situation: Situation, reason: Reason, text: str) -> Decision[Step]:
    return Decision(release=True, phase=Phase.DELETING, notes=(Note(reason, text, situation.trace.machine_id),))
