"""Carry out a decision: the plan's one next call, or what it means that nothing is left to send."""

from dataclasses import replace
from typing import Any

from hostwright.core.decision import Decision
from hostwright.core.errors import Failure, UserDataMissing
from hostwright.core.names import Condition
from hostwright.core.port import Call, Done, LedgerRow, Operation, OperationType, Wait, Window
from hostwright.engine import act, tell
from hostwright.engine.breaker import thing
from hostwright.engine.ledger import operation_of
from hostwright.engine.proof import decide_proven
from hostwright.engine.queue import Priority
from hostwright.engine.recall import Recall
from hostwright.engine.view import Tools, View
from hostwright.engine.worker import Again

#: Seconds until a call that is held back by the breaker is looked at again; its turning wakes machines earlier.
HELD_FOR = 60.0


async def carry_out(
    tools: Tools, view: View, recall: Recall, decision: Decision[Any], look: Any, *, proven: bool
) -> Again:
    """Do one thing, and say so. `proven`: the backend itself was asked for this decision."""
    rows = adopted(tools, view, recall, decision)
    view = replace(view, rows=rows, trace=replace(view.trace, ledger=rows))
    if decision.release:
        return await tell.release(tools, view.key, view.body, decision.notes)
    if decision.remove:
        return await tell.remove(tools, view.key, view.body, decision)
    if decision.step is None or view.machines is None:
        return await tell.say(tools, view, recall, decision)
    match view.kind.plan(view, decision.step, look, recall.receipts):
        case Wait(message=message, look_again=seconds):
            waiting = replace(decision, look_again=seconds, said=_reworded(decision, message))
            return await tell.say(tools, view, recall, waiting, hold=True)
        case Done():
            return await _reached(tools, view, recall, decision)
        case Failure() as failure:
            return await tell.failed(tools, view, recall, decision, failure)
        case Call() as call if call.destructive and not proven:
            return await _proven_first(tools, view, recall, decision, call)
        case Call() as call:
            return await _call(tools, view, recall, decision, call)


def adopted(tools: Tools, view: View, recall: Recall, decision: Decision[Any]) -> tuple[LedgerRow, ...]:
    """The ledger with what the decision adopts and forgets; the next patch carries it."""
    for name in decision.forget:
        recall.gone.add(name)
        recall.made.pop(name, None)
    if not decision.adopt and not decision.forget:
        return view.rows
    for row in decision.adopt:
        recall.made[row.name] = replace(row, window=row.window or _window(tools, view, row))
        recall.gone.discard(row.name)
    recall.unwritten_since = recall.unwritten_since or tools.clock.monotonic()
    return recall.ledger(view.rows)


def _window(tools: Tools, view: View, row: LedgerRow) -> Window | None:
    """What verify adopts was made by the open operation: its window says later which duplicates are ours."""
    operation = view.operation
    if operation is None or operation.part != row.name or operation.window_start is None:
        return None
    # Another operator's clock may be ahead of ours: no part ends before its attempt begins (see recall._older).
    ended = max(tools.clock.now().replace(microsecond=0), operation.started_at or operation.window_start)
    return Window(operation.window_start, ended)


async def _reached(tools: Tools, view: View, recall: Recall, decision: Decision[Any]) -> Again:
    """The step is reached: say what that means, and look again at once."""
    means = view.kind.reached(tools, view, recall, decision.step)
    if means.release is not None:
        return await tell.release(tools, view.key, view.body, means.release)
    if means.prove_gone:
        recall.retry_at = float("-inf")
        return await _prove_gone(tools, view, recall)
    return await tell.say(tools, view, recall, replace(decision, look_again=1.0))


async def _prove_gone(tools: Tools, view: View, recall: Recall) -> Again:
    """Nothing of the ledger shows any more: the backend itself is asked, the only judge (PROTOCOLS section 5)."""
    proven = await decide_proven(tools, view, recall)
    if isinstance(proven, float):
        return await tell.flush(tools, view, recall, proven)
    last, _ = proven
    if last.release:
        return await tell.release(tools, view.key, view.body, last.notes)
    adopted(tools, view, recall, last)
    return await tell.say(tools, view, recall, replace(last, look_again=1.0))


