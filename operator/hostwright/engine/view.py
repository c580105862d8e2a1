"""What a pass works with: the process's tools, and its view of one object."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hostwright.core.backoff import CAPACITY, Backoff
from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.core.port import LedgerRow, Operation, Trace
from hostwright.core.probed import Probed
from hostwright.engine.ports import Body, Clock, Cluster, Gate, Key, Telemetry
from hostwright.engine.store import Store
from hostwright.engine.world import World

if TYPE_CHECKING:
    from hostwright.engine.kind import Kind, Spec


@dataclass(frozen=True, slots=True)
class Tools:
    """One for the process."""

    store: Store
    world: World
    cluster: Cluster
    gate: Gate
    clock: Clock
    telemetry: Telemetry
    cluster_id: str
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    capacity: Backoff = CAPACITY
    probed: Callable[[Key], Probed | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class View:
    """One pass's view of one object; the body it was made from is the precondition of every write."""

    kind: "Kind"
    key: Key
    body: Body
    spec: "Spec"
    trace: Trace
    rows: tuple[LedgerRow, ...]
    operation: Operation | None
    machines: Any  # the kind's provider: what `session.machines` is of its type; None: not connected
    wanted: Any = None  # the kind's own: a spec resolved against the catalog


def never_seen(body: Body) -> bool:
    """Nothing of ours is on the object, so nothing can have been sent for it.

    A lost status alone does not show that: its annotation and finalizer are there.
    """
    metadata = body["metadata"]
    annotated = ANNOTATION_MACHINE_ID in (metadata.get("annotations") or {})
    held = FINALIZER in (metadata.get("finalizers") or ())
    return not (annotated or held or (body.get("status") or {}).get("machineID"))


def carried_id(body: Body) -> str:
    """The machine id of an object: its annotation, else its status, else (first sight) its uid."""
    annotations = body["metadata"].get("annotations") or {}
    reported = (body.get("status") or {}).get("machineID")
    return str(annotations.get(ANNOTATION_MACHINE_ID) or reported or body["metadata"]["uid"])


def told_id(body: Body) -> str:
    """Whose machine this process worked for: a machine id forged beside a status changes nothing of that."""
    return str((body.get("status") or {}).get("machineID") or carried_id(body))
