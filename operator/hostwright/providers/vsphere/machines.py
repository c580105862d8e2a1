"""VirtualMachines on vSphere: look, resolve, plan, perform, prove."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from hostwright.core.cloudinit import compose
from hostwright.core.errors import Bug, Failure, InvalidConfiguration, OwnershipMismatch, Transient
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, Receipt, Trace, Unsure, Wait
from hostwright.kinds.virtualmachine.port import (
    Bindings,
    Found,
    Life,
    Look,
    Memory,
    Step,
    Twin,
    Unresolved,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.vsphere import errors, translate
from hostwright.providers.vsphere.client import Client
from hostwright.providers.vsphere.inventory import Inventory
from hostwright.providers.vsphere.plan import SERVER, Begun, Known, NewMachine, plan
from hostwright.providers.vsphere.resolve import Names, resolve
from hostwright.providers.vsphere.rows import (
    OFF,
    Act,
    DefineAttribute,
    Fault,
    Place,
    Reconfigure,
    SetAttribute,
    Task,
    Unanswered,
)
from hostwright.providers.vsphere.section import SECTIONS

SUPPORTED = frozenset({"/powerState", "/tags", "/metadata"})
#: Seconds between two looks at a task, at first and at most.
LOOK, LOOK_LATE = 0.05, 1.0
#: A clone that takes longer is left to its task, and the status says so; its place is another call's.
CLONE_WITHIN = 2.0
#: A machine's extraConfig takes no more in one value.
USER_DATA_BYTES = 48 * 1024


class Machines:
    """One for each session."""

    def __init__(
        self,
        client: Client,
        *,
        inventory: Inventory,
        names: Callable[[], Names],
        vcenter: str,
        monotonic: Callable[[], float],
        visibility_lag: float,
    ) -> None:
        self.visibility_lag = visibility_lag
        self.supported = SUPPORTED
        self.shape_paths: Mapping[str, str] = SECTIONS.shape_paths
        self._client, self._inventory, self._names = client, inventory, names
        self._vcenter, self._monotonic = vcenter, monotonic
        self._asked: dict[str, float] = {}  # machine → when its guest was asked to go down
        self._clones: dict[str, str] = {}  # task that we began → the name of the machine that it makes

    def look(self, trace: Trace) -> Look:
        everything = self._inventory.gather(trace)
        seen, foreign = translate.sort_out(everything, trace)
        if seen:
            shown = translate.found(self._vcenter, seen, trace.without(foreign), self._pinned(trace))
            return Present(replace(shown, foreign=foreign), self._inventory.as_of(everything))
        if foreign:
            return Present(Found(Life.PARTIAL, foreign=foreign), self._inventory.as_of(everything))
        row = trace.row("server")
        gone = self._inventory.rows.gone_since(row.id) if row is not None else None
        as_of = self._inventory.as_of(())
        if gone is not None:
            return Missing(max(gone, as_of))
        if not self._inventory.synced():
            return Unsure("vCenter was not read yet")
        return Unsure("no machine of ours is seen at the vCenter", as_of)

    def away(self, trace: Trace, spec: VirtualMachineSpec) -> tuple[Failure, float] | None:  # noqa: ARG002
        """It answers as a whole, or not at all."""
        return None

    def namesakes(self, trace: Trace) -> tuple[Twin, ...]:
        rows = self._inventory.rows
        recorded = [rows[item].machine for item in rows.recorded(trace.namespace, trace.object_name)]
        return tuple(
            translate.twin(machine, machine.parent)
            for machine in recorded
            if machine.mark != trace.mark and machine.mark.startswith(trace.mark_prefix) and not machine.template
        )

    def matching(self, trace: Trace) -> tuple[Twin, ...]:  # noqa: ARG002 - import is refused by `resolve`
        return ()

    def resolve(self, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted | Unresolved:
        return resolve(self._names(), spec, bindings)

    def plan(self, step: Step, trace: Trace, wanted: Wanted | None, look: Look, memory: Memory) -> Call | Wait | Done:
        machines = [seen.machine for seen in self._inventory.gather(trace)]
        for machine in machines:
            if machine.power == OFF:
                self._asked.pop(machine.id, None)
        known = Known(
            on=frozenset(machine.id for machine in machines if machine.power != OFF),
            tools=frozenset(machine.id for machine in machines if machine.tools),
            defined=self._client.defined(),
            asked=self._asked,
            pinned=self._pinned(trace),
        )
        return plan(step, trace, wanted, look, memory, known)

    def _pinned(self, trace: Trace) -> Place | None:
        return self._names().holder(trace.place) if trace.place else None

    async def perform(self, call: Call, user_data: bytes | None) -> Receipt:
        try:
            async with asyncio.timeout(call.deadline):
                return await self._send(call, user_data)
        except errors.RAISED as error:
            if isinstance(call.arguments, Act | Reconfigure | SetAttribute):
                self._inventory.touch(call.arguments.id)
            raise (errors.of_read if isinstance(call.arguments, Begun) else errors.of_write)(error) from error

    async def _send(self, call: Call, user_data: bytes | None) -> Receipt:
        match call.arguments:
            case NewMachine() as new:
                return await self._clone(call, new, user_data)
            case Begun(trace=trace):
                return await self._came_of(call, trace)
            case Act() | Reconfigure() | SetAttribute() | DefineAttribute() as request:
                return await self._on(call, request)
        raise Bug(f"no request is known for the call {call.verb!r}")

    # -- a new machine

    async def _clone(self, call: Call, new: NewMachine, user_data: bytes | None) -> Receipt:
        try:
            data = compose(user_data, new.wanted.extra.ssh_keys, f"hostwright-{new.trace.machine_id}")
        except ValueError as error:
            raise InvalidConfiguration(f"{error}.") from error
        if data is not None and len(data) > USER_DATA_BYTES:
            raise InvalidConfiguration(
                f"the user data has {len(data)} bytes and vSphere takes {USER_DATA_BYTES}: let it fetch what it needs."
            )
        try:
            begun = await self._client.send(translate.clone(new.wanted, new.trace, data), call.deadline)
        except Fault as fault:
            return await self._refused(call, new.trace, fault)
        self._clones[begun] = new.trace.name
        try:
            task = await self._ended(begun, CLONE_WITHIN)
        except errors.RAISED:  # it was begun all the same: its task is asked later
            return Receipt(task=begun)
        return await self._result(call, new.trace, task)

    async def _came_of(self, call: Call, trace: Trace) -> Receipt:
        """Of a clone that took long, or that an earlier process began. A proof found nothing after its end."""
        task = await self._begun(trace)
        if task is None:
            raise Transient("vCenter knows the clone's task no more, and has no machine of it")
        try:
            return await self._result(call, trace, task)
        except Fault as fault:
            raise errors.of_ended(fault) from fault

    async def _result(self, call: Call, trace: Trace, task: Task) -> Receipt:
        if not task.ended:
            return Receipt(task=task.id)
        if task.fault is not None:
            return await self._refused(call, trace, task.fault)
        return await self._made(call, task.result)

    async def _refused(self, call: Call, trace: Trace, fault: Fault) -> Receipt:
        if fault.name != "DuplicateName":
            raise fault
        return await self._name_taken(call, trace, fault)

    async def _made(self, call: Call, item: str) -> Receipt:
        if await self._inventory.prove(item) is None:
            raise Unanswered("the new machine was gone before it was seen")
        return Receipt(made=(LedgerRow(call.expect, item),))

    async def _name_taken(self, call: Call, trace: Trace, fault: Fault) -> Receipt:
        """The fence. Ours is adopted; a stranger's stays as it is; one in the making is nobody's yet."""
        holder = await self._inventory.prove(fault.item)
        if holder is None or not holder.configured:
            raise Unanswered(f"a machine {trace.name!r} is being made or taken away")
        if holder.mark == trace.mark:
            return Receipt(made=(LedgerRow(call.expect, holder.id),))
        if not holder.mark and await self._in_the_making(trace):
            raise Unanswered("a clone of this machine may be under way")
        raise OwnershipMismatch(
            f"the name {trace.name!r} is taken in its folder by {holder.id}, which does not bear our mark. "
            "Rename, move or remove that one."
        )

    async def _in_the_making(self, trace: Trace) -> bool:
        """Whether a clone task runs that may be this machine's: of those that we began, only its own.

        A task names its template, not what it makes: one that an earlier process began cannot be told from another.
        """
        running = await self._client.clones()
        self._clones = {task: name for task, name in self._clones.items() if task in running}
        return any(self._clones.get(task, trace.name) == trace.name for task in running)

    # -- one that is there

    async def _on(self, call: Call, request: Act | Reconfigure | SetAttribute | DefineAttribute) -> Receipt:
        try:
            begun = await self._client.send(request, call.deadline)
            if begun and (ended := await self._ended(begun)).fault is not None:
                raise ended.fault
        except Fault as fault:
            _answers(request, fault)
        if call.verb == "shutdown_guest":
            self._asked[request.id] = self._monotonic()
        if await self._inventory.prove(request.id) is None:
            return Receipt(gone=(call.expect,))
        return Receipt()

    async def _ended(self, item: str, seconds: float = float("inf")) -> Task:
        """The task when it has ended, or as it is after so long; the call's deadline ends the wait, not the task."""
        pause, until = LOOK, self._monotonic() + seconds
        while not (task := await self._client.task(item)).ended and self._monotonic() < until:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LOOK_LATE)
        return task

    # -- the proof

    async def prove(self, trace: Trace) -> Look:
        start = self._monotonic()
        try:
            task = await self._begun(trace)
            if task is not None and not task.ended:
                return Present(translate.in_the_making(task), start)
            if task is not None and task.result:
                trace = replace(trace, ledger=(*trace.ledger, LedgerRow(SERVER, task.result)))
            making = await self._ask(trace)
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        if self._inventory.gather(trace):
            return self.look(trace)
        return Present(translate.in_the_making(), start) if making else Missing(start)

    async def _begun(self, trace: Trace) -> Task | None:
        """The task by which it is being made; None: none is known, or vCenter knows it no more."""
        if not trace.task or trace.row(SERVER) is not None:
            return None
        self._clones.setdefault(trace.task, trace.name)
        try:
            return await self._client.task(trace.task)
        except Fault as fault:
            if fault.name != errors.GONE or fault.item != trace.task:
                raise
            return None

    async def _ask(self, trace: Trace) -> bool:
        """What is known by id, then all that the inventory does not know yet: a machine just made is among those.

        Whether it is in the making. Tasks first: a clone that ended since is among the machines that are listed after.
        Where its own task is known, and has ended, no other can be its.
        """
        making = not trace.task and await self._in_the_making(trace)
        known = [seen.machine.id for seen in self._inventory.gather(trace)]
        asked = list(dict.fromkeys([*(row.id for row in trace.ledger), *known]))
        for item in asked:
            await self._inventory.prove(item)
        there = await self._client.names()
        unknown = [item for item in there if item not in self._inventory.rows]
        ours = [item for item, name in there.items() if name == trace.name]
        for item in dict.fromkeys([*unknown, *ours]):
            if item not in asked:
                await self._inventory.prove(item)
        rows = self._inventory.rows
        bare = any(item in rows and not rows[item].machine.configured for item in ours)
        return making or bare  # one of our name whose config cannot be read yet is nobody's yet


def _answers(request: object, fault: Fault) -> None:
    """Refusals that are answers: gone already, in that state already, defined already. A look follows."""
    gone = fault.name == errors.GONE and isinstance(request, Act | Reconfigure | SetAttribute)
    defined = fault.name == "DuplicateName" and isinstance(request, DefineAttribute)
    if not (gone or defined or fault.name in errors.ALREADY):
        raise fault
