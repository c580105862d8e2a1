"""What users do to their objects, strangers on the site and fate to both."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.engine.apiserver import copied
from tests.engine.samples import SPEC
from tests.simulation.bodies import machine_id_of

from hostwright.core.names import ANNOTATION_MACHINE_ID, ANNOTATION_PAUSED
from hostwright.engine.ports import Body, Key
from hostwright.providers.simulated.rows import Machine, State, Task

if TYPE_CHECKING:
    from tests.simulation.world import World

#: Short ones: what hangs is not waited for long.
TIMEOUTS = {"create": "2m", "powerOff": "1m", "delete": "5m"}
UPKEEP = {"onExternalDeletion": "Recreate", "propagateLabels": ["owner"]}
#: Seconds after which what is made is in no window of ours: with skewed clocks, and with the time that a call takes.
OLD = 60.0 + 2 * 50.0 + 40.0
#: Where a row is lost, these leave nothing by which a machine is told from theirs.
NAMELESS = frozenset({"twin", "unmark"})
COPY = Key("VirtualMachine", "team-a", "copy")


def keyed(letter: str) -> dict[str, Any]:
    """With another key another machine is made."""
    key = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43} me"
    bootstrap = {"onChange": "Replace", "cloudInit": {"sshAuthorizedKeys": [key]}}
    return {"bootstrap": bootstrap, "updatePolicy": {"maxDisruption": "Replace"}}


class People:
    def __init__(self, world: "World") -> None:
        self.world, self.rng = world, world.rng
        self.backups: dict[Key, dict[str, Any]] = {}
        self.tokens = 0

    def act(self) -> None:
        """One thing, drawn."""
        deeds = [(name, (fault, deed)) for fault, name, deed in self._deeds()]
        name, done = self.rng.named(deeds, "act")
        self.world.say(f"people: {name}")
        if done is not None:
            self.world.used.add(done[0])
            done[1]()

    def _deeds(self) -> list[tuple[str, str, Callable[[], None]]]:
        """What can be done with the seed's faults: users' plain work at least as often as all the rest."""
        world = self.world
        plain = [
            ("make", self.make),
            ("power", self.power),
            ("tag", self.tag),
            ("restart", self.restart),
            ("delete", self.delete),
        ]
        faults: dict[str, tuple[tuple[str, Callable[[], None]], ...]] = {
            "crash": (("crash", world.crash),),
            "stop": (("stop", world.stop),),
            "end": (("end", world.bid_end),),
            "log in": (("log in", self.edit_provider),),
            "deaf watch": (("deafen", world.deafen),),
            "api away": (("lose the API server", world.lose_api),),
            "site away": (("cut the site", self.cut), ("join the site", self.join)),
            "builds fail": (("a build will fail", self.fail_build),),
            "builds hang": (("a build will hang", self.hang_build),),
            "builds slow": (("builds are slow", self.slow_builds),),
            "quota": (("quota", self.quota),),
            "power": (("press", self.press),),
            "retag": (("retag", self.retag),),
            "unmark": (("unmark", self.unmark),),
            "vanish": (("vanish", self.vanish),),
            "clone": (("clone", self.clone),),
            "twin": (("twin", self.twin),),
            "squat": (("squat", self.squat), ("make", self.make)),
            "copy": (("copy", self.copy),),
            "strip": (("strip", self.strip),),
            "restore": (("back up", self.back_up), ("restore", self.restore)),
            "wipe": (("wipe", self.wipe), ("wipe and delete", self.wipe_and_delete)),
            "pause": (("pause", self.pause), ("pause and delete", self.pause_and_delete), ("go on", self.go_on)),
            "retain": (("retain", self.retain),),
            "forge": (("forge", self.forge), ("forge and delete", self.forge_and_delete)),
        }
        rare = [(fault, *deed) for fault, deeds in faults.items() if fault in world.drawn.faults for deed in deeds]
        made = [("", *deed) for deed in (*plain, *plain, *plain, ("make", self.make), ("make", self.make))]
        if world.drawn.upkeep:
            made += [("", "label", self.label), ("vanish", "vanish", self.vanish)]
        if world.drawn.anew:
            made += [("", "give other keys", self.give_other_keys)] * 2
        if world.pools is not None:
            made += [("", *deed) for deed in world.pools.deeds()]
        if world.cloud is not None:
            made += [("", *deed) for deed in world.cloud.people.deeds()]
        if world.metal is not None:
            made += [("", *deed) for deed in world.metal.deeds()]
        all_of_them = [*made, *(rare * max(1, len(made) // (2 * len(rare) or 1)))]
        often = [deed for deed in dict.fromkeys(all_of_them) if deed[1] in world.drawn.often]
        return [*all_of_them, *(often * (len(all_of_them) // (len(often) or 1)))]

    # users

    def _key(self) -> Key:
        return Key("VirtualMachine", "team-a", self.rng.choice(self.world.drawn.names, "name"))

    def _body(self) -> tuple[Key, dict[str, Any] | None]:
        """One that is there, most often."""
        objects = self.world.api.objects
        there = [key for key in objects if key.kind == "VirtualMachine" and key != COPY]
        key = self.rng.choice(there, "object") if there and self.rng.chance(0.9, "one of them") else self._key()
        return key, objects.get(key)

    def make(self) -> None:
        key = self._key()
        if key not in self.world.api.objects:
            self._make(key)

    def _make(self, key: Key) -> None:
        upkeep: dict[str, Any] = {}
        if self.world.drawn.upkeep:
            upkeep = {**UPKEEP, "expireAfter": self.rng.choice(("Never", "Never", "2m"), "expire")}
        anew = keyed("a") if self.world.drawn.anew else {}
        self.world.api.apply(key, {**SPEC, "tags": {"team": "a"}, "timeouts": TIMEOUTS, **upkeep, **anew})

    def _edit(self, **fields: Any) -> None:
        key, body = self._body()
        if body is not None:
            self.world.api.apply(key, {**body["spec"], **fields})

    def power(self) -> None:
        self._edit(powerState=self.rng.choice(("PoweredOff", "PoweredOn"), "power"))

    def tag(self) -> None:
        self.tokens += 1
        self._edit(tags={"team": f"t{self.tokens}"})

    def give_other_keys(self) -> None:
        """Of few, so that it is taken back now and then."""
        self._edit(**keyed(self.rng.choice(("a", "b", "c"), "keys")))

    def label(self) -> None:
        """Set, changed, or taken off: no new generation. A pool's member has its template's labels."""
        key, body = self._body()
        if body is not None and not body["metadata"].get("ownerReferences"):
            owner = self.rng.choice(("x", "y", ""), "label")
            labels = {**(body["metadata"].get("labels") or {}), "owner": owner}
            self.world.api.apply(key, body["spec"], labels={name: value for name, value in labels.items() if value})

    def restart(self) -> None:
        self.tokens += 1
        self._edit(restartedAt=f"2026-01-01T00:00:{self.tokens % 60:02d}Z")

    def retain(self) -> None:
        self._edit(deletionPolicy=self.rng.choice(("Retain", "Delete"), "policy"))

    def delete(self) -> None:
        key, body = self._body()
        if body is not None:
            self.world.api.delete(key)

    def _annotate(self, key: Key, body: Body, **annotations: str | None) -> None:
        kept = {**(body["metadata"].get("annotations") or {}), **annotations}
        self.world.api.apply(key, body["spec"], annotations={k: v for k, v in kept.items() if v is not None})

    def pause(self) -> None:
        key, body = self._body()
        if body is not None:
            self._annotate(key, body, **{ANNOTATION_PAUSED: "surgery"})
            self.world.judge.paused_at.setdefault(key, self.world.clock.monotonic())

    def pause_and_delete(self) -> None:
        self.pause()
        for key in list(self.world.judge.paused_at):
            if key in self.world.api.objects:
                self.world.api.delete(key)

    def go_on(self) -> None:
        for key, body in list(self.world.api.objects.items()):
            if key.kind == "VirtualMachine":
                self.world.judge.paused_at.pop(key, None)
                self._annotate(key, body, **{ANNOTATION_PAUSED: None})

    def copy(self) -> None:
        """`kubectl get -o yaml | sed name | kubectl apply`, by somebody who may set the id."""
        _, body = self._body()
        annotation = (body["metadata"].get("annotations") or {}).get(ANNOTATION_MACHINE_ID) if body else None
        if body is not None and annotation and COPY not in self.world.api.objects:
            self.world.api.apply(COPY, body["spec"], annotations={ANNOTATION_MACHINE_ID: annotation})

    def strip(self) -> None:
        """Deleted, and our finalizer taken off by hand: what was made for it is left alone from now on."""
        key, body = self._body()
        if body is None:
            return
        if not body["metadata"].get("deletionTimestamp"):
            self.world.api.delete(key)
        if key not in self.world.api.objects:
            return
        api, judge = self.world.api, self.world.judge
        machine_id = (body["metadata"].get("annotations") or {}).get(ANNOTATION_MACHINE_ID) or body["metadata"]["uid"]
        judge.stripped[machine_id.replace("-", "")] = self.world.clock.monotonic()
        api._remove(key, copied(api.objects[key]))

    def back_up(self) -> None:
        key, body = self._body()
        if body is not None and not body["metadata"].get("deletionTimestamp"):
            self.backups[key] = copied(body)

    def restore(self) -> None:
        """As Velero does: another uid, the annotation kept, the status lost."""
        key = self._key()
        kept = self.backups.get(key)
        if key not in self.world.api.objects and kept is not None:
            annotations = {
                k: v for k, v in (kept["metadata"].get("annotations") or {}).items() if k != ANNOTATION_PAUSED
            }
            self.world.api.apply(key, kept["spec"], annotations=annotations)

    def wipe(self) -> None:
        key, body = self._body()
        if body is not None:
            body = copied(body)
            body["status"] = {"observedGeneration": -1}
            self.world.api._store(key, body, "MODIFIED")
            self.world.judge.wiped_at[key.name] = self.world.clock.monotonic()

    def wipe_and_delete(self) -> None:
        self.wipe()
        self.delete()

    def forge(self) -> Key | None:
        """A row by hand, as if another object's machine had been made for this one, too; in some seeds in its place."""
        key, body = self._body()
        if body is None:
            return None
        rows, mark = (body.get("status") or {}).get("resources") or (), machine_id_of(body).replace("-", "")
        listed = {row["id"] for row in rows} | self.world.judge.strange
        others = [
            row
            for row in self.world.hands.machines.values()
            if row.mark and not row.mark.endswith(f":{mark}") and row.id not in listed
        ]
        if not others:
            return None
        victim = self.rng.choice(others, "victim")
        self.world.judge.forged.setdefault(key, set()).add(victim.id)
        row = {"name": f"extra/{victim.id}", "id": victim.id, "state": "Created", "ownership": "Created"}
        drawn = self.world.drawn
        if drawn.seed % 3 == 0 and not drawn.faults & NAMELESS:
            self.world.judge.wiped_at[key.name] = self.world.clock.monotonic()
            rows, row = [item for item in rows if item["name"] != "server"], {**row, "name": "server"}
        forged = copied(body)
        forged["status"] = {**(forged.get("status") or {}), "resources": [*rows, row]}
        self.world.api._store(key, forged, "MODIFIED")
        return key

    def forge_and_delete(self) -> None:
        key = self.forge()
        if key is not None:
            self.world.api.delete(key)

    def edit_provider(self) -> None:
        """Another field of it: the operator logs in anew, and knows nothing of the site at first."""
        key = Key("Provider", "", "sim")
        spec = self.world.api.objects[key]["spec"]
        seconds = "5s" if spec["limits"]["pollInterval"] == "4s" else "4s"
        self.world.api.apply(key, {**spec, "limits": {"pollInterval": seconds}})

    # strangers and fate, on the site

    def _row(self) -> Machine | None:
        ours = [row for row in self.world.hands.machines.values() if row.id not in self.world.judge.strange]
        return self.rng.choice(ours, "machine") if ours else None

    def press(self) -> None:
        row = self._row()
        if row is not None and row.state is State.ACTIVE and row.task is Task.NONE:
            self.world.hands.tamper(row, powered_on=not row.powered_on)

    def retag(self) -> None:
        row = self._row()
        if row is not None:
            self.world.hands.tamper(row, tags={**row.tags, "team": "stranger", "theirs": "1"})

    def unmark(self) -> None:
        row = self._row()  # in a ledger, that is: else nothing would lead to it, whoever looks
        forged = self.world.judge.forged
        listed = {
            item["id"]
            for key, body in self.world.api.objects.items()
            for item in (body.get("status") or {}).get("resources") or ()
            if item["id"] not in forged.get(key, ())
        }
        if row is not None and row.state is State.ACTIVE and row.id in listed:
            self.world.hands.tamper(row, mark="")

    def vanish(self) -> None:
        row = self._row()
        if row is not None:
            self.world.hands.vanish(row)

    def clone(self) -> None:
        """A running machine copied with all that is written on it, under a name of theirs."""
        row = self._row()
        if row is not None and row.state is State.ACTIVE:
            self.tokens += 1
            self.world.hands.clone(row, f"copy-{self.tokens}")

    def twin(self) -> None:
        """The same, under the same name, and long after ours was made: only when it was made tells them apart.

        A site that refuses a second machine of one name has none.
        """
        if self.world.hands.one_of_a_name:
            return
        row, now = self._row(), self.world.clock.now().timestamp()
        if row is None or row.state is not State.ACTIVE or now - row.created_at < OLD:
            return
        statuses = [body.get("status") or {} for body in self.world.api.objects.values()]
        told = [each for each in statuses if any(item["id"] == row.id for item in each.get("resources") or ())]
        if told and (told[0].get("operation") or {}).get("type") != "Create":  # else its window would be open still
            self.world.hands.clone(row, row.name)

    def squat(self) -> None:
        """A machine of theirs under the name that ours is to have: of an object that comes just now, most often."""
        key = self._key()
        if key not in self.world.api.objects:
            self._make(key)
        body = self.world.api.objects[key]
        machine_id = (body["metadata"].get("annotations") or {}).get(ANNOTATION_MACHINE_ID) or body["metadata"]["uid"]
        self.world.hands.squat(key.namespace, key.name, machine_id)

    def cut(self) -> None:
        self.world.hands.away(on=True)

    def join(self) -> None:
        self.world.hands.away(on=False)

    def fail_build(self) -> None:
        self.world.hands.fail_build()

    def hang_build(self) -> None:
        self.world.hands.hang_build()

    def quota(self) -> None:
        self.world.hands.behaves(quota_machines=self.rng.choice((0, 1, None), "quota"))

    def slow_builds(self) -> None:
        """About as long as is waited for them."""
        self.world.hands.behaves(build_seconds=self.rng.choice((20.0, 110.0, 119.0, 121.0, 1.0), "build"))
