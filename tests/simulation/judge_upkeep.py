"""What must hold of objects whose time is over, and of machines in whose place another is made."""

from datetime import datetime
from typing import TYPE_CHECKING

from tests.simulation.bodies import is_paused

from hostwright.core.port import CLOCK_TOLERANCE
from hostwright.core.quantity import to_seconds
from hostwright.engine.ports import Body, Key
from hostwright.providers.simulated.rows import Machine

if TYPE_CHECKING:
    from tests.simulation.judge import Judge
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


def made(judge: "Judge", row: Machine, body: Body | None) -> None:
    """A copy under our name, of the minute before ours was begun: by PROTOCOLS section 4 nothing tells them apart.

    Either may become of it: a creation time is the backend's, the window is by our clock, and they differ by so much.
    """
    since = (((body or {}).get("status") or {}).get("operation") or {}).get("windowStart")
    begun = datetime.fromisoformat(since).timestamp() if since else row.created_at
    alike = {
        other.id
        for other in judge.world.hands.machines.values()
        if (other.name, other.mark) == (row.name, row.mark) and other.id in judge.strange
        if other.created_at >= begun - CLOCK_TOLERANCE.total_seconds()
    }
    judge.strange -= alike
    judge.let_go |= alike
