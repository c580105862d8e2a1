"""One Provider, machines that name groups, and a backend of groups without unique names: for the pass over groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from tests.engine.place import Clock, Held, Line, Listener

from hostwright.core.backoff import Backoff
from hostwright.core.decision import Note
from hostwright.core.errors import Ambiguous, Failure
from hostwright.engine.groups import GroupPass
from hostwright.engine.memberships import Memberships
from hostwright.engine.ports import Body, Cluster, ClusterUnavailableError, Key, StaleBodyError
from hostwright.engine.store import Store
from hostwright.engine.view import Tools
from hostwright.engine.world import World
from hostwright.kinds.provider.port import GroupFact

if TYPE_CHECKING:
    from hostwright.engine.connection import Connection

PROVIDER, OURS = Key("Provider", "", "sim"), "hw:"


class Dead(BaseException):
    """The process was killed here."""


@dataclass
class Nova:
    """Groups as Nova has them. `fault`: of the next call that changes something."""

    rows: dict[str, GroupFact] = field(default_factory=dict)
    fault: str = ""  # lost: carried out, no answer | late: not yet, no answer | failed: not carried out, no answer
    refuses: Failure | None = None  # every creation
    visibility_lag: float = 5.0
    late: list[GroupFact] = field(default_factory=list)  # creations that are carried out yet
    calls: list[str] = field(default_factory=list)
    before: Any = None  # called with the verb before each call
    made: int = 0

    async def listed(self) -> Sequence[GroupFact]:
        self._hear("list")
        return tuple(self.rows.values())

    async def one(self, group_id: str) -> GroupFact | None:
        self._hear("get")
        return self.rows.get(group_id)

    async def make(self, name: str, policy: str, seconds: float) -> GroupFact:
        self._hear("make")
        if self.refuses is not None:
            raise self.refuses
        self.made += 1
        fact = GroupFact(f"g{self.made}", name, policy, frozenset())
        fault = self._fault()
        if fault == "late":
            self.late.append(fact)
        elif fault != "failed":
            self.rows[fact.id] = fact
        if fault:
            raise Dead if fault == "killed" else Ambiguous("no answer")
        return fact

    async def remove(self, group_id: str, seconds: float) -> None:
        self._hear("remove")
        fault = self._fault()
        if fault not in {"failed", "late"}:
            self.rows.pop(group_id, None)
        if fault:
            raise Dead if fault == "killed" else Ambiguous("no answer")

    def catch_up(self) -> None:
        """What was late is carried out."""
        for fact in self.late:
            self.rows[fact.id] = fact
        self.late.clear()

    def put(self, name: str, *members: str, policy: str = "AntiAffinity") -> str:
        """Somebody else's."""
        self.made += 1
        self.rows[f"g{self.made}"] = GroupFact(f"g{self.made}", name, policy, frozenset(members))
        return f"g{self.made}"

    def join(self, group_id: str, *servers: str) -> None:
        fact = self.rows[group_id]
        self.rows[group_id] = replace(fact, members=fact.members | set(servers))

    def leave(self, *servers: str) -> None:
        self.rows = {key: replace(fact, members=fact.members - set(servers)) for key, fact in self.rows.items()}

    def _fault(self) -> str:
        fault, self.fault = self.fault, ""
        return fault

    def _hear(self, verb: str) -> None:
        self.calls.append(verb)
        if self.before is not None:
            self.before(verb)


@dataclass
class Api:
    """The Provider's status, with the API server's precondition."""

    store: Store
    fails: list[type[Exception]] = field(default_factory=list)  # the next writes, which are not applied
    during: Any = None  # called while a write is under way
    events: list[Note] = field(default_factory=list)

    async def patch_status(self, key: Key, patch: Body) -> Body:
        body = self.store.get(key) or {}
        if self.during is not None:
            self.during()
        if self.fails:
            raise self.fails.pop(0)
        if patch["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise StaleBodyError
        status = {**(body.get("status") or {}), **patch["status"]}
        version = str(int(body["metadata"]["resourceVersion"]) + 1)
        return {
            **body,
            "metadata": {**body["metadata"], "resourceVersion": version},
            "status": {name: value for name, value in status.items() if value is not None},
        }

    async def event(self, body: Body, note: Note) -> None:
        self.events.append(note)


class Yard:
    def __init__(self, **spec: Any) -> None:
        self.clock, self.store, self.nova = Clock(), Store(), Nova()
        self.api, self.woken = Api(self.store), []  # type: list[Key]
        self.line = Line(self.clock, cast("Any", None))
        self.line.state.session.groups = self.nova  # type: ignore[union-attr] - a session of these tests
        asked = {"type": "Simulated", "allowedNamespaces": {"from": "All"}, **spec}
        metadata = {"name": "sim", "uid": "p-1", "resourceVersion": "1", "generation": 1}
        self.store.put(PROVIDER, {"kind": "Provider", "metadata": metadata, "spec": asked})
        self._ids = iter(range(10**9))
        self._versions = iter(range(1, 10**9))
        self.members = Memberships(lambda key, _: self.woken.append(key))
        self.store.follow(self.members.follow)
        self.start()

    def start(self) -> None:
        """A process that remembers nothing."""
        world = World(self.store, cast("Any", {"sim": self.line}), frozenset({"simulated"}))
        tools = Tools(
            self.store,
            world,
            cast("Cluster", self.api),
            Held(),
            self.clock,
            Listener(),
            "c-1",
            new_id=lambda: f"id{next(self._ids)}",
            jitter=lambda: 0.0,
            capacity=Backoff(60.0, 900.0),
        )
        self.groups = GroupPass(tools, self.members, lambda key, _: self.woken.append(key))

    def machine(
        self,
        name: str,
        group: str = "web",
        policy: str = "AntiAffinity",
        server: str = "",
        namespace: str = "a",
        operation: Body | None = None,
        **more: Any,
    ) -> Key:
        """As its watch shows it."""
        key = Key("VirtualMachine", namespace, name)
        spec = {"providerRef": {"name": "sim"}, "placement": {"group": {"name": group, "policy": policy}}, **more}
        version = next(self._versions)
        metadata = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": str(version)}
        metadata["creationTimestamp"] = f"2026-01-01T00:{version % 60:02d}:00Z"
        rows = [{"name": "server", "id": server}] if server else []
        status = {"resources": rows, **({"operation": operation} if operation else {})}
        body = {"kind": key.kind, "metadata": metadata, "spec": spec, "status": status}
        self.store.put(key, body)
        return key

    def gone(self, *keys: Key) -> None:
        for key in keys:
            self.store.drop(key)

    @property
    def body(self) -> Body:
        return self.store.get(PROVIDER) or {}

    @property
    def rows(self) -> dict[str, Any]:
        return {row["name"]: row for row in (self.body.get("status") or {}).get("groups") or ()}

    def mine(self) -> list[GroupFact]:
        """What bears a mark of ours."""
        return [fact for fact in self.nova.rows.values() if OURS in fact.name]

    async def look(self) -> float:
        _, again = await self.groups.bring(PROVIDER, self.body, cast("Connection", self.line))
        return again

    async def run(self, seconds: float = 30.0) -> None:
        """Passes as they ask for each other; a killed process is followed by another."""
        end = self.clock.passed + seconds
        while self.clock.passed < end:
            again = 0.05
            try:
                again = await self.look()
            except Dead:
                self.start()
            except (StaleBodyError, ClusterUnavailableError):
                pass
            self.clock.passed = min(self.clock.passed + max(again, 0.05), end)
