"""One call: the place, the intent, the gate, the sending, the receipt (PROTOCOLS section 2)."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from hostwright.core.decision import Decision
from hostwright.core.errors import Ambiguous, Capacity, Denied, Failure, Throttled, Transient
from hostwright.core.intent import SEND_WITHIN, begin
from hostwright.core.port import Call, Operation, OperationType, Repeat, RowState, Window
from hostwright.engine import tell
from hostwright.engine.ledger import operation_of
from hostwright.engine.ports import Body, ClusterUnavailableError
from hostwright.engine.recall import Recall
from hostwright.engine.store import resource_version
from hostwright.engine.view import Tools, View

if TYPE_CHECKING:
    from hostwright.engine.connection import Connection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it: `body` is the newest one, `again` seconds until the next look."""

    body: Body
    failure: Failure | None = None
    again: float = 0.0
    paused: bool = False  # nothing was sent: the endpoint, or our own rate, asks us to wait


async def send(
    tools: Tools, view: View, recall: Recall, decision: Decision[Any], call: Call, baggage: bytes | None
) -> Sent:
    """The place and the token are taken before the intent; a call not sent within 5 s of its intent is abandoned."""
    connection = tools.world.connection(view.spec.provider_ref.name)
    if connection is None or view.machines is None:
        return Sent(view.body, again=1.0)
    pause = max(connection.slots.pause, recall.turn(tools.clock.monotonic(), connection.bucket))
    if pause > 0:
        return Sent(view.body, again=pause + tools.jitter(), paused=True)
    async with connection.slots.place(view.key.namespace):
        if _changed(tools, view, connection):  # while we waited for the place: what was decided may be wished no more
            return Sent(view.body)
        recall.turn_at = None
        tools.gate.check()
        body, operation = await _intent(tools, view, recall, decision, call)
        if not _may_send(tools, recall, operation):
            return Sent(body)
        return await _perform(tools, view, recall, call, baggage, body, operation, connection)


def _changed(tools: Tools, view: View, connection: "Connection") -> bool:
    current = tools.store.get(view.key)
    if current is None or resource_version(current) > resource_version(view.body):
        return True
    if (
        tools.world.machines(connection.name, view.kind.name) is not view.machines
    ):  # the session that decided may be closed by now
        return True
    provider = tools.world.provider_spec(connection.name)
    return connection.state.failure is not None or provider is None or provider.paused


def _may_send(tools: Tools, recall: Recall, operation: Operation | None) -> bool:
    """The Lease is still ours, and the intent is fresh; if not, we know that nothing was sent for it."""
    sent = False
    try:
        tools.gate.check()
        first_seen = recall.first_seen[operation.key] if operation is not None else tools.clock.monotonic()
        sent = tools.clock.monotonic() - first_seen <= SEND_WITHIN
    finally:
        if operation is not None and not sent:
            recall.abandon(operation, recall.first_seen[operation.key])
    return sent


async def _perform(
    tools: Tools,
    view: View,
    recall: Recall,
    call: Call,
    baggage: bytes | None,
    body: Body,
    operation: Operation | None,
    connection: "Connection",
) -> Sent:
    if view.machines is None:
        return Sent(body, again=1.0)
    began = tools.clock.monotonic()
    recall.looked = recall.looked and call.repeat is Repeat.READ
    try:
        receipt = await answered(tools, connection, call.verb, view.kind.perform(view.machines, call, baggage))
    except Failure as failure:
        if isinstance(failure, Ambiguous) and operation is None and call.repeat is Repeat.FENCED:
            recall.late_until = max(recall.late_until, began + call.deadline)
        settled = _settle(recall, operation, call, failure, tools.clock.monotonic())
        return Sent(body, settled, again=0.5)
    ended = tools.clock.monotonic()
    connection.learn(receipt.facts)
    start = operation.window_start if operation is not None else None
    window = Window(start, tools.clock.now().replace(microsecond=0)) if start is not None else None
    recall.keep(receipt, window, call.expect, ended)
    if call.destructive and call.row is not None and call.row.name not in receipt.gone:
        recall.made[call.row.name] = replace(call.row, state=RowState.DELETING)
    standing = operation or view.operation
    if receipt.task and not receipt.made and standing is not None:
        recall.goes_on(standing, receipt.task, ended)
    elif operation is not None:
        recall.known.add(operation.key)
    return Sent(body)


