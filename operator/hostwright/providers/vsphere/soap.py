"""The SDK's objects as rows, and rows as the SDK's objects; pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyVmomi import vim

from hostwright.providers.vsphere.rows import (
    GUESTINFO,
    Clone,
    Machine,
    NewNic,
    Nic,
    Reconfigure,
    Task,
)
from hostwright.providers.vsphere.transport import fault_of

#: What VMware Tools write into extraConfig all the time, and govmomi's simulator. No user's option begins so.
_NOISE = (GUESTINFO, "govcsim")


def reference(item: Any) -> str:
    return str(item._moId) if item is not None else ""  # noqa: SLF001 - the SDK has no other word for it


def options(values: Sequence[Any]) -> dict[str, str]:
    """extraConfig, without what nobody wants to be told of."""
    return {row.key: str(row.value) for row in values if not row.key.startswith(_NOISE)}


def nics(devices: Sequence[Any]) -> tuple[Nic, ...]:
    """By their keys, which is the order in which they were added."""
    cards = [row for row in devices if isinstance(row, vim.vm.device.VirtualEthernetCard)]
    return tuple(
        Nic(row.key, (row.macAddress or "").lower(), _network(row.backing), type(row).__name__.rpartition(".")[2])
        for row in sorted(cards, key=lambda row: int(row.key))
    )


def _network(backing: Any) -> str:
    match backing:
        case vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo():
            return str(backing.port.portgroupKey)
        case vim.vm.device.VirtualEthernetCard.NetworkBackingInfo():
            return reference(backing.network)
    return ""


def guest(cards: Sequence[Any]) -> dict[str, tuple[str, ...]]:
    return {row.macAddress.lower(): tuple(row.ipAddress or ()) for row in cards if row.macAddress}


def attributes(values: Sequence[Any]) -> dict[int, str]:
    """By key; one whose value is empty was taken off."""
    return {int(row.key): str(row.value) for row in values if row.value}


#: Leaf properties only: whole `runtime` and `summary` are large, and some versions write what pyVmomi cannot read.
PROPERTIES: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", str),
    "parent": ("parent", reference),
    "config.template": ("template", bool),
    "config.instanceUuid": ("instance_uuid", str),
    "config.extraConfig": ("options", options),
    "customValue": ("attributes", attributes),
    "config.hardware.numCPU": ("cpu", int),
    "config.hardware.memoryMB": ("memory_mib", int),
    "config.hardware.device": ("nics", nics),
    "config.createDate": ("created", lambda value: value),
    "runtime.powerState": ("power", str),
    "runtime.connectionState": ("connection", str),
    "guest.toolsRunningStatus": ("tools", lambda value: value == "guestToolsRunning"),
    "guest.net": ("addresses", guest),
}


def values(changes: Sequence[Any]) -> dict[str, Any]:
    """A change set, or a property set, in rows' words. What has no value (any more) is None."""
    return {
        PROPERTIES[row.name][0]: None if row.val is None else PROPERTIES[row.name][1](row.val)
        for row in changes
        if row.name in PROPERTIES
    }


def machine(item: str, known: Mapping[str, Any], fields: Mapping[int, str]) -> Machine:
    has = {name: value for name, value in known.items() if value is not None}
    named = {fields[key]: value for key, value in has.pop("attributes", {}).items() if key in fields}
    return Machine(id=item, configured="instance_uuid" in has, attributes=named, **has)


def task(item: Any, info: Any) -> Task:
    return Task(
        id=reference(item),
        state=str(info.state),
        progress=int(info.progress or 0),
        result=reference(info.result) if isinstance(info.result, vim.ManagedEntity) else "",
        fault=fault_of(info.error) if info.error is not None else None,
    )


#: What tells a clone that runs from other tasks. It names its template, and not what it makes.
TASK = ("info.state", "info.descriptionId", "info.reason")


def is_clone(info: Mapping[str, Any], user: str) -> bool:
    """A clone of this user's that is queued or running."""
    by = getattr(info.get("info.reason"), "userName", user)
    running = info.get("info.state") in {"queued", "running"}
    return running and info.get("info.descriptionId") == "VirtualMachine.clone" and _short(by) == _short(user)


def _short(user: str) -> str:
    r"""`DOMAIN\name` and `name@domain` without the domain."""
    return user.rpartition("\\")[2].partition("@")[0].lower()


def clone_spec(new: Clone) -> Any:
    drop = [_change("remove", getattr(vim.vm.device, nic.kind)(key=nic.key)) for nic in new.drop]
    add = [_change("add", _card(nic, -1 - number)) for number, nic in enumerate(new.nics)]
    return vim.vm.CloneSpec(
        powerOn=False,
        template=False,
        location=vim.vm.RelocateSpec(
            pool=vim.ResourcePool(new.pool),
            datastore=vim.Datastore(new.datastore) if new.datastore else None,
        ),
        config=vim.vm.ConfigSpec(
            numCPUs=new.cpu,
            memoryMB=new.memory_mib,
            extraConfig=_options(new.options),
            deviceChange=[*drop, *add],
        ),
    )


def reconfigure_spec(change: Reconfigure) -> Any:
    return vim.vm.ConfigSpec(extraConfig=_options(change.options))


def _options(wanted: Mapping[str, str]) -> list[Any]:
    return [vim.option.OptionValue(key=key, value=value) for key, value in sorted(wanted.items())]


def _change(operation: str, device: Any) -> Any:
    return vim.vm.device.VirtualDeviceSpec(operation=operation, device=device)


def _card(nic: NewNic, key: int) -> Any:
    cards = vim.vm.device.VirtualEthernetCard
    if nic.switch:
        port = vim.dvs.PortConnection(portgroupKey=nic.network, switchUuid=nic.switch)
        backing = cards.DistributedVirtualPortBackingInfo(port=port)
    else:
        backing = cards.NetworkBackingInfo(network=vim.Network(nic.network), deviceName="")
    return vim.vm.device.VirtualVmxnet3(
        key=key,
        backing=backing,
        addressType="manual" if nic.mac else "assigned",
        macAddress=nic.mac or None,
        wakeOnLanEnabled=True,
        connectable=vim.vm.device.VirtualDevice.ConnectInfo(
            startConnected=True, allowGuestControl=True, connected=False
        ),
    )
