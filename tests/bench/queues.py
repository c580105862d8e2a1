"""Where creations queue, in virtual time: a big pool, a tenant beside one with thousands, a Provider beside a dead one.

The engine is the real one; computing takes no time here, so a figure is what the queues, limits and waits make of it,
whatever else the machine does.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.bench.cluster import Tell
from tests.bench.figures import Row, percentile
from tests.engine.apiserver import ApiServer
from tests.engine.process import InMemory, Process, SimulatedSite, site
from tests.engine.samples import CATALOG, SPEC
from tests.engine.virtual import Clock, until
from tests.engine.virtual import run as in_virtual_time
from tests.engine.wire import Wire

from hostwright.engine.ports import Key
from hostwright.kinds.provider.port import Backend, Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.simulated.client import Unanswered
from hostwright.providers.simulated.section import SECTIONS

T = TypeVar("T")
#: Seconds for which a create is under way, and places of a Provider: DESIGN section 9 has 64 as the default.
CREATE, PLACES, BUILD = 0.8, 64, 30.0
MEMBERS, QUEUED, SINGLES = 1_000, 5_000, 100
POOL = Key("MachinePool", "team-a", "web")
TIMEOUT = 20.0


@dataclass
class SlowWire(Wire):
    """Creates take their time; a wire that hangs answers nothing."""

    hangs: bool = False

    async def carry(self, name: str, apply: Callable[[], T], *, lost: Callable[[str], Exception]) -> T:
        if self.hangs:
            await asyncio.sleep(TIMEOUT)
            raise Unanswered("no answer came")
        if name == "create":
            answer = await super().carry(name, apply, lost=lost)
            await asyncio.sleep(CREATE)
            return answer
        return await super().carry(name, apply, lost=lost)

    async def ask(self, look: Callable[[], T], *, mark: str | None = None) -> T:
        if self.hangs:
            await asyncio.sleep(TIMEOUT)
            raise Unanswered("no answer came")
        return await super().ask(look, mark=mark)


@dataclass
class Sites:
    """A site for each Provider, found by its endpoint."""

    clock: Clock
    known: dict[str, tuple[SimulatedSite, SlowWire]] = field(default_factory=dict)
    sections = SECTIONS

    def add(self, name: str) -> tuple[SimulatedSite, SlowWire]:
        self.known[name] = (site(build_seconds=BUILD), SlowWire())
        return self.known[name]

    async def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Session:
        found, wire = self.known[(spec.section("simulated") or {})["endpoint"].rpartition("/")[2]]
        return await InMemory(found, wire, self.clock).connect(spec, secret, context)


@dataclass
class Operator(Process):
    sites: Sites = None  # type: ignore[assignment]

    def backends(self) -> Mapping[str, Backend]:
        return {"Simulated": self.sites}

    def start(self) -> "Operator":
        """With as many workers as the process has by default."""
        self.api.subscribe(self.engine.inbox.observe)
        self.workers.start(64, 8)
        return self


class Stage:
    """An API server, sites by name, and an operator at rest."""

    def __init__(self, *providers: str) -> None:
        self.clock = Clock()
        self.api, self.sites = ApiServer(self.clock), Sites(self.clock)
        self.api.apply(Key("Namespace", "", "team-b"), {})
        sources = []
        for name in providers:
            self.sites.add(name)
            spec = CATALOG[Key("Provider", "", "sim")]
            endpoint = {"endpoint": f"http://127.0.0.1:1/{name}"}
            self.api.apply(Key("Provider", "", name), {**spec, "simulated": endpoint, "limits": {}})
            sources.append({"name": name, "providerRef": {"name": name}, "simulated": {"image": "tiny"}})
        for key, spec in CATALOG.items():
            if key.kind != "Provider":
                self.api.apply(key, {**spec, "sources": sources} if key.kind == "MachineImage" else spec)
        self.operator = Operator(self.api, site(), Wire(), self.clock, sites=self.sites)

    def machine(self, namespace: str, name: str, provider: str = "one") -> Key:
        key = Key("VirtualMachine", namespace, name)
        self.api.apply(key, {**SPEC, "providerRef": {"name": provider}})
        return key

    def made(self, provider: str = "one") -> dict[tuple[str, str], float]:
        """Moments of creation on the site, by namespace and name of the object."""
        rows = self.sites.known[provider][0].model.machines.values()
        return {(row.namespace, row.object_name): row.created_at for row in rows}

    async def begin(self) -> None:
        self.operator.start()
        for name in self.sites.known:
            key = self.machine("team-b", f"first-{name}", name)
            await until(lambda key=key: self.ready(key), 300, "the first Ready")  # type: ignore[misc]

    def ready(self, key: Key) -> bool:
        return str(self.api.condition(key, "Ready").get("status")) == "True"

    def now(self) -> float:
        return self.clock.now().timestamp()

    async def single(self, number: int, provider: str = "one") -> float:
        """Seconds from a machine's object to its creation on the site."""
        began = self.now()
        key = self.machine("team-b", f"single-{number}", provider)
        place = (key.namespace, key.name)
        await until(lambda: place in self.made(provider), 600, f"{key.name} created")
        return self.made(provider)[place] - began

    def end(self) -> None:
        self.operator.kill()
        if self.operator.told.bugs:
            raise self.operator.told.bugs[0]


