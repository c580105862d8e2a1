"""The next call on ports, pure; its rows stand in the table of plan.py."""

from dataclasses import replace
from typing import Any

from hostwright.core.port import Call, Done, LedgerRow, Ownership, Repeat, Trace, Wait
from hostwright.kinds.virtualmachine.port import Found, InterfaceFound, InterfaceShape, Life, Memory, Rewire, Wanted
from hostwright.providers.openstack import bodies, translate
from hostwright.providers.openstack.calls import CREATE_SECONDS, SEND_AGAIN, Fence, NewPort, On, PortSeen, stale
from hostwright.providers.openstack.plan_floating import delete_floating_ip, floating

#: A port's other network or MAC address is another port: Neutron changes neither while it is bound (tried).
_ANOTHER_PORT = ("network", "mac_address")


def rewire(
    step: Rewire, trace: Trace, wanted: Wanted | None, found: Found | None, memory: Memory, fence: Fence
) -> Call | Wait | Done:
    """New interfaces before old ones, so that the last is never unplugged before the next is plugged in.

    But what holds an address that another is to have goes first, and so does the port of a name that gets another one.
    """
    if found is None or wanted is None or found.life is not Life.STEADY:
        return Wait(found.message if found is not None and found.message else "the server is not seen at rest")
    old, new = _surplus(step, wanted, found), _missing(step, wanted, found)
    asked = {address for item in wanted.shape.interfaces for address in (*item.addresses, item.mac_address) if address}
    held = [item for item in old if asked & {*item.addresses, item.mac_address}]
    for item in held:
        return _remove(item, trace, found, memory, fence)
    for shape in new:
        return replace(create_port(trace, wanted, shape, fence), repeat=Repeat.INTENT)
    wished = {shape.name for shape in wanted.shape.interfaces if step.names(shape.name)}
    for item in found.interfaces:
        loose = not item.bound and item not in old
        if loose and (item.name in wished or step.names(item.name, "plugged")):
            return _attach(item, found, memory, fence)
    for shape in wanted.shape.interfaces:
        body = _change(step, shape, wanted, found)
        if body:
            return _put(shape.name, body, found, memory, fence)
    match floating(step, trace, wanted, found, memory, fence):
        case Call() | Wait() as next_:
            return next_
    for item in old:
        match _remove(item, trace, found, memory, fence):
            case Call() | Wait() as next_:
                return next_
    return Done()


def _surplus(step: Rewire, wanted: Wanted, found: Found) -> list[InterfaceFound]:
    """What goes: interfaces wished no more, and ports that are to be other ones."""
    names = {item.name for item in wanted.shape.interfaces}
    return [
        item
        for item in found.interfaces
        if (item.name not in names and step.names(item.name)) or step.names(item.name, *_ANOTHER_PORT)
    ]


def _missing(step: Rewire, wanted: Wanted, found: Found) -> list[InterfaceShape]:
    there = {item.name for item in found.interfaces}
    return [item for item in wanted.shape.interfaces if item.name not in there and step.names(item.name)]


def _change(step: Rewire, shape: InterfaceShape, wanted: Wanted, found: Found) -> dict[str, Any]:
    """What is set on a port that stays."""
    have = next((item for item in found.shape.interfaces if item.name == shape.name), None)
    body: dict[str, Any] = {}
    if have is None:
        return body
    if step.names(shape.name, "addresses") and set(have.addresses) != set(shape.addresses):
        body["fixed_ips"] = [{"ip_address": item} for item in shape.addresses]
    groups = shape.security_groups or wanted.default_groups
    if step.names(shape.name, "security_groups") and set(have.security_groups) != set(groups):
        body["security_groups"] = list(groups)
    return body


def _put(name: str, body: dict[str, Any], found: Found, memory: Memory, fence: Fence) -> Call | Wait:
    port = next(item.id for item in found.interfaces if item.name == name)
    if stale(f"port/{name}", _seen(port, fence).as_of, memory):
        return Wait(f"port {name} was changed")
    on = On(port, "network", "PUT", f"/v2.0/ports/{port}", {"port": body})
    return Call("update_port", f"port/{name}", Repeat.IDEMPOTENT, on, message=f"changing port {name}")


def _remove(item: InterfaceFound, trace: Trace, found: Found, memory: Memory, fence: Fence) -> Call | Wait | Done:
    """Unplugged, seen unplugged, deleted: Nova goes on unplugging after its answer, and then still needs the port."""
    row = next((row for row in trace.ledger if row.id == item.id), None)
    port, name = _seen(item.id, fence), f"port/{item.name}"
    told = port.unplugged_at is not None and port.as_of - port.unplugged_at <= SEND_AGAIN
    if stale(name, port.as_of, memory) or (port.holder == found.id and told):
        return Wait(f"Nova unplugs {item.name}")
    if port.holder == found.id:
        on = On(found.id, "compute", "DELETE", f"/servers/{found.id}/os-interface/{item.id}")
        return Call("detach_port", name, Repeat.IDEMPOTENT, on, message=f"unplugging {item.name}")
    if port.holder:
        return Wait(f"port {item.id} of {item.name} is held by {port.holder}")
    if row is None or row.ownership is Ownership.REFERENCED:
        return Done()
    return delete_port(row)


def _seen(port: str, fence: Fence) -> PortSeen:
    return fence.ports.get(port, PortSeen("", float("inf")))


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
        NewPort(bodies.port_body(trace, interface, subnet, address), interface.name, interface.network, address, users),
        deadline=CREATE_SECONDS,
        message=f"creating port {interface.name}",
    )


def plug_in(found: Found, memory: Memory, fence: Fence) -> Call | Wait | Done:
    """One loose port after the other."""
    for item in found.interfaces:
        if not item.bound:
            return _attach(item, found, memory, fence)
    return Done()


def _attach(item: InterfaceFound, found: Found, memory: Memory, fence: Fence) -> Call | Wait:
    """One that something else holds is never tried: that would take it away."""
    port = _seen(item.id, fence)
    if stale(f"port/{item.name}", port.as_of, memory):
        return Wait(f"{item.name} was plugged in")
    if port.holder:
        return Wait(f"port {item.id} of {item.name} is held by {port.holder}")
    body = {"interfaceAttachment": {"port_id": item.id}}
    on = On(found.id, "compute", "POST", f"/servers/{found.id}/os-interface", body)
    return Call("attach_port", f"port/{item.name}", Repeat.IDEMPOTENT, on, message=f"plugging in {item.name}")


def delete_part(row: LedgerRow, fence: Fence) -> Call:
    """A port or a floating IP."""
    return delete_floating_ip(row) if row.id in fence.floating else delete_port(row)


def delete_port(row: LedgerRow) -> Call:
    on = On(row.id, "network", "DELETE", f"/v2.0/ports/{row.id}")
    return Call(
        "delete_port", row.name, Repeat.IDEMPOTENT, on, destructive=True, message=f"deleting port {row.id}", row=row
    )