async def _refused_still(tools: Tools, view: View, recall: Recall, decision: Decision[Any]) -> Again:
    waiting = decision if recall.refusal is None else tell.refused(decision, recall.refusal)
    left = recall.retry_at - tools.clock.monotonic() + 0.05
    return await tell.say(tools, view, recall, replace(waiting, look_again=left), hold=True)


async def _proven_first(tools: Tools, view: View, recall: Recall, decision: Decision[Any], call: Call) -> Again:
    """Nothing is deleted by a list alone: it may be old, and the machine at rest or another one's twin by now."""
    if recall.retry_at > tools.clock.monotonic():  # it was refused: nothing is asked before it may be sent again
        return await _refused_still(tools, view, recall, decision)
    if (held := _held(tools, view, decision, call, counted=False)) is not None:
        return await _wait_for_leave(tools, view, recall, decision, held)
    proven = await decide_proven(tools, view, recall)
    if isinstance(proven, float):
        return await tell.flush(tools, view, recall, proven)
    return await carry_out(tools, view, recall, *proven, proven=True)


async def _call(tools: Tools, view: View, recall: Recall, decision: Decision[Any], call: Call) -> Again:
    if recall.retry_at > tools.clock.monotonic():
        return await _refused_still(tools, view, recall, decision)
    if (held := _held(tools, view, decision, call)) is not None:
        return await _wait_for_leave(tools, view, recall, decision, held)
    try:
        baggage = await view.kind.baggage(tools, view, decision.step)
    except UserDataMissing as failure:
        return await tell.failed(tools, view, recall, decision, failure)
    if view.kind.gives_up(decision):
        _make_again_later(tools, view, recall)
    outcome = await act.send(tools, view, recall, decision, call, baggage)
    if outcome.failure is None:
        recall.failures, recall.in_vain, recall.refusal = 0, False, None
        if outcome.paused:
            return await tell.flush(tools, view, recall, outcome.again)
        return Again(outcome.again, Priority.TRANSITION)
    # The intent that was written just now stays in the status: a reply that was lost is verified by it.
    view = replace(view, body=outcome.body, operation=operation_of(outcome.body.get("status") or {}))
    return await tell.failed(tools, view, recall, decision, outcome.failure)


def _held(tools: Tools, view: View, decision: Decision[Any], call: Call, *, counted: bool = True) -> Failure | None:
    """What the Provider's blast-radius breaker says of this call; `counted`: it is made, unless that is refused."""
    connection = tools.world.connection(view.spec.provider_ref.name)
    if connection is None:
        return None
    key = thing(call, view.trace.provider_id or view.trace.machine_id, decision.expect)
    return connection.refuses(call, key) if counted else connection.breaker.frozen(call, key)


async def _wait_for_leave(tools: Tools, view: View, recall: Recall, decision: Decision[Any], held: Failure) -> Again:
    waiting = replace(tell.refused(decision, held), look_again=HELD_FOR)
    return await tell.say(tools, view, recall, waiting, hold=True)


def _make_again_later(tools: Tools, view: View, recall: Recall) -> None:
    """A failed build waits for Capacity's back-off; the patch before its deletion says until when."""
    base = view.operation or Operation(tools.new_id(), OperationType.CREATE, "server")
    if base.next_retry_at is None:
        tell.retry_later(tools, recall, base, tools.capacity.delay(base.attempt, tools.jitter()))


def _reworded(decision: Decision[Any], message: str) -> tuple[Any, ...]:
    """The plan knows what is waited for: its words stand in Ready and Reconciling, unless they tell of a failure."""
    if decision.failure is not None:
        return decision.said
    worded = {Condition.READY, Condition.RECONCILING}
    return tuple(replace(item, message=message) if item.type in worded else item for item in decision.said)
