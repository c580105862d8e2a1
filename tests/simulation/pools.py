"""What users do to their MachinePools and to single members, and how they put things right at the end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.engine.apiserver import copied
from tests.engine.samples import SPEC
from tests.simulation.collector import FOREGROUND, ORPHAN, Collector
from tests.simulation.judge_pools import PoolJudge, controlled_by

from hostwright.core.names import ANNOTATION_DELETE_MACHINE, ANNOTATION_DO_NOT_DISRUPT, ANNOTATION_PAUSED
from hostwright.engine.ports import Body, Key

if TYPE_CHECKING:
    from tests.simulation.world import World

POOL = Key("MachinePool", "team-a", "pool")
LABELS = {"app": "pool"}
EVERYWHERE = {"allowedNamespaces": {"from": "All"}}
#: A class more, and an image that the site does not have.
BESIDE: dict[Key, dict[str, Any]] = {
    Key("MachineClass", "", "medium"): {"cpu": 2, "memory": "1Gi", **EVERYWHERE},
    Key("MachineImage", "", "bad"): {
        **EVERYWHERE,
        "sources": [{"name": "sim", "providerRef": {"name": "sim"}, "simulated": {"image": "gone"}}],
    },
}
NAMINGS = ("{pool}-{ordinal}", "{pool}-{ordinal}", "{pool}-{random}")
#: maxSurge and maxUnavailable.
BOUNDS: tuple[tuple[int | str, int | str], ...] = ((1, 0), (1, 0), (0, 1), (2, 1), ("50%", "50%"))
TIMEOUTS = {"create": "2m", "powerOff": "1m", "delete": "5m"}


class Pools:
    """Of one seed: a pool, its users, and the collector that goes with them."""

    def __init__(self, world: "World") -> None:
        self.world, self.rng = world, world.rng
        self.judge, self.collector = PoolJudge(world), Collector(world)
        self.tokens = 0
        self.limited = self.rng.chance(0.2, "pool limited")
        self.ends_bad = self.rng.chance(0.15, "pool ends bad")  # its last template can never run
        self.bounds = self.rng.choice(BOUNDS, "pool bounds")
        world.used.add("pool")
        for key, spec in BESIDE.items():
            world.api.apply(key, spec)

    def stored(self, key: Key, event: str, body: Body) -> None:
        """Of every write that the API server took."""
        if key.kind in {"MachinePool", "VirtualMachine"}:
            self.judge.stored(key, event, body)
            self.collector.stir()

    def deeds(self) -> list[tuple[str, Callable[[], None]]]:
        often = [("make a pool", self.make), ("scale", self.scale), ("roll out", self.roll), ("retag all", self.retag)]
        rare = [
            ("relabel all", self.relabel),
            ("a bad image", self.spoil),
            ("pause the rollout", self.pause),
            ("hold the pool", self.hold),
            ("on delete", self.on_delete),
            ("delete the pool", self.delete),
            ("annotate a member", self.annotate),
            ("protect a member", self.protect),
            ("delete a member", self.delete_member),
            ("let a member go", self.unlabel),
            ("a machine to take in", self.stray),
            ("squat a member's name", self.squat),
        ]
        return [*often, *often, *rare]

    # the pool

    def make(self) -> None:
        if POOL in self.world.api.objects:
            return
        surge, unavailable = self.bounds
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
        machine = {**SPEC, "tags": {"team": "a"}, "timeouts": TIMEOUTS}
        self.world.api.apply(
            POOL,
            {
                "replicas": self.rng.choice((1, 2, 3), "pool replicas"),
                "selector": {"matchLabels": dict(LABELS)},
                "minReadySeconds": self.rng.choice((0, 0, 8), "pool minReady"),
                "naming": {"template": self.rng.choice(NAMINGS, "pool naming")},
                "rollout": {
                    "strategy": strategy,
                    "inPlace": self.rng.choice(("Prefer", "Prefer", "Never"), "pool in place"),
                },
                "deletion": {"order": self.rng.choice(("Newest", "Oldest", "Random", "Ordinal"), "pool order")},
                "template": {"metadata": {"labels": dict(LABELS)}, "virtualMachine": machine},
                **({"limits": {"replicas": 4}} if self.limited else {}),
            },
        )

    def _edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        body = self.world.api.objects.get(POOL)
        if body is not None:
            spec = copied(body["spec"])
            change(spec)
            self.world.api.apply(POOL, spec)

    def scale(self) -> None:
        self._edit(lambda spec: spec.update(replicas=self.rng.choice((0, 1, 2, 3, 4), "scaled")))

    def _template(self, **fields: Any) -> None:
        self._edit(lambda spec: spec["template"]["virtualMachine"].update(fields))

    def roll(self) -> None:
        self._template(classRef={"name": self.rng.choice(("small", "medium"), "rolled")}, imageRef={"name": "tiny"})

    def spoil(self) -> None:
        self._template(imageRef={"name": "bad"})

    def retag(self) -> None:
        self.tokens += 1
        self._template(tags={"team": f"p{self.tokens}"})

    def relabel(self) -> None:
        self.tokens += 1
        tier = {"tier": f"t{self.tokens}"} if self.rng.chance(0.5, "relabelled") else {}
        self._edit(lambda spec: spec["template"]["metadata"].update(labels={**LABELS, **tier}))

    def pause(self) -> None:
        self._edit(lambda spec: spec.update(paused=not spec.get("paused", False)))

    def on_delete(self) -> None:
        kind = self.rng.choice(("OnDelete", "RollingUpdate"), "strategy")
        self._edit(lambda spec: spec["rollout"]["strategy"].update(type=kind))

    def hold(self) -> None:
        body = self.world.api.objects.get(POOL)
        if body is not None:
            there = ANNOTATION_PAUSED in (body["metadata"].get("annotations") or {})
            self._annotate(POOL, body, **{ANNOTATION_PAUSED: None if there else "surgery"})

    def delete(self) -> None:
        body = self.world.api.objects.get(POOL)
        if body is not None and not body["metadata"].get("deletionTimestamp"):
            how = self.rng.choice((None, ORPHAN, FOREGROUND), "cascade")
            self.world.say(f"people: delete the pool ({how or 'background'})")
            self.judge.deletion_asked(body, orphans=how == ORPHAN)
            self.collector.delete(POOL, how)

    # single members

    def _annotate(self, key: Key, body: Body, **annotations: str | None) -> None:
        kept = {**(body["metadata"].get("annotations") or {}), **annotations}
        self.world.api.apply(key, body["spec"], annotations={k: v for k, v in kept.items() if v is not None})

    def _member(self) -> tuple[Key, Body] | None:
        pool = self.world.api.objects.get(POOL)
        if pool is None:
            return None
        mine = [(key, body) for key, body in self.world.api.objects.items() if controlled_by(body, pool)]
        return self.rng.choice(mine, "member") if mine else None

    def annotate(self) -> None:
        found = self._member()
        if found is not None:
            chosen = self.rng.choice((ANNOTATION_DELETE_MACHINE, ANNOTATION_DO_NOT_DISRUPT), "annotation")
            self._annotate(found[0], found[1], **{chosen: ""})

    def protect(self) -> None:
        found = self._member()
        if found is not None:
            key, body = found
            self.world.api.apply(key, {**body["spec"], "deletionProtection": self.rng.chance(0.8, "protected")})

    def delete_member(self) -> None:
        found = self._member()
        if found is not None and not self.world.api.refuses_deletion(found[1]):
            self.world.api.delete(found[0])

    def unlabel(self) -> None:
        found = self._member()
        if found is not None:
            self.world.api.apply(found[0], found[1]["spec"], labels={"app": "mine"})

    def stray(self) -> None:
        """A machine with the members' labels and no owner."""
        key = Key("VirtualMachine", "team-a", "mine")
        if key not in self.world.api.objects:
            spec = {**SPEC, "tags": {"team": "a"}, "timeouts": TIMEOUTS}
            self.world.api.apply(key, spec, labels=dict(LABELS))

    def squat(self) -> None:
        """A machine of theirs, and no member, under the name that a member may be to have."""
        key = Key("VirtualMachine", "team-a", f"pool-{self.rng.choice((0, 1, 2), 'squatted')}")
        if key not in self.world.api.objects:
            self.world.api.apply(key, {**SPEC, "tags": {"team": "a"}, "timeouts": TIMEOUTS})

    # the end

    def tidy_up(self) -> None:
        body = self.world.api.objects.get(POOL)
        if body is not None:
            self._annotate(POOL, body, **{ANNOTATION_PAUSED: None})
        self._edit(self._as_it_should_be)
        for key, member in list(self.world.api.objects.items()):
            if key.kind == "VirtualMachine" and member["spec"].get("deletionProtection"):
                self.world.api.apply(key, {**member["spec"], "deletionProtection": False})

    def _as_it_should_be(self, spec: dict[str, Any]) -> None:
        spec["paused"] = False
        spec["rollout"]["strategy"]["type"] = "RollingUpdate"
        if self.limited:
            spec["replicas"] = min(spec["replicas"], 3)
        spec["template"]["virtualMachine"]["imageRef"] = {"name": "bad" if self.ends_bad else "tiny"}

    def help(self) -> None:
        """A name that is taken is given back."""
        pool = self.world.api.objects.get(POOL)
        if pool is None or self.world.api.condition(POOL, "Stalled").get("reason") != "NameTaken":
            return
        for key, body in list(self.world.api.objects.items()):
            foreign = key.kind == "VirtualMachine" and key.name.startswith("pool-") and not controlled_by(body, pool)
            if foreign and not body["metadata"].get("deletionTimestamp"):
                self.world.api.delete(key)
