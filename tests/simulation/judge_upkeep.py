"""What must hold of objects whose time is over: deleted by an operator then, and not a moment before."""

from datetime import datetime
from typing import TYPE_CHECKING

from tests.simulation.bodies import is_paused

from hostwright.core.quantity import to_seconds
from hostwright.engine.ports import Body, Key

if TYPE_CHECKING:
    from tests.simulation.world import World

#: Seconds by which a clock may be wrong.
SKEW = 50.0


def deleted(world: "World", key: Key, body: Body) -> None:
    """By an operator: a pool's member, or what has lived for as long as its user wished."""
    if key.kind != "VirtualMachine" or body["metadata"].get("ownerReferences"):
        return
    judge, wished = world.judge, body["spec"].get("expireAfter", "Never")
    judge.expect(wished != "Never", f"E1: {key} deleted, and nobody wished it")
    judge.expect(not is_paused(body), f"S19: {key} deleted, and is paused")
    if wished != "Never":
        lived = (world.clock.now() - datetime.fromisoformat(body["metadata"]["creationTimestamp"])).total_seconds()
        early = 2 * SKEW if "skew" in world.drawn.faults else 1.0
        judge.expect(lived >= to_seconds(wished) - early, f"E1: {key} deleted after {lived:.0f} s")
