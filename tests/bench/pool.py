"""A pool from nothing to a thousand members and back: the time, and how often objects are written for it."""

import time
from collections import Counter
from collections.abc import Sequence

from tests.bench.audit import Write, of_machines
from tests.bench.cluster import Tell, many
from tests.bench.figures import Row
from tests.bench.fleet import settled
from tests.bench.ground import Ground, ground
from tests.bench.site import Site, opened
from tests.e2e.world import machine, pool

MEMBERS = 1_000
#: Seconds that a create takes, 0.05 of them before it is done; and the places that a Provider has by default.
CREATE, PLACES = 0.8, 64
POOLS = "/apis/compute.hostwright.dev/v1alpha1/namespaces/default/machinepools"


async def run(tell: Tell) -> list[Row]:
    async with ground(tell, "simulated") as here, opened(here.site) as site:
        with here.world.operator() as running:
            running.leading()
            await here.cluster.create(machine("first"))  # the Provider is connected and read
            await here.board.all_ready(["first"], 60, tell)
            await settled(here, running)
            delay = {"kind": "Delay", "verb": "create", "seconds": CREATE - 0.05, "count": 1_000_000}
            await site.call("POST", "/control/faults", delay)
            rows = await _grow(here, site, await _bare(here, site))
            await settled(here, running)
            return rows + await _shrink(here)


async def _bare(here: Ground, site: Site) -> float:
    """As many creates by a client that does nothing else."""
    here.tell(f"a bare client makes {MEMBERS} machines on the site")
    began = time.time()
    await many(site.create, [f"bare-{number}" for number in range(MEMBERS)], PLACES)
    took = time.time() - began
    await many(site.vanish, [row["id"] for row in await site.machines() if not row["objectName"]], PLACES)
    return took


async def _grow(here: Ground, site: Site, bare: float) -> list[Row]:
    names = [f"bench-{number}" for number in range(MEMBERS)]
    here.audit.skip()
    began = time.time()
    await here.cluster.call("POST", POOLS, pool("bench", MEMBERS))
    await here.board.all_ready(names, 900, here.tell)
    took = max(here.board.ready[name] for name in names) - began
    created = [float(row["createdAt"]) for row in await site.machines() if row["objectName"].startswith("bench-")]
    if len(created) != MEMBERS:
        raise RuntimeError(f"{len(created)} machines on the site, not {MEMBERS}")
    born = max(here.board.added[name] for name in names) - began
    return [
        Row(
            f"0 → {MEMBERS}, creates of {CREATE} s: the last one answered",
            max(created) + CREATE - began,
            "s",
            1.5 * MEMBERS * CREATE / PLACES,
            f"a bare client, {PLACES} at once",
            bare,
        ),
        Row("the last member's object", born, "s"),
        Row("the last member Ready", took, "s"),
        *_written(here.audit.writes(), "birth to Ready", 4.2),
    ]


async def _shrink(here: Ground) -> list[Row]:
    here.audit.skip()
    began = time.time()
    await here.cluster.merge(f"{POOLS}/bench", {"spec": {"replicas": 0}})
    await here.board.until(lambda: len(here.board.bodies) == 1, 900, "all members gone")
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
