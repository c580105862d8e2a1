"""A user of the shared vCenter, through pyvmomi, whose machines do not outlive their test."""

import select
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from pyVim import connect
from pyVmomi import vim

from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control
from hostwright.sandbox.vsphere.server import VCenter

T = TypeVar("T")
MARK = "hostwright.owner"


def eventually(look: Callable[[], T], seconds: float = 10) -> T:
    """The first true answer of a look."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"never came true; the last look saw {seen!r}"
        select.select([], [], [], 0.01)
    return seen


class User:
    """What a test does in a vCenter with a login of its own."""

    eventually = staticmethod(eventually)

    def __init__(self, vcenter: VCenter) -> None:
        context = ssl.create_default_context(cafile=str(vcenter.ca))
        login = {"user": vcenter.username, "pwd": vcenter.password}
        self.service: Any = connect.SmartConnect(host="127.0.0.1", port=vcenter.port, sslContext=context, **login)
        self.content = self.service.RetrieveContent()
        self.folder = self.at(server.FOLDER)
        self.template = self.at(server.TEMPLATE)

    def close(self) -> None:
        connect.Disconnect(self.service)

    def at(self, path: str) -> Any:
        return self.content.searchIndex.FindByInventoryPath(path)

    def network(self, name: str) -> Any:
        (found,) = (each for each in self.at(server.DATACENTER).network if each.name == name)
        return found

    def nic(self, machine: Any) -> Any:
        devices = machine.config.hardware.device
        (found,) = (each for each in devices if isinstance(each, vim.vm.device.VirtualEthernetCard))
        return found

    def spec(self, *, on: bool = True, domain: int = 0, **config: Any) -> Any:
        at = server.FAILURE_DOMAINS[domain]
        (datastore,) = (each for each in self.at(server.DATACENTER).datastore if each.name == at.datastore)
        where = vim.vm.RelocateSpec(pool=self.at(at.pool), datastore=datastore)
        config.setdefault("extraConfig", [vim.option.OptionValue(key=MARK, value="hw:1")])
        return vim.vm.CloneSpec(location=where, powerOn=on, config=vim.vm.ConfigSpec(**config))

    def clone(self, name: str, **spec: Any) -> Any:
        """The task."""
        return self.template.CloneVM_Task(folder=self.folder, name=name, spec=self.spec(**spec))

    def made(self, name: str, **spec: Any) -> Any:
        return self.done(self.clone(name, **spec)).result

    def done(self, task: Any) -> Any:
        """Its info, when it has ended."""
        eventually(lambda: task.info.state in ("success", "error"))
        return task.info

    def extra_config(self, machine: Any) -> dict[str, str]:
        return {option.key: option.value for option in machine.config.extraConfig}

    def path(self, name: str) -> str:
        return f"{server.FOLDER}/{name}"


@pytest.fixture
def user(vcenter: VCenter, vcenter_control: Control) -> Iterator[User]:
    kept = set(vcenter_control.machines())
    user = User(vcenter)
    yield user
    user.close()
    vcenter_control.clear_rules()
    for path, machine in vcenter_control.machines().items():
        if path not in kept:
            vcenter_control.destroy(machine["id"])


@pytest.fixture
def another(vcenter: VCenter) -> Callable[[], User]:
    return lambda: User(vcenter)
