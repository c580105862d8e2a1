"""The site's rows in the kind's words, and back."""

from collections.abc import Iterable
from datetime import UTC, datetime

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
from hostwright.providers.simulated.rows import Machine, MachineRequest, NicRequest, Size, State, Task

LIFE = {
    State.BUILDING: Life.BUILDING,
    State.ACTIVE: Life.STEADY,
    State.ERROR: Life.FAILED,
    State.DELETING: Life.DELETING,
}
TASK = {Task.STARTING: "the site starts the machine", Task.STOPPING: "the site stops the machine"}
#: The machine that is *the* machine, of several under one mark: what can be used before what cannot.
_BEST_FIRST = (Life.STEADY, Life.CHANGING, Life.BUILDING, Life.FAILED, Life.DELETING)


def life(machine: Machine) -> Life:
    return Life.CHANGING if machine.task is not Task.NONE else LIFE[machine.state]


def size_word(cpu: int, memory_mib: int) -> str:
    """A size by what it is: sizes that have a name in the catalog, and all others."""
    return f"{cpu}x{memory_mib}"


def provider_id(site: str, machine_id: str) -> str:
    return f"simulated://{site}/{machine_id}"


def created_at(machine: Machine) -> datetime:
    return datetime.fromtimestamp(machine.created_at, UTC)


def sort_out(machines: Iterable[Machine], trace: Trace) -> tuple[list[Machine], tuple[LedgerRow, ...]]:
    """(what may be ours, the rows of the ledger that name what is not)."""
    ours: list[Machine] = []
    foreign: list[LedgerRow] = []
    for machine in machines:
        row = trace.disowned(machine.id, machine.mark, machine.name)
        if row is None:
            ours.append(machine)
        else:
            foreign.append(row)
    return ours, tuple(foreign)


def choose(machines: Iterable[Machine], trace: Trace) -> Machine | None:
    """The one with the ledger's id, else the best of those that bear the mark and our name, else the best marked."""
    there = {machine.id: machine for machine in machines}
    row = trace.row("server")
    if row is not None and row.id in there:
        return there[row.id]
    marked = [machine for machine in there.values() if machine.mark == trace.mark]
    return min(
        marked,
        key=lambda machine: (machine.name != trace.name, _BEST_FIRST.index(life(machine)), machine.number),
        default=None,
    )


def found(site: str, machine: Machine, gathered: Iterable[Machine], trace: Trace, sizes: Iterable[Size]) -> Found:
    """The chosen machine, and what else of ours is there."""
    everything = tuple(gathered)
    listed = {row.id: row.name for row in trace.ledger}
    extras = [
        LedgerRow(listed[other.id], other.id) for other in everything if other is not machine and other.id in listed
    ]
    addresses = tuple(address for nic in machine.interfaces for address in nic.addresses)
    named = {(size.cpu, size.memory_mib): size.name for size in sizes}
    word = size_word(machine.cpu, machine.memory_mib)
    return Found(
        life=life(machine),
        shape=shape(machine),
        id=machine.id,
        provider_id=provider_id(site, machine.id),
        message=machine.message or TASK.get(machine.task, ""),
        cpu=machine.cpu,
        memory_mib=machine.memory_mib,
        rebuilt=machine.rebuilt,
        size_name=named.get((machine.cpu, machine.memory_mib), word),
        created_at=created_at(machine),
        internal_addresses=addresses,
        interfaces=tuple(
            InterfaceFound(nic.name, f"{machine.id}/{nic.name}", nic.mac, nic.addresses) for nic in machine.interfaces
        ),
        parts=(LedgerRow("server", machine.id), *extras),
        twins=tuple(twin(other) for other in everything if other.mark == trace.mark),
        unmarked=() if machine.mark else (LedgerRow("server", machine.id),),
        recorded=(machine.namespace, machine.object_name),
    )


def shape(machine: Machine) -> MachineShape:
    return MachineShape(
        power=Power.ON if machine.powered_on else Power.OFF,
        tags=machine.tags,
        metadata=machine.metadata,
        size=size_word(machine.cpu, machine.memory_mib),
        image=machine.image,
        interfaces=tuple(InterfaceShape(nic.name, nic.network, nic.addresses, nic.mac) for nic in machine.interfaces),
    )


def twin(machine: Machine) -> Twin:
    return Twin(
        id=machine.id,
        name=machine.name,
        life=life(machine),
        created_at=created_at(machine),
        ports=len(machine.interfaces),
        namespace=machine.namespace,
        object_name=machine.object_name,
    )


def request(wanted: Wanted, trace: Trace) -> MachineRequest:
    """The creating request, all but the user data; mark and record are in it, never in a second call."""
    extra = wanted.extra
    return MachineRequest(
        name=trace.name,
        image=wanted.image_id,
        cpu=extra.cpu,
        memory_mib=extra.memory_mib,
        mark=trace.mark,
        namespace=trace.namespace,
        object_name=trace.object_name,
        hostname=wanted.hostname,
        interfaces=tuple(
            NicRequest(name=nic.name, network=nic.network, addresses=nic.addresses, mac=nic.mac_address)
            for nic in wanted.shape.interfaces
        ),
        tags=dict(wanted.shape.tags),
        metadata=dict(wanted.shape.metadata),
        ssh_keys=extra.ssh_keys,
    )
