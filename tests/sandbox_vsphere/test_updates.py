"""Who waits for updates is told of every change, soon, and of a machine only when it is whole."""

import http.client
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control

PC = vmodl.query.PropertyCollector
PATHS = [
    "name",
    "parent",
    "customValue",
    "config.extraConfig",
    "config.hardware.numCPU",
    "config.hardware.memoryMB",
    "guest.ipAddress",
    "runtime.powerState",
]
SOON = 1.0


class Watch:
    """All machines, by their references, as one filter tells them."""

    def __init__(self, user: Any) -> None:
        view = user.content.viewManager.CreateContainerView(user.at(server.DATACENTER), [vim.VirtualMachine], True)
        follow = PC.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
        object_spec = PC.ObjectSpec(obj=view, skip=True, selectSet=[follow])
        property_spec = PC.PropertySpec(type=vim.VirtualMachine, pathSet=PATHS)
        self.collector = user.content.propertyCollector.CreatePropertyCollector()
        self.collector.CreateFilter(PC.FilterSpec(objectSet=[object_spec], propSet=[property_spec]), False)
        self.version = ""
        self.machines: dict[str, dict[str, Any]] = {}
        self.entered: list[dict[str, Any]] = []
        self.look()

    def look(self, seconds: int = 5) -> None:
        options = PC.WaitOptions(maxWaitSeconds=seconds)
        update = self.collector.WaitForUpdatesEx(self.version, options)
        if update is None:
            return
        self.version = update.version
        for each in (each for part in update.filterSet for each in part.objectSet):
            if each.kind == "leave":
                self.machines.pop(each.obj._moId, None)
                continue
            row = self.machines.setdefault(each.obj._moId, {})
            row.update({change.name: change.val for change in each.changeSet})
            if each.kind == "enter":
                self.entered.append(dict(row))

    def until(self, right: Callable[["Watch"], Any]) -> float:
        """How long it took to become right."""
        begin = time.monotonic()
        while not right(self):
            assert time.monotonic() - begin < 10, self.machines
            self.look(1)
        return time.monotonic() - begin

    def called(self, name: str) -> dict[str, Any]:
        return next((row for row in self.machines.values() if row.get("name") == name), {})


@pytest.fixture
def watch(user: Any) -> Iterator[Watch]:
    watch = Watch(user)
    yield watch
    watch.collector.DestroyPropertyCollector()


CHANGES: dict[str, tuple[Callable[[Control, str], None], Callable[[dict[str, Any]], bool]]] = {
    "power": (lambda c, m: c.power(m, "off"), lambda row: row["runtime.powerState"] == "poweredOff"),
    "cpu": (lambda c, m: c.configure(m, cpu=4), lambda row: row["config.hardware.numCPU"] == 4),
    "memory": (lambda c, m: c.configure(m, memory_mib=2048), lambda row: row["config.hardware.memoryMB"] == 2048),
    "option": (
        lambda c, m: c.configure(m, extra_config={"new.key": "x"}),
        lambda row: "x" in [option.value for option in row["config.extraConfig"]],
    ),
    "mark": (
        lambda c, m: c.configure(m, extra_config={"hostwright.owner": ""}),
        lambda row: "hostwright.owner" not in [option.key for option in row["config.extraConfig"]],
    ),
    "attribute": (
        lambda c, m: c.configure(m, attributes={"cost-center": "42"}),
        lambda row: [value.value for value in row["customValue"]] == ["42"],
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_behind_our_back_is_told_soon(what: str, user: Any, watch: Watch, vcenter_control: Control) -> None:
    do, right = CHANGES[what]
    user.made("seen")
    watch.until(lambda w: w.called("seen").get("guest.ipAddress"))
    do(vcenter_control, user.path("seen"))
    assert watch.until(lambda w: right(w.called("seen"))) < SOON


def test_a_new_name_a_copy_and_an_end_are_told_soon(user: Any, watch: Watch, vcenter_control: Control) -> None:
    user.made("first")
    vcenter_control.rename(user.path("first"), "second")
    assert watch.until(lambda w: w.called("second")) < SOON
    vcenter_control.clone(user.path("second"), "third")
    assert watch.until(lambda w: w.called("third")) < SOON
    vcenter_control.destroy(user.path("second"))
    assert watch.until(lambda w: not w.called("second")) < SOON
    assert watch.called("third")["runtime.powerState"] == "poweredOff"


def test_an_address_is_told_and_taken_back(user: Any, watch: Watch) -> None:
    machine = user.made("address")
    assert watch.until(lambda w: w.called("address").get("guest.ipAddress")) < SOON
    user.done(machine.PowerOff())
    assert watch.until(lambda w: not w.called("address")["guest.ipAddress"]) < SOON


def test_nobody_sees_a_clone_before_its_mark(user: Any, watch: Watch) -> None:
    """Ten at once, and one who looks at everything as fast as it can."""
    tasks = [user.clone(f"whole-{number}", numCPUs=2) for number in range(10)]
    watch.until(lambda w: all(w.called(f"whole-{number}") for number in range(10)))
    assert {user.done(task).state for task in tasks} == {"success"}
    rows = [row for row in watch.entered if row["name"].startswith("whole-")]
    assert len(rows) == 10
    for row in rows:
        assert "hostwright.owner" in [option.key for option in row["config.extraConfig"]]
        assert (row["config.hardware.numCPU"], row["runtime.powerState"]) == (2, "poweredOn")


def test_a_lost_update_is_told_again(user: Any, watch: Watch, vcenter_control: Control) -> None:
    user.made("again", on=False)
    watch.until(lambda w: w.called("again"))
    vcenter_control.rule("WaitForUpdatesEx", "lose")
    vcenter_control.configure(user.path("again"), cpu=3)
    with pytest.raises((OSError, http.client.HTTPException)):
        watch.look()
    assert watch.until(lambda w: w.called("again")["config.hardware.numCPU"] == 3) < SOON


def test_a_version_of_somebody_else_is_refused(watch: Watch) -> None:
    with pytest.raises(vmodl.query.InvalidCollectorVersion):
        watch.collector.WaitForUpdatesEx("4711", PC.WaitOptions(maxWaitSeconds=0))


def test_many_changes_come_in_parts(user: Any, vcenter_control: Control) -> None:
    vcenter_control.times(clone=0)
    tasks = [user.clone(f"part-{number}", on=False) for number in range(120)]
    user.eventually(lambda: len(vcenter_control.machines()) >= 120, 30)
    assert {user.done(task).state for task in tasks} == {"success"}
    watch = Watch(user)
    assert len(watch.machines) == 100
    assert watch.until(lambda w: len(w.machines) == len(vcenter_control.machines())) < SOON
    assert len(watch.entered) == len(watch.machines)
    watch.collector.DestroyPropertyCollector()
