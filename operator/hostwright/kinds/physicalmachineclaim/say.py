"""Conditions, phase and status fields of a claim, from what its server says."""

from typing import Any

from hostwright.core.conditions import Said
from hostwright.core.names import Condition, Reason
from hostwright.core.quantity import from_mebibytes
from hostwright.core.saying import working
from hostwright.kinds.physicalmachineclaim.resource import Phase, PhysicalMachineClaimSpec, PowerState
from hostwright.kinds.physicalmachineclaim.servers import Server, Why

_LEFT_ALONE = {
    Why.MAINTENANCE: Reason.MAINTENANCE,
    Why.OBSERVED: Reason.UNMANAGED,
    Why.PAUSED: Reason.PAUSED,
}


def fields(server: Server) -> dict[str, Any]:
    """The server that is bound, as status fields."""
    hardware = {
        "manufacturer": server.manufacturer,
        "model": server.model,
        "cpu": server.cpu,
        "memory": from_mebibytes(server.memory_mib) if server.memory_mib else None,
    }
    return {
        "machineRef": {"namespace": server.ref.namespace, "name": server.ref.name},
        "powerState": server.power or None,
        "hardware": {name: value for name, value in hardware.items() if value} or None,
    }


def unbound(reason: str, message: str) -> tuple[Said, ...]:
    return Said(Condition.BOUND, False, reason, message), Said(Condition.AVAILABLE, False, reason)


def bound(spec: PhysicalMachineClaimSpec, uid: str, server: Server) -> tuple[tuple[Said, ...], Phase]:
    """Of a claim whose server is its own by both sides."""
    both = Said(Condition.BOUND, True, Reason.BOUND, f"PhysicalMachine {server.ref}")
    if server.ready == "Unknown":
        text = _of(server, server.message)
        ready = Said(Condition.READY, None, server.reason, text)
        return (ready, both, Said(Condition.AVAILABLE, None, server.reason, text)), Phase.UNKNOWN
    return (*_ready(spec, uid, server), both, _available(spec, uid, server)), Phase.BOUND


def releasing(server: Server) -> str:
    """What a deleted claim waits for."""
    untouched = _untouched(server)
    why = f": {untouched[1]}" if untouched else f": {server.message}" if server.stalled or server.held else ""
    return f"waiting until PhysicalMachine {server.ref} is seen off{why}"


def _ready(spec: PhysicalMachineClaimSpec, uid: str, server: Server) -> tuple[Said, ...]:
    """Ready is about this claim's wish; what else is done at the server does not concern it."""
    untouched = _untouched(server)
    if server.held:
        return _stalled(server)
    if _reached(spec, uid, server):
        word = "running" if spec.power_state is PowerState.POWERED_ON else "powered off"
        reason, text = (untouched[0], f"{word}; {untouched[1]}") if untouched else (Reason.SETTLED, word)
        return (Said(Condition.READY, True, reason, _of(server, text)),)
    if untouched:
        return working(untouched[0], _of(server, untouched[1]))
    return _stalled(server) if server.stalled else working(*_under_way(spec, uid, server))


def _stalled(server: Server) -> tuple[Said, ...]:
    text = _of(server, server.message)
    return Said(Condition.READY, False, server.reason, text), Said(Condition.STALLED, True, server.reason, text)


def _untouched(server: Server) -> tuple[Reason, str] | None:
    """Why its power is left alone, if it is."""
    reason = _LEFT_ALONE.get(server.hindrance) if server.hindrance else None
    if reason is None:
        return None
    note = f" ({server.maintenance})" if server.hindrance is Why.MAINTENANCE and server.maintenance else ""
    return reason, f"it is {server.hindrance}{note}, and its power is left alone"


def _reached(spec: PhysicalMachineClaimSpec, uid: str, server: Server) -> bool:
    return not _restarts(spec, uid, server) and server.power == spec.power_state and server.handled_for == uid


def _restarts(spec: PhysicalMachineClaimSpec, uid: str, server: Server) -> bool:
    return server.handled_for == uid and server.handled_restart != (spec.restarted_at or "")


def _under_way(spec: PhysicalMachineClaimSpec, uid: str, server: Server) -> tuple[str, str]:
    if server.handled_for != uid:
        return Reason.WAITING, _of(server, "bound, and not looked at since")
    if server.power == spec.power_state:
        return Reason.RESTARTING, _of(server, "being restarted")
    if spec.power_state is PowerState.POWERED_ON:
        return Reason.STARTING, _of(server, "being switched on")
    return Reason.STOPPING, _of(server, "being switched off")


def _available(spec: PhysicalMachineClaimSpec, uid: str, server: Server) -> Said:
    up = server.power == PowerState.POWERED_ON and spec.power_state is PowerState.POWERED_ON
    if up and server.reachable and not server.held and _reached(spec, uid, server):
        return Said(Condition.AVAILABLE, True, Reason.SETTLED)
    return Said(Condition.AVAILABLE, False, Reason.WAITING, _of(server, "not known to run as wanted"))


def _of(server: Server, text: str) -> str:
    return f"PhysicalMachine {server.ref}: {text}"
