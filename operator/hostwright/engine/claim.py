"""Who an object is: its id and finalizer written first, a rival's claim respected (PROTOCOLS section 1)."""

from collections.abc import Container

from hostwright.core.errors import Failure, MachineExists
from hostwright.engine.identity import identify
from hostwright.engine.kind import Kind, Spec
from hostwright.engine.ledger import trace_of
from hostwright.engine.ports import Body, Key
from hostwright.engine.store import controller, uid
from hostwright.engine.view import Tools, carried_id
from hostwright.kinds.machinepool import naming


async def claim(
    tools: Tools, kind: Kind, key: Key, body: Body, spec: Spec, gone: Container[str] = frozenset()
) -> tuple[Body, Failure | None]:
    """The body with our id and finalizer on it, and why nothing may be done for it.

    `gone`: names of the ledger that were proven gone, or another's, and still stand in the status.
    """
    machine_id = carried_id(body)
    others = {
        other: found
        for other in tools.store.by_token(machine_id.replace("-", ""))
        if other != key and (found := tools.store.get(other)) is not None
    }
    recorded = _recorded(tools, kind, key, machine_id, spec) if others else ("", "")
    born = (each for each, found in {key: body, **others}.items() if _born_with(tools, each, found, machine_id))
    identity = identify(key, body, others, recorded, frozenset(born) if others else frozenset())
    if identity.conflict is not None:
        return body, identity.conflict
    if identity.patch is not None:
        body = await tools.cluster.patch(key, identity.patch)
        tools.telemetry.wrote(key.kind, "identity")
        tools.store.renew(key, body)
    status = body.get("status") or {}
    made = any(row["name"] not in gone for row in status.get("resources") or ()) or status.get("operation")
    return body, None if made else _namesake(tools, kind, key, spec, identity.machine_id)


def _born_with(tools: Tools, key: Key, body: Body, machine_id: str) -> bool:
    """The id is its own uid, or the one that its pool gave to this name: no second object can have it by birth."""
    if uid(body) == machine_id:
        return True
    owner = controller(body)
    pool = tools.store.get(Key("MachinePool", key.namespace, str(owner["name"]))) if owner is not None else None
    if pool is None or owner is None or uid(pool) != owner["uid"]:
        return False
    births = (pool.get("status") or {}).get("births") or 0
    return any(naming.machine_id(uid(pool), key.name, each) == machine_id for each in range(births, 0, -1))


def _recorded(tools: Tools, kind: Kind, key: Key, machine_id: str, spec: Spec) -> tuple[str, str]:
    machines = tools.world.machines(spec.provider_ref.name, kind.name)
    if machines is None:
        return ("", "")
    return kind.recorded(machines, trace_of(key, machine_id, tools.cluster_id, (), None))


def _namesake(tools: Tools, kind: Kind, key: Key, spec: Spec, machine_id: str) -> Failure | None:
    """A first sight that finds a machine of this namespace and name under another id never creates."""
    machines = tools.world.machines(spec.provider_ref.name, kind.name)
    if machines is None:
        return None
    twin = kind.namesake(machines, trace_of(key, machine_id, tools.cluster_id, (), None))
    if not twin:
        return None
    return MachineExists(
        f"machine {twin} of {key.namespace}/{key.name} exists under another machine id. Remove it, "
        "or set its machine-id annotation on this object (needs the verb `identify`)."
    )
