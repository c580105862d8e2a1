"""A machine, or a part of one, that is there: whose it is, and what is next until it is at rest."""

from dataclasses import replace
from typing import Any

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import BuildFailed, MachineFailed, MachineHeld, NoValidHost, OwnershipMismatch
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.port import LedgerRow, OperationType, RowState
from hostwright.kinds.virtualmachine import adopting, network, replacing, say
from hostwright.kinds.virtualmachine.absent import missing
from hostwright.kinds.virtualmachine.bringing import broken, late
from hostwright.kinds.virtualmachine.changing import resized, under_way
from hostwright.kinds.virtualmachine.extras import BY_HAND, Judgement, extra_row, judge, named_wrongly, window_of
from hostwright.kinds.virtualmachine.port import REBUILDS, Create, Discard, Found, Life, Step
from hostwright.kinds.virtualmachine.rebuilding import after_failure
from hostwright.kinds.virtualmachine.resting import at_rest
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.verdict import SLOW, blocked, failed

_MADE_AGAIN = "It is deleted and made again; its ports and disks stay."


def present(situation: Situation, found: Found) -> Decision[Step]:
    verdict = judge(found, situation.trace)
    if found.twins and not verdict.keep:
        return _not_ours(situation, verdict)
    if not found.id and any(row.name == "server" for row in found.foreign):
        return _anothers(situation, found)
    if any(twin.id == found.id for twin in verdict.strangers):  # the backend showed another than ours: look again
        return Decision(adopt=_rows(situation, found, verdict), phase=situation.phase, look_again=0.0)
    if _instead(situation, verdict) and not situation.proven:  # a list may show what is gone, and not yet what is there
        return Decision(needs_proof="another machine than the ledger's is seen", phase=situation.phase)
    if _instead(situation, verdict):  # the ledger first: what it named may be somebody else's, and is no extra of ours
        return Decision(adopt=_rows(situation, found, verdict), phase=situation.phase, look_again=0.0)
    gone = _gone(situation, found)
    if gone and not situation.proven:
        return Decision(needs_proof=f"whether {', '.join(gone)} is gone", phase=situation.phase)
    rows = _rows(situation, found, verdict)
    if found.life is Life.PARTIAL and not situation.proven and (rows or situation.provisioned):
        # Parts that no status tells of, or a machine that has parts only: a list that lacks a row shows the same.
        return Decision(needs_proof="parts of a machine are seen, and no machine", phase=situation.phase)
    decision = _life(situation, found, verdict)
    decision = replace(decision, forget=(*gone, *decision.forget))
    if verdict.strangers and decision.step is None and decision.failure is None:
        decision = _beside_strangers(decision, verdict)
    status = {**_seen(situation, found), **decision.status}
    notes = (*decision.notes, *_told_foreign(situation, found))
    return replace(decision, adopt=(*rows, *decision.adopt), status=status, notes=notes)


def _anothers(situation: Situation, found: Found) -> Decision[Step]:
    """No machine is made in its place either: a mark that somebody changed is put back, or the status is."""
    if not situation.proven:
        return Decision(needs_proof="the ledger's machine is shown as another's", phase=situation.phase)
    return failed(named_wrongly(found), look_again=SLOW)


def _told_foreign(situation: Situation, found: Found) -> tuple[Note, ...]:
    """What the ledger named wrongly leaves it, or gives way to what is ours: told once."""
    if not found.foreign or not situation.proven:
        return ()
    failure = named_wrongly(found)
    return (Note(failure.reason, failure.message, ",".join(row.id for row in found.foreign), warning=True),)


def _seen(situation: Situation, found: Found) -> dict[str, Any]:
    """What a look shows; of a first build only who it is, as all else comes one by one, and each would be a write."""
    if found.life is Life.PARTIAL:
        return {}
    whole = say.found_status(found)
    if found.life is Life.BUILDING and not situation.provisioned:
        return {"providerID": whole["providerID"]}
    if found.life in {Life.CHANGING, Life.RESIZED}:
        whole.pop("powerState")  # some backends show a machine that is off as running while they work on it
    return whole


