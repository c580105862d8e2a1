"""Servers in racks and operators that bind claims to them; a server's own pass is a model of what it has to say."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.engine.apiserver import ApiServer, FakeCluster
from tests.engine.process import Gate, Told
from tests.engine.virtual import Clock, until
from tests.engine.wire import Wire

from hostwright.engine.binding import BindingPass
from hostwright.engine.first import FirstReading
from hostwright.engine.fleet import Fleet
from hostwright.engine.inbox import Inbox, read_anew
from hostwright.engine.ports import Body, Key
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.report import status_patch
from hostwright.engine.store import Store
from hostwright.engine.terms import Terms
from hostwright.engine.worker import Again, Workers

TEAMS = ("team-a", "team-b")
#: Seconds that a power transition takes.
TRANSITION = 2.0


def claim_key(name: str, namespace: str = "team-a") -> Key:
    return Key("PhysicalMachineClaim", namespace, name)


def server_key(name: str) -> Key:
    return Key("PhysicalMachine", "racks", name)


@dataclass
class Metal:
    """A server as it stands in the rack."""

    on: bool = False
    answers: bool = True
    health: str = "OK"
    ran_for: list[str] = field(default_factory=list)  # uid of the claim, or what else had it switched on


@dataclass
class Racks:
    """The API server, the servers, and what must hold at every moment."""

    api: ApiServer
    metal: dict[str, Metal] = field(default_factory=dict)
    uses: list[str] = field(default_factory=list)  # every breach of a rule

    def __post_init__(self) -> None:
        self.api.subscribers.append(self._judge)

    def add(self, name: str, *, labels: Mapping[str, str] | None = None, **spec: Any) -> None:
        self.metal[name] = Metal()
        wanted = {"claimPolicy": {"namespaces": [*TEAMS]}, **spec}
        self.api.apply(server_key(name), wanted, labels=dict(labels or {}))

    def claim(self, name: str, namespace: str = "team-a", **spec: Any) -> Key:
        key = claim_key(name, namespace)
        self.api.apply(key, {"powerState": "PoweredOn", **spec})
        return key

    # what a look shows

    def claim_ref(self, name: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.api.objects[server_key(name)]["spec"].get("claimRef")
        return found

    def machine(self, claim: Key) -> str:
        """The server that the claim's status names."""
        return str((self.api.status(claim).get("machineRef") or {}).get("name", ""))

    def claims(self) -> dict[Key, dict[str, Any]]:
        return {key: body for key, body in self.api.objects.items() if key.kind == "PhysicalMachineClaim"}

    def bound(self, claim: Key) -> bool:
        """By both sides, and said so."""
        name = self.machine(claim)
        ref = self.claim_ref(name) if name and server_key(name) in self.api.objects else None
        says = self.api.condition(claim, "Bound").get("status") == "True"
        return says and ref is not None and ref["uid"] == self.api.objects[claim]["metadata"]["uid"]

    def ready(self, claim: Key) -> bool:
        return self.bound(claim) and self.api.condition(claim, "Ready").get("status") == "True"

    def waits(self, claim: Key) -> bool:
        return self.api.condition(claim, "Ready").get("reason") == "NoMachineAvailable"

    def free(self) -> list[str]:
        return [name for name in self.metal if self.claim_ref(name) is None]

    # as users do

    def edit_server(self, name: str, **spec: Any) -> None:
        self.api.apply(server_key(name), {**self.api.objects[server_key(name)]["spec"], **spec})

    def _judge(self, key: Key, _event: str | None, _body: Body) -> None:
        """At every write: never two live claims whose status names one server."""
        if key.kind != "PhysicalMachineClaim":
            return
        named = [self.machine(claim) for claim in self.claims()]
        twice = {name for name in named if name and named.count(name) > 1}
        if twice:
            self.uses.append(f"{self.api.version}: several claims on {sorted(twice)}")


