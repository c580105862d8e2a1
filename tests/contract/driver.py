"""The least engine: look, plan, perform, look again. It keeps the ledger and the receipts of one machine."""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hostwright.core import names
from hostwright.core.errors import Ambiguous
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, Receipt, RowState, Trace, Unsure, Wait, Window
from hostwright.kinds.virtualmachine.port import (
    Create,
    Delete,
    Found,
    Look,
    Memory,
    Step,
    VirtualMachineProvider,
    Wanted,
)

CLUSTER = "contract-suite"
NAMESPACE, OBJECT = "team-a", "web"


def new_trace() -> Trace:
    machine_id = str(uuid.uuid4())
    return Trace(
        machine_id=machine_id,
        mark=names.owner_mark(CLUSTER, machine_id),
        mark_prefix=names.mark_prefix(CLUSTER),
        name=names.provider_name(NAMESPACE, OBJECT, machine_id),
        namespace=NAMESPACE,
        object_name=OBJECT,
    )


@dataclass
class Driver:
    provider: VirtualMachineProvider
    wanted: Wanted
    patience: float
    trace: Trace = field(default_factory=new_trace)
    receipts: dict[str, float] = field(default_factory=dict)
    sent: list[Call] = field(default_factory=list)
    user_data: bytes | None = b"#cloud-config\n{}\n"

    @property
    def id(self) -> str:
        row = self.trace.row("server")
        assert row is not None, "no machine is in the ledger"
        return row.id

    @property
    def hex_id(self) -> str:
        return self.trace.machine_id.replace("-", "")

    def look(self) -> Look:
        return self.provider.look(self.trace)

    def found(self) -> Found:
        look = self.look()
        assert isinstance(look, Present), look
        return look.found

    def plan(self, step: Step) -> Call | Wait | Done:
        return self.provider.plan(step, self.trace, self.wanted, self.look(), Memory(receipts=self.receipts))

    async def reach(self, step: Step) -> Look:
        """Until the step is Done. Failures of calls are the caller's."""
        deadline = time.monotonic() + self.patience
        while True:
            match self.plan(step):
                case Done():
                    if not isinstance(step, Delete):
                        return self.look()
                    proven = await self.provider.prove(self.trace)
                    if isinstance(proven, Missing):
                        self.trace = replace(self.trace, ledger=())
                        return proven
                case Call() as call:
                    await self.send(call)
                case Wait():
                    await asyncio.sleep(0.05)
            assert time.monotonic() < deadline, f"{step} is not reached in {self.patience} s: {self.look()}"

    async def next_call(self, step: Step) -> Call:
        """What the plan sends next, once there is nothing to wait for."""
        deadline = time.monotonic() + self.patience
        while not isinstance(planned := self.plan(step), Call):
            assert not isinstance(planned, Done), f"{step} is reached without a call"
            assert time.monotonic() < deadline, f"no call in {self.patience} s: {planned}"
            await asyncio.sleep(0.05)
        return planned

    async def create_up_to(self, verb: str) -> Call:
        """All parts that come before the call of this verb."""
        while (call := await self.next_call(Create())).verb != verb:
            await self.send(call)
        return call

    async def send(self, call: Call) -> Receipt:
        if not self.trace.windows:
            self.trace = replace(self.trace, windows=(Window(datetime.now(UTC)),))
        if call.row is not None:
            self._list(call.row)
        self.sent.append(call)
        receipt = await self.provider.perform(call, self.user_data)
        self.receipts[call.expect] = time.monotonic()
        if receipt.task and not receipt.made:
            self.trace = replace(self.trace, task=receipt.task)
        for row in receipt.made:
            self._list(row)
        if call.destructive and self.trace.row(call.expect) is not None and call.expect not in receipt.gone:
            self._list(replace(self.trace.row(call.expect) or LedgerRow("", ""), state=RowState.DELETING))
        for name in receipt.gone:
            self._drop(name)
        return receipt

    async def verify(self) -> Look:
        """After an unknown outcome: asked until the machine is found, or the visibility lag has passed without it."""
        deadline = time.monotonic() + self.provider.visibility_lag + 1.0
        while True:
            look = await self.provider.prove(self.trace)
            if isinstance(look, Present) and look.found.parts:  # without parts it is still in the making
                for part in look.found.parts:
                    self._list(part)
                return look
            assert not isinstance(look, Unsure), "prove is never unsure"
            if time.monotonic() > deadline:
                return look
            await asyncio.sleep(0.1)

    async def send_into_the_dark(self, call: Call) -> Look:
        """A call whose outcome must come back as unknown, and what verifying it shows."""
        try:
            await self.send(call)
        except Ambiguous:
            return await self.verify()
        raise AssertionError(f"{call.verb} was to end in Ambiguous")

    async def until(self, holds: Callable[[Look], bool], what: str) -> Look:
        """Only by what the inventory notices itself."""
        deadline = time.monotonic() + self.patience
        while not holds(look := self.look()):
            assert time.monotonic() < deadline, f"not in {self.patience} s: {what}; {look}"
            await asyncio.sleep(0.05)
        return look

    def forget(self, name: str) -> None:
        """As the engine does with what is proven gone."""
        self._drop(name)
        self.receipts.pop(name, None)

    def _list(self, row: LedgerRow) -> None:
        others = tuple(item for item in self.trace.ledger if item.name != row.name)
        self.trace = replace(self.trace, ledger=(*others, row))

    def _drop(self, name: str) -> None:
        self.trace = replace(self.trace, ledger=tuple(row for row in self.trace.ledger if row.name != name))
