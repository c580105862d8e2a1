"""A vCenter's rows in the kind's words, and the creating request."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hostwright.core.port import LedgerRow, Trace
from hostwright.kinds.virtualmachine.port import (
    Found,
    InterfaceFound,
    InterfaceShape,
    Life,
    MachineShape,
    Power,
    Twin,
    Wanted,
)
from hostwright.providers.vsphere import rows
from hostwright.providers.vsphere.inventory import Seen
from hostwright.providers.vsphere.rows import Clone, Machine, NewNic, Place, Task

_BEST_FIRST = (Life.STEADY, Life.CHANGING, Life.HELD, Life.BUILDING, Life.FAILED, Life.DELETING)
_QUARTER = 25
POWER: Mapping[str, Power] = {rows.ON: Power.ON, rows.OFF: Power.OFF}


def life(machine: Machine) -> Life:
    if not machine.configured:
        return Life.BUILDING
    return (
        Life.HELD
        if machine.template or machine.connection != "connected" or machine.power not in POWER
        else Life.STEADY
    )


def message(machine: Machine) -> str:
    if life(machine) is not Life.HELD:
        return ""
    if machine.template:
        return "it was made a template"
    return f"vCenter says {machine.power if machine.connection == 'connected' else machine.connection}"


def in_the_making(task: Task | None = None) -> Found:
    """Nobody sees it yet: its own clone, or one that may be its own. Told in quarters, as each is a write."""
    if task is None:
        return Found(Life.BUILDING, message="vCenter makes a clone that may be this machine")
    done = f" ({task.progress // _QUARTER * _QUARTER} %)" if task.progress >= _QUARTER else ""
    return Found(Life.BUILDING, message=f"vCenter clones the template{done}")


def size_word(cpu: int, memory_mib: int) -> str:
    return f"{cpu}x{memory_mib}"


def mac(machine_id: str, interface: str) -> str:
    """In vSphere's range for chosen ones (00:50:56:00 to 3f): 22 bits, so only where an address needs it."""
    digest = hashlib.sha256(f"{machine_id}/{interface}".encode()).digest()
    return "00:50:56:" + bytes((digest[0] & 0x3F, digest[1], digest[2])).hex(":")


def choose(seen: Sequence[Seen], trace: Trace) -> Machine | None:
    """The ledger's if it is there, else the best of those that bear the mark and our name, else the best marked."""
    there = {item.machine.id: item.machine for item in seen}
    row = trace.row("server")
    if row is not None and row.id in there:
        return there[row.id]
    return min(
        (machine for machine in there.values() if machine.mark == trace.mark),
        key=lambda machine: (
            machine.name != trace.name,
            _BEST_FIRST.index(life(machine)),
            _created(machine),
            machine.id,
        ),
        default=None,
    )


def sort_out(seen: Sequence[Seen], trace: Trace) -> tuple[list[Seen], tuple[LedgerRow, ...]]:
    """(what may be ours, the rows of the ledger that name what is not). What cannot be read yet is judged later."""
    ours: list[Seen] = []
    foreign: list[LedgerRow] = []
    for item in seen:
        row = trace.disowned(item.machine.id, item.machine.mark, item.machine.name)
        if row is None or not item.machine.configured:
            ours.append(item)
        else:
            foreign.append(row)
    return ours, tuple(foreign)


def found(vcenter: str, seen: Sequence[Seen], trace: Trace, pinned: Place | None = None) -> Found:
    """The chosen machine, and what else of ours is there. `pinned`: the folder in which it is being made."""
    machine = choose(seen, trace) or seen[0].machine
    home = pinned.id if pinned is not None else machine.parent
    listed = {row.id: row.name for row in trace.ledger}
    others = [item.machine for item in seen if item.machine is not machine]
    interfaces = tuple(_interfaces(machine))
    return Found(
        life=life(machine),
        shape=_shape(machine, interfaces),
        id=machine.id,
        provider_id=f"vsphere://{vcenter}/{machine.id}",
        message=message(machine),
        zone=machine.options.get(rows.FAILURE_DOMAIN, ""),
        cpu=machine.cpu or None,
        memory_mib=machine.memory_mib or None,
        size_name=size_word(machine.cpu, machine.memory_mib),
        created_at=machine.created,
        internal_addresses=tuple(address for nic in interfaces for address in nic.addresses),
        interfaces=interfaces,
        parts=(
            LedgerRow("server", machine.id),
            *(LedgerRow(listed[other.id], other.id) for other in others if other.id in listed),
        ),
        twins=tuple(
            twin(item.machine, home) for item in seen if item.machine.mark == trace.mark and not item.machine.template
        ),
        recorded=machine.record,
        unmarked=() if machine.mark or not machine.configured else (LedgerRow("server", machine.id),),
    )


