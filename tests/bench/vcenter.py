"""What a settled vCenter is asked in an hour, by a proxy before a real vSphere API (govmomi's simulator)."""

import asyncio
import json
import ssl
from collections import Counter
from dataclasses import dataclass, field

from tests.bench.cluster import Tell, many
from tests.bench.figures import Row
from tests.bench.fleet import settled
from tests.bench.ground import Ground, ground
from tests.e2e.manifests import secret
from tests.e2e.world import machine
from tests.faults.calls import Asked
from tests.faults.plan import Strike
from tests.faults.proxy import Proxy, Side, proxy
from tests.faults.stage import Stage

from hostwright.providers.vsphere.inventory import BUSY_FOR
from hostwright.sandbox import certificates

#: The catalog is read each five minutes: so many of its reads fall into the time that is counted.
MACHINES, CATALOGS, EVERY = 5, 2, 300.0
FLEET = 1_000


@dataclass
class Tally(Stage):
    """Counts every request, and lets each pass."""

    asked: Counter[str] = field(default_factory=Counter)

    def meet(self, asked: Asked) -> tuple[str, Strike | None]:
        self.asked[asked.soap or f"{asked.method} {asked.path}"] += 1
        return "", None


async def run(tell: Tell) -> list[Row]:
    tally = Tally()
    async with ground(tell, "vsphere") as here:
        with proxy(tally) as between:
            await asyncio.to_thread(_lead_over, here, between)
            with here.world.operator() as running:
                await asyncio.to_thread(running.leading)
                names = [f"settled-{number}" for number in range(MACHINES)]
                await many(lambda name: here.cluster.create(machine(name, "vc-lab")), names, MACHINES)
                await here.board.all_ready(names, 300, tell)
                await settled(here, running)
                tell(f"vSphere: at rest after {BUSY_FOR:.0f} s")
                await asyncio.sleep(BUSY_FOR)
                tally.asked.clear()
                here.audit.skip()
                tell(f"vSphere: counting for {CATALOGS * EVERY:.0f} s")
                await asyncio.sleep(CATALOGS * EVERY)
                asked = Counter(tally.asked)
    return _rows(asked)


def _lead_over(here: Ground, between: Proxy) -> None:
    facts = here.world.box.sites["vsphere"]
    served = certificates.loopback(here.world.box.directory / "way")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(served.server.certificate, served.server.key)
    upstream = ssl.create_default_context(cafile=facts["ca"])
    port = between.open(Side("vcenter", f"https://{facts['server']}", upstream), tls)
    login = {key: facts[key] for key in ("username", "password")}
    here.world.apply(secret("vc-lab", **login, **{"ca.crt": served.authority.read_text()}))
    change = {"spec": {"vsphere": {"server": f"127.0.0.1:{port}"}}}
    here.world.kubectl("patch", "hpr", "vc-lab", "--type=merge", "-p", json.dumps(change))


def _rows(asked: Counter[str]) -> list[Row]:
    hourly = asked.total() * 3600 / (CATALOGS * EVERY)
    most = ", ".join(f"{count} {name}" for name, count in asked.most_common(5))
    return [
        Row(f"vSphere, settled: calls in an hour, whatever the number of machines ({most})", hourly),
        Row(f"vSphere, {FLEET} settled: provider calls for each machine-hour", hourly / FLEET, "", 0.1),
    ]
