"""What servers and claims must keep, by the BMCs' and the API server's truth (PROTOCOLS 9; S2, S11), and at rest."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.engine.apiserver import copied

from hostwright.core.names import ANNOTATION_PAUSED
from hostwright.engine.ports import Body, Key
from hostwright.providers.redfish.rows import Power
from hostwright.runtime.checks import COMPARE_EVERY

if TYPE_CHECKING:
    from tests.simulation.metal import Metal

CLAIM, SERVER = "PhysicalMachineClaim", "PhysicalMachine"
OFF = {"GracefulShutdown", "ForceOff"}


class MetalJudge:
    """An operator may not know what others wrote just now."""

    def __init__(self, metal: "Metal") -> None:
        self.metal, self.world = metal, metal.world
        self.rows: dict[Key, list[tuple[float, Body | None]]] = {}  # when what was written; None: it is gone
        self.forged_at: dict[Key, float] = {}
        drawn = self.world.drawn
        deaf = 62.0 + COMPARE_EVERY if "deaf watch" in drawn.faults else 0.0
        away = 50.0 if "api away" in drawn.faults else 0.0
        self.under_way = drawn.late + 2 * drawn.slow + 2.0
        self.unseen = self.under_way + drawn.watch_lag + deaf + away

    # every write

    def stored(self, key: Key, event: str, body: Body) -> None:
        before = self._now_of(key)
        after = None if event == "DELETED" else copied(body)
        self.rows.setdefault(key, []).append((self._now(), after))
        if key.kind == CLAIM:
            self._one_claim_each()
        elif self.world.hand and before is not None and after is not None:
            old, new = before["spec"].get("claimRef"), after["spec"].get("claimRef")
            if old != new:
                self._claimed(key, old, new)

    def _one_claim_each(self) -> None:
        """S2: never two claims whose status names one server."""
        named = [machine for _, body in self._there(CLAIM) if (machine := _machine(body)) is not None]
        for server in {each for each in named if named.count(each) > 1}:
            forged = self._now() - self.forged_at.get(server, float("-inf")) <= self.unseen
            self._expect(forged, f"S2: several claims have {server}")

    def _claimed(self, server: Key, old: Body | None, new: Body | None) -> None:
        """claimRef was written by an operator: whoever has the server keeps it."""
        for key, body in self._there(CLAIM):
            uid = body["metadata"]["uid"]
            away = old is not None and old["uid"] == uid if new is None else new["uid"] != uid
            if away and self._has(key, server):
                self._expect(False, f"9.3: {server} of {key} was given to {new}, and was {old}")
        if new is None:
            self._let_go(server, old or {})
            return
        claim = Key(CLAIM, new["namespace"], new["name"])
        back = any(_machine(body) == server for body in self._lately(claim) if body is not None)
        kept = all(body is not None and _serviced(body) for body in self._lately(server))
        self._expect(back or not kept, f"9.2: {server} is in maintenance, and was claimed by {claim}")

    def _let_go(self, server: Key, old: Body) -> None:
        """9.4: seen off before anybody else has it."""
        bmc, claim = self.metal.bmcs[server], self._now_of(Key(CLAIM, old["namespace"], old["name"]))
        there = claim is not None and claim["metadata"]["uid"] == old["uid"]
        bmc.settle(self._now())
        forged = server in self.forged_at
        off = bmc.power is Power.OFF or bmc.pressed
        self._expect(there or forged or off, f"9.4: {server} was let go of {old}, and is {bmc.power}")

    def acted(self, server: Key, word: str) -> None:
        """A request changed something at a BMC."""
        self.world.judge.writes += 1
        bmc = self.metal.bmcs[server]
        self._expect(not bmc.twice, f"S11: {server}: {bmc.twice}")
        rows = [body for body in self._lately(server) if body is not None]
        paused = bool(rows) and all(ANNOTATION_PAUSED in (row["metadata"].get("annotations") or {}) for row in rows)
        self._expect(not paused, f"S19: {word} at {server}, which is paused")
        self._expect(not (rows and all(map(_serviced, rows))), f"9.2: {word} at {server}, which is in maintenance")
        now = self._now_of(server) or {}
        recorded = ((now.get("status") or {}).get("identity") or {}).get("uuid")
        strange = recorded not in {None, bmc.uuid} and self._now() - bmc.swapped_at > self.under_way
        self._expect(not strange, f"7.1: {word} at {server}, where {bmc.uuid} answers and not {recorded}")
        if word in OFF:
            self._off(server, rows, word)
        elif word == "On":
            wanted = any(row["spec"].get("claimRef") or row["spec"].get("powerState") == "PoweredOn" for row in rows)
            self._expect(wanted, f"{server} was powered on for nobody")

    def _off(self, server: Key, rows: list[Body], word: str) -> None:
        """9.4, 9.5: not under a claim that wants it on."""
        for key, body in self._there(CLAIM):
            uid = body["metadata"]["uid"]
            named = all((row["spec"].get("claimRef") or {}).get("uid") == uid for row in rows)
            claims = [each for each in self._lately(key) if each is not None]
            on = all(each["spec"].get("powerState") == "PoweredOn" for each in claims)
            never = not any(each["spec"].get("restartedAt") for _, each in self.rows[key] if each is not None)
            if named and on and never and self._has(key, server):
                self._expect(False, f"9.5: {word} at {server} under {key}, which wants it on")

    # the end

    def at_rest(self) -> list[str]:
        wrong, bound = [], 0
        for key, body in self._there(SERVER, CLAIM):
            status, ready = body.get("status") or {}, self.world.api.condition(key, "Ready")
            fresh = status.get("observedGeneration") == body["metadata"]["generation"]
            bound += key.kind == CLAIM and bool(status.get("machineRef"))
            waits = ready.get("reason") == "NoMachineAvailable"
            if not fresh or status.get("operation") or (ready.get("status") != "True" and not waits):
                wrong.append(f"{key} is not Ready: {ready.get('reason')} {ready.get('message')}")
        claims, servers = len(list(self._there(CLAIM))), len(list(self._there(SERVER)))
        if bound != min(claims, servers):
            wrong.append(f"{bound} of {claims} claims are bound, to {servers} servers")
        return wrong

    def last(self) -> None:
        for key, body in self._there(CLAIM):
            machine = _machine(body)
            if machine is None:
                continue
            server = self._now_of(machine)
            ref = server["spec"].get("claimRef") if server is not None else None
            uid = body["metadata"]["uid"]
            self._expect(ref is not None and ref["uid"] == uid, f"{key} is bound to {machine}, which names {ref}")
            self._powered(machine, body["spec"].get("powerState", "PoweredOn"))
        for key, body in self._there(SERVER):
            wish = body["spec"].get("powerState", "Unmanaged")
            if not body["spec"].get("claimRef") and wish != "Unmanaged":
                self._powered(key, wish)

    def _powered(self, server: Key, wish: str) -> None:
        bmc = self.metal.bmcs[server]
        bmc.settle(self._now())
        on = bmc.power is Power.ON
        self._expect(on is (wish == "PoweredOn"), f"{server} is {bmc.power}, wished {wish}")

    # inside

    def _expect(self, holds: bool, text: str) -> None:
        self.world.judge.expect(holds, text)

    def _now(self) -> float:
        return self.world.clock.monotonic()

    def _there(self, *kinds: str) -> Iterator[tuple[Key, Body]]:
        return ((key, body) for key, body in self.world.api.objects.items() if key.kind in kinds)

    def _now_of(self, key: Key) -> Body | None:
        rows = self.rows.get(key)
        return rows[-1][1] if rows else None

    def _lately(self, key: Key) -> list[Body | None]:
        """All that an operator may still believe of it."""
        rows = self.rows.get(key, [])
        after = [at for at, row in enumerate(rows) if row[0] >= self._now() - self.unseen]
        if rows and after and after[0] == 0:
            return [None, *(row[1] for row in rows)]  # it is new
        first = (after[0] if after else len(rows)) - 1
        return [row[1] for row in rows[max(first, 0) :]]

    def _has(self, claim: Key, server: Key) -> bool:
        """For so long that every operator must know: it lives, and its status names the server."""
        rows = self._lately(claim)
        return bool(rows) and all(
            row is not None and _machine(row) == server and not row["metadata"].get("deletionTimestamp") for row in rows
        )


def _machine(body: Body) -> Key | None:
    raw: Any = (body.get("status") or {}).get("machineRef")
    return Key(SERVER, raw["namespace"], raw["name"]) if raw else None


def _serviced(body: Body) -> bool:
    return bool((body["spec"].get("maintenance") or {}).get("enabled"))
