"""The next call on ports, pure; its rows stand in the table of plan.py."""

from hostwright.core.port import Call, Done, LedgerRow, Repeat, Trace, Wait
from hostwright.kinds.virtualmachine.port import Found, InterfaceShape, Memory, Wanted
from hostwright.providers.openstack import translate
from hostwright.providers.openstack.calls import CREATE_SECONDS, Fence, NewPort, On, PortSeen, stale


def create_port(trace: Trace, wanted: Wanted, interface: InterfaceShape, fence: Fence) -> Call:
    unfenced = interface.network in fence.unfenced
    users = interface.name in wanted.extra.chosen_macs
    salt = fence.salts.get(f"{trace.machine_id}/{interface.name}", 0)
    address = (
        interface.mac_address if users else "" if unfenced else translate.mac(trace.machine_id, interface.name, salt)
    )
    subnet = (wanted.extra.subnets or {}).get(interface.name, "")
    return Call(
        "create_port",
        f"port/{interface.name}",
        Repeat.FENCED if address else Repeat.INTENT,
        NewPort(
            translate.port_body(trace, interface, subnet, address), interface.name, interface.network, address, users
        ),
        deadline=CREATE_SECONDS,
        message=f"creating port {interface.name}",
    )


def plug_in(found: Found, memory: Memory, fence: Fence) -> Call | Wait | Done:
    """One loose port after the other; one that something else holds is never tried: that would take it away."""
    for item in found.interfaces:
        if not item.bound:
            port = fence.ports.get(item.id, PortSeen("", float("inf")))
            if stale(f"port/{item.name}", port.as_of, memory):
                return Wait(f"{item.name} was plugged in")
            if port.holder:
                return Wait(f"port {item.id} of {item.name} is held by {port.holder}")
            body = {"interfaceAttachment": {"port_id": item.id}}
            on = On(found.id, "compute", "POST", f"/servers/{found.id}/os-interface", body)
            return Call("attach_port", f"port/{item.name}", Repeat.IDEMPOTENT, on, message=f"plugging in {item.name}")
    return Done()


def delete_port(row: LedgerRow) -> Call:
    on = On(row.id, "network", "DELETE", f"/v2.0/ports/{row.id}")
    return Call(
        "delete_port", row.name, Repeat.IDEMPOTENT, on, destructive=True, message=f"deleting port {row.id}", row=row
    )
