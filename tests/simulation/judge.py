"""What must hold after every step, and once all has come to rest (PROTOCOLS.md; reliability properties S1 to S20)."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.engine.operators import Operator

from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.engine.ports import Body, Key
from hostwright.providers.simulated.rows import Machine, State

if TYPE_CHECKING:
    from tests.simulation.world import World

#: Seconds that a request may be under way, with what its sender needs between looking and sending.
UNDER_WAY = 45.0


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
        self.stripped: set[str] = set()  # machine ids, without dashes, whose object was taken away by hand
        self.paused_at: dict[Key, float] = {}
        self.wiped_at: dict[str, float] = {}  # names whose status was lost: of what was under way then nothing tells
        self.checks = 0
        self.broken: Violation | None = None
        self.writes = 0  # on the site, by operators

    def fail(self, text: str) -> None:
        """The first one counts. It ends the play at its next step, whoever's code runs now."""
        self.world.say(f"VIOLATION {text}")
        self.broken = self.broken or Violation(text)

    def expect(self, holds: bool, text: str) -> None:
        self.checks += 1
        if not holds:
            self.fail(text)

    # steps

    def sent(self, owner: str, name: str) -> None:
        """S8: no request without the Lease."""
        for operator in self.world.alive():
            if operator.name == owner:
                self.expect(operator.lease.held(), f"{owner} sent {name} without the Lease")

    def carried_out(self, owner: str, name: str, row: Any) -> None:
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
            self._created(row, body)
        if name == "delete" and body is not None:
            self._deleted(row, body)
        if body is not None:
            paused = self.paused_at.get(_key(body))
            told = self.world.drawn.watch_lag + UNDER_WAY
            still = paused is not None and self._now() - paused > told
            self.expect(not still, f"S19: {name} on {row.name}, whose object is paused")
        self.look()

    def look(self) -> None:
        """S1: never two usable machines of one object, and never two made by us at once."""
        marked: dict[str, list[Machine]] = {}
        for row in self.world.site.model.machines.values():
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
        kept = body is not None and body["spec"].get("deletionPolicy") == "Retain"
        self.expect(body is None or kept, f"our mark was taken off {row.name}, which is to be deleted")
        self.let_go.add(row.id)

    def _created(self, row: Machine, body: Body | None) -> None:
        self.expect(row.mark != "", f"2.7: {row.name} was made without an owner mark")
        if body is None:
            return
        status, metadata = body.get("status") or {}, body["metadata"]
        self.expect(FINALIZER in (metadata.get("finalizers") or ()), f"S5: {row.name} made without a finalizer")
        operation = status.get("operation") or {}
        told = operation.get("type") == "Create" or self._wiped(row)
        self.expect(told, f"S5: {row.name} made, and no intent is written")
        gone_for = self._since(metadata.get("deletionTimestamp"))
        self.expect(gone_for is None or gone_for < UNDER_WAY, f"S20: {row.name} made {gone_for} s after its deletion")

    def _deleted(self, row: Machine, body: Body) -> None:
        """S10: what was up and is wished is never deleted."""
        wished = not body["metadata"].get("deletionTimestamp")
        mine = [one for one in self.world.site.model.machines.values() if one.mark == row.mark]
        self.expect(
            not (wished and row.id in self.was_up and len(mine) == 1), f"S10: {row.name} deleted, and is wished"
        )
        policy = body["spec"].get("deletionPolicy", "Delete")
        self.expect(wished or policy == "Delete", f"S19: {row.name} deleted, and is to be retained")

    def status_written(self, key: Key, before: Body, after: Body) -> None:
        changed = before.get("metadata", {}).get("resourceVersion") != after["metadata"]["resourceVersion"]
        self.expect(changed, f"a status write of {key} changed nothing")
        old, new = before.get("status") or {}, after.get("status") or {}
        same = before.get("metadata", {}).get("uid") == after["metadata"]["uid"]
        back = same and (new.get("observedGeneration") or 0) < (old.get("observedGeneration") or -1)
        self.expect(not back, f"S17: observedGeneration of {key} went back")

    def released(self, key: Key, body: Body) -> None:
        """S6: our finalizer goes when nothing of the object's is left, or all of it is rightly let go."""
        if key.kind != "VirtualMachine" or not body:
            return
        annotations = body["metadata"].get("annotations") or {}
        machine_id = annotations.get(ANNOTATION_MACHINE_ID) or body["metadata"]["uid"]
        left = [row for row in self._of(machine_id) if row.id not in self.strange]
        rival = any(
            other != key and (found["metadata"].get("annotations") or {}).get(ANNOTATION_MACHINE_ID) == machine_id
            for other, found in self.world.api.objects.items()
        )
        if rival:
            return
        if body["spec"].get("deletionPolicy") == "Retain":
            self.let_go |= {row["id"] for row in (body.get("status") or {}).get("resources") or ()}
            self.let_go |= {row.id for row in left}
            return
        self.expect(not left, f"S6: the finalizer of {key} is gone, and {[row.id[:8] for row in left]} is left")

    def ended(self, operator: Operator) -> None:
        for bug in operator.process.told.bugs:
            self.fail(f"a defect: {type(bug).__name__}: {bug}")

    # the end

    def at_rest(self) -> list[str]:
        """What is not yet as it should be; empty: all is."""
        pools = self.world.pools
        wrong = pools.judge.at_rest() if pools is not None else []
        for key, body in self.world.api.objects.items():
            if key.kind not in {"VirtualMachine", "Provider"} or _cannot_run(body):
                continue
            status, ready = body.get("status") or {}, self.world.api.condition(key, "Ready")
            if ready.get("status") != "True":
                wrong.append(f"{key} is not Ready: {ready.get('reason')} {ready.get('message')}")
            elif status.get("observedGeneration") != body["metadata"]["generation"] or status.get("operation"):
                wrong.append(f"{key} has work to do")
        return wrong

    def last(self) -> None:
        """One machine for each object, as wished, and none beside."""
        if self.world.pools is not None:
            self.world.pools.judge.last()
        machines = self.world.site.model.machines
        wished = {
            key: body
            for key, body in self.world.api.objects.items()
            if key.kind == "VirtualMachine" and not _cannot_run(body)
        }
        held: set[str] = set()
        for key, body in wished.items():
            ids = [row["id"] for row in body["status"].get("resources") or ()]
            self.expect(len(ids) == 1 and ids[0] in machines, f"the ledger of {key} says {ids}")
            held |= set(ids)
            for row in (machines[item] for item in ids if item in machines):
                on = body["spec"].get("powerState", "PoweredOn") == "PoweredOn"
                self.expect(row.powered_on is on, f"{key} is powered {row.powered_on}, wished {on}")
                said = body["status"].get("powerState") == ("PoweredOn" if row.powered_on else "PoweredOff")
                self.expect(said, f"S17: the status of {key} says {body['status'].get('powerState')}")
                wrong = {k: v for k, v in body["spec"].get("tags", {}).items() if row.tags.get(k) != v}
                self.expect(not wrong, f"{key} has tags {row.tags}")
                self.expect(row.mark != "", f"{key} bears no mark")
        beside = {
            item
            for item, row in machines.items()
            if item not in held | self.strange | self.let_go and row.mark.rpartition(":")[2] not in self.stripped
        }
        self.expect(not beside, f"machines that are nobody's: {sorted(item[:8] for item in beside)}")
        if self.broken is not None:
            raise self.broken

    # inside

    def _now(self) -> float:
        return self.world.clock.monotonic()

    def _since(self, stamp: str | None) -> float | None:
        if not stamp:
            return None
        return (self.world.clock.now() - datetime.fromisoformat(stamp)).total_seconds()

    def _wiped(self, row: Machine) -> bool:
        return self._now() - self.wiped_at.get(row.object_name, float("-inf")) < 2 * UNDER_WAY

    def _of(self, machine_id: str) -> list[Machine]:
        plain = machine_id.replace("-", "")
        return [row for row in self.world.site.model.machines.values() if row.mark.endswith(f":{plain}")]

    def _owner(self, row: Machine) -> Body | None:
        """The object that a machine was made for, by the id in its mark."""
        for key, body in self.world.api.objects.items():
            if key.kind != "VirtualMachine":
                continue
            annotations = body["metadata"].get("annotations") or {}
            machine_id = annotations.get(ANNOTATION_MACHINE_ID) or body["metadata"]["uid"]
            if row.mark.endswith(":" + machine_id.replace("-", "")) and key.name == row.object_name:
                return body
        return None


def _cannot_run(body: Body) -> bool:
    """Made from an image that its site does not have: it waits for ever."""
    return bool((body["spec"].get("imageRef") or {}).get("name") == "bad")


def _key(body: Body) -> Key:
    return Key("VirtualMachine", body["metadata"]["namespace"], body["metadata"]["name"])
