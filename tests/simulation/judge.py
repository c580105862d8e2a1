"""What must hold after every step, and once all has come to rest (PROTOCOLS.md; reliability properties S1 to S20)."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.engine.operators import Operator
from tests.simulation import judge_anew, judge_end, judge_upkeep
from tests.simulation.bodies import (
    is_going,
    is_paused,
    is_retained,
    key_of,
    ledger_of,
    machine_id_of,
    reason_of,
    was_provisioned,
)
from tests.simulation.tally import rule_of

from hostwright.core.errors import MachineDeletedExternally, OwnershipConflict
from hostwright.core.names import FINALIZER, Reason
from hostwright.engine.ports import Body, Key
from hostwright.providers.simulated.rows import Machine, Page, State

if TYPE_CHECKING:
    from tests.simulation.world import World

#: Seconds that a request may be under way, with what its sender needs between looking and sending.
UNDER_WAY = 45.0
#: Seconds after which every operator hears of a deletion: the longest deafness, and a request that was on its way.
DEAF = 60.0 + 70.0 + UNDER_WAY
#: Seconds after which everybody who looks sees a machine, beside the lists' lag.
OLD_NEWS = UNDER_WAY
#: More requests than any life needs in that time.
STORM, STORM_SECONDS = 150, 10.0
#: A pool's requests, which are as grave as those to a site.
OF_POOLS = {"apply", "delete_object", "own"}
#: A look that began so shortly before an answer counts as one after it (the provider's plan says why).
AT_ONCE = 0.06
#: The reason of Ready where a machine is gone.
GONE = MachineDeletedExternally.__name__
TOLD_GONE = {GONE, str(Reason.RECREATING)}


@dataclass(frozen=True, slots=True)
class Told:
    """What the sender of a request knew."""

    sent: float
    read: float  # the beginning of its latest answered read
    paused: frozenset[Key]  # objects that it was shown as paused, for a while
    going: frozenset[Key]  # as being deleted
    kept: frozenset[Key]  # and as to be retained


class Violation(AssertionError):  # noqa: N818 - what it is called
    """A promise was broken."""


class Judge:
    """Sees what was really done, on the API server and on the site; knows nothing of what operators believe."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.strange: set[str] = set()  # machines made by hand: theirs, or copies that bear our mark
        self.let_go: set[str] = set()  # machines that we made and rightly left there
        self.was_up: set[str] = set()
        self.made_for: dict[str, Key] = {}
        self.ids: dict[
            tuple[str, Key], tuple[float, str, str]
        ] = {}  # as shown: since when which machine id, of which uid
        self.stripped: dict[str, float] = {}  # machine ids, without dashes, whose object was taken away by hand: when
        self.paused_at: dict[Key, float] = {}
        self.forged: dict[Key, set[str]] = {}  # machines of others that somebody wrote into its status
        self.wiped_at: dict[str, float] = {}  # names whose status was lost: of what was under way then nothing tells
        self.made: dict[str, float] = {}  # machines of ours: when, monotonic
        self.asked: dict[str, float] = {}  # and when they were asked for
        self.uids: dict[str, str] = {}  # and of which object
        self.heard: set[str] = set()  # and of which an operator was told
        self.pauses: dict[tuple[str, Key], float] = {}  # since when an operator has been shown that it is paused
        self.goings: dict[tuple[str, Key], float] = {}  # that it is being deleted
        self.keeps: dict[tuple[str, Key], float] = {}  # or that its machine is to be retained
        self.read_at: dict[str, float] = {}  # the latest beginning of an operator's answered read
        self.shown_as: dict[tuple[str, str], tuple[float, State]] = {}  # by the site itself, to an operator that asked
        self.blind: dict[tuple[str, str], float] = {}  # a machine that an operator changed without hearing of it
        self.announced: set[str] = set()  # machines in whose place another is to be made
        self.retains: set[Key] = set()
        self.retained: dict[Key, float] = {}  # until when it was to be
        self.requests: Counter[tuple[str, int]] = Counter()
        self.checks: Counter[str] = Counter()  # by their rule
        self.names: Counter[str] = Counter()  # of requests
        self.broken: Violation | None = None
        self.writes = 0  # on the site, by operators

    def fail(self, text: str) -> None:
        """The first one counts. It ends the play at its next step, whoever's code runs now."""
        self.world.say(f"VIOLATION {text}")
        self.broken = self.broken or Violation(text)

    def expect(self, holds: bool, text: str) -> None:
        self.checks[rule_of(text)] += 1
        if not holds:
            self.fail(text)

    # steps

    def sends(self, owner: str, name: str, *, grave: bool) -> "Told":
        """S8: no request to the site without the Lease, as we and as the API server know it; and no storm of them."""
        now = self._now()
        self.names[name] += 1
        self.requests[owner, int(now // STORM_SECONDS)] += 1
        many = self.requests[owner, int(now // STORM_SECONDS)]
        self.expect(many < STORM, f"L2: {owner} sent {many} requests within {STORM_SECONDS:.0f} s, the last: {name}")
        if grave:
            held = any(each.lease.held() for each in self.world.alive() if each.name == owner)
            self.expect(held, f"S8: {owner} sent {name} without the Lease")
            holder = ((self.world.leases.lease or {}).get("spec") or {}).get("holderIdentity")
            self.expect(holder == owner, f"S8: {owner} sent {name}, and the Lease is {holder}'s")
        known = self._known()
        paused, going, kept = (
            frozenset(key for (who, key), since in shown.items() if who == owner and since < known)
            for shown in (self.pauses, self.goings, self.keeps)
        )
        return Told(now, self.read_at.get(owner, float("-inf")), paused, going, kept)

    def shown(self, owner: str, key: Key, body: Body | None) -> None:
        """An operator's watch shows this."""
        if key.kind != "VirtualMachine":
            return
        before = self.ids.pop((owner, key), None)
        if body is not None:
            now = (self._now(), machine_id_of(body), body["metadata"]["uid"])
            self.ids[owner, key] = before if before is not None and before[1:] == now[1:] else now
        for says, since in ((is_paused, self.pauses), (is_going, self.goings), (is_retained, self.keeps)):
            if body is not None and says(body):
                since.setdefault((owner, key), self._now())
            else:
                since.pop((owner, key), None)

    def stored(self, key: Key, body: Body) -> None:
        """The API server has this now."""
        if is_retained(body):
            self.retains.add(key)
        elif key in self.retains:
            self.retains.discard(key)
            self.retained[key] = self._now()

    def answered(self, owner: str, began: float, answer: Any, *, of_one: bool = False) -> None:
        """An operator's read of the site. `of_one`: it asked for this machine, by its mark where it knows no id."""
        if isinstance(answer, Machine | Page):
            self.read_at[owner] = max(began, self.read_at.get(owner, began))
        if isinstance(answer, Machine):
            self.heard.add(answer.id)
            self.shown_as[owner, answer.id] = (self._now(), answer.state)
        if isinstance(answer, Page) and of_one:
            self.shown_as.update({(owner, row.id): (self._now(), row.state) for row in answer.machines})

    def unheard(self, owner: str, machine: str) -> None:
        self.blind[owner, machine] = self._now()

    def carried_out(self, owner: str, name: str, row: Any, told: "Told") -> None:
        """A request of an operator changed the site."""
        self.writes += 1
        self.world.say(f"site: {name} {row.name} {row.id[:8]} of {owner}")
        self.expect(row.id not in self.strange, f"S3: {name} touched {row.id}, which is not ours")
        body = self._owner(row)
        if name == "create":
            self.made_for[row.id] = Key("VirtualMachine", row.namespace, row.object_name)
        if name == "remove_mark":
            self._let_go(row)
        if name == "create":
            self._created(row, body, told)
        if name == "delete" and body is not None:
            self._deleted(owner, row, body, told)
        unheard = self.blind.get((owner, row.id), float("-inf"))
        looked = not unheard < told.sent or unheard < told.read + AT_ONCE
        self.expect(looked, f"2.5: {owner} sent {name} for {row.name} again, and had not looked")
        if body is not None:
            key = key_of(body)
            self.expect(key not in told.paused, f"S19: {name} on {row.name}, whose object was shown as paused")
            finalizers = body["metadata"].get("finalizers") or ()
            self.expect(FINALIZER in finalizers, f"S5: {name} on {row.name} without a finalizer")
            paused = self.paused_at.get(key) if is_paused(body) else None
            told = self._lag() + UNDER_WAY
            still = paused is not None and self._now() - paused > told
            self.expect(not still, f"S19: {name} on {row.name}, whose object is paused")
        self.look()

    def look(self) -> None:
        """S1: never two usable machines of one object, and never two made by us at once."""
        marked: dict[str, list[Machine]] = {}
        for row in self.world.hands.machines.values():
            if row.state is State.ACTIVE:
                self.was_up.add(row.id)
            if (
                row.mark
                and row.id not in self.strange
                and row.id not in self.let_go
                and row.state is not State.DELETING
            ):
                marked.setdefault(row.mark, []).append(row)
        for rows in marked.values():
            self.expect(
                len(rows) <= 1 or self._wiped(rows[0]),
                f"S1: {rows[0].object_name} has machines {[row.id[:8] for row in rows]}",
            )

    def _let_go(self, row: Machine) -> None:
        """Our mark comes off only what a user wants to keep."""
        key = self.made_for.get(row.id)
        body = self.world.api.objects.get(key) if key is not None else None
        # What was edited a moment ago was not known when the request was sent.
        kept = key in self.retains or (
            key is not None and self._now() - self.retained.get(key, float("-inf")) < UNDER_WAY + self._lag()
        )
        self.expect(body is None or kept, f"our mark was taken off {row.name}, which is to be deleted")
        self.let_go.add(row.id)

    def _created(self, row: Machine, body: Body | None, told: "Told") -> None:
        self.expect(row.mark != "", f"2.7: {row.name} was made without an owner mark")
        self.made[row.id], self.asked[row.id] = self._now(), told.sent
        self._inherits(row)
        judge_upkeep.made(self, row, body)
        there = [
            other[:8]
            for other in self._namesakes(row)
            if self._now() - self.made[other] > OLD_NEWS + self.world.drawn.lists_lag
        ]
        status = (body.get("status") or {}) if body is not None else {}
        operation = status.get("operation") or {}
        if operation.get("attempt", 1) == 1:  # at first sight
            self.expect(not there, f"1.3: {row.name} made, and {there} of its namespace and name were there")
        if body is None:
            return
        metadata = body["metadata"]
        self.uids[row.id] = metadata["uid"]
        again = was_provisioned(body) and body["spec"].get("onExternalDeletion") != "Recreate"
        untold = told.sent <= self.wiped_at.get(row.object_name, float("-inf"))  # what told of it was lost since
        self.expect(untold or not again, f"2.6: {row.name} made again, and there was one that was up")
        intended = operation.get("type") == "Create" or self._wiped(row)
        self.expect(intended, f"S5: {row.name} made, and no intent is written")
        self.expect(key_of(body) not in told.going, f"S20: {row.name} made, and its object was shown as being deleted")
        gone_for = self._since(metadata.get("deletionTimestamp"))
        self.expect(gone_for is None or gone_for < DEAF, f"S20: {row.name} made {gone_for} s after its deletion")

    def _inherits(self, row: Machine) -> None:
        """What was on its way, or in no list yet, when its object was taken away by hand: no heir knows."""
        machine_id = row.mark.rpartition(":")[2]
        taken_away = self.stripped.get(machine_id, float("-inf"))
        unlisted = self.asked[row.id] - UNDER_WAY - self.world.drawn.lists_lag
        former = [one.id for one in self._of(machine_id) if self.asked.get(one.id, float("inf")) <= taken_away]
        self.let_go |= {item for item in former if item == row.id or self.made[item] > unlisted}

    def _deleted(self, owner: str, row: Machine, body: Body, told: "Told") -> None:
        """S10: what is up and wished is never deleted: the site itself said otherwise just before."""
        wished = not body["metadata"].get("deletionTimestamp")
        mine = [one for one in self.world.hands.machines.values() if one.mark == row.mark]
        if wished and len(mine) == 1 and row.id not in self.announced:
            at, state = self.shown_as.get((owner, row.id), (float("-inf"), State.ACTIVE))
            self.expect(state is not State.ACTIVE, f"S10: {row.name} deleted; it is wished, and was shown as {state}")
            age = self._now() - at
            self.expect(age < UNDER_WAY, f"S10: {row.name} deleted; it is wished, and was asked for {age} s ago")
        self.expect(wished or key_of(body) not in told.kept, f"S19: {row.name} deleted, and is to be retained")

    def patches(self, key: Key, patch: Body) -> None:
        """S18: never without the version that the decision was made from, or another's write is lost."""
        self.expect("resourceVersion" in patch["metadata"], f"S18: a patch of {key} without a resourceVersion")

    def status_written(self, key: Key, before: Body, after: Body) -> None:
        changed = before.get("metadata", {}).get("resourceVersion") != after["metadata"]["resourceVersion"]
        self.expect(changed, f"a status write of {key} changed nothing")
        old, new = before.get("status") or {}, after.get("status") or {}
        same = before.get("metadata", {}).get("uid") == after["metadata"]["uid"]
        back = same and (new.get("observedGeneration") or 0) < (old.get("observedGeneration") or -1)
        self.expect(not back, f"S17: observedGeneration of {key} went back")
        if key.kind != "VirtualMachine":
            return
        judge_anew.written(self, key, before, after)
        self._remembers(key, after)
        self._is_told_a_copy(key, after)
        if reason_of(after) in TOLD_GONE and reason_of(before) not in TOLD_GONE:
            left = self._alive(old)
            self.expect(not left, f"S10: {key} is told as deleted by somebody, and {left} is there")

    def _remembers(self, key: Key, body: Body) -> None:
        """What was made, and answered, is in the ledger of its object, or its intent stands; it is in one ledger."""
        listed, uid = ledger_of(body) - self.forged.get(key, set()), body["metadata"]["uid"]
        operation = body["status"].get("operation") or {}
        if operation.get("type") != "Create" and key.name not in self.wiped_at:
            made = {item for item, owner in self.uids.items() if owner == uid and item in self.heard}
            lost = self._there(made - listed - self.let_go)
            self.expect(not lost, f"S4: the status of {key} tells of {lost} no more")
        for other, found in self.world.api.objects.items():
            if other.kind == "VirtualMachine" and other != key and not is_going(found):
                twice = self._there(listed & (ledger_of(found) - self.forged.get(other, set())))
                self.expect(not twice, f"S2: {key} and {other} both have {twice}")

    def _is_told_a_copy(self, key: Key, body: Body) -> None:
        """1.2: whose machine id is another's by birth is in OwnershipConflict, whatever else is the matter."""
        mine = self.ids.get((self.world.hand, key))
        if mine is None or mine[0] > self._known() or mine[1] != machine_id_of(body) or mine[1] == mine[2]:
            return
        for (owner, other), (since, machine_id, uid) in self.ids.items():
            born = owner == self.world.hand and machine_id == mine[1] == uid and since < self._known()
            told = reason_of(body) == OwnershipConflict.__name__
            self.expect(told or not born, f"1.2: {key} is a copy of {other}, and is told {reason_of(body)}")

    def _alive(self, status: Body) -> list[str]:
        return self._there({row["id"] for row in status.get("resources") or () if row["name"] == "server"})

    def _there(self, ids: set[str]) -> list[str]:
        machines = self.world.hands.machines
        return [item[:8] for item in sorted(ids) if item in machines and machines[item].state is not State.DELETING]

    def released(self, key: Key, body: Body) -> None:
        """S6: our finalizer goes when nothing of the object's is left, or all of it is rightly let go."""
        if key.kind != "VirtualMachine" or not body:
            return
        machine_id = machine_id_of(body)
        left = [row for row in self._of(machine_id) if row.id not in self.strange]
        rival = any(
            other != key and machine_id_of(found) == machine_id for other, found in self.world.api.objects.items()
        )
        if rival:
            return
        self.let_go |= {row.id for row in left if self.untold(row)}
        left = [row for row in left if row.id not in self.let_go]
        if body["spec"].get("deletionPolicy") == "Retain":
            rows = (body.get("status") or {}).get("resources") or ()
            self.let_go |= {row["id"] for row in rows} - self.forged.get(key, set())
            self.let_go |= {row.id for row in left}
        if self.world.cloud is not None:
            self.world.cloud.judge.released(body)
        if body["spec"].get("deletionPolicy") == "Retain":
            return
        self.expect(not left, f"S6: the finalizer of {key} is gone, and {[row.id[:8] for row in left]} is left")

    def defects(self, operator: Operator) -> None:
        for bug in operator.process.told.bugs:
            self.fail(f"a defect: {type(bug).__name__}: {bug}")

    # the end

    def at_rest(self) -> list[str]:
        return judge_end.at_rest(self.world)

    def last(self) -> None:
        judge_end.last(self)

    # inside

    def _known(self) -> float:
        """What was shown before this was known to who sends now: an intent may have been on its way meanwhile."""
        return self._now() - 2 * self.world.drawn.slow - 2.0

    def _lag(self) -> float:
        return self.world.drawn.watch_lag

    def _now(self) -> float:
        return self.world.clock.monotonic()

    def _since(self, stamp: str | None) -> float | None:
        if not stamp:
            return None
        return (self.world.clock.now() - datetime.fromisoformat(stamp)).total_seconds()

    def _wiped(self, row: Machine) -> bool:
        return self._now() - self.wiped_at.get(row.object_name, float("-inf")) < 2 * UNDER_WAY

    def _namesakes(self, row: Machine) -> list[str]:
        """Machines of ours, made for the same namespace and name under another machine id, that anybody can see."""
        return [
            other.id
            for other in self.world.hands.machines.values()
            if (other.namespace, other.object_name) == (row.namespace, row.object_name)
            and other.mark not in {"", row.mark}
            and other.id in self.made
            and other.state in {State.ACTIVE, State.BUILDING}
        ]

    def untold(self, row: Machine) -> bool:
        """Made about when its object's status was lost: no intent told of it any more, and no list showed it yet."""
        wiped = self.wiped_at.get(row.object_name, float("inf"))
        return self.made.get(row.id, float("-inf")) > wiped - UNDER_WAY - self.world.drawn.lists_lag

    def _of(self, machine_id: str) -> list[Machine]:
        plain = machine_id.replace("-", "")
        return [row for row in self.world.hands.machines.values() if row.mark.endswith(f":{plain}")]

    def _owner(self, row: Machine) -> Body | None:
        """The object that a machine was made for, by the id in its mark."""
        for key, body in self.world.api.objects.items():
            if key.kind != "VirtualMachine":
                continue
            machine_id = machine_id_of(body)
            if row.mark.endswith(":" + machine_id.replace("-", "")) and key.name == row.object_name:
                return body
        return None
