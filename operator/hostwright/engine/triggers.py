"""Whether a change of an object is worth a look, and how urgent it is; pure."""

from hostwright.core.names import ANNOTATION_MACHINE_ID, ANNOTATION_PAUSED, FINALIZER
from hostwright.engine.ports import Body
from hostwright.engine.queue import Priority
from hostwright.engine.store import uid

_OURS = (ANNOTATION_MACHINE_ID, ANNOTATION_PAUSED)


def worth_a_look(old: Body | None, new: Body) -> Priority | None:
    """None: nothing we act on changed (an echo of our own status patch, a label, somebody else's annotation)."""
    if old is None:
        return Priority.RESYNC if settled(new) else Priority.USER
    if uid(old) != uid(new):
        return Priority.USER
    before, after = old["metadata"], new["metadata"]
    changed = (
        before.get("generation") != after.get("generation")
        or before.get("deletionTimestamp") != after.get("deletionTimestamp")
        or _annotations(old) != _annotations(new)
        or (FINALIZER in (before.get("finalizers") or ())) != (FINALIZER in (after.get("finalizers") or ()))
        or before.get("labels") != after.get("labels")
    )
    if changed:
        return Priority.USER
    return Priority.DRIFT if _status_touched(old, new) else None


def _annotations(body: Body) -> tuple[str | None, ...]:
    annotations = body["metadata"].get("annotations") or {}
    return tuple(annotations.get(name) for name in _OURS)


def _status_touched(old: Body, new: Body) -> bool:
    """Somebody wrote our status (our own writes are known by their resourceVersion before they come here)."""
    return (old.get("status") or {}) != (new.get("status") or {})


def settled(body: Body) -> bool:
    """As last written by us, nothing is under way: at a restart these wait for the inventory, the others go first."""
    status = body.get("status") or {}
    ready = any(row.get("type") == "Ready" and row.get("status") == "True" for row in status.get("conditions") or ())
    return (
        ready
        and status.get("observedGeneration") == body["metadata"].get("generation")
        and not body["metadata"].get("deletionTimestamp")
        and not status.get("operation")
    )
