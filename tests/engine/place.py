"""A cluster of one object and a backend of one machine that answers as it is told, for the pass of the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from hostwright.core.decision import Note
from hostwright.core.errors import Failure
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, Receipt, Repeat, Trace, Unsure, Wait
from hostwright.engine.breaker import Breaker
from hostwright.engine.first import FirstReading
from hostwright.engine.limits import Bucket, Slots
from hostwright.engine.ports import Body, Key, Secret, StaleBodyError
from hostwright.engine.reconcile import MachinePass
from hostwright.engine.store import Store
from hostwright.engine.view import Tools
from hostwright.engine.virtual import VirtualMachines
from hostwright.engine.world import World
from hostwright.kinds.provider.resource import Limits
from hostwright.kinds.virtualmachine.port import (
    Create,
    Delete,
    Discard,
    Found,
    Life,
    Look,
    MachineShape,
    Power,
    Release,
    SetPower,
    Step,
    Twin,
    Update,
    Wanted,
)

if TYPE_CHECKING:
    from hostwright.engine.connection import Connection

KEY = Key("VirtualMachine", "team-a", "web")
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    """Both clocks, moved by hand."""

    passed: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return 1000.0 + self.passed


class Listener:
    def passed(self, key: Key, seconds: float, outcome: str) -> None: ...
    def called(self, provider: str, verb: str, seconds: float, outcome: str) -> None: ...
    def wrote(self, kind: str, what: str) -> None: ...
    def said(self, key: Key, reason: str, message: str) -> None: ...
    def hindered(self, key: Key, error: BaseException) -> None: ...
    def failed(self, key: Key, error: BaseException) -> None: ...


class Held:
    def check(self) -> None: ...

    def held(self) -> bool:
        return True


@dataclass
class Api:
    """One object, with the precondition of the API server; its watch is the reply itself."""

    store: Store
    body: dict[str, Any]
    events: list[Note] = field(default_factory=list)
    gone: bool = False

    def edit(self, **metadata: Any) -> None:
        """As a user does, seen by the watch."""
        spec = metadata.pop("spec", None)
        self.body = {**self.body, "metadata": {**self.body["metadata"], **metadata}}
        if spec is not None:
            self.body["spec"] = {**self.body["spec"], **spec}
        self.body["metadata"]["generation"] += 1
        self._next()
        self.store.put(KEY, self.body)

    async def patch(self, key: Key, patch: Body) -> Body:
        self._fresh(patch)
        metadata = {name: value for name, value in patch["metadata"].items() if name != "resourceVersion"}
        self.body = {**self.body, "metadata": {**self.body["metadata"], **metadata}}
        return self._next()

    async def patch_status(self, key: Key, patch: Body) -> Body:
        self._fresh(patch)
        self.body = {**self.body, "status": _merged(self.body.get("status") or {}, patch["status"])}
        return self._next()

    async def get(self, key: Key) -> Body | None:
        return self.body

    async def drop_finalizer(self, key: Key, body: Body, finalizer: str) -> Body | None:
        self.gone = True
        return None

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return None

    async def hold_secret(self, namespace: str, name: str, finalizer: str, *, held: bool) -> None: ...

    async def event(self, body: Body, note: Note) -> None:
        self.events.append(note)

    def _fresh(self, patch: Body) -> None:
        if patch["metadata"]["resourceVersion"] != self.body["metadata"]["resourceVersion"]:
            raise StaleBodyError

    def _next(self) -> Body:
        version = str(int(self.body["metadata"]["resourceVersion"]) + 1)
        self.body = {**self.body, "metadata": {**self.body["metadata"], "resourceVersion": version}}
        return self.body


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _merged(merged.get(name) or {}, value)
        else:
            merged[name] = value
    return merged


@dataclass
class Backend:
    """One machine at most; every call is answered at once, or refused as told."""

    clock: Clock
    wanted: MachineShape = field(default_factory=lambda: MachineShape(power=Power.ON))
    found: Found | None = None
    shown: Look | None = None  # what the inventory shows where it is not the truth
    refuses: Failure | None = None  # every call
    loses: Failure | None = None  # the reply of a create, which is carried out
    hides: bool = False  # what is there, as a backend that is slow to show it
    unproven: Failure | None = None  # every proof
    calls: list[str] = field(default_factory=list)
    visibility_lag: float = 0.0
    repeat: Repeat = Repeat.INTENT  # of a create
    supported: frozenset[str] = frozenset({"/powerState", "/tags", "/metadata"})
    shape_paths: Mapping[str, str] = field(default_factory=dict)
    made: int = 0
    place: str = ""  # of what a create makes
    begins: str = ""  # the task that a create is answered with, and that goes on by itself
    making: bool = False  # such a task runs
    came_of: Failure | None = None  # it, when it ended
    asked: list[str] = field(default_factory=list)  # the tasks by which a proof was asked for

    def look(self, trace: Trace) -> Look:
        if self.shown is not None:
            return self.shown
        return (
            self._truth() if self.found is not None and not self.hides else Unsure("not listed", self.clock.monotonic())
        )

    def _truth(self) -> Look:
        now = self.clock.monotonic()
        if self.making:
            return Present(Found(Life.BUILDING, message="the task runs"), now)
        return Present(self.found, now) if self.found is not None and not self.hides else Missing(now)

    def away(self, trace: Trace, spec: Any) -> None:
        """It is one."""

    def namesakes(self, trace: Trace) -> tuple[Twin, ...]:
        return ()

    def resolve(self, spec: Any, bindings: Any) -> Wanted:
        return Wanted(self.wanted, "web", "small", "small", "tiny", "tiny")

    def plan(self, step: Step, trace: Trace, wanted: Any, look: Look, memory: Any) -> Call | Wait | Done:
        there = look.found if isinstance(look, Present) else None
        match step:
            case Create() if there is not None and there.in_the_making:
                return Wait(there.message)
            case Create() if there is None and trace.task:
                return Call("await_task", "server", Repeat.IDEMPOTENT)
            case Create() if there is None:
                return Call("create_server", "server", self.repeat, place=self.place)
            case Discard(row=row):
                return Call("delete_server", row.name, Repeat.IDEMPOTENT, destructive=True, row=row)
            case Delete() if there is not None and any(row.id == there.id for row in trace.ledger):
                row = LedgerRow("server", there.id)
                return Call("delete_server", "server", Repeat.IDEMPOTENT, destructive=True, row=row)
            case Update():
                return Call("set_tag", "server", Repeat.IDEMPOTENT)
            case SetPower():
                return Call("stop", "server", Repeat.IDEMPOTENT)
            case Release() if there is not None:
                return Call("remove_mark", "server", Repeat.IDEMPOTENT)
        return Done()

    async def perform(self, call: Call, user_data: bytes | None) -> Receipt:
        self.calls.append(call.verb)
        if self.refuses is not None:
            raise self.refuses
        if call.verb == "await_task" and self.came_of is not None:
            raise self.came_of
        if call.verb == "create_server" and self.begins:
            self.making = True
            return Receipt(task=self.begins)
        if call.verb == "create_server":
            self.made += 1
            self.found = machine(Life.BUILDING, f"m-{self.made}")
            if self.loses is not None:
                raise self.loses
            return Receipt(made=(LedgerRow("server", self.found.id),))
        if call.verb == "delete_server":
            self.found = None
        return Receipt()

    async def prove(self, trace: Trace) -> Look:
        if self.unproven is not None:
            raise self.unproven
        self.asked.append(trace.task)
        return self._truth()


def machine(life: Life, id_: str, **tags: str) -> Found:
    return Found(
        life=life,
        shape=MachineShape(power=Power.ON, tags=tags),
        id=id_,
        parts=(LedgerRow("server", id_),),
        recorded=("team-a", "web"),
    )


class Session:
    def __init__(self, machines: Backend) -> None:
        self.machines = machines

    def synced(self) -> bool:
        return True


@dataclass
class State:
    session: Session | None
    failure: Failure | None = None
    down_for: float | None = None


class Line:
    """What a pass uses of a connection."""

    name = "sim"
    endpoint_each = False

    def __init__(self, clock: Clock, machines: Backend) -> None:
        self.state = State(Session(machines))
        self.heard: list[BaseException | None] = []
        self.slots, self.bucket = Slots(8, clock.monotonic), Bucket(None, clock.monotonic)
        self.breaker = Breaker("sim", Limits(), {}, clock.monotonic)
        self.refuses = self.breaker.refuses
        self.spec = type("Spec", (), {"type": "Simulated"})
        sections = type("Sections", (), {"key": "simulated", "serves": "VirtualMachine"})
        self.backend = type("Backend", (), {"sections": sections})

    def answered(self, error: BaseException | None) -> None:
        self.heard.append(error)

    def learn(self, facts: Mapping[str, str]) -> None: ...


class Place:
    """A cluster of one object and a backend of one machine."""

    def __init__(self, status: Mapping[str, Any] | None = None, **spec: Any) -> None:
        self.clock = Clock()
        self.store = Store()
        self.backend = Backend(self.clock)
        self.line = Line(self.clock, self.backend)
        for kind, name, body in (
            ("Provider", "sim", {"type": "Simulated", "allowedNamespaces": {"from": "All"}}),
            (
                "MachineImage",
                "tiny",
                {"sources": [{"name": "sim", "providerRef": {"name": "sim"}}], "allowedNamespaces": {"from": "All"}},
            ),
        ):
            metadata = {"name": name, "uid": name, "resourceVersion": "1"}
            self.store.put(Key(kind, "", name), {"kind": kind, "metadata": metadata, "spec": body})
        self.api = Api(
            self.store,
            {
                "kind": "VirtualMachine",
                "metadata": {
                    "namespace": "team-a",
                    "name": "web",
                    "uid": "u-1",
                    "resourceVersion": "10",
                    "generation": 1,
                },
                "spec": {
                    "providerRef": {"name": "sim"},
                    "resources": {"cpu": 1, "memory": "512Mi"},
                    "imageRef": {"name": "tiny"},
                    "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
                    **spec,
                },
                "status": dict(status or {"observedGeneration": -1}),
            },
        )
        self.store.put(KEY, self.api.body)
        connections = cast("Mapping[str, Connection]", {"sim": self.line})
        world = World(self.store, connections, frozenset({"simulated"}))
        ids = iter(range(10**6))
        tools = Tools(
            self.store,
            world,
            self.api,
            Held(),
            self.clock,
            Listener(),
            "c-1",
            new_id=lambda: f"op-{next(ids)}",
            jitter=lambda: 0.0,
        )
        self._tools = tools
        self.restart()

    def restart(self) -> None:
        """Another process, that remembers nothing."""
        self.machine_pass = MachinePass(VirtualMachines(), self._tools, FirstReading(lambda _: False), {})

    def pause(self, paused: bool) -> None:
        """The Provider's machines are only observed."""
        key = Key("Provider", "", "sim")
        body = self.store.get(key) or {}
        version = str(int(body["metadata"]["resourceVersion"]) + 1)
        spec = {**body["spec"], "paused": paused}
        self.store.put(key, {**body, "metadata": {**body["metadata"], "resourceVersion": version}, "spec": spec})

    @property
    def status(self) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self.api.body.get("status") or {}
        return status

    def condition(self, kind: str) -> Mapping[str, Any] | None:
        return next((row for row in self.status.get("conditions") or () if row["type"] == kind), None)

    async def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Passes as they ask for each other; time moves only between them."""
        end = self.clock.passed + seconds
        while self.clock.passed < end and not until() and not self.api.gone:
            again = await self.machine_pass(KEY)
            wait = max(again.after if again.after is not None else seconds, 0.05)
            self.clock.passed = min(self.clock.passed + wait, end)