@dataclass
class ServerPass:
    """What kinds/physicalmachine decides, as far as claims go: PROTOCOLS section 9."""

    racks: Racks
    store: Store
    cluster: FakeCluster

    async def __call__(self, key: Key) -> Again:
        body = self.store.get(key)
        if body is None:
            return Again()
        metal, ref = self.racks.metal[key.name], body["spec"].get("claimRef")
        claim = await self.cluster.get(Key("PhysicalMachineClaim", ref["namespace"], ref["name"])) if ref else None
        gone = claim is None or claim["metadata"]["uid"] != ref["uid"]
        releasing = ref is not None and (gone or bool((claim or {})["metadata"].get("deletionTimestamp")))
        if ref is not None and metal.answers and self._may(body, ref, claim, releasing=releasing):
            want = not releasing and (claim or {})["spec"]["powerState"] == "PoweredOn"
            if metal.on is not want:
                await asyncio.sleep(TRANSITION)
                metal.on = want
                metal.ran_for = [ref["uid"]] if want else []
        await self._say(key, body, metal, ref, claim, releasing=releasing)
        return Again()

    def _may(self, body: Body, ref: Body, claim: Body | None, *, releasing: bool) -> bool:
        if body["spec"].get("maintenance", {}).get("enabled"):
            return False
        if releasing:
            return True
        named = ((claim or {}).get("status") or {}).get("machineRef") or {}
        allowed = ref["namespace"] in body["spec"]["claimPolicy"]["namespaces"]
        return allowed and named.get("name", body["metadata"]["name"]) == body["metadata"]["name"]

    async def _say(self, key: Key, body: Body, metal: Metal, ref: Any, claim: Body | None, *, releasing: bool) -> None:
        generation = body["metadata"]["generation"]
        claimed = "Free" if ref is None else "Claimed"
        if releasing:
            claimed = "Released" if not metal.on and metal.answers else "Releasing"
        words = {
            "Ready": ("True" if metal.answers else "Unknown", "Settled" if metal.answers else "Unreachable"),
            "Reachable": ("True", "Reachable") if metal.answers else ("False", "Unreachable"),
            "IdentityVerified": ("True", "InSync"),
            "Inspected": ("True", "Inspected"),
            "Claimed": ("True" if claimed in {"Claimed", "Releasing"} else "False", claimed),
        }
        handled = (body.get("status") or {}).get("handled") or {}
        if claim is not None and ref is not None and not releasing and metal.answers:
            token = claim["spec"].get("restartedAt") or ""
            if handled.get("claim.uid") != ref["uid"]:
                handled = {"claim.uid": ref["uid"], "claim.restartedAt": token}
        status = {
            "observedGeneration": generation,
            "powerState": "PoweredOn" if metal.on else "PoweredOff",
            "hardware": {"cpu": 8, "memory": "16Gi"},
            "health": {"rollup": metal.health},
            "handled": handled,
            "conditions": [
                {"type": kind, "status": status, "reason": reason, "message": "", "observedGeneration": generation}
                for kind, (status, reason) in words.items()
            ],
        }
        patch = status_patch(body, status)
        if patch is not None:
            self.store.renew(key, await self.cluster.patch_status(key, patch))


class Operator:
    """A process that can be killed: the binding as the engine composes it, and the model of a server's pass."""

    def __init__(self, racks: Racks, wire: Wire, clock: Clock) -> None:
        self.racks, self.told = racks, Told()
        self.cluster = FakeCluster(racks.api, wire)
        self.store, self.queue = Store(), WorkQueue()
        self.inbox = Inbox(self.store, self.queue, FirstReading(lambda _: False))
        self.fleet = Fleet(self.queue.add)
        self.store.follow(self.fleet.follow)
        self.claims = BindingPass(self.store, self.fleet, self.cluster, clock, self.told, self.inbox.observe)
        passes = {
            "PhysicalMachineClaim": self.claims,
            "PhysicalMachine": ServerPass(racks, self.store, FakeCluster(racks.api, Wire())),
        }
        reread = partial(read_anew, self.store, self.inbox, self.cluster)
        self.workers = Workers(self.queue, passes, Terms(Gate()), clock, self.told, reread)
        self.dead = False

    def start(self) -> "Operator":
        self.racks.api.subscribe(self.inbox.observe)
        self.workers.start(8, 1)
        return self

    def look_at(self, name: str) -> None:
        """As an inventory does that saw something move."""
        self.queue.add(server_key(name), Priority.TRANSITION)

    def kill(self) -> None:
        self.dead = True
        subscribers = self.racks.api.subscribers
        self.racks.api.subscribers = [each for each in subscribers if each != self.inbox.observe]
        self.queue.close()
        for task in self.workers._tasks:
            task.cancel()


@dataclass
class Stage:
    """One API server, some servers, one operator or several."""

    wire: Wire = field(default_factory=Wire)
    watch_lag: float = 0.002
    operators: list[Operator] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.api = ApiServer(self.clock, self.watch_lag)
        self.racks = Racks(self.api)
        self.wire.die = self.die

    def begin(self) -> Operator:
        operator = Operator(self.racks, self.wire, self.clock).start()
        self.operators.append(operator)
        return operator

    def die(self) -> None:
        self.operators[-1].kill()

    def see(self, name: str) -> None:
        for operator in self.operators:
            if not operator.dead:
                operator.look_at(name)

    async def seconds(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        await until(lambda: self.clock.monotonic() >= end, seconds + 1)

    def end(self) -> None:
        for operator in self.operators:
            assert operator.told.bugs == []
            operator.kill()
        assert self.racks.uses == []
