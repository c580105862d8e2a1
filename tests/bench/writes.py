"""How often a machine's object is written in its life, by the API server's audit log."""

import asyncio

from tests.bench.audit import of_machines
from tests.bench.cluster import Tell, many
from tests.bench.figures import Row
from tests.bench.fleet import STILL
from tests.bench.ground import Ground, ground
from tests.e2e.world import machine

LIVES = 10
SITES = {"sim": ("simulated", 4), "os-lab": ("openstack", 5)}


async def run(tell: Tell) -> list[Row]:
    rows = []
    async with ground(tell, *(site for site, _ in SITES.values())) as here:
        with here.world.operator() as running:
            running.leading()
            for provider, (_, bar) in SITES.items():
                rows += await _lives(here, provider, bar)
    return rows


async def _lives(here: Ground, provider: str, bar: int) -> list[Row]:
    names = [f"life-{provider}-{number}" for number in range(LIVES)]
    await here.cluster.create(machine(f"first-{provider}", provider))  # the Provider is connected and read
    await here.board.all_ready([f"first-{provider}"], 120, here.tell)
    here.audit.skip()
    await many(lambda name: here.cluster.create(machine(name, provider)), names, LIVES)
    await here.board.all_ready(names, 300, here.tell)
    await asyncio.sleep(STILL)  # what a late echo would still cause counts, too
    made = of_machines(here.audit.writes())
    here.tell(f"{provider}: object writes from create to Ready {sorted(made[name] for name in names)}")
    await many(here.cluster.delete, names, LIVES)
    await here.board.until(lambda: not set(names) & set(here.board.bodies), 300, "the machines gone")
    ended = of_machines(here.audit.writes())
    each, last = [made[name] for name in names], [ended[name] for name in names]
    if min(each) < 1:
        raise RuntimeError(f"the audit log shows no write of a machine that is Ready: {made}")
    return [
        Row(f"{provider}: object writes from create to Ready, the most of {LIVES}", max(each), "", bar),
        Row(f"{provider}: the fewest", min(each)),
        Row(f"{provider}: object writes of a deletion, the most", max(last)),
    ]
