"""A PhysicalMachine's body as a claim sees it: who has it, and why nobody may take it; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from hostwright.core.names import ANNOTATION_PAUSED, Condition, Reason
from hostwright.core.quantity import to_mebibytes
from hostwright.engine.ports import Body
from hostwright.kinds.physicalmachineclaim.servers import HEALTH, Holder, Ref, Server, Why


def server_of(body: Body, promised: frozenset[Ref]) -> Server:
    """`promised`: the claims whose status names it."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    conditions = {row["type"]: row for row in status.get("conditions") or ()}
    ready = conditions.get(Condition.READY) or {}
    hardware, identity = status.get("hardware") or {}, status.get("identity") or {}
    handled = status.get("handled") or {}
    memory = hardware.get("memory")
    maintenance = spec.get("maintenance") or {}
    return Server(
        ref=Ref(metadata["namespace"], metadata["name"]),
        labels=metadata.get("labels") or {},
        namespaces=frozenset((spec.get("claimPolicy") or {}).get("namespaces") or (metadata["namespace"],)),
        holder=_holder(spec.get("claimRef")),
        promised=promised,
        hindrance=next(_hindrances(body, conditions), None),
        cpu=hardware.get("cpu"),
        memory_mib=to_mebibytes(memory) if memory else None,
        manufacturer=identity.get("manufacturer") or "",
        model=identity.get("model") or "",
        health=_health(status),
        power=status.get("powerState") or "",
        ready=ready.get("status") or "",
        reason=ready.get("reason") or "",
        message=ready.get("message") or "",
        stalled=_is(conditions, Condition.STALLED, "True"),
        held=_is(conditions, Condition.HELD, "True"),
        maintenance=(maintenance.get("reason") or "") if maintenance.get("enabled") else "",
        reachable=_is(conditions, Condition.REACHABLE, "True") and not _failed(conditions),
        released=_released(body, conditions),
        handled_for=handled.get("claim.uid") or "",
        handled_restart=handled.get("claim.restartedAt") or "",
    )


def _holder(raw: Mapping[str, Any] | None) -> Holder | None:
    return Holder(Ref(raw["namespace"], raw["name"]), raw["uid"]) if raw else None


def _hindrances(body: Body, conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[Why]:
    """The weightiest first."""
    metadata, spec = body["metadata"], body["spec"]
    if metadata.get("deletionTimestamp"):
        yield Why.DELETING
    if (spec.get("maintenance") or {}).get("enabled"):
        yield Why.MAINTENANCE
    if spec.get("managementPolicy") == "ObserveOnly":
        yield Why.OBSERVED
    if ANNOTATION_PAUSED in (metadata.get("annotations") or {}) or _is(conditions, Condition.PAUSED, "True"):
        yield Why.PAUSED
    if not _seen(body):
        yield Why.UNSEEN
    if _failed(conditions):
        yield Why.FAILED
    if not _is(conditions, Condition.REACHABLE, "True"):
        yield Why.UNREACHABLE
    if not _is(conditions, Condition.INSPECTED, "True"):
        yield Why.NOT_INSPECTED
    if _is(conditions, Condition.HELD, "True") or not _is(conditions, Condition.IDENTITY_VERIFIED, "True"):
        yield Why.HELD
    if _health(body.get("status") or {}) not in HEALTH:
        yield Why.UNHEALTHY


def _seen(body: Body) -> bool:
    """Each claimRef that comes or goes is a new generation: between two claims a server was looked at once."""
    seen, now = (body.get("status") or {}).get("observedGeneration"), body["metadata"].get("generation")
    return bool(seen == now)


def _failed(conditions: Mapping[str, Mapping[str, Any]]) -> bool:
    """Nothing can be done at the server: the login is refused, or another server answers."""
    wrong = (Condition.CREDENTIALS_VALID, Condition.IDENTITY_VERIFIED)
    return any(_is(conditions, kind, "False") for kind in wrong)


def _released(body: Body, conditions: Mapping[str, Mapping[str, Any]]) -> bool:
    """Seen off for the claimRef that stands there now, not for one before it."""
    claimed = conditions.get(Condition.CLAIMED) or {}
    generation = body["metadata"].get("generation")
    said = tuple(claimed.get(name) for name in ("status", "reason", "observedGeneration"))
    return said == ("False", Reason.RELEASED, generation)


def _health(status: Mapping[str, Any]) -> str:
    return (status.get("health") or {}).get("rollup") or ""


def _is(conditions: Mapping[str, Mapping[str, Any]], kind: Condition, word: str) -> bool:
    return (conditions.get(kind) or {}).get("status") == word
