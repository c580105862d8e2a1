"""Who an object is: its id and finalizer written first, a rival's claim respected (PROTOCOLS section 1)."""

from hostwright.core.errors import Failure, MachineExists
from hostwright.core.port import Present
from hostwright.engine.identity import identify
from hostwright.engine.ledger import trace_of
from hostwright.engine.ports import Body, Key
from hostwright.engine.view import Tools, carried_id
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec


async def claim(tools: Tools, key: Key, body: Body, spec: VirtualMachineSpec) -> tuple[Body, Failure | None]:
    """The body with our id and finalizer on it, and why nothing may be done for it."""
    machine_id = carried_id(body)
    others = {
        other: found
        for other in tools.store.by_token(machine_id.replace("-", ""))
        if other != key and (found := tools.store.get(other)) is not None
    }
    recorded = _recorded(tools, key, machine_id, spec) if others else ("", "")
    identity = identify(key, body, others, recorded)
    if identity.conflict is not None:
        return body, identity.conflict
    if identity.patch is not None:
        body = await tools.cluster.patch(key, identity.patch)
        tools.telemetry.wrote(key.kind, "identity")
        tools.store.renew(key, body)
    return body, _namesake(tools, key, body, spec, identity.machine_id)


def _recorded(tools: Tools, key: Key, machine_id: str, spec: VirtualMachineSpec) -> tuple[str, str]:
    machines = tools.world.machines(spec.provider_ref.name)
    if machines is None:
        return ("", "")
    look = machines.look(trace_of(key, machine_id, tools.cluster_id, (), None))
    return look.found.recorded if isinstance(look, Present) else ("", "")


def _namesake(tools: Tools, key: Key, body: Body, spec: VirtualMachineSpec, machine_id: str) -> Failure | None:
    """A first sight that finds a machine of this namespace and name under another id never creates."""
    status = body.get("status") or {}
    machines = tools.world.machines(spec.provider_ref.name)
    if machines is None or status.get("resources") or status.get("operation"):
        return None
    twins = machines.namesakes(trace_of(key, machine_id, tools.cluster_id, (), None))
    if not twins:
        return None
    return MachineExists(
        f"machine {twins[0].id} of {key.namespace}/{key.name} exists under another machine id. Remove it, "
        "or set its machine-id annotation on this object (needs the verb `identify`)."
    )
