"""kill -9 after every kind of request the operator sends to a vCenter: always exactly one machine, then none.

The vCenter does the work and keeps its answer back; when every machine of a wave hangs in its call, the operator is
killed, and the next one finds them all.
"""

from collections.abc import Mapping
from datetime import datetime

from tests.e2e.world import Running, World, eventually, machine
from tests.e2e_vsphere.vcenter import machines, named, only

from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control

#: Seconds; the quiet time after an unknown outcome is short by itself, as a vCenter shows at once what it has done.
FLAGS = ("--visibility-lag", "1")
#: Seconds; more than a create's own deadline and the lag after it: what a process waits that knows of no task.
QUIET = 33
#: An answer is kept back for this long, in seconds: until the kill.
LATE = 25
PROVIDER = "vc-lab"
#: machine → the call of its creation that the operator is killed after
CREATES: Mapping[str, str] = {
    "crash-clone": "CloneVM_Task",
    "crash-power": "PowerOnVM_Task",
    "crash-define": "AddCustomFieldDef",
    "crash-options": "",
}
#: machine → the call of its change or its end
CHANGES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "crash-clone": ("SetField", {"tags": {"crash": "other"}}),
    "crash-power": ("ShutdownGuest", {"powerState": "PoweredOff"}),
    "crash-options": ("ReconfigVM_Task", {"vsphere": {"extraConfig": {"x.y": "2"}}}),
}
LEAVES: Mapping[str, str] = {
    "crash-clone": "PowerOffVM_Task",
    "crash-power": "Destroy_Task",
    "crash-options": "ReconfigVM_Task",  # retained: its mark is taken off
    "crash-define": "",
}


def test_killed_after_each_call_there_is_one_machine_then_none(world: World, behind: Control) -> None:
    world.apply(*(machine(name, PROVIDER, **_spec(name)) for name in CREATES))
    _rules(world, behind, CREATES)
    with world.operator(*FLAGS) as first:
        _killed_when_all_hang(first, behind)
    with world.operator(*FLAGS) as second:
        second.leading()
        for name in CREATES:
            world.ready(name, 90)
    ids = {}
    for name in CREATES:
        row = only(behind, name)
        ids[name] = row["id"]
        assert (row["power"], row["cpu"]) == ("poweredOn", 1)
    assert only(behind, "crash-define")["attributes"] == {"crash": "x"}
    _changes(world, behind)
    assert {name: only(behind, name)["id"] for name in CREATES} == ids
    _leaves(world, behind, ids)
    calls = {*CREATES.values(), *(method for method, _ in CHANGES.values()), *LEAVES.values()} - {""}
    print(f"\nbar: kill -9 after {len(calls)} kinds of calls to vcsim, all it makes: one machine, then none")
    assert _writes(behind) <= calls, _writes(behind) - calls


def _changes(world: World, behind: Control) -> None:
    for name, (_, change) in CHANGES.items():
        world.patch(name, dict(change))
    _rules(world, behind, {name: method for name, (method, _) in CHANGES.items()})
    with world.operator(*FLAGS) as first:
        _killed_when_all_hang(first, behind)
    with world.operator(*FLAGS) as second:
        second.leading()
        for name in CHANGES:
            world.ready(name, 60)
    assert only(behind, "crash-clone")["attributes"] == {"crash": "other"}
    assert only(behind, "crash-power")["power"] == "poweredOff"
    assert only(behind, "crash-options")["extraConfig"]["x.y"] == "2"
    world.patch("crash-power", {"powerState": "Unmanaged"})


def _leaves(world: World, behind: Control, ids: Mapping[str, str]) -> None:
    _rules(world, behind, LEAVES)
    world.patch("crash-options", {"deletionPolicy": "Retain"})
    world.kubectl("delete", "hvm", *LEAVES, "--wait=false")
    with world.operator(*FLAGS) as first:
        _killed_when_all_hang(first, behind)
    with world.operator(*FLAGS) as second:
        second.leading()
        for name in LEAVES:
            world.gone(name, 90)
    for name in LEAVES:
        if name != "crash-options":
            assert machines(behind, name) == [], name
    left = only(behind, "crash-options")
    assert (left["id"], left["power"]) == (ids["crash-options"], "poweredOn")
    assert "hostwright.mark" not in left["extraConfig"]
    behind.destroy(left["id"])


