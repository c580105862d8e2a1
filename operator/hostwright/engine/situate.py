"""One object's situation: its spec, resolved; its status; what the backend shows; what this process remembers."""

from dataclasses import replace

from hostwright.core.errors import Failure
from hostwright.core.names import ANNOTATION_PAUSED
from hostwright.core.port import Operation, Present, Unsure
from hostwright.engine.ledger import moment, operation_of, rows_of, trace_of
from hostwright.engine.ports import Body, Key
from hostwright.engine.recall import Recall
from hostwright.engine.view import Tools, View, carried_id
from hostwright.engine.world import is_deleting
from hostwright.kinds.virtualmachine.port import Look, Unresolved
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec, VirtualMachineStatus
from hostwright.kinds.virtualmachine.situation import Situation


def view_of(tools: Tools, key: Key, body: Body, spec: VirtualMachineSpec, recall: Recall) -> View:
    """The object as this pass sees it, its spec resolved where that is possible and asked for."""
    status = body.get("status") or {}
    rows = recall.ledger(rows_of(status))
    operation = recall.operation if recall.operation_changed else operation_of(status)
    recall.see(operation, tools.clock.monotonic())
    view = View(
        key=key,
        body=body,
        spec=spec,
        trace=trace_of(key, carried_id(body), tools.cluster_id, rows, operation),
        rows=rows,
        operation=operation,
        machines=tools.world.machines(spec.provider_ref.name),
        wanted=None,
    )
    return _resolved(tools, view)


def _resolved(tools: Tools, view: View) -> View:
    backend = tools.world.backend(view.key.namespace, view.spec)
    if is_deleting(view.body) or view.machines is None or backend.failure is not None:
        return view
    bindings = tools.world.bindings(view.key, view.spec, view.body.get("status") or {})
    if isinstance(bindings, Failure):
        return replace(view, wanted=Unresolved(bindings))
    wanted = view.machines.resolve(view.spec, bindings)
    connection = tools.world.connection(view.spec.provider_ref.name)
    if isinstance(wanted, Unresolved) and connection is not None:
        connection.want_catalog(view.trace.machine_id.replace("-", ""))
    return replace(view, wanted=wanted)


def situation_of(
    tools: Tools,
    view: View,
    recall: Recall,
    look: Look,
    *,
    proven: bool,
    nothing_made: bool,
    began: float | None = None,
) -> Situation:
    """What decide() is asked about. `began`: when the look did, monotonic; None: now."""
    lag = view.machines.visibility_lag if view.machines else 0.0
    metadata = view.body["metadata"]
    status = VirtualMachineStatus.model_validate(view.body.get("status") or {})
    return Situation(
        spec=view.spec,
        status=status,
        generation=metadata.get("generation", 0),
        trace=view.trace,
        wanted=view.wanted,
        look=look,
        now=tools.clock.now(),
        backend=tools.world.backend(view.key.namespace, view.spec, leaving=is_deleting(view.body)),
        operation=view.operation,
        outcome_open=recall.open(view.operation, view.rows),
        proven=proven,
        nothing_made=nothing_made,
        may_come=recall.late_until + lag >= (tools.clock.monotonic() if began is None else began),
        deleting_since=moment(metadata.get("deletionTimestamp")),
        paused=(metadata.get("annotations") or {}).get(ANNOTATION_PAUSED),
        tried_in_vain=recall.in_vain or recall.unanswered > 0,
        born_here=view.trace.machine_id == metadata["uid"],
        never_reported=not status.machine_id,
    )


def shows(look: Look, operation: Operation | None) -> bool:
    """Whether what the operation was to make is there."""
    if operation is None or not isinstance(look, Present):
        return False
    return any(part.name == operation.part for part in look.found.parts)


def nothing_made(view: View, recall: Recall, look: Look, began: float) -> bool:
    """The quiet time is over, and a complete look begun after it shows nothing of what was to be made."""
    operation = view.operation
    if operation is None or not recall.open(operation, view.rows) or view.machines is None:
        return False
    if shows(look, operation) or isinstance(look, Unsure):
        return False
    if isinstance(look, Present) and look.found.in_the_making:
        return False
    if not recall.quiet(operation, view.machines.visibility_lag).proves_nothing_made(began):
        return False
    recall.known.add(operation.key)
    return True
