"""A server that is switched off behind our back on Nova: when it is seen, and when it runs again; and other changes."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import datetime

from tests.bench import behind
from tests.bench.cluster import Body, Tell, is_ready
from tests.bench.figures import Row, percentile
from tests.bench.ground import Ground, ground
from tests.e2e.world import Running, machine

from hostwright.sandbox.openstack import lab
from hostwright.sandbox.openstack.faults_client import Guests

TIMES = 10
#: Nova is looked at each 10 s while nothing moves: the switch falls at another moment of that each time.
POLL = 10.0


@dataclass(slots=True)
class Story:
    """Of one switching off, by the wall clock."""

    off: float
    shown: float | None = None  # the object says so
    repaired: float | None = None


async def run(tell: Tell) -> list[Row]:
    async with ground(tell, "openstack") as here:
        with here.world.operator() as running:
            running.leading()
            await here.cluster.create(machine("victim", "os-lab"))
            await here.board.all_ready(["victim"], 120, tell)
            ledger = here.board.bodies["victim"]["status"]["resources"]
            server = next(row["id"] for row in ledger if row["name"] == "server")
            seen, repaired = [], []
            for number in range(TIMES):
                await asyncio.sleep(POLL + number * POLL / TIMES)
                story = await _switched_off(here, server)
                called = _start_called(running, story.off)
                seen.append(min(called, story.shown or called) - story.off)
                repaired.append((story.repaired or 0) - story.off)
                tell(f"{number + 1} of {TIMES}: seen after {seen[-1]:.1f} s, repaired after {repaired[-1]:.1f} s")
            others = await behind.measured(here)
    return [
        Row(f"power off on Nova → seen, the slowest of {TIMES}", max(seen), "s", 12),
        Row("power off on Nova → seen, median", percentile(seen, 0.5), "s"),
        Row(f"power off on Nova → Ready again, the slowest of {TIMES}", max(repaired), "s"),
        Row("power off on Nova → Ready again, median", percentile(repaired, 0.5), "s"),
        *others,
    ]


async def _switched_off(here: Ground, server: str) -> Story:
    facts = lab.facts(here.world.box.directory / "openstack")
    story = Story(off=time.time())

    def listen(at: float, body: Body) -> None:
        on = (body.get("status") or {}).get("powerState") == "PoweredOn"
        if story.shown is None and not (on and is_ready(body)):
            story.shown = at
        elif story.shown is not None and story.repaired is None and on and is_ready(body):
            story.repaired = at

    here.board.listeners.append(listen)
    await asyncio.to_thread(Guests(facts.nova_url).off, server)
    await here.board.until(lambda: story.repaired is not None, 120, "the server switched off repaired")
    here.board.listeners.remove(listen)
    return story


def _start_called(running: Running, since: float) -> float:
    """When the operator's log says that the call to start it was answered."""
    for line in running.text().splitlines():
        row = json.loads(line) if line.startswith("{") else {}
        if row.get("verb") == "start":
            at = datetime.fromisoformat(row["timestamp"]).timestamp()
            if at >= since:
                return at
    raise RuntimeError("the log tells of no call to start the server")
