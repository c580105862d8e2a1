"""What a pass writes to its object: one status patch on real change, Events, and the finalizer's end."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hostwright.core import saying as words
from hostwright.core.backoff import REJECTED, TRANSIENT
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import (
    Ambiguous,
    Bug,
    Capacity,
    Conflict,
    Denied,
    Failure,
    Rejected,
    Throttled,
    UserDataMissing,
)
from hostwright.core.names import FINALIZER, Reason
from hostwright.core.port import Operation
from hostwright.engine import report
from hostwright.engine.ledger import operation_of, operation_to, rows_of, rows_to
from hostwright.engine.ports import Body, Key, WriteRefusedError
from hostwright.engine.queue import Priority
from hostwright.engine.recall import Recall
from hostwright.engine.view import Tools, View
from hostwright.engine.worker import Again

#: A receipt with no next intent is written with the next status patch, at most this many seconds after the reply.
RECEIPT_WITHIN = 2.0


async def say(tools: Tools, view: View, recall: Recall, decision: Decision[Any], *, hold: bool = False) -> Again:
    """One status patch on real change. Mere progress waits up to 2 s for company (fewer writes for each life)."""
    now = tools.clock.monotonic()
    if hold and recall.unwritten_since is not None and now < recall.unwritten_since + RECEIPT_WITHIN:
        return Again(min(decision.look_again or 1.0, recall.unwritten_since + RECEIPT_WITHIN - now + 0.01))
    operation = recall.operation if recall.operation_changed else view.operation
    await write(tools, view, recall, decision, operation)
    return Again(decision.look_again, Priority.TRANSITION)


async def flush(tools: Tools, view: View, recall: Recall, after: float) -> Again:
    """Nothing can be done for `after` seconds: what was made enters the ledger all the same, 2 s after its receipt."""
    due = None if recall.unwritten_since is None else recall.unwritten_since + RECEIPT_WITHIN
    now = tools.clock.monotonic()
    if due is not None and now >= due:
        status = dict(view.body.get("status") or {})
        rows = rows_to(recall.ledger(rows_of(status)))
        operation = operation_to(recall.operation if recall.operation_changed else view.operation)
        told = {**status, "resources": rows or None, "operation": operation}
        kept = {name: value for name, value in told.items() if value is not None}
        await put(tools, view.key, view.body, recall, kept, Decision())
    elif due is not None:
        after = min(after, due - now + 0.01)
    return Again(max(after, 0.2), Priority.TRANSITION)


async def write(tools: Tools, view: View, recall: Recall, decision: Decision[Any], operation: Operation | None) -> Body:
    """The status as decided, with every receipt that no patch has carried yet; Events only with a change."""
    body = view.body
    rows = recall.ledger(rows_of(body.get("status") or {}))
    status = report.new_status(
        body,
        decision,
        machine_id=view.trace.machine_id if recall.looked or rows or operation is not None else "",
        rows=rows,
        operation=operation,
        handled=view.kind.one_shots(view.spec),
        now=tools.clock.now(),
    )
    return await put(tools, view.key, body, recall, status, decision)


async def put(
    tools: Tools, key: Key, body: Body, recall: Recall, status: dict[str, Any], decision: Decision[Any]
) -> Body:
    """Write what differs, if anything does."""
    patch = report.status_patch(body, status)
    notes = report.notes(body, decision, status)
    if patch is not None:
        recall.behind = True
        body = await tools.cluster.patch_status(key, patch)
        recall.behind = False
        tools.telemetry.wrote(key.kind, "status")
        tools.store.renew(key, body)
    recall.written()
    if patch is not None:
        await _post(tools, key, body, notes)
    return body


async def release(tools: Tools, key: Key, body: Body, notes: tuple[Note, ...]) -> Again:
    """The Event first: after the finalizer the object is gone. A failing Event never fails a pass."""
    await _post(tools, key, body, notes)
    after = await tools.cluster.drop_finalizer(key, body, FINALIZER)
    tools.telemetry.wrote(key.kind, "finalizer")
    if after is not None:
        tools.store.renew(key, after)
    return Again()


async def remove(tools: Tools, key: Key, body: Body, decision: Decision[Any]) -> Again:
    """Ask for the object's deletion, the Event first. Only as it was judged: what its user wrote since is looked at."""
    await _post(tools, key, body, decision.notes)
    tools.gate.check()
    try:
        await tools.cluster.delete(key, body["metadata"]["uid"], body["metadata"]["resourceVersion"])
    except WriteRefusedError as error:  # protected a moment ago, by this kind's policy or by somebody else's
        tools.telemetry.said(key, Reason.EXPIRED, f"not deleted: {error}")
    else:
        tools.telemetry.wrote(key.kind, "delete")
    return Again(decision.look_again, Priority.TRANSITION)


async def _post(tools: Tools, key: Key, body: Body, notes: tuple[Note, ...]) -> None:
    for note in notes:
        tools.telemetry.said(key, note.reason, note.message)
        await tools.cluster.event(body, note)


async def failed(tools: Tools, view: View, recall: Recall, decision: Decision[Any], failure: Failure) -> Again:
    """What the class of a failure says to do."""
    recall.in_vain, recall.refusal = True, None
    if isinstance(failure, Ambiguous):
        recall.retry_at = recall.ask_at = tools.clock.monotonic() + 0.5
        verifying = words.working(Reason.VERIFYING, f"verifying the last call: {failure.message}")
        told = replace(decision, said=(*decision.said[2:], *verifying), failure=None, look_again=0.5)
        return await say(tools, view, recall, told)
    operation = recall.operation if recall.operation_changed else operation_of(view.body.get("status") or {})
    delay = _delay(tools, recall, operation, failure)
    if operation is not None and view.kind.creates(decision.step) and operation.type is decision.operation:
        retry_later(tools, recall, operation, delay)
    else:
        recall.retry_at, recall.refusal = tools.clock.monotonic() + delay, failure
    if isinstance(failure, Bug):
        tools.telemetry.failed(view.key, failure.__cause__ or failure)
    return await say(tools, view, recall, replace(refused(decision, failure), look_again=delay + 0.1))


def refused(decision: Decision[Any], failure: Failure) -> Decision[Any]:
    """What was decided, in the words of the failure that stands in its way: now, and until it is tried again."""
    return replace(decision, failure=failure, said=(*words.failed(failure), *decision.said[2:]), notes=())


def _delay(tools: Tools, recall: Recall, operation: Operation | None, failure: Failure) -> float:
    """Seconds until the next attempt."""
    match failure:
        case UserDataMissing():
            return 15.0
        case Capacity():
            return tools.capacity.delay(operation.attempt if operation else 1, tools.jitter())
        case Rejected() | Conflict():
            return REJECTED.delay(1, tools.jitter() / 4)
        case Throttled(retry_after=after):
            return after or 5.0
        case Denied():
            return 30.0
    recall.failures += 1
    return TRANSIENT.delay(recall.failures, tools.jitter())


def retry_later(tools: Tools, recall: Recall, operation: Operation, delay: float) -> None:
    """A known outcome: nothing was made. When the next attempt may come stands in the status."""
    recall.known.add(operation.key)
    recall.operation = replace(operation, next_retry_at=_whole(tools.clock.now() + timedelta(seconds=delay)))
    recall.operation_changed = True


def _whole(when: datetime) -> datetime:
    return when.replace(microsecond=0)