def _instead(situation: Situation, verdict: Judgement) -> bool:
    """Whether another machine would take the place of the one in the ledger."""
    server = situation.trace.row("server")
    return server is not None and bool(verdict.keep) and server.id != verdict.keep


def _gone(situation: Situation, found: Found) -> tuple[str, ...]:
    """What the ledger has and is not seen any more, the machine apart; proven gone, it leaves the ledger."""
    there = {part.id for part in found.parts} | {twin.id for twin in found.twins}
    rows = [row for row in situation.trace.ledger if row.name.startswith("extra/")]
    extras = tuple(row.name for row in rows if row.id not in there)
    return (*extras, *(network.unseen(situation.trace.ledger, found) if found.life is Life.STEADY else ()))


def _rows(situation: Situation, found: Found, verdict: Judgement) -> tuple[LedgerRow, ...]:
    """What is there and ours, and not in the ledger under its id: adopted."""
    listed = {row.id: row for row in situation.trace.ledger}
    strangers = {twin.id for twin in verdict.strangers}
    window = window_of(found, situation.trace, verdict.keep)
    machine = LedgerRow("server", verdict.keep, window=window) if verdict.keep else None
    parts = [part for part in found.parts if part.name != "server" and part.id not in strangers]
    rows = [*([machine] if machine else []), *parts]
    return tuple(
        row for row in rows if row.id not in listed or (listed[row.id].name != row.name and row.name == "server")
    )


def _beside_strangers(decision: Decision[Step], verdict: Judgement) -> Decision[Step]:
    """The machine is all that is asked, so Ready stays True; its reason and words tell while they are there."""
    failure = _mismatch(verdict)
    note = Note(failure.reason, failure.message, _ids(verdict), warning=True)
    said = tuple(
        replace(item, reason=failure.reason, message=f"{item.message}; {failure.message}")
        if item.type is Condition.READY and item.status
        else item
        for item in decision.said
    )
    return replace(decision, failure=failure, said=said, notes=(*decision.notes, note))


def _not_ours(situation: Situation, verdict: Judgement) -> Decision[Step]:
    mismatch = _mismatch(verdict)
    rows = ", ".join(f"{row.name}={row.id}" for row in situation.trace.ledger)
    if not rows:
        return failed(mismatch, look_again=SLOW)
    text = f"This object's status.resources names {rows}. If a row there was written by hand, {BY_HAND}."
    return failed(OwnershipMismatch(f"{mismatch.message} {text}"), look_again=SLOW)


def _mismatch(verdict: Judgement) -> OwnershipMismatch:
    rows = ", ".join(
        f"{twin.id} (recorded there for {twin.namespace}/{twin.object_name})" if twin.object_name else twin.id
        for twin in sorted(verdict.strangers, key=lambda twin: twin.id)
    )
    return OwnershipMismatch(
        f"this machine's mark is on machines that were not made for this object, and they are left alone: {rows}. "
        "If one is another object's, delete this object: that touches none of them. Copies and restored backups: "
        "take the mark off, or delete them."
    )


def _ids(verdict: Judgement) -> str:
    return ", ".join(sorted(twin.id for twin in verdict.strangers))


