"""Pure: what is to be said, as a status patch (or nothing) and Events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hostwright.core.conditions import find, merge
from hostwright.core.decision import Decision, Note
from hostwright.core.names import Condition, Reason
from hostwright.core.port import LedgerRow, Operation
from hostwright.core.saying import last_error
from hostwright.engine.ledger import operation_to, rows_to, stamp
from hostwright.engine.ports import Body


def new_status(
    body: Body,
    decision: Decision[Any],
    *,
    machine_id: str,
    rows: tuple[LedgerRow, ...],
    operation: Operation | None,
    handled: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    """The whole status as it shall be after this pass. `handled` is recorded where none is there yet."""
    old: Mapping[str, Any] = body.get("status") or {}
    status = {name: value for name, value in old.items() if name != "conditions"}
    if machine_id:
        status["machineID"] = machine_id
    if decision.phase:
        status["phase"] = str(decision.phase)
    status.update(decision.status)
    if decision.failure is not None:
        status["lastError"] = last_error(decision.failure, now, old.get("lastError"))
    status["resources"] = rows_to(rows) or None
    status["operation"] = None if decision.close_operation else operation_to(operation)
    if status.get("handled") is None:
        status["handled"] = dict(handled)
    generation = body["metadata"].get("generation", 0)
    if decision.observed:
        status["observedGeneration"] = generation
    before = old.get("conditions") or []
    if decision.said:
        status["conditions"] = merge(before, decision.said, generation=generation, now=stamp(now) or "")
    elif before:  # a look that learnt nothing leaves what was said last, Stalled and Drifted included
        status["conditions"] = before
    return {name: value for name, value in status.items() if value is not None}


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7386) from old to new: lists go whole, a key that left is null."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = difference(before, value)
            if inner:
                patch[name] = inner
        elif before != value:
            patch[name] = value
    return patch


def status_patch(body: Body, new: Mapping[str, Any]) -> dict[str, Any] | None:
    """The patch of /status with its precondition, or None where nothing observable changed."""
    patch = difference(body.get("status") or {}, new)
    if not patch:
        return None
    return {"metadata": {"resourceVersion": body["metadata"]["resourceVersion"]}, "status": patch}


def notes(body: Body, decision: Decision[Any], new: Mapping[str, Any]) -> tuple[Note, ...]:
    """The decision's own Events, and one for each turn of Ready into a failure and back."""
    told = list(decision.notes)
    before = find((body.get("status") or {}).get("conditions") or [], Condition.READY)
    after = find(new.get("conditions") or [], Condition.READY)
    failure = decision.failure
    if failure is not None and not any(note.reason == failure.reason for note in told):
        if before is None or before.get("reason") != failure.reason:
            told.append(Note(failure.reason, failure.message, _turn(body), warning=True))
    elif not told and after is not None and after["status"] == "True" and (before or {}).get("status") == "False":
        told.append(Note(Reason.READY, after.get("message") or "ready", after["lastTransitionTime"]))
    return tuple(told)


def _turn(body: Body) -> str:
    """Tells one occurrence of a failure from the next, the same before and after a restart."""
    return f"{body['metadata'].get('generation', 0)}/{body['metadata'].get('resourceVersion', '')}"
