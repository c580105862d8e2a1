"""Servers in a rack and claims on them: what users and hands in the rack do, and how they put things right."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.simulation.bmcs import SimBmc
from tests.simulation.judge_metal import CLAIM, SERVER, MetalJudge

from hostwright.core.names import ANNOTATION_PAUSED
from hostwright.engine.ports import Body, Key, Secret
from hostwright.providers.redfish.rows import Power

if TYPE_CHECKING:
    from tests.simulation.world import World

PROVIDER = {
    "type": "Redfish",
    "redfish": {"allowedAddresses": ["10.0.0.0/8"]},
    "allowedNamespaces": {"from": "All"},
    "limits": {"pollInterval": "20s"},
}
SECRET = Secret("7", {"username": b"admin", "password": b"right"}, ())
#: A Reset is under way no longer than this, so that it shows within deadline and lag (PROTOCOLS 9.2).
LATE = 10.0
#: Of a Provider of servers, in seconds.
LAG = 5.0


class Metal:
    """Of one seed: servers, their BMCs, the claims."""

    def __init__(self, world: "World") -> None:
        self.world, self.rng = world, world.rng
        self.judge = MetalJudge(self)
        self.tokens = 0
        self.claims = [Key(CLAIM, "team-a", f"c{number}") for number in range(3)]
        self.bmcs: dict[Key, SimBmc] = {}
        for number in range(self.rng.choice((1, 2, 2), "servers")):
            self.bmcs[Key(SERVER, "racks", f"r{number}")] = SimBmc(
                f"uuid-r{number}",
                power=self.rng.choice((Power.OFF, Power.ON), "found"),
                takes=self.rng.choice((0.0, 1.0, 3.0), "takes"),
                lies=self.rng.choice((0.0, 0.0, 3.0), "lies"),
            )
        world.used.add("metal")

    def begin(self) -> None:
        api = self.world.api
        api.apply(Key("Namespace", "", "racks"), {})
        api.apply(Key("Provider", "", "bmc-lab"), PROVIDER)
        for key in self.bmcs:
            api.secrets[f"{key.name}-bmc"] = SECRET
            bmc = {"address": f"https://{key.name}", "credentialsRef": {"name": f"{key.name}-bmc"}}
            mode = self.rng.choice(("TrySoft", "TrySoft", "Hard"), "off mode")
            policy = {"claimPolicy": {"namespaces": ["team-a"]}, "powerOffMode": mode}
            api.apply(key, {"providerRef": {"name": "bmc-lab"}, "bmc": bmc, **policy})

    def stored(self, key: Key, event: str, body: Body) -> None:
        """Of every write that the API server took."""
        if key.kind in {SERVER, CLAIM}:
            self.judge.stored(key, event, body)

    def deeds(self) -> list[tuple[str, Callable[[], None]]]:
        often = [("claim", self.claim), ("let a server go", self.release), ("power a claim", self.power)]
        rare = [
            ("two claims at once", self.race),
            ("restart a claim", self.restart),
            ("remove a claimRef", self.steal),
            ("forge a claimRef", self.forge),
            ("maintenance", self.maintain),
            ("pause a server", self.pause),
            ("power a server", self.power_server),
            ("press a server's button", self.press),
            ("kill a BMC", self.silence),
            ("swap a server", self.swap),
            ("a deaf guest", self.deafen),
        ]
        return [*often, *often, *often, *rare] * 2

    # users

    def _make(self, key: Key) -> None:
        if key not in self.world.api.objects:
            self.world.api.apply(key, {"powerState": self.rng.choice(("PoweredOn", "PoweredOff"), "claimed")})

    def claim(self) -> None:
        self._make(self.rng.choice(self.claims, "claim"))

    def race(self) -> None:
        for key in self.claims[:2]:
            self._make(key)

    def _claim(self) -> tuple[Key, Body] | None:
        there = [(key, body) for key, body in self.world.api.objects.items() if key.kind == CLAIM]
        return self.rng.choice(there, "one claim") if there else None

    def release(self) -> None:
        found = self._claim()
        if found is not None:
            self.world.api.delete(found[0])

    def power(self) -> None:
        found = self._claim()
        if found is not None:
            wish = self.rng.choice(("PoweredOff", "PoweredOn"), "claim's power")
            self.world.api.apply(found[0], {**found[1]["spec"], "powerState": wish})

    def restart(self) -> None:
        found = self._claim()
        self.tokens += 1
        if found is not None:
            self.world.api.apply(found[0], {**found[1]["spec"], "restartedAt": f"m{self.tokens}"})

    def _server(self) -> tuple[Key, Body, SimBmc]:
        key = self.rng.choice(sorted(self.bmcs), "server")
        return key, self.world.api.objects[key], self.bmcs[key]

    def steal(self) -> None:
        key, body, _ = self._server()
        self.world.api.apply(key, {name: value for name, value in body["spec"].items() if name != "claimRef"})

    def forge(self) -> None:
        """Past the admission policy."""
        key, body, _ = self._server()
        claim = self.rng.choice(self.claims, "forged")
        there = self.world.api.objects.get(claim)
        uid = there["metadata"]["uid"] if there is not None else "of nobody"
        ref = {"namespace": claim.namespace, "name": claim.name, "uid": uid}
        self.judge.forged_at[key] = self.world.clock.monotonic()
        self.world.api.apply(key, {**body["spec"], "claimRef": ref})

    def maintain(self) -> None:
        key, body, _ = self._server()
        there = (body["spec"].get("maintenance") or {}).get("enabled", False)
        self.world.api.apply(key, {**body["spec"], "maintenance": {"enabled": not there}})

    def pause(self) -> None:
        key, body, _ = self._server()
        kept = dict(body["metadata"].get("annotations") or {})
        if kept.pop(ANNOTATION_PAUSED, None) is None:
            kept[ANNOTATION_PAUSED] = "surgery"
        self.world.api.apply(key, body["spec"], annotations=kept)

    def power_server(self) -> None:
        key, body, _ = self._server()
        wish = self.rng.choice(("Unmanaged", "PoweredOff", "PoweredOn"), "server's power")
        self.world.api.apply(key, {**body["spec"], "powerState": wish})

    # hands in the rack

    def press(self) -> None:
        _, _, bmc = self._server()
        bmc.settle(self.world.clock.monotonic())
        bmc.switch(Power.OFF if bmc.power is Power.ON else Power.ON)

    def silence(self) -> None:
        _, _, bmc = self._server()
        bmc.dead = not bmc.dead

    def swap(self) -> None:
        key, _, bmc = self._server()
        own = f"uuid-{key.name}"
        bmc.uuid = f"uuid-other-{key.name}" if bmc.uuid == own else own
        bmc.swapped_at = self.world.clock.monotonic()

    def deafen(self) -> None:
        _, _, bmc = self._server()
        bmc.deaf = not bmc.deaf

    # the end

    def tidy_up(self) -> None:
        for key, bmc in self.bmcs.items():
            bmc.dead = bmc.deaf = False
            body = self.world.api.objects[key]
            recorded = ((body.get("status") or {}).get("identity") or {}).get("uuid")
            bmc.uuid = recorded or bmc.uuid
            kept = dict(body["metadata"].get("annotations") or {})
            kept.pop(ANNOTATION_PAUSED, None)
            self.world.api.apply(key, {**body["spec"], "maintenance": {"enabled": False}}, annotations=kept)

    def help(self) -> None:
        """What a message asks a person to do is done."""
        for key in list(self.world.api.objects):
            reason: Any = self.world.api.condition(key, "Ready").get("reason") if key.kind == CLAIM else ""
            if reason in {"MachineTaken", "MachineGone"}:
                self.world.api.delete(key)
            told = self.world.api.condition(key, "Ready").get("reason") if key.kind == SERVER else ""
            if told == "Held":
                self.steal_from(key)
            elif told == "IdentityChanged":  # recorded from a look of before it was swapped
                self.bmcs[key].uuid = self.world.api.status(key)["identity"]["uuid"]

    def steal_from(self, key: Key) -> None:
        body = self.world.api.objects[key]
        self.world.api.apply(key, {name: value for name, value in body["spec"].items() if name != "claimRef"})
