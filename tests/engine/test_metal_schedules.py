"""Whatever happens to servers in whatever order: no Reset too many, and once it is quiet all is as wished."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engine.apiserver import ApiServer
from tests.engine.bmcs import Bmc, Rack, RackProcess
from tests.engine.process import site
from tests.engine.room import PROVIDER, SECRET
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Place, Wire

from hostwright.engine.ports import Key
from hostwright.kinds.physicalmachine.port import Power

NAMES = ("r1", "r2")
CLAIM = Key("PhysicalMachineClaim", "team-a", "web")
#: Seconds from a death to the next process.
RESTART = 2.0


@dataclass(frozen=True)
class Happens:
    """After `wait` seconds, `what` happens to the server `name`; a strike is on the next `request`."""

    wait: float
    what: str
    name: str = "r1"
    place: Place = Place.LOST
    request: str = "power/on"


@dataclass
class Stage:
    """Two servers and a claim that users and fate play with, and one operator at a time."""

    clock: Clock = field(default_factory=Clock)
    wire: Wire = field(default_factory=Wire)
    processes: list[RackProcess] = field(default_factory=list)
    token: int = 0

    def __post_init__(self) -> None:
        self.api, self.rack = ApiServer(self.clock), Rack(self.clock)
        self.wire.die, self.wire.late = self.die, 3.0
        for namespace in ("racks", "team-a"):
            self.api.apply(Key("Namespace", "", namespace), {})
        self.api.apply(Key("Provider", "", "bmc-lab"), PROVIDER)
        self.api.secrets["bmc"] = SECRET
        for name in NAMES:
            self.rack.add(name)
            bmc = {"address": f"https://{name}", "credentialsRef": {"name": "bmc"}}
            spec = {"providerRef": {"name": "bmc-lab"}, "bmc": bmc, "claimPolicy": {"namespaces": ["team-a"]}}
            self.api.apply(self.key(name), spec)
        self.begin()

    def key(self, name: str) -> Key:
        return Key("PhysicalMachine", "racks", name)

    def bmc(self, name: str) -> Bmc:
        return self.rack.bmcs[f"https://{name}"]

    def begin(self) -> None:
        name = f"p{len(self.processes)}"
        process = RackProcess(self.api, site(), self.wire, self.clock, 5.0, name, rack=self.rack)
        process.start()
        self.processes.append(process)

    def die(self) -> None:
        if not self.dead():
            self.processes[-1].kill()
            asyncio.get_running_loop().call_later(RESTART, self.begin)

    def dead(self) -> bool:
        return self.processes[-1].queue._closed

    # what happens

    def happen(self, event: Happens) -> None:
        name, bmc = event.name, self.bmc(event.name)
        self.token += 1
        acts: dict[str, Any] = {
            "on": lambda: self._edit(name, powerState="PoweredOn"),
            "off": lambda: self._edit(name, powerState="PoweredOff"),
            "hard off": lambda: self._edit(name, powerState="PoweredOff", powerOffMode="Hard"),
            "restart": lambda: self._edit(name, restartedAt=str(self.token)),
            "light": lambda: self._edit(name, locator="Lit" if self.token % 2 else "Dark"),
            "reset the BMC": lambda: self._edit(name, requests={"bmcReset": str(self.token)}),
            "maintain": lambda: self._edit(name, maintenance={"enabled": bool(self.token % 2)}),
            "claim": lambda: self.api.apply(CLAIM, {"powerState": "PoweredOn"}),
            "restart the claim": lambda: self._edit_claim(restartedAt=str(self.token)),
            "stop the claim": lambda: self._edit_claim(powerState="PoweredOff"),
            "let the claim go": lambda: self.api.delete(CLAIM) if CLAIM in self.api.objects else None,
            "press the button": lambda: bmc.behind_our_back(Power.OFF if bmc.power is Power.ON else Power.ON),
            "go deaf": lambda: setattr(bmc, "deaf", True),
            "hang": lambda: setattr(bmc, "obeys", False),
            "cut": lambda: setattr(bmc, "down", True),
            "join": lambda: setattr(bmc, "down", False),
            "die": self.die,
            "strike": lambda: self.wire.next_of.update({event.request: event.place}),
        }
        acts[event.what]()

    def _edit(self, name: str, **fields: Any) -> None:
        key = self.key(name)
        self.api.apply(key, {**self.api.objects[key]["spec"], **fields})

    def _edit_claim(self, **fields: Any) -> None:
        if CLAIM in self.api.objects:
            self.api.apply(CLAIM, {**self.api.objects[CLAIM]["spec"], **fields})

    # how it ends

    def calm(self) -> bool:
        kinds = ("PhysicalMachine", "PhysicalMachineClaim", "Provider")
        objects = [(key, body) for key, body in self.api.objects.items() if key.kind in kinds]
        return not self.dead() and all(self._at_rest(key, body) for key, body in objects)

    def _at_rest(self, key: Key, body: dict[str, Any]) -> bool:
        status = body["status"]
        fresh = status.get("observedGeneration") == body["metadata"]["generation"]
        return self.api.condition(key, "Ready").get("status") == "True" and fresh and not status.get("operation")

    def judge(self) -> None:
        claim = self.api.objects.get(CLAIM)
        holders = [name for name in NAMES if self.api.objects[self.key(name)]["spec"].get("claimRef")]
        assert len(holders) == (1 if claim is not None else 0)
        for name in NAMES:
            spec, bmc = self.api.objects[self.key(name)]["spec"], self.bmc(name)
            wish = claim["spec"]["powerState"] if claim is not None and name in holders else spec.get("powerState")
            if wish is not None and not (spec.get("maintenance") or {}).get("enabled"):
                assert bmc.power == wish
            assert bmc.locator == spec.get("locator", "Dark")
            assert bmc.breaches == []
        assert [bug for process in self.processes for bug in process.told.bugs] == []


async def play(stage: Stage, events: list[Happens]) -> None:
    for event in events:
        await asyncio.sleep(event.wait)
        stage.happen(event)
    for name in NAMES:
        bmc = stage.bmc(name)
        bmc.down, bmc.deaf, bmc.obeys = False, False, True
        stage._edit(name, maintenance={"enabled": False})
    stage.wire.next_of.clear()
    await until(stage.calm, 3000, "calm")
    await asyncio.sleep(130.0)  # what was pressed while all seemed calm is set right, and what is late has arrived
    await until(stage.calm, 3000, "calm for good")
    stage.judge()
    writes = len(stage.api.status_writes)
    await asyncio.sleep(180.0)
    assert len(stage.api.status_writes) == writes, "at rest nothing is written"
    stage.processes[-1].kill()


WAITS = st.sampled_from([0.0, 0.003, 0.007, 0.02, 0.3, 1.2, 3.0, 12.0, 40.0, 130.0, 200.0])
OF_USERS = ("on", "off", "hard off", "restart", "light", "reset the BMC", "maintain")
OF_CLAIMS = ("claim", "claim", "restart the claim", "stop the claim", "let the claim go")
OF_FATE = ("press the button", "go deaf", "hang", "cut", "join", "die", "strike", "strike")
EVENTS = st.builds(
    Happens,
    wait=WAITS,
    what=st.sampled_from(OF_USERS + OF_CLAIMS + OF_FATE),
    name=st.sampled_from(NAMES),
    place=st.sampled_from(Place),
    request=st.sampled_from(("power/on", "power/on", "power/soft", "power/hard", "patch_status", "patch", "bmc/reset")),
)


@given(events=st.lists(EVENTS, min_size=1, max_size=14))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_schedule_ends_as_wished_with_no_reset_too_many(events: list[Happens]) -> None:
    async def work() -> None:
        await play(Stage(), events)

    run(work())
