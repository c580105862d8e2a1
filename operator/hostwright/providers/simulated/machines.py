"""VirtualMachines on a simulated site: look, resolve, plan, perform, prove."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from hostwright.core.errors import Bug, Failure, OwnershipMismatch
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, Receipt, Trace, Unsure, Wait
from hostwright.kinds.virtualmachine.port import (
    REBUILDS,
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
from hostwright.providers.simulated import errors
from hostwright.providers.simulated.client import Client
from hostwright.providers.simulated.inventory import Inventory
from hostwright.providers.simulated.plan import On, plan
from hostwright.providers.simulated.resolve import Names, resolve
from hostwright.providers.simulated.rows import (
    Code,
    Entry,
    Hardware,
    Machine,
    MachineRequest,
    Owner,
    Page,
    Refused,
    Remake,
)
from hostwright.providers.simulated.translate import choose, found, sort_out, twin

SUPPORTED = frozenset({"/powerState", "/tags", "/metadata", "/classRef"}) | REBUILDS


class Machines:
    def __init__(
        self,
        client: Client,
        *,
        inventory: Inventory,
        names: Callable[[], Names],
        site: str,
        monotonic: Callable[[], float],
        visibility_lag: float,
    ) -> None:
        self.visibility_lag = visibility_lag
        self.supported = SUPPORTED
        self.shape_paths: Mapping[str, str] = {}
        self._client = client
        self._inventory = inventory
        self._names = names
        self._site = site
        self._monotonic = monotonic

    def look(self, trace: Trace) -> Look:
        seen = self._inventory.gather(trace)
        machines, foreign = sort_out((item.machine for item in seen), trace)
        own = trace.without(foreign)
        chosen = choose(machines, own)
        if chosen is not None or machines:
            shown = found(self._site, chosen or machines[0], machines, own, self._names().catalog.sizes)
            return Present(replace(shown, foreign=foreign), self._inventory.as_of(seen))
        if foreign:
            return Present(Found(Life.PARTIAL, foreign=foreign), self._inventory.as_of(seen))
        return self._not_seen(trace)

    def _not_seen(self, trace: Trace) -> Look:
        row = trace.row("server")
        deleted = self._inventory.gone_since(row) if row is not None else None
        as_of = self._inventory.as_of(())
        if deleted is not None:
            return Missing(max(deleted, as_of))
        if not self._inventory.synced():
            return Unsure("the simulated site was not read yet")
        return Unsure("no machine of ours is listed on the simulated site", as_of)

    def away(self, trace: Trace, spec: VirtualMachineSpec) -> tuple[Failure, float] | None:  # noqa: ARG002
        """It answers as a whole, or not at all."""
        return None

    def namesakes(self, trace: Trace) -> tuple[Twin, ...]:
        return tuple(
            twin(machine)
            for machine in self._inventory.recorded(trace.namespace, trace.object_name)
            if machine.mark != trace.mark and machine.mark.startswith(trace.mark_prefix)
        )

    def matching(self, trace: Trace) -> tuple[Twin, ...]:  # noqa: ARG002 - import is refused by `resolve`
        return ()

    def resolve(self, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted | Unresolved:
        return resolve(self._names(), spec, bindings)

    def plan(
        self, step: Step, trace: Trace, wanted: Wanted | None, look: Look, memory: Memory
    ) -> Call | Wait | Done | Failure:
        return plan(step, trace, wanted, look, memory)

    async def perform(self, call: Call, user_data: bytes | None) -> Receipt:
        try:
            async with asyncio.timeout(call.deadline):
                return await self._send(call, user_data)
        except errors.RAISED as error:
            self._inventory.hasten()
            raise errors.of_write(error, call.repeat) from error

    async def _send(self, call: Call, user_data: bytes | None) -> Receipt:
        try:
            machine = await self._request(call, user_data)
        except Refused as refusal:
            return await self._refused(call, refusal)
        self._inventory.write(machine, self._monotonic())
        self._inventory.touch(machine.id)
        made = (LedgerRow(call.expect, machine.id),) if call.verb == "create_server" else ()
        return Receipt(made=made)

    async def _request(self, call: Call, user_data: bytes | None) -> Machine:
        match call.verb, call.arguments:
            case "create_server", MachineRequest() as request:
                return await self._client.create(msgspec.structs.replace(request, user_data=user_data or b""))
            case "start", On(id=id_):
                return await self._client.start(id_)
            case "stop", On(id=id_):
                return await self._client.stop(id_)
            case "resize", On(id=id_, size=Hardware() as size):
                return await self._client.resize(id_, size)
            case "rebuild", On(id=id_, remake=Remake() as remake):
                return await self._client.rebuild(id_, msgspec.structs.replace(remake, user_data=user_data or b""))
            case "set_tag" | "set_metadata", On(id=id_, table=table, key=key, value=value):
                return await self._client.set_entry(id_, table, Entry(key=key, value=value))
            case "remove_tag" | "remove_metadata", On(id=id_, table=table, key=key):
                return await self._client.remove_entry(id_, table, key)
            case "set_mark", On(id=id_, owner=Owner() as owner):
                return await self._client.set_mark(id_, owner)
            case "remove_mark", On(id=id_):
                return await self._client.remove_mark(id_)
            case "delete_server", On(id=id_):
                return await self._client.delete(id_)
        raise Bug(f"no request is known for the call {call.verb!r}")

    async def _refused(self, call: Call, refusal: Refused) -> Receipt:
        """Refusals that are answers: the name is ours already, the state is there already, it is gone already."""
        code = refusal.problem.code
        if call.verb == "create_server" and code == Code.NAME_TAKEN:
            return await self._name_taken(call, refusal)
        if isinstance(call.arguments, On):
            if code == Code.BUSY:  # what was seen is old, and a list may show it for long: it would be sent on and on
                await self._inventory.prove(call.arguments.id)
                self._inventory.touch(call.arguments.id)
                return Receipt()
            if refusal.not_found:
                self._inventory.write_gone(call.arguments.id, self._monotonic())
                return Receipt(gone=(call.expect,))
        raise refusal

    async def _name_taken(self, call: Call, refusal: Refused) -> Receipt:
        """The fence. Ours is adopted; a stranger's stays as it is."""
        request = call.arguments
        holder = await self._inventory.prove(refusal.problem.holder)
        if holder is None:
            raise Refused(500, refusal.problem)  # gone between two answers: the outcome is to be verified
        if holder.mark != request.mark:
            raise OwnershipMismatch(
                f"the name {request.name!r} is taken at the simulated site by machine {holder.id}, which does not bear "
                "our mark. Rename or remove that machine."
            )
        self._inventory.touch(holder.id)
        return Receipt(made=(LedgerRow(call.expect, holder.id),))

    async def prove(self, trace: Trace) -> Look:
        start = self._monotonic()
        try:
            known = [item.machine.id for item in self._inventory.gather(trace)]
            for machine_id in dict.fromkeys([*(row.id for row in trace.ledger), *known]):
                await self._inventory.prove(machine_id)
            page = await self._client.page(mark=trace.mark)
            self._write(page)
            while page.more:
                page = await self._client.page(mark=trace.mark, after=page.more)
                self._write(page)
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        return self.look(trace) if self._inventory.gather(trace) else Missing(start)

    def _write(self, page: Page) -> None:
        now = self._monotonic()
        for machine in page.machines:
            self._inventory.write(machine, now)
