"""What a user may wish of one machine: resolved where the backend claims it, and brought about pass by pass."""

import asyncio
import re
import time
from collections.abc import Collection
from typing import Any

import pytest
from tests.contract.driver import Driver
from tests.contract.harness import Harness
from tests.contract.watched import Watched

from hostwright.core.drift import differences
from hostwright.core.errors import Ambiguous, Failure, InvalidConfiguration, SecurityGroupNotFound
from hostwright.core.port import Call, Present
from hostwright.kinds.virtualmachine import disks, network
from hostwright.kinds.virtualmachine.port import Bindings, BringDisks, Found, Life, Rewire, Step, Unresolved, Wanted
from hostwright.kinds.virtualmachine.status import Resolved

#: How a backend says that it has no such thing, and what to do.
NOT_HERE = re.compile(r"(not to be had|has none).*(Remove|Use)\b")


def wish(
    harness: Harness, watched: Watched, *interfaces: dict[str, Any], bindings: Bindings | None = None, **more: Any
) -> Wanted:
    """Skips where the backend says that it has no such thing; any other refusal is a failure of the case."""
    net = {"network": {"interfaces": list(interfaces)}} if interfaces else {}
    answer = watched.provider.resolve(harness.spec(**net, **more), bindings or harness.bindings())
    if isinstance(answer, Unresolved) and not_here(answer.failure):
        pytest.skip(answer.failure.message)
    assert isinstance(answer, Wanted), answer
    return answer


def not_here(failure: Failure) -> bool:
    told = isinstance(failure, InvalidConfiguration | SecurityGroupNotFound)
    return told and bool(NOT_HERE.search(failure.message))


def can(machine: Driver, path: str) -> None:
    """Whether a change of it is carried out on a machine that is there."""
    if path not in machine.provider.supported:
        pytest.skip(f"a change of {path} waits here as NotYetSupported")


async def brought(machine: Driver, wanted: Wanted, *, delete: Collection[str] = ()) -> Found:
    """As `decide` would have it; a lost answer is verified, and what is proven gone is forgotten.

    `delete`: disks that do not outlive the wish for them.
    """
    machine.wanted = wanted
    deadline = time.monotonic() + 2 * machine.patience
    while True:
        found = await _forgotten(machine, wanted)
        step = _next(wanted, found, delete)
        if step is None and found.life is Life.STEADY:
            return found
        planned = machine.plan(step) if step is not None else None
        if isinstance(planned, Failure):
            raise planned
        try:
            await (machine.send(planned) if isinstance(planned, Call) else asyncio.sleep(0.05))
        except Ambiguous:
            await machine.verify()
        assert time.monotonic() < deadline, (step, planned)


async def _forgotten(machine: Driver, wanted: Wanted) -> Found:
    """What is there, once the ledger names nothing else."""
    if _unseen(machine):
        assert isinstance(await machine.provider.prove(machine.trace), Present)
        for name in _unseen(machine):
            machine.forget(name)
    found = machine.found()
    for name in (*network.left_alone(machine.trace.ledger, wanted, found), *disks.let_go(wanted, found)):
        machine.forget(name)
    return found


def _unseen(machine: Driver) -> list[str]:
    found = machine.found()
    there = {disk.id for disk in found.disks} | found.plugged
    volumes = (row for row in machine.trace.ledger if row.name.startswith("volume/"))
    return [*network.unseen(machine.trace.ledger, found), *(row.name for row in volumes if row.id not in there)]


def _next(wanted: Wanted, found: Found, delete: Collection[str]) -> Step | None:
    rows = differences(wanted.shape, found.shape)
    wires = [row for row in (*rows, *network.dropped(Resolved(), wanted, found)) if row.path == network.PATH]
    if wires:
        return Rewire(tuple(row.key for row in wires))
    kept = {disk.name for disk in wanted.shape.disks} | {"root"}
    going = [disk.name for disk in found.disks if disk.name not in kept and disk.name in delete]
    names = [disks.name_of(row) for row in (*rows, *disks.dropped(wanted, found)) if row.path in disks.PATHS]
    every = tuple(dict.fromkeys((*names, *going)))
    return BringDisks(every, frozenset(going)) if every else None
