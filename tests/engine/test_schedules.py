"""Whatever happens in whatever order, once it is quiet there is one machine for each object and none beside."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Place, Wire

from hostwright.engine.ports import Key
from hostwright.providers.simulated.rows import State, Task

NAMES = ("web", "db")
#: Seconds from a death to the next process.
RESTART = 2.0


@dataclass(frozen=True)
class Happens:
    """After `wait` seconds, `what` happens to the machine `name`; a strike is on the next `request`."""

    wait: float
    what: str
    name: str = "web"
    place: Place = Place.LOST
    request: str = "create"


@dataclass
class Stage:
    """Two machines that users and fate play with, and one operator at a time."""

    lag: float
    fenced: bool
    clock: Clock = field(default_factory=Clock)
    wire: Wire = field(default_factory=Wire)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = ApiServer(self.clock)
        self.site = site(visibility_lag=self.lag, fenced=self.fenced)
        self.wire.die, self.wire.late = self.die, self.lag
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)
        self.begin()

    def begin(self) -> None:
        process = Process(self.api, self.site, self.wire, self.clock, self.lag + 1.0, f"p{len(self.processes)}")
        self.processes.append(process.start())

    def die(self) -> None:
        if not self.dead():
            self.processes[-1].kill()
            asyncio.get_running_loop().call_later(RESTART, self.begin)

    def dead(self) -> bool:
        return self.processes[-1].queue._closed

    # what happens

    def happen(self, event: Happens) -> None:
        key = Key("VirtualMachine", "team-a", event.name)
        acts: dict[str, Any] = {
            "make": lambda: self.api.apply(key, self._spec(key)),
            "stop": lambda: self._edit(key, powerState="PoweredOff"),
            "start": lambda: self._edit(key, powerState="PoweredOn"),
            "tag": lambda: self._edit(key, tags={"team": f"{self.api.version}"}),
            "delete": lambda: self.api.delete(key) if key in self.api.objects else None,
            "press the button": lambda: self._press(event.name),
            "die": self.die,
            "strike": lambda: self.wire.next_of.update({event.request: event.place}),
            "cut": lambda: self._cut(True),
            "join": lambda: self._cut(False),
        }
        acts[event.what]()

    def _spec(self, key: Key) -> dict[str, Any]:
        body = self.api.objects.get(key)
        return dict(body["spec"]) if body is not None else dict(SPEC)

    def _edit(self, key: Key, **fields: Any) -> None:
        if key in self.api.objects:
            self.api.apply(key, {**self._spec(key), **fields})

    def _press(self, name: str) -> None:
        """Behind our back."""
        now = self.clock.now().timestamp()
        for row in list(self.site.model.machines.values()):
            if row.object_name == name and row.state is State.ACTIVE and row.task is Task.NONE:
                self.site.model.tamper(now, row.id, powered_on=not row.powered_on)

    def _cut(self, down: bool) -> None:
        self.site.down = down

    # how it ends

    def calm(self) -> bool:
        kinds = ("VirtualMachine", "Provider")
        objects = [(key, body) for key, body in self.api.objects.items() if key.kind in kinds]
        return not self.dead() and all(self._at_rest(key, body) for key, body in objects)

    def _at_rest(self, key: Key, body: dict[str, Any]) -> bool:
        ready = self.api.condition(key, "Ready")
        status = body["status"]
        fresh = status.get("observedGeneration") == body["metadata"]["generation"]
        return ready.get("status") == "True" and fresh and not status.get("operation")

    def judge(self) -> None:
        wished = {key.name: body for key, body in self.api.objects.items() if key.kind == "VirtualMachine"}
        rows = sorted(self.site.model.machines.values(), key=lambda row: row.object_name)
        assert [row.object_name for row in rows] == sorted(wished)
        for row in rows:
            body = wished[row.object_name]
            assert [held["id"] for held in body["status"]["resources"]] == [row.id]
            assert row.powered_on is (body["spec"].get("powerState", "PoweredOn") == "PoweredOn")
            assert row.tags == body["spec"]["tags"]
        assert self.site.most <= 1
        assert [bug for process in self.processes for bug in process.told.bugs] == []


async def play(stage: Stage, events: list[Happens]) -> None:
    for event in events:
        await asyncio.sleep(event.wait)
        stage.happen(event)
    stage.site.down = False
    stage.wire.next_of.clear()
    await until(stage.calm, 2000, "calm")
    await asyncio.sleep(30.0)  # what was pressed while all seemed calm is set right, and what is late has arrived
    await until(stage.calm, 2000, "calm for good")
    stage.judge()
    writes = len(stage.api.status_writes)
    await asyncio.sleep(120.0)
    assert len(stage.api.status_writes) == writes, "at rest nothing is written"
    stage.processes[-1].kill()


WAITS = st.sampled_from([0.0, 0.003, 0.007, 0.02, 0.3, 1.0, 1.2, 3.0, 12.0, 130.0])
WHAT = ("make", "make", "stop", "start", "tag", "delete", "press the button", "die", "strike", "strike", "cut", "join")
EVENTS = st.builds(
    Happens,
    wait=WAITS,
    what=st.sampled_from(WHAT),
    name=st.sampled_from(NAMES),
    place=st.sampled_from(Place),
    request=st.sampled_from(("create", "create", "patch_status", "patch", "stop", "delete", "drop_finalizer")),
)


@given(
    events=st.lists(EVENTS, min_size=1, max_size=14), lag=st.sampled_from([0.0, 0.5, 3.0, 10.0]), fenced=st.booleans()
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example([Happens(1.0, "strike", place=Place.SENT), Happens(0, "make")], 10.0, False)
@example([Happens(1.0, "strike", place=Place.ANSWERED), Happens(0, "make"), Happens(1.2, "delete")], 10.0, False)
def test_any_schedule_ends_with_one_machine_for_each_object(events: list[Happens], lag: float, fenced: bool) -> None:
    async def work() -> None:
        await play(Stage(lag, fenced), events)

    run(work())


def test_the_stage_shows_a_second_machine_where_a_site_lags_longer_than_it_says() -> None:
    """What the tests above rest on: a duplicate is seen, and is possible where nothing at the site prevents it."""

    async def work() -> int:
        stage = Stage(0.0, fenced=False)
        stage.site.model.settings = type(stage.site.model.settings)(visibility_lag=600.0)
        stage.happen(Happens(0, "make"))
        while "create" not in stage.wire.names:
            await asyncio.sleep(0.001)
        stage.die()
        await asyncio.sleep(120.0)
        stage.processes[-1].kill()
        return stage.site.most

    assert run(work()) == 2
