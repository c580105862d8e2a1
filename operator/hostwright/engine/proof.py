"""Ask the backend itself, where what was listed is not enough, and decide once more."""

from hostwright.core.backoff import TRANSIENT
from hostwright.core.decision import Decision
from hostwright.core.errors import Denied, Failure, Unreachable
from hostwright.core.port import Missing
from hostwright.engine.recall import Recall
from hostwright.engine.situate import nothing_made, situation_of
from hostwright.engine.view import Tools, View
from hostwright.kinds.virtualmachine import decide as kind
from hostwright.kinds.virtualmachine.port import Look, Step


async def decide_proven(tools: Tools, view: View, recall: Recall) -> tuple[Decision[Step], Look] | None:
    """The decision by what the backend itself says. None: it cannot be asked now; `recall.retry_at` says when."""
    if view.machines is None or tools.clock.monotonic() < recall.retry_at:
        return None
    began = tools.clock.monotonic()
    try:
        look = await view.machines.prove(view.trace)
    except Failure as failure:
        _unanswered(tools, view, recall, failure)
        return None
    recall.failures, recall.in_vain = 0, False
    recall.looked = recall.looked or isinstance(look, Missing)
    nothing = nothing_made(view, recall, look, began)
    return kind.decide(situation_of(tools, view, recall, look, proven=True, nothing_made=nothing)), look


def _unanswered(tools: Tools, view: View, recall: Recall, failure: Failure) -> None:
    """Asked again later. One object's odd answer says nothing of the Provider; a refused login or no answer does."""
    recall.failures += 1
    recall.in_vain = True
    recall.retry_at = tools.clock.monotonic() + min(TRANSIENT.delay(recall.failures, tools.jitter()), 30.0)
    tools.telemetry.called(view.spec.provider_ref.name, "prove", 0.0, failure.reason)
    connection = tools.world.connection(view.spec.provider_ref.name)
    if connection is not None and isinstance(failure, Denied | Unreachable):
        connection.answered(failure)
