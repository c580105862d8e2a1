"""A pool from nothing to five hundred members and back: the time, and how often objects are written for it."""

import time
from collections import Counter
from collections.abc import Sequence

from tests.bench.audit import Write, of_machines
from tests.bench.cluster import Tell
from tests.bench.figures import Row
from tests.bench.fleet import settled
from tests.bench.ground import Ground, ground
from tests.bench.site import Site, opened
from tests.e2e.world import machine, pool

MEMBERS = 500
POOLS = "/apis/compute.hostwright.dev/v1alpha1/namespaces/default/machinepools"


async def run(tell: Tell) -> list[Row]:
    async with ground(tell, "simulated") as here, opened(here.site) as site:
        with here.world.operator() as running:
            running.leading()
            await here.cluster.create(machine("first"))  # the Provider is connected and read
            await here.board.all_ready(["first"], 60, tell)
            await settled(here, running)
            rows = await _grow(here, site)
            await settled(here, running)
            return rows + await _shrink(here)


async def _grow(here: Ground, site: Site) -> list[Row]:
    names = [f"bench-{number}" for number in range(MEMBERS)]
    here.audit.skip()
    began = time.time()
    await here.cluster.call("POST", POOLS, pool("bench", MEMBERS))
    await here.board.all_ready(names, 300, here.tell)
    took = max(here.board.ready[name] for name in names) - began
    created = [float(row["createdAt"]) for row in await site.machines() if row["objectName"].startswith("bench-")]
    if len(created) != MEMBERS:
        raise RuntimeError(f"{len(created)} machines on the site, not {MEMBERS}")
    born = max(here.board.added[name] for name in names) - began
    return [
        Row(f"0 → {MEMBERS}: the last create on the site after the apply", max(created) - began, "s", 12.0),
        Row("the last member's object", born, "s"),
        Row("the last member Ready", took, "s"),
        *_written(here.audit.writes(), "birth to Ready", 4.2),
    ]


async def _shrink(here: Ground) -> list[Row]:
    here.audit.skip()
    began = time.time()
    await here.cluster.merge(f"{POOLS}/bench", {"spec": {"replicas": 0}})
    await here.board.until(lambda: len(here.board.bodies) == 1, 300, "all members gone")
    took = time.time() - began
    return [
        Row(f"{MEMBERS} → 0: the last member gone", took, "s"),
        *_written(here.audit.writes(), "delete to gone", 3.2),
    ]


def _written(writes: Sequence[Write], what: str, bar: float) -> list[Row]:
    """By the operator, refused writes apart; the garbage collector has no part in it."""
    members = sum(of_machines(writes).values())
    pools = sum(write.kept and write.resource.partition("/")[0] == "machinepools" for write in writes)
    refused = Counter(f"{write.code} {write.verb} {write.resource}" for write in writes if not write.kept)
    if members < MEMBERS:
        raise RuntimeError(f"the audit log shows {members} writes for {MEMBERS} members")
    return [
        Row(f"object writes for each member, {what}, the pool's share included", (members + pools) / MEMBERS, "", bar),
        Row("the pool's own writes", pools),
        Row(f"writes that were refused {dict(refused) if refused else ''}".rstrip(), sum(refused.values())),
    ]