async def run(tell: Tell) -> list[Row]:
    rows: list[Row] = []
    for what in (_pool, _tenants, _brown_out):
        tell(f"in virtual time: {what.__name__.strip('_')}")
        rows += await asyncio.to_thread(in_virtual_time, what(), 1 << 60)
    return rows


async def _pool() -> list[Row]:
    stage = Stage("one")
    await stage.begin()
    began = stage.now()
    template = {"metadata": {"labels": {"pool": "web"}}, "virtualMachine": {**SPEC, "providerRef": {"name": "one"}}}
    spec: dict[str, Any] = {"replicas": MEMBERS, "selector": {"matchLabels": {"pool": "web"}}, "template": template}
    stage.api.apply(POOL, spec)
    await until(lambda: len(stage.made()) > MEMBERS, 900, "all members created")
    last = max(stage.made().values()) + CREATE - began
    await until(lambda: stage.api.status(POOL).get("readyReplicas") == MEMBERS, 900, "all members Ready")
    ready = stage.now() - began
    stage.end()
    floor = MEMBERS * CREATE / PLACES
    what = f"pool 0 → {MEMBERS}, creates of {CREATE} s, {PLACES} at once"
    return [
        Row(f"{what}: the last create answered, in floors", last / floor, "", 1.5),
        Row("the same", last, "s", None, "creates by seconds, on all places", floor),
        Row(f"the last member Ready (a build takes {BUILD:.0f} s)", ready, "s", None, "floor and build", floor + BUILD),
    ]


async def _tenants() -> list[Row]:
    stage = Stage("one")
    await stage.begin()
    alone = [await stage.single(number) for number in range(10)]
    for number in range(QUEUED):
        stage.machine("team-a", f"many-{number}")
    taken = [await stage.single(1000 + number) for number in range(SINGLES)]
    left = QUEUED - sum(namespace == "team-a" for namespace, _ in stage.made())
    stage.end()
    what = f"{QUEUED} creates of one tenant queued ({left} of them still, at the end): another's single one"
    return [
        Row(f"{what}, p99 of {SINGLES}", percentile(taken, 0.99), "s", 1.0, "alone, the slowest", max(alone)),
        Row("the same, median", percentile(taken, 0.5), "s", None, "alone, median", percentile(alone, 0.5)),
    ]


async def _brown_out() -> list[Row]:
    stage = Stage("one", "two")
    await stage.begin()
    alone = [await stage.single(number) for number in range(SINGLES)]
    rows = []
    for how in ("dead", "slow"):
        other, wire = stage.sites.known["two"]
        other.down, wire.hangs = how == "dead", how == "slow"
        for number in range(200):
            stage.machine("team-a", f"{how}-{number}", "two")
        beside = [await stage.single((1000 if how == "dead" else 2000) + number) for number in range(SINGLES)]
        p95 = percentile(beside, 0.95) / percentile(alone, 0.95)
        rows.append(Row(f"a {how} Provider with 200 creates: another's p95, in those without it", p95, "", 1.2))
    stage.end()
    return rows
