"""What must hold of machines in whose place another one is made: announced first, and only as their users ask."""

from typing import TYPE_CHECKING

from tests.simulation.bodies import keys_of, ledger_of, reason_of, replaced_of

from hostwright.core.errors import MachineDeletedExternally
from hostwright.engine.ports import Body, Key

if TYPE_CHECKING:
    from tests.simulation.judge import Judge

#: Where a status may have been lost, what a machine was made with may be lost with it.
FORGETFUL = frozenset({"wipe", "restore", "copy", "forge"})


def written(judge: "Judge", key: Key, before: Body, after: Body) -> None:
    """A status: whether one is announced, taken back, or told as somebody else's deletion."""
    was, now = replaced_of(before), replaced_of(after)
    row = judge.world.hands.machines.get(now)
    if now and now != was:
        asked = row is None or row.ssh_keys != keys_of(after)
        judge.expect(asked, f"R1: {key} is to be replaced, and nobody asked for it")
        judge.announced.add(now)
    if was and not now and was in ledger_of(after):  # taken back: it is there, and stays
        judge.announced.discard(was)
    told = MachineDeletedExternally.__name__
    if reason_of(after) == told and reason_of(before) != told:
        ours = ledger_of(before) & judge.announced
        judge.expect(not ours, f"R2: {key} is told as deleted by somebody, and was by us: {ours}")


def last(judge: "Judge", key: Key, body: Body, keys: tuple[str, ...]) -> None:
    """What was asked for last is there."""
    drawn = judge.world.drawn
    if drawn.anew and not drawn.faults & FORGETFUL and not body["metadata"].get("ownerReferences"):
        judge.expect(keys == keys_of(body), f"R3: {key} was made with other keys than it asks for")