def twin(machine: Machine, home: str) -> Twin:
    """Its name is ours in our folder only: elsewhere a person's copy may have the same."""
    namespace, name = machine.record
    called = machine.name if machine.parent == home else f"{machine.name} in {machine.parent}"
    return Twin(machine.id, called, life(machine), machine.created, len(machine.nics), namespace, name)


def clone(wanted: Wanted, trace: Trace, user_data: bytes | None) -> Clone:
    """Mark, record and first boot are in the creating request, never in a second call."""
    extra = wanted.extra
    shape = wanted.shape
    macs = {
        nic.name: nic.mac_address or (mac(trace.machine_id, nic.name) if nic.addresses else "")
        for nic in shape.interfaces
    }
    return Clone(
        template=wanted.image_id,
        name=trace.name,
        folder=extra.folder.id,
        pool=extra.pool,
        datastore=extra.datastore,
        cpu=extra.cpu,
        memory_mib=extra.memory_mib,
        options={
            **shape.metadata,
            **mark(trace),
            rows.TEMPLATE: wanted.image_id,
            **({rows.FAILURE_DOMAIN: shape.zone} if shape.zone else {}),
            rows.INTERFACES: ",".join(nic.name for nic in shape.interfaces),
            **{rows.ADDRESSES + nic.name: ",".join(nic.addresses) for nic in shape.interfaces if nic.addresses},
            **_guestinfo("metadata", json.dumps(_metadata(wanted, trace, macs)).encode()),
            **(_guestinfo("userdata", user_data) if user_data else {}),
        },
        nics=tuple(
            NewNic(nic.network, extra.switches.get(nic.network, ""), macs[nic.name]) for nic in shape.interfaces
        ),
        drop=extra.template_nics,
    )


def mark(trace: Trace) -> dict[str, str]:
    return {
        rows.MARK: trace.mark,
        rows.RECORD_NAMESPACE: trace.namespace,
        rows.RECORD_NAME: trace.object_name,
    }


#: Our marks off; what only describes the machine stays with it.
NO_MARK = {rows.MARK: "", rows.RECORD_NAMESPACE: "", rows.RECORD_NAME: ""}


def _metadata(wanted: Wanted, trace: Trace, macs: Mapping[str, str]) -> dict[str, Any]:
    """cloud-init's datasource VMware; the network is described only where an address is fixed, else it is DHCP."""
    data: dict[str, Any] = {"instance-id": trace.machine_id, "local-hostname": wanted.hostname}
    if any(nic.addresses for nic in wanted.shape.interfaces):
        ethernets = {}
        for number, nic in enumerate(wanted.shape.interfaces):
            fixed = wanted.extra.prefixed.get(nic.name, ())
            match = {"match": {"macaddress": macs[nic.name]}} if macs[nic.name] else {"match": {"name": f"e*{number}"}}
            ethernets[nic.name] = {**match, **({"addresses": list(fixed)} if fixed else {"dhcp4": True})}
        data["network"] = {"config": {"version": 2, "ethernets": ethernets}}
    return data


def _guestinfo(what: str, content: bytes) -> dict[str, str]:
    return {f"guestinfo.{what}": base64.b64encode(content).decode(), f"guestinfo.{what}.encoding": "base64"}


def _interfaces(machine: Machine) -> list[InterfaceFound]:
    """Cards in the order in which they were added, which is that of the interfaces; one more is named by its key."""
    names = [name for name in machine.options.get(rows.INTERFACES, "").split(",") if name]
    named = [*names, *(f"card-{nic.key}" for nic in machine.nics[len(names) :])]
    return [
        InterfaceFound(name, f"{machine.id}/{nic.key}", nic.mac, machine.addresses.get(nic.mac, ()))
        for name, nic in zip(named, machine.nics, strict=False)
    ]


def _shape(machine: Machine, interfaces: Sequence[InterfaceFound]) -> MachineShape:
    return MachineShape(
        power=POWER.get(machine.power),
        tags=machine.attributes,
        metadata={key: value for key, value in machine.options.items() if not key.startswith(rows.OURS)},
        size=size_word(machine.cpu, machine.memory_mib),
        image=machine.options.get(rows.TEMPLATE) or None,
        zone=machine.options.get(rows.FAILURE_DOMAIN) or None,
        interfaces=tuple(
            InterfaceShape(item.name, nic.network, _fixed(machine, item.name) or item.addresses, item.mac_address)
            for item, nic in zip(interfaces, machine.nics, strict=False)
        ),
    )


def _fixed(machine: Machine, interface: str) -> tuple[str, ...]:
    """What cloud-init was told at creation: a guest that is off or still boots tells nothing."""
    text = machine.options.get(rows.ADDRESSES + interface, "")
    return tuple(text.split(",")) if text else ()


def _created(machine: Machine) -> float:
    return machine.created.timestamp() if machine.created is not None else float("inf")
