"""The next call on floating IPs, pure; its rows stand in the table of plan.py."""

from hostwright.core.port import Call, Done, LedgerRow, Ownership, Repeat, Trace, Wait
from hostwright.kinds.virtualmachine.port import Found, InterfaceShape, Memory, Rewire, Wanted
from hostwright.providers.openstack.calls import CREATE_SECONDS, Fence, FloatingSeen, Move, NewFloatingIP, On, stale
from hostwright.providers.openstack.rows import Part

#: Fields of the shape's interface that say something of its floating IP; the last one: that it is wished no more.
ASPECTS = ("floating_pool", "floating_address", "floating")


def name_of(interface: str) -> str:
    """Its name in the ledger."""
    return f"{Part.FLOATING_IP}/{interface}"


def floating(
    step: Rewire, trace: Trace, wanted: Wanted, found: Found, memory: Memory, fence: Fence
) -> Call | Wait | Done:
    """What is wished no more goes first: a port takes one floating IP only."""
    ports = {item.name: item.id for item in found.interfaces}
    wishes = {item.name: item for item in wanted.shape.interfaces if item.floating_pool or item.floating_address}
    for row in trace.ledger:
        name = row.name.removeprefix(name_of(""))
        if row.name == name_of(name) and name not in wishes and step.names(name, *ASPECTS):
            match let_go(row, ports.get(name, ""), memory, fence):
                case Call() | Wait() as next_:
                    return next_
    for item in wishes.values():
        if item.name in ports and step.names(item.name, *ASPECTS):
            match _reach(item, ports[item.name], trace, memory, fence):
                case Call() | Wait() as next_:
                    return next_
    return Done()


def let_go(row: LedgerRow, port: str, memory: Memory, fence: Fence) -> Call | Wait | Done:
    """Ours is deleted; one that the project had before is only taken off our port, if it is there still."""
    seen = fence.floating.get(row.id)
    if seen is None:
        return Done()
    if row.ownership is not Ownership.REFERENCED:
        return delete_floating_ip(row)
    if not port or seen.port != port:
        return Done()
    if stale(row.name, seen.as_of, memory):
        return Wait(f"floating IP {seen.address} was taken off")
    return _move(row, seen, port, None)


def delete_floating_ip(row: LedgerRow) -> Call:
    on = On(row.id, "network", "DELETE", f"/v2.0/floatingips/{row.id}")
    text = f"deleting floating IP {row.id}"
    return Call("delete_floating_ip", row.name, Repeat.IDEMPOTENT, on, destructive=True, message=text, row=row)


def _reach(item: InterfaceShape, port: str, trace: Trace, memory: Memory, fence: Fence) -> Call | Wait | Done:
    row = trace.row(name_of(item.name))
    seen = fence.floating.get(row.id) if row is not None else None
    if row is not None and seen is not None and not _is_it(item, row, seen):
        match let_go(row, port, memory, fence):
            case Call() | Wait() as next_:
                return next_
        row = seen = None  # it was the project's, and is on our port no more: its row gives way to the next one's
    if row is not None and seen is None:
        return Wait(f"floating IP {row.id} is not seen")  # proven gone, it leaves the ledger
    if row is not None and seen is not None:
        if seen.port == port:
            return Done()
        if stale(row.name, seen.as_of, memory):
            return Wait(f"floating IP {seen.address} was put on port {item.name}")
        return _move(row, seen, "", port)
    return _create(item, port, trace) if item.floating_pool else _take(item, port, fence)


def _is_it(item: InterfaceShape, row: LedgerRow, seen: FloatingSeen) -> bool:
    """One of ours that has the address asked for stays ours."""
    if item.floating_pool:
        return row.ownership is not Ownership.REFERENCED and seen.network == item.floating_pool
    return seen.address == item.floating_address


def _create(item: InterfaceShape, port: str, trace: Trace) -> Call:
    """Put on the port in the same request: Neutron refuses a second one for that port, but a lost one is looked for."""
    body = {"floating_network_id": item.floating_pool, "port_id": port, "description": trace.mark}
    new = NewFloatingIP({"floatingip": body}, port)
    text = f"taking a floating IP for {item.name}"
    return Call("create_floating_ip", name_of(item.name), Repeat.INTENT, new, deadline=CREATE_SECONDS, message=text)


def _take(item: InterfaceShape, port: str, fence: Fence) -> Call:
    """The project's own, by its address. It enters the ledger as not ours before it is put on the port."""
    known = next((key for key, seen in fence.floating.items() if seen.address == item.floating_address), "")
    name, text = name_of(item.name), f"putting floating IP {item.floating_address} on {item.name}"
    if not known:  # made a moment ago, or never: its id is asked for first
        return Call(
            "find_floating_ip", name, Repeat.IDEMPOTENT, Move("", item.floating_address, "", port), message=text
        )
    row = LedgerRow(name, known, ownership=Ownership.REFERENCED)
    move = Move(known, item.floating_address, "", port)
    return Call("associate", name, Repeat.INTENT, move, message=text, row=row)


def _move(row: LedgerRow, seen: FloatingSeen, source: str, target: str | None) -> Call:
    verb = "disassociate" if target is None else "associate"
    text = f"taking floating IP {seen.address} off" if target is None else f"putting floating IP {seen.address} on"
    referenced = row.ownership is Ownership.REFERENCED
    move = Move(row.id, seen.address, source, target, referenced=referenced)
    return Call(verb, row.name, Repeat.IDEMPOTENT, move, message=text)