def test_a_clone_that_outlives_its_operator_is_found_by_the_next(world: World, behind: Control) -> None:
    """The task names its template only, and for long there is nothing at the machine's path."""
    behind.times(clone=600)
    world.apply(machine("slow", PROVIDER))
    _rules(world, behind, {"slow": "CloneVM_Task"})
    with world.operator(*FLAGS) as first:
        _killed_when_all_hang(first, behind)
    operation = world.status("slow")["operation"]
    assert (operation["expect"], operation.get("task")) == (f"{server.FOLDER}/{named(world, 'slow')}", None)
    with world.operator(*FLAGS) as second:
        second.leading()
        before = behind.last_call()
        # what holds it back is the task, for longer than the quiet time
        eventually(lambda: _looked_for(behind, before) > QUIET, 3 * QUIET, "it looks for the task all the time")
        assert machines(behind, "slow") == []
        behind.times(clone=0)
        world.ready("slow", 60)
        assert len(_clones(behind, named(world, "slow"))) == 1
        only(behind, "slow")
        world.delete("slow")
    assert machines(behind, "slow") == []


def test_a_long_clone_shows_its_progress_before_and_after_its_operator_dies(world: World, behind: Control) -> None:
    """Its task stands in the status, so the next process waits for it, and for no quiet time."""
    behind.times(clone=60)
    world.apply(machine("long", PROVIDER))
    with world.operator(*FLAGS) as first:
        first.leading()
        task = eventually(lambda: (world.status("long").get("operation") or {}).get("task"), 30, "the task")
        _progress(world)
        first.kill()
    behind.times(clone=40)
    with world.operator(*FLAGS) as second:
        second.leading()
        eventually(lambda: "%" in _progress(world), 40, "a quarter is told")
        assert world.status("long")["operation"]["task"] == task
        behind.times(clone=0)
        world.ready("long", 60)
        assert len(_clones(behind, named(world, "long"))) == 1
        world.delete("long")
    assert machines(behind, "long") == []


def _looked_for(behind: Control, since: int) -> float:
    """Seconds from the first to the last look at the vCenter's tasks."""
    looks = [
        datetime.fromisoformat(row["at"]) for row in behind.calls(since) if row["method"] == "RetrievePropertiesEx"
    ]
    return (looks[-1] - looks[0]).total_seconds() if looks else 0.0


def _progress(world: World) -> str:
    """What Ready says: the clone goes on, nothing is verified."""
    ready = eventually(lambda: world.condition("long", "Ready"), 10)
    assert (ready["status"], ready["reason"]) == ("False", "Building"), ready
    assert ready["message"].startswith("vCenter clones the template"), ready
    return str(ready["message"])


def _clones(behind: Control, name: str) -> list[object]:
    return [row for row in behind.calls() if row["method"] == "CloneVM_Task" and row.get("name") == name]


def _spec(name: str) -> dict[str, object]:
    spec: dict[str, object] = {"vsphere": {"extraConfig": {"x.y": "1"}}}
    return {**spec, "tags": {"crash": "x"}} if name in ("crash-define", "crash-clone") else spec


def _rules(world: World, behind: Control, calls: Mapping[str, str]) -> None:
    behind.clear_rules()
    for name, method in calls.items():
        of = "" if method in ("AddCustomFieldDef", "SetField") else named(world, name)
        if method:
            behind.rule(method, "slowReply", seconds=LATE, machine=of)


def _killed_when_all_hang(operator: Running, behind: Control) -> None:
    operator.leading()
    eventually(lambda: all(rule["hits"] for rule in behind.rules()), LATE - 3, "every call of the wave was sent")
    operator.kill()
    behind.clear_rules()


def _writes(behind: Control) -> set[str]:
    """What changes something at the vCenter; its own reads and sessions are none of it."""
    reads = {
        "RetrieveServiceContent", "RetrievePropertiesEx", "ContinueRetrievePropertiesEx", "Fetch", "WaitForUpdatesEx",
        "Login", "Logout", "FindByInventoryPath", "CreateContainerView", "DestroyView", "CreateFilter",
        "CreatePropertyCollector",
    }  # fmt: skip
    return {row["method"] for row in behind.calls()} - reads
