"""One object as a pass sees it: its spec and status, what this process remembers, and what an open call came to."""

from typing import Any

from hostwright.core.port import Unsure
from hostwright.engine.kind import Kind, Spec
from hostwright.engine.ledger import operation_of, rows_of, trace_of
from hostwright.engine.ports import Body, Key
from hostwright.engine.recall import Recall
from hostwright.engine.view import Tools, View, carried_id


def view_of(tools: Tools, kind: Kind, key: Key, body: Body, spec: Spec, recall: Recall) -> View:
    """The object as this pass sees it."""
    status = body.get("status") or {}
    rows = recall.ledger(rows_of(status))
    operation = recall.operation if recall.operation_changed else operation_of(status)
    recall.see(operation, tools.clock.monotonic())
    return View(
        kind=kind,
        key=key,
        body=body,
        spec=spec,
        trace=trace_of(key, carried_id(body), tools.cluster_id, rows, operation),
        rows=rows,
        operation=operation,
        machines=tools.world.machines(spec.provider_ref.name, kind.name),
    )


def nothing_made(view: View, recall: Recall, look: Any, began: float) -> bool:
    """The quiet time is over, and a complete look begun after it shows nothing of what was to be made."""
    operation = view.operation
    if operation is None or not recall.open(operation, view.rows) or view.machines is None:
        return False
    if view.kind.shows(view, look) or isinstance(look, Unsure):
        return False
    if view.kind.in_the_making(look):
        return False
    if not recall.quiet(operation, view.machines.visibility_lag).proves_nothing_made(began):
        return False
    recall.known.add(operation.key)
    return True
