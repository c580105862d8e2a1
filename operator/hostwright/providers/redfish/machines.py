"""PhysicalMachines over Redfish: enrol, look, plan, perform, prove."""

import asyncio
from collections.abc import Callable

from hostwright.core.errors import (
    Ambiguous,
    Bug,
    CredentialsRejected,
    Failure,
    IdentityChanged,
    InvalidConfiguration,
    Transient,
    Unreachable,
)
from hostwright.core.port import Call, Done, Present, Receipt, Trace, Unsure, Wait
from hostwright.kinds.physicalmachine.port import (
    Access,
    Inspect,
    Look,
    Memory,
    Reset,
    ResetBmc,
    SetBootMode,
    SetLocator,
    SetPower,
    Step,
)
from hostwright.providers.redfish import found
from hostwright.providers.redfish.client import Client
from hostwright.providers.redfish.errors import OF_BMC, of_read, of_write
from hostwright.providers.redfish.inventory import Inventory
from hostwright.providers.redfish.line import Line
from hostwright.providers.redfish.plan import Order, Request, next_request, plan
from hostwright.providers.redfish.rows import Bmc, Power, System

#: Failures in a row after which a BMC is not asked out of turn any more.
OPEN_AFTER = 3


class Machines:
    """One for each session."""

    def __init__(self, inventory: Inventory, monotonic: Callable[[], float], visibility_lag: float) -> None:
        self._inventory, self._monotonic, self.visibility_lag = inventory, monotonic, visibility_lag

    def enrol(self, machine_id: str, access: Access) -> None:
        self._inventory.enrol(machine_id, access)

    def dismiss(self, machine_id: str) -> None:
        self._inventory.dismiss(machine_id)

    def look(self, trace: Trace) -> Look:
        line = self._inventory.line(trace.machine_id)
        seen = None if line is None else self._inventory.found(line)
        if line is None or seen is None:
            return Unsure("the BMC was not asked yet")
        return Present(seen, line.as_of)

    def plan(self, step: Step, trace: Trace, look: Look, memory: Memory) -> Call | Wait | Done | Failure:
        line = self._inventory.line(trace.machine_id)
        if line is None or line.system is None or not isinstance(look, Present) or not look.found.answered:
            return Wait("the BMC was not asked yet")
        return plan(step, trace.machine_id, trace.provider_id or "", line.system, look.as_of, memory)

    async def prove(self, trace: Trace) -> Look:
        line = self._open(trace.machine_id)
        failure = await self._inventory.ask(line)
        if failure is not None:
            raise failure
        return self.look(trace)

    async def perform(self, call: Call) -> Receipt:
        order = call.arguments
        if not isinstance(order, Order):
            raise Bug(f"no request is known for the call {call.verb!r}")
        line = self._open(order.machine_id)
        sending = False

        async def carried_out() -> None:
            nonlocal sending
            system, client = await self._server(line, order)
            request = _now(order.step, system)
            if request is None:
                return
            if isinstance(order.step, Inspect):
                await self._inspect(line, client)
                return
            bmc = await _manager(client, system) if isinstance(order.step, ResetBmc) else None
            sending = True
            await _send(client, order.step, system, bmc, request.word)

        try:
            async with asyncio.timeout(call.deadline):
                await carried_out()
        except TimeoutError:
            text = f"the BMC did not answer within {call.deadline:.0f} s"
            raise (Ambiguous if sending else Transient)(f"{text[:1].upper()}{text[1:]}.") from None
        except OF_BMC as error:
            raise self._heard(line, of_write(error)) from error
        finally:
            if sending:
                self._inventory.touched(line, _goal(order.step))
        return Receipt()

    # -- one BMC

    def _open(self, machine_id: str) -> Line:
        """Its line, unless it is known to be no use: what failed so often is asked in its own time only."""
        line = self._inventory.line(machine_id)
        if line is None:
            raise Unreachable("The BMC is not enrolled.")
        if line.failure is not None and (line.shut or (line.failures >= OPEN_AFTER and line.due > self._monotonic())):
            raise line.failure
        return line

    async def _server(self, line: Line, order: Order) -> tuple[System, Client]:
        """As it stands now; the one that is meant, and no other."""
        failure = await self._inventory.ask(line)
        if failure is not None:
            raise failure
        if line.client is None or line.system is None or self._inventory.line(line.machine_id) is not line:
            raise Transient("The login of the BMC was changed meanwhile.")
        if order.uuid and line.system.uuid != order.uuid:
            raise IdentityChanged(
                f"server {line.system.uuid or 'without a UUID'} answers, not {order.uuid}: nothing was sent."
            )
        return line.system, line.client

    async def _inspect(self, line: Line, client: Client) -> None:
        before, began = self._inventory.found(line), self._monotonic()
        try:
            hardware = await client.hardware()
        except OF_BMC as error:
            raise self._heard(line, of_read(error)) from error
        line.inspection = found.inspection(hardware, began)
        self._inventory.settle(line, before)

    def _heard(self, line: Line, failure: Failure) -> Failure:
        """A refused login counts, whatever it was for."""
        if isinstance(failure, CredentialsRejected):
            before = self._inventory.found(line)
            line.miss(failure, self._monotonic())
            self._inventory.settle(line, before)
            self._inventory.soon(line)
        return failure


def _now(step: Step, system: System) -> Request | None:
    """What is still to be sent, by the System as it is right before; None: it is reached."""
    outcome = next_request(step, system)
    match outcome:
        case Request():
            return outcome
        case Done():
            return None
        case Wait(message=message):
            raise Transient(f"{message[:1].upper()}{message[1:]}.")
        case failure:
            raise failure


async def _manager(client: Client, system: System) -> Bmc:
    try:
        return await client.manager(system)
    except OF_BMC as error:
        raise of_read(error) from error


async def _send(client: Client, step: Step, system: System, bmc: Bmc | None, word: str) -> None:
    """The one mutating request."""
    match step:
        case SetPower():
            await client.reset(system, word)
        case ResetBmc() if bmc is not None:
            await client.reset_bmc(bmc)
        case SetBootMode():
            await client.set_boot_mode(system, word)
        case SetLocator():
            await client.set_indicator(system, word)
        case _:
            raise InvalidConfiguration("The BMC shows no Manager.")


def _goal(step: Step) -> Power | None:
    if not isinstance(step, SetPower):
        return None
    return Power.ON if step.reset is Reset.ON else Power.OFF
