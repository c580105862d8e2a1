"""Power, guest and reconfiguration behave as on a vCenter."""

import json
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from hostwright.sandbox.vsphere.control import Control


def change(**config: Any) -> Any:
    return vim.vm.ConfigSpec(**config)


def test_a_guest_tells_its_address_when_it_is_up_and_no_more_when_it_is_off(user: Any) -> None:
    machine = user.made("guest")
    address = user.eventually(lambda: machine.guest.ipAddress)
    assert address.startswith("10.1.")
    (nic,) = machine.guest.net
    assert (nic.network, list(nic.ipAddress), nic.macAddress) == ("app", [address], user.nic(machine).macAddress)
    user.done(machine.PowerOff())
    assert machine.guest.ipAddress is None
    assert list(machine.guest.net) == []
    user.done(machine.PowerOn())
    assert user.eventually(lambda: machine.guest.ipAddress) == address


def test_a_guest_takes_the_address_that_cloud_init_gives_it(user: Any) -> None:
    machine = user.made("fixed", on=False)
    nic = {"match": {"macaddress": user.nic(machine).macAddress}, "addresses": ["10.1.7.7/16"]}
    metadata = {"network": {"version": 2, "ethernets": {"eth0": nic}}}
    option = vim.option.OptionValue(key="guestinfo.metadata", value=json.dumps(metadata))
    user.done(machine.ReconfigVM_Task(change(extraConfig=[option])))
    user.done(machine.PowerOn())
    assert user.eventually(lambda: machine.guest.ipAddress) == "10.1.7.7"


def test_a_test_can_give_a_guest_an_address(user: Any, vcenter_control: Control) -> None:
    machine = user.made("told")
    vcenter_control.guest(user.path("told"), addresses={user.nic(machine).macAddress: ["10.1.8.8", "fe80::1"]})
    assert machine.guest.ipAddress == "10.1.8.8"


def test_a_guest_shuts_down_by_itself_if_it_listens(user: Any, vcenter_control: Control) -> None:
    machine = user.made("soft")
    vcenter_control.guest(user.path("soft"), tools=False)
    with pytest.raises(vim.fault.ToolsUnavailable, match="VMware Tools is not running"):
        machine.ShutdownGuest()
    vcenter_control.guest(user.path("soft"), tools=True, deaf=True)
    machine.ShutdownGuest()
    assert machine.runtime.powerState == "poweredOn"
    vcenter_control.guest(user.path("soft"), deaf=False)
    machine.ShutdownGuest()
    user.eventually(lambda: machine.runtime.powerState == "poweredOff")
    with pytest.raises(vim.fault.InvalidPowerState):
        machine.ShutdownGuest()


def test_a_reset_boots_anew_and_shows_no_power_off(user: Any) -> None:
    machine = user.made("reset")
    before = machine.runtime.bootTime
    assert user.done(machine.ResetVM_Task()).state == "success"
    assert machine.runtime.bootTime > before
    assert machine.runtime.powerState == "poweredOn"
    user.done(machine.PowerOff())
    assert isinstance(user.done(machine.ResetVM_Task()).error, vim.fault.InvalidPowerState)


def test_a_running_machine_takes_no_other_size_unless_hot_add_is_on(user: Any) -> None:
    machine = user.made("hot")
    assert isinstance(user.done(machine.ReconfigVM_Task(change(numCPUs=2))).error, vim.fault.CpuHotPlugNotSupported)
    refused = user.done(machine.ReconfigVM_Task(change(memoryMB=1024))).error
    assert isinstance(refused, vim.fault.MemoryHotPlugNotSupported)
    user.done(machine.PowerOff())
    assert user.done(machine.ReconfigVM_Task(change(numCPUs=2, cpuHotAddEnabled=True))).state == "success"
    user.done(machine.PowerOn())
    assert user.done(machine.ReconfigVM_Task(change(numCPUs=4))).state == "success"
    assert isinstance(user.done(machine.ReconfigVM_Task(change(numCPUs=2))).error, vim.fault.CpuHotPlugNotSupported)
    assert machine.config.hardware.numCPU == 4


def test_an_empty_option_removes_a_key_and_adds_none(user: Any) -> None:
    machine = user.made("options", on=False)
    empty = [vim.option.OptionValue(key=key, value="") for key in ("hostwright.owner", "never.there")]
    user.done(machine.ReconfigVM_Task(change(extraConfig=empty)))
    assert not {"hostwright.owner", "never.there"} & user.extra_config(machine).keys()


def test_a_taken_name_is_no_new_name(user: Any) -> None:
    machine = user.made("one", on=False)
    user.made("two", on=False)
    for task in (machine.Rename_Task("two"), machine.ReconfigVM_Task(change(name="two"))):
        assert isinstance(user.done(task).error, vim.fault.DuplicateName)
    assert machine.name == "one"


def test_a_running_machine_is_not_destroyed(user: Any) -> None:
    machine = user.made("alive")
    assert isinstance(user.done(machine.Destroy_Task()).error, vim.fault.InvalidPowerState)
    user.done(machine.PowerOff())
    assert user.done(machine.Destroy_Task()).state == "success"
    assert user.at(user.path("alive")) is None
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        machine.Destroy_Task()
