"""A clone is what a vCenter makes of its spec, in one piece."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control


def test_the_config_and_the_power_are_applied(user: Any) -> None:
    machine = user.made("whole", numCPUs=2, memoryMB=1024, domain=1)
    hardware = machine.config.hardware
    assert (hardware.numCPU, hardware.memoryMB) == (2, 1024)
    assert user.extra_config(machine)["hostwright.owner"] == "hw:1"
    assert machine.runtime.powerState == "poweredOn"
    assert [each.name for each in machine.datastore] == [server.FAILURE_DOMAINS[1].datastore]
    assert machine.runtime.host.parent.name == server.FAILURE_DOMAINS[1].cluster
    assert machine.config.createDate is not None
    assert not machine.config.template


def test_a_clone_without_a_config_is_as_its_template_and_off(user: Any) -> None:
    machine = user.done(user.template.CloneVM_Task(user.folder, "plain", user.spec(on=False, extraConfig=[]))).result
    assert (machine.config.hardware.numCPU, machine.config.hardware.memoryMB) == (1, 512)
    assert machine.runtime.powerState == "poweredOff"


def test_a_second_of_a_name_is_refused_and_named(user: Any) -> None:
    first = user.made("twice", on=False)
    refused = user.done(user.clone("twice")).error
    assert isinstance(refused, vim.fault.DuplicateName)
    assert refused.object == first
    assert refused.msg == "The name already exists."


def test_of_many_clones_at_once_under_one_name_one_is_made(user: Any, vcenter_control: Control) -> None:
    with ThreadPoolExecutor(8) as many:
        tasks = list(many.map(lambda _: user.clone("race", on=False), range(8)))
    states = [user.done(task).state for task in tasks]
    assert sorted(states) == ["error"] * 7 + ["success"]
    assert [path for path in vcenter_control.machines() if path.endswith("/race")] == [user.path("race")]


def test_whoever_looks_for_a_machine_in_the_making_finds_it_or_nothing(user: Any, vcenter_control: Control) -> None:
    vcenter_control.times(clone=0)
    with ThreadPoolExecutor(4) as looking:
        for number in range(20):
            task = user.clone(f"made-{number}", on=False)
            list(looking.map(lambda _: user.at(user.path("nothing")), range(8)))
            assert user.done(task).state == "success"


def test_its_task_runs_for_a_while_and_can_be_found_by_its_template(user: Any, vcenter_control: Control) -> None:
    vcenter_control.times(clone=30)
    task = user.clone("slow")
    (found,) = (each for each in user.template.recentTask if each.info.state == "running")
    assert found == task
    info = found.info
    assert (info.descriptionId, info.entity, info.entityName) == ("VirtualMachine.clone", user.template, "tiny")
    assert info.name.info.wsdlName == "CloneVM_Task"
    assert task in user.content.taskManager.recentTask
    assert user.at(user.path("slow")) is None
    vcenter_control.times(clone=0)
    assert user.done(task).state == "success"
    assert user.done(task).result == user.at(user.path("slow"))


def test_a_cancelled_clone_makes_nothing(user: Any, vcenter_control: Control) -> None:
    vcenter_control.times(clone=30)
    task = user.clone("cancelled")
    task.CancelTask()
    vcenter_control.times(clone=0)
    assert isinstance(user.done(task).error, vmodl.fault.RequestCanceled)
    user.made("next")  # what follows shows that the cancelled one's time is over
    assert user.at(user.path("cancelled")) is None


def test_the_network_and_the_mac_are_those_of_the_spec(user: Any) -> None:
    group = user.network("db")
    switch = group.config.distributedVirtualSwitch.uuid
    port = vim.dvs.PortConnection(portgroupKey=group.key, switchUuid=switch)
    was = user.nic(user.template)
    nic = vim.vm.device.VirtualVmxnet3(
        key=was.key,
        controllerKey=was.controllerKey,
        unitNumber=was.unitNumber,
        addressType="manual",
        macAddress="02:16:3e:00:00:01",
        backing=vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port),
    )
    change = vim.vm.device.VirtualDeviceSpec(operation="edit", device=nic)
    machine = user.made("mac", deviceChange=[change])
    has = user.nic(machine)
    assert (has.macAddress, has.addressType, has.backing.port.portgroupKey) == (
        "02:16:3e:00:00:01",
        "manual",
        group.key,
    )
    assert [each.name for each in machine.network] == ["db"]


def test_a_generated_mac_and_both_uuids_are_a_machines_own(user: Any) -> None:
    first = user.made("own", on=False)
    ids = {first.config.uuid, first.config.instanceUuid}
    macs = {user.nic(user.template).macAddress, user.nic(first).macAddress}
    user.done(first.Destroy_Task())
    second = user.made("own", on=False)
    assert len(ids | {second.config.uuid, second.config.instanceUuid}) == 4
    assert len(macs | {user.nic(second).macAddress}) == 3


def test_a_copy_of_a_machine_carries_its_marks(user: Any, vcenter_control: Control) -> None:
    user.made("ours")
    vcenter_control.clone(user.path("ours"), "copy", server.FOLDER.rpartition("/")[0])
    copy = vcenter_control.machines()["/dc1/vm/copy"]
    assert copy["extraConfig"]["hostwright.owner"] == "hw:1"
    assert copy["uuid"] != vcenter_control.machines()[user.path("ours")]["uuid"]


def test_a_datastore_that_the_cluster_does_not_see_is_refused(user: Any) -> None:
    spec = user.spec(domain=0)
    spec.location.datastore = user.spec(domain=1).location.datastore
    refused = user.done(user.template.CloneVM_Task(user.folder, "far", spec)).error
    assert isinstance(refused, vim.fault.InvalidDatastore)
    assert user.at(user.path("far")) is None


def test_a_template_needs_a_pool_to_be_cloned(user: Any) -> None:
    with pytest.raises(vmodl.fault.InvalidArgument):
        user.template.CloneVM_Task(user.folder, "nowhere", vim.vm.CloneSpec(location=vim.vm.RelocateSpec()))


def test_the_name_of_the_image_alone_is_ambiguous(user: Any, vcenter_control: Control) -> None:
    named = [path for path, each in vcenter_control.machines().items() if path.endswith("/tiny") and each["template"]]
    assert sorted(named) == sorted([server.TEMPLATE, server.OTHER_TEMPLATE])
