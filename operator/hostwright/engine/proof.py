"""Ask the backend itself, where what was listed is not enough, and decide once more."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hostwright.core.backoff import TRANSIENT, VERIFY
from hostwright.core.decision import Decision
from hostwright.core.errors import Denied, Failure, Throttled, Unreachable
from hostwright.core.port import Missing, Present
from hostwright.engine.kind import Seen
from hostwright.engine.recall import Recall
from hostwright.engine.situate import nothing_made
from hostwright.engine.view import Tools, View

if TYPE_CHECKING:
    from hostwright.engine.connection import Connection

#: Seconds until a pass whose session was replaced meanwhile begins again.
ANEW = 0.05


async def decide_proven(
    tools: Tools, view: View, recall: Recall, *, shown: bool = False
) -> tuple[Decision[Any], Any] | float:
    """The decision by what the backend itself says, or in how many seconds it can be asked.

    A proof takes one of the Provider's places, as a call does (requestsPerSecond counts mutating calls only). `shown`:
    the inventory shows what the last call was to make, so its outcome can be known now.
    """
    connection = tools.world.connection(view.spec.provider_ref.name)
    if view.machines is None or connection is None:
        return 1.0
    now = tools.clock.monotonic()
    left = max(recall.ask_at, float("-inf") if shown else recall.verify_at) - now
    left = max(left, connection.slots.pause)
    if left > 0:
        return left
    async with connection.slots.place(view.key.namespace):
        if (
            tools.world.machines(connection.name, view.kind.name) is not view.machines
        ):  # a newer login took over while we waited
            return ANEW
        began = tools.clock.monotonic()
        try:
            look = await view.machines.prove(view.trace)
        except Failure as failure:
            return _unanswered(tools, view, recall, failure, connection)
    connection.slots.good()
    recall.unanswered = 0
    nothing = nothing_made(view, recall, look, began)
    _learn(view, recall, look, began)
    seen = Seen(look, proven=True, nothing_made=nothing, began=began)
    decision = view.kind.decide(tools, view, recall, seen)
    return _less_often(tools, view, recall, decision), look


def _learn(view: View, recall: Recall, look: Any, began: float) -> None:
    """What is there was made; where nothing is, nothing was, unless a call may yet be carried out, or come to light."""
    if isinstance(look, Present):
        recall.looked = not view.kind.makes_machines
    elif isinstance(look, Missing) and not recall.open(view.operation, view.rows):
        recall.looked = recall.looked or recall.late_until + view.machines.visibility_lag < began


def _less_often(tools: Tools, view: View, recall: Recall, decision: Decision[Any]) -> Decision[Any]:
    """While the outcome of a creation is unknown: after 1, 2, 4, 8 … seconds, and once the quiet time is over.

    A lost reply is often one of a thousand, and each of them is asked for by itself. What shows in the inventory
    meanwhile is adopted at once.
    """
    operation = view.operation
    waits = decision.step is None and not decision.adopt and not decision.release
    if operation is None or view.machines is None or not waits or not operation.makes:
        return decision
    if operation.task or not recall.open(operation, view.rows):  # a task is asked for by itself, which is cheap
        return decision
    now = tools.clock.monotonic()
    recall.unseen += 1
    wait = VERIFY.delay(recall.unseen)
    left = recall.quiet(operation, view.machines.visibility_lag).over_at - now
    if left > 0:
        wait = min(wait, left + 0.05)
    recall.verify_at = now + wait
    return replace(decision, look_again=wait)


def _unanswered(tools: Tools, view: View, recall: Recall, failure: Failure, connection: "Connection") -> float:
    """Asked again later. One object's odd answer says nothing of the Provider; a refused login or no answer does."""
    recall.unanswered += 1
    wait = min(TRANSIENT.delay(recall.unanswered, tools.jitter()), 30.0)
    recall.ask_at = tools.clock.monotonic() + wait
    tools.telemetry.called(view.spec.provider_ref.name, "prove", 0.0, failure.reason)
    if connection.endpoint_each:
        return wait
    if isinstance(failure, Throttled):
        connection.slots.bad(failure.retry_after or 5.0)
    if isinstance(failure, Denied | Unreachable):
        connection.answered(failure)
    return wait
