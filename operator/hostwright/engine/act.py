"""One call: the place, the intent, the gate, the sending, the receipt (PROTOCOLS section 2)."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hostwright.core.decision import Decision
from hostwright.core.errors import Ambiguous, Capacity, Denied, Failure, Throttled, Transient
from hostwright.core.intent import SEND_WITHIN, begin
from hostwright.core.port import Call, Operation, OperationType, Repeat, RowState, Window
from hostwright.engine import report
from hostwright.engine.ledger import operation_of, rows_of
from hostwright.engine.ports import Body
from hostwright.engine.recall import Recall
from hostwright.kinds.virtualmachine.port import Step

if TYPE_CHECKING:
    from hostwright.engine.connection import Connection
    from hostwright.engine.reconcile import MachinePass, View


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it: `body` is the newest one, `again` seconds until the next look."""

    body: Body
    failure: Failure | None = None
    again: float = 0.0


async def send(
    run: "MachinePass", view: "View", recall: Recall, decision: Decision[Step], call: Call, user_data: bytes | None
) -> Sent:
    """The place and the token are taken before the intent; a call not sent within 5 s of its intent is abandoned."""
    connection = run.world.connection(view.spec.provider_ref.name)
    if connection is None or view.machines is None:
        return Sent(view.body, again=1.0)
    pause = max(connection.slots.pause, connection.bucket.wait())
    if pause > 0:
        return Sent(view.body, again=pause + run.jitter())
    async with connection.slots.place(view.key.namespace):
        run.gate.check()
        body, operation = await _intent(run, view, recall, decision, call)
        intent_at = run.clock.monotonic()
        run.gate.check()
        if run.clock.monotonic() - intent_at > SEND_WITHIN:
            return Sent(body, again=0.0)
        return await _perform(run, view, recall, call, user_data, body, operation, connection)


async def _perform(
    run: "MachinePass",
    view: "View",
    recall: Recall,
    call: Call,
    user_data: bytes | None,
    body: Body,
    operation: Operation | None,
    connection: "Connection",
) -> Sent:
    if view.machines is None:
        return Sent(body, again=1.0)
    began = run.clock.monotonic()
    recall.called = True
    try:
        receipt = await view.machines.perform(call, user_data)
    except Failure as failure:
        run.telemetry.called(connection.name, call.verb, run.clock.monotonic() - began, failure.reason)
        _weigh(connection, failure)
        settled = _settle(recall, operation, call, failure, run.clock.monotonic())
        return Sent(body, settled, again=0.5)
    ended = run.clock.monotonic()
    run.telemetry.called(connection.name, call.verb, ended - began, "ok")
    connection.slots.good()
    start = operation.window_start if operation is not None else None
    window = Window(start, run.clock.now().replace(microsecond=0)) if start is not None else None
    recall.keep(receipt, window, call.expect, ended)
    if call.destructive and call.row is not None and call.row.name not in receipt.gone:
        recall.made[call.row.name] = replace(call.row, state=RowState.DELETING)
    if operation is not None:
        recall.known.add(operation.key)
    return Sent(body)


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


def _weigh(connection: "Connection", failure: Failure) -> None:
    """What a failure means for the Provider as a whole."""
    if isinstance(failure, Throttled):
        connection.slots.bad(failure.retry_after or 5.0)
    elif isinstance(failure, Ambiguous | Transient):
        connection.slots.bad()
    elif isinstance(failure, Denied):
        connection.answered(failure)
    elif not isinstance(failure, Capacity):
        connection.slots.good()


async def _intent(
    run: "MachinePass", view: "View", recall: Recall, decision: Decision[Step], call: Call
) -> tuple[Body, Operation | None]:
    """Write what is to come, with the last receipt in the same patch. If this fails, the call is not made."""
    kind = decision.operation or OperationType.UPDATE
    previous = recall.operation if recall.operation_changed else operation_of(view.body.get("status") or {})
    expect = decision.expect or call.expect
    first = not recall.called and previous is None and not view.rows
    if call.row is not None and all(row.id != call.row.id for row in view.rows):
        recall.made[call.row.name] = call.row
    new_row = bool(recall.made) and call.destructive
    half = bool(decision.expect) and (previous is None or previous.type != kind or previous.expect != expect)
    if not (call.repeat is Repeat.INTENT or first or half or new_row):
        return view.body, None
    operation = previous
    if call.repeat is Repeat.INTENT or first or half:
        operation = begin(
            call, kind, expect, new_id=run.new_id(), now=run.clock.now().replace(microsecond=0), previous=previous
        )
    message = replace(decision, look_again=None)
    status = report.new_status(
        view.body,
        message,
        machine_id=view.trace.machine_id,
        rows=recall.ledger(rows_of(view.body.get("status") or {})),
        operation=operation,
        handled={"restartedAt": view.spec.restarted_at or ""},
        now=run.clock.now(),
    )
    body = await run.write(view.key, view.body, recall, status, decision)
    recall.see(operation, run.clock.monotonic())
    return body, operation