async def answered(tools: Tools, connection: "Connection", verb: str, answer: Awaitable[T]) -> T:
    """What the backend answers to one call: measured, and weighed for the Provider as a whole."""
    began = tools.clock.monotonic()
    try:
        got = await answer
    except Failure as failure:
        tools.telemetry.called(connection.name, verb, tools.clock.monotonic() - began, failure.reason)
        weigh(connection, failure)
        raise
    tools.telemetry.called(connection.name, verb, tools.clock.monotonic() - began, "ok")
    connection.slots.good()
    return got


def _settle(recall: Recall, operation: Operation | None, call: Call, failure: Failure, ended: float) -> Failure | None:
    """An unknown outcome of a call that is harmless to repeat is simply looked at again."""
    if isinstance(failure, Throttled) and call.repeat is Repeat.INTENT:
        failure = Ambiguous(
            failure.message, code=failure.code, request_id=failure.request_id
        )  # some proxies send 429 late
    if isinstance(failure, Ambiguous):
        recall.receipts[call.expect] = ended
        return None if call.repeat is Repeat.IDEMPOTENT and operation is None else failure
    if operation is not None:
        recall.known.add(operation.key)
    return failure


#: Answers that say something of one object, and nothing of the endpoint.
_OF_ONE_OBJECT = frozenset({"400", "409"})


def weigh(connection: "Connection", failure: Failure) -> None:
    """What a failure means for the Provider as a whole."""
    if connection.endpoint_each:
        return
    if isinstance(failure, Throttled):
        connection.slots.bad(failure.retry_after or 5.0)
    elif isinstance(failure, Ambiguous | Transient) and failure.code not in _OF_ONE_OBJECT:
        asked = 5.0 if failure.code == "429" else None  # a 429 to a call with an intent
        connection.slots.bad(failure.retry_after or asked)
    elif isinstance(failure, Denied):
        connection.answered(failure)
    elif not isinstance(failure, Capacity):
        connection.slots.good()


def _after(view: View, expect: str) -> datetime:
    """When an attempt may begin by a clock that may be behind the one that ended the last part of this name."""
    ends = (row.window.end for row in view.rows if row.name == expect and row.window is not None)
    return max(
        (end + timedelta(seconds=1) for end in ends if end is not None), default=datetime.min.replace(tzinfo=UTC)
    )


async def _intent(
    tools: Tools, view: View, recall: Recall, decision: Decision[Any], call: Call
) -> tuple[Body, Operation | None]:
    """Write what is to come, with the last receipt and what is to be told. If this fails, the call is not made.

    The second is the operation that stands for this call, None where the call needs none.
    """
    kind = decision.operation or OperationType.UPDATE
    previous = recall.operation if recall.operation_changed else operation_of(view.body.get("status") or {})
    expect = decision.expect or call.place or call.expect
    # Or nothing would tell a deletion that something may be there.
    first = previous is None and not view.rows and call.repeat is not Repeat.READ
    # By a status that is not there any more nothing is made: a write shows whether it is, and ends those still on their
    # way. The intent that we believe in may be closed by one of them.
    doubted = recall.behind and call.repeat is Repeat.FENCED
    if call.row is not None and all(row.id != call.row.id for row in view.rows):
        recall.made[call.row.name] = call.row
    new_row = bool(recall.made) and call.destructive
    half = bool(decision.expect) and (previous is None or previous.type != kind or previous.expect != expect)
    # A creation that failed is counted, fenced or not: its back-off grows by the attempts.
    again = view.kind.creates(decision.step) and previous is not None and previous.next_retry_at is not None
    opens = call.repeat is Repeat.INTENT or first or doubted or half or again
    # What was announced was not made, and another wish is: what a machine was made with is told before it is made.
    made_with = decision.status.get("resolved") if view.kind.creates(decision.step) else None
    other = made_with is not None and made_with != (view.body.get("status") or {}).get("resolved")
    if not (opens or new_row or decision.notes or other):
        return view.body, None
    operation = previous
    if opens:
        now = max(tools.clock.now().replace(microsecond=0), _after(view, expect))
        operation = begin(call, kind, expect, new_id=tools.new_id(), now=now, previous=previous)
    try:
        body = await tell.write(tools, view, recall, decision, operation)
    except ClusterUnavailableError:
        # It may have been written all the same; an operation of a new id is nobody else's, and we send nothing for it.
        if opens and operation is not None and (previous is None or operation.id != previous.id):
            recall.abandon(operation, tools.clock.monotonic())
        raise
    if not opens or operation is None:
        return body, None
    recall.opened(operation, tools.clock.monotonic())
    return body, operation