def _life(situation: Situation, found: Found, verdict: Judgement) -> Decision[Step]:
    if situation.trace.imported and found.rivals:
        return replace(blocked(situation, adopting.rival(found), look_again=SLOW), phase=say.phase_of(found))
    if verdict.extras and not situation.observe_only:
        row = extra_row(verdict.extras[0])
        return Decision(
            step=Discard(row),
            operation=OperationType.DELETE,
            said=say.working(Reason.DELETING, f"deleting the duplicate {row.id}", ready=situation.ready_now),
            phase=situation.phase,
            notes=(Note("DuplicateFound", f"a second machine {row.id} of ours is deleted", row.id, warning=True),),
        )
    anew = replacing.on_its_way(situation, found)
    if anew is not None:
        return anew
    match found.life:
        case Life.PARTIAL:
            names = tuple(disk.name for disk in found.disks)
            return broken(situation, found) or late(situation, found, names, missing(situation))
        case Life.BUILDING:
            return _building(situation, found)
        case Life.FAILED:
            return _error(situation, found)
        case Life.DELETING if _discarded(situation, found):  # why stays told, until it is made again
            words = say.again(situation.status.last_error) or say.working(Reason.WAITING, "removing a failed build")
            return Decision(said=words, phase=Phase.PROVISIONING, look_again=2.0)
        case Life.DELETING:
            return Decision(
                said=say.working(Reason.WAITING, "the provider is deleting the machine"),
                phase=Phase.UNKNOWN,
                look_again=2.0,
            )
        case Life.HELD | Life.STEADY | Life.CHANGING if _discarded(situation, found) and not situation.observe_only:
            return _discard_again(situation, found)
        case Life.HELD:
            text = f"the provider holds the machine: {found.message}. It is left alone until that is over."
            return failed(MachineHeld(text, code=found.code, request_id=found.request_id), look_again=SLOW)
        case Life.CHANGING:
            return under_way(situation, found)
        case Life.RESIZED:
            return resized(situation, found)
        case Life.STEADY:
            return at_rest(situation, found)


def _discarded(situation: Situation, found: Found) -> bool:
    """Whether the removal of this build was sent: it was never up, and its ledger row says so."""
    row = situation.trace.row("server")
    return not situation.provisioned and row is not None and row.id == found.id and row.state is RowState.DELETING


def _discard_again(situation: Situation, found: Found) -> Decision[Step]:
    """Some backends keep what was deleted for a while, and hold the ports by it: the plan knows how to end that.

    Others finish the build before they delete it: up for a moment, it is no machine of anybody's.
    """
    row = situation.trace.row("server") or LedgerRow("server", found.id)
    words = say.again(situation.status.last_error) or say.working(Reason.WAITING, "removing a build that failed")
    return Decision(step=Discard(row), operation=OperationType.CREATE, said=words, phase=Phase.PROVISIONING)


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
        step=None if situation.observe_only else Create(),
        operation=OperationType.CREATE,
        said=(
            *say.working(Reason.BUILDING, "the provider is building the machine"),
            Said(Condition.PROVISIONED, False, Reason.BUILDING),
        ),
        phase=Phase.PROVISIONING,
        look_again=1.0 if situation.observe_only else None,
    )


def _error(situation: Situation, found: Found) -> Decision[Step]:
    text = found.message or "the provider gives no reason"
    if situation.provisioned:
        anew = after_failure(situation, found)
        if anew is not None:
            return anew
        return failed(
            MachineFailed(_in_error(situation, text), code=found.code, request_id=found.request_id), look_again=SLOW
        )
    return _discard(situation, found, f"the build failed: {text}")


def _in_error(situation: Situation, text: str) -> str:
    anew = "; or, where its root disk may go, set a new spec.rebuildToken with updatePolicy.maxDisruption Rebuild"
    way_out = anew if situation.backend.supported >= REBUILDS else ""
    return (
        f"the machine is in ERROR: {text.strip(' .')}. It may hold data, so it is left alone: "
        f"repair it on the cloud{way_out}."
    )


def _discard(situation: Situation, found: Found, why: str) -> Decision[Step]:
    """A machine never seen active is removed by id and made again, its ports kept, with Capacity's back-off."""
    row = situation.trace.row("server") or LedgerRow("server", found.id)
    remedy = f"{_MADE_AGAIN} Add hosts, or choose another size or place." if found.no_room else _MADE_AGAIN
    failure = (NoValidHost if found.no_room else BuildFailed)(
        f"{why.strip(' .')}. {remedy}", code=found.code, request_id=found.request_id
    )
    if situation.observe_only:
        return failed(failure, look_again=SLOW)
    return Decision(
        step=Discard(replace(row, id=found.id)),
        operation=OperationType.CREATE,
        failure=failure,
        said=(*say.failed(failure), Said(Condition.PROVISIONED, False, failure.reason, why)),
        phase=Phase.PROVISIONING,
        notes=(Note(failure.reason, failure.message, found.id, warning=True),),
    )
