"""The sandbox's vCenter; its control endpoint as the hands behind our back."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from pyVim import connect
from pyVmomi import vim
from tests.contract.driver import CLUSTER
from tests.contract.harness import Fault, Need, Truth, small

from hostwright.core import errors
from hostwright.core.errors import Failure
from hostwright.core.port import Trace
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.vsphere import BACKEND
from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control
from hostwright.sandbox.vsphere.server import VCenter

#: Verb of a call → the method that it is.
METHODS: Mapping[str, str] = {
    "create_server": "CloneVM_Task",
    "shutdown_guest": "ShutdownGuest",
    "power_off": "PowerOffVM_Task",
    "power_on": "PowerOnVM_Task",
    "delete_server": "Destroy_Task",
}
#: All that the provider may ask.
ALL = ("RetrievePropertiesEx", "WaitForUpdatesEx", "Fetch", "RetrieveServiceContent", "Login", "FindByInventoryPath")
#: Custom attributes that an administrator has defined before.
DEFINED = ("team", "tier", "backup", "x", "y")
DOMAIN = server.FAILURE_DOMAINS[0]


def make(request: pytest.FixtureRequest) -> "VSphereHarness":
    return VSphereHarness(request.getfixturevalue("vcenter"))


class VSphereHarness:
    name = "vsphere"
    cannot: Mapping[Need, str] = {
        Need.LIST_FAULTS: "a vCenter's answers are whole or say that they are not",
        Need.STALE_LISTS: "a vCenter shows at once what it has answered",
        Need.SHORT_PAGES: "our vCenter's pages are short already, of 100 machines",
        Need.QUOTA: "vSphere has no quota of machines; no room is told in tests/providers/vsphere",
        Need.BUILD_FAILURES: "a clone that fails leaves nothing behind: tests/providers/vsphere",
        Need.ANOTHER_IDENTITY: "all simulated vCenters have one instanceUuid",
        Need.NO_ROOM: "no size of a machine changes here yet; no room is told in tests/providers/vsphere",
        Need.THROTTLING: "SOAP has no answer that asks for less",
    }
    patience = 20.0
    poll = 0.25
    visibility_lag = 0.5
    address = "10.3.0.77/16"
    own: Mapping[str, Mapping[str, Any]] = {"vsphere": {"extraConfig": {"rack": "r1"}}}

    def __init__(self, vcenter: VCenter) -> None:
        self.vcenter = vcenter
        self.control = Control(vcenter.control)
        self._executor = ThreadPoolExecutor(24)
        self._service: Any = None
        self._kept: frozenset[str] = frozenset()

    def start(self) -> None:
        context = ssl.create_default_context(cafile=str(self.vcenter.ca))
        login = {"user": self.vcenter.username, "pwd": self.vcenter.password}
        self._service = connect.SmartConnect(host="127.0.0.1", port=self.vcenter.port, sslContext=context, **login)
        manager = self._service.content.customFieldsManager
        there = {row.name for row in manager.field}
        for name in DEFINED:
            if name not in there:
                manager.AddCustomFieldDef(name, vim.VirtualMachine)
        self._kept = self._kept or frozenset(self.control.machines())  # a new login keeps nothing more

    def stop(self) -> None:
        connect.Disconnect(self._service)
        self._executor.shutdown()

    async def reset(self) -> None:
        self.control.clear_rules()
        self.control.times(clone=0.1, bare=0, boot=0.1, shutdown=0.1)
        for path, machine in self.control.machines().items():
            if path not in self._kept:
                self.control.destroy(machine["id"])

    async def session(
        self,
        *,
        hasten: Callable[[], None] = lambda: None,
        bad_login: bool = False,
        section: Mapping[str, Any] | None = None,
        secret: Mapping[str, bytes] | None = None,
    ) -> Session:
        """`section`, `secret`: what differs from the Provider's block and its Secret."""
        login = {
            "username": self.vcenter.username.encode(),
            "password": b"wrong" if bad_login else self.vcenter.password.encode(),
            "ca.crt": self.vcenter.ca.read_bytes(),
        }
        spec = ProviderSpec.model_validate(
            {
                "type": "VSphere",
                "allowedNamespaces": {"from": "All"},
                "credentialsRef": {"name": "lab"},
                "vsphere": {
                    "server": self.vcenter.server,
                    "datacenter": server.DATACENTER,
                    "folder": server.FOLDER,
                    "cluster": DOMAIN.cluster,
                    "resourcePool": DOMAIN.pool,
                    "datastore": DOMAIN.datastore,
                    **(section or {}),
                },
                "failureDomains": [
                    {
                        "name": DOMAIN.name,
                        "vsphere": {
                            "cluster": DOMAIN.cluster,
                            "resourcePool": DOMAIN.pool,
                            "datastore": DOMAIN.datastore,
                        },
                    }
                ],
                "networks": [
                    {"name": "app", "vsphere": {"portGroup": "app"}},
                    {"name": "db", "vsphere": {"portGroup": "db"}},
                    {"name": "lost", "vsphere": {"portGroup": "no-such"}},
                ],
            }
        )
        context = Context(
            name="lab",
            cluster_id=CLUSTER,
            executor=self._executor,
            monotonic=time.monotonic,
            wall=lambda: datetime.now(UTC),
            visibility_lag=self.visibility_lag,
            hasten=hasten,
        )
        session = await BACKEND.connect(spec, login if secret is None else secret, context)
        await session.load_catalog()
        return session

    def spec(self, interface: Mapping[str, Any] | None = None, **more: Any) -> VirtualMachineSpec:
        return small("lab", interface, more)

    def bindings(self, template: str = server.TEMPLATE) -> Bindings:
        return Bindings(
            cpu=1,
            memory_mib=512,
            class_name="small",
            image_name="tiny",
            image_section={"template": template},
            hostname="web",
        )

    def unresolved(self, failure: type[Failure]) -> tuple[VirtualMachineSpec, Bindings, str] | str:
        if failure is errors.NetworkNotFound:
            return self.spec({"networkRef": {"name": "nowhere"}}), self.bindings(), "nowhere"
        if failure is errors.NameAmbiguous:
            return self.spec(), self.bindings("tiny"), server.OTHER_TEMPLATE
        if failure is errors.ImageNotResolved:
            return self.spec(), self.bindings("no-such-template"), "no-such-template"
        if failure is errors.SecurityGroupNotFound:
            return self.spec({"securityGroups": ["web-open"]}), self.bindings(), "web-open"
        return {
            errors.FlavorNotFound: "any size may be asked of vSphere",
            errors.KeyPairNotFound: "vSphere has no key pairs",
        }[failure]

    async def truth(self) -> Mapping[str, Truth]:
        machines = await self._run(self.control.machines)
        return {
            row["id"]: _truth(row) for path, row in machines.items() if path not in self._kept and not row["template"]
        }

    async def stranger(self, trace: Trace, *, name: str, mark: str) -> str:
        """By hand in the vSphere client."""
        record = {"hostwright.namespace": trace.namespace, "hostwright.name": trace.object_name}
        options = {**record, **({"hostwright.mark": mark} if mark else {})}

        def work() -> str:
            made = self._copy(name)
            self.control.configure(made, extra_config=options)
            return made

        return str(await self._run(work))

    async def folder(self, name: str) -> str:
        """A folder beside the Provider's, by its path."""
        path = f"{server.FOLDER.rpartition('/')[0]}/{name}"

        def work() -> None:
            find = self._service.content.searchIndex.FindByInventoryPath
            if find(path) is None:
                find(path.rpartition("/")[0]).CreateFolder(name)

        await self._run(work)
        return path

    def _copy(self, name: str, *, template: bool = False) -> str:
        at = self._service.content.searchIndex.FindByInventoryPath
        spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(pool=at(DOMAIN.pool)), powerOn=False, template=template)
        task = at(server.TEMPLATE).CloneVM_Task(at(server.FOLDER), name, spec)
        deadline = time.monotonic() + self.patience
        while task.info.state not in ("success", "error"):
            assert time.monotonic() < deadline, f"{name} is not cloned in {self.patience} s"
        assert task.info.error is None, task.info.error
        return str(task.info.result._moId)

    async def power_off(self, machine_id: str) -> None:
        await self._run(lambda: self.control.power(machine_id, "off"))

    async def set_tag(self, machine_id: str, key: str, value: str) -> None:
        await self._run(lambda: self.control.configure(machine_id, attributes={key: value}))

    async def set_metadata(self, machine_id: str, key: str, value: str) -> None:
        await self._run(lambda: self.control.configure(machine_id, extra_config={key: value}))

    async def unmark(self, machine_id: str) -> None:
        await self._run(lambda: self.control.configure(machine_id, extra_config={"hostwright.mark": ""}))

    async def vanish(self, machine_id: str) -> None:
        await self._run(lambda: self.control.destroy(machine_id))

    async def own_of(self, machine_id: str) -> set[tuple[str, str]]:
        return {("extraConfig", str(dict((await self.truth())[machine_id].metadata)))}

    async def left(self) -> Sequence[str]:
        """Disks and interfaces are the machine's own."""
        return []

    async def fault(self, verb: str, fault: Fault) -> None:
        """What is done is answered with its task's reference, so an answer that is lost and one that fails are one."""
        if fault is Fault.FAIL:
            self.control.rule(METHODS[verb], "fault", fault="SystemError")
        else:
            self.control.rule(METHODS[verb], "lose")

    async def outage(self, *, on: bool) -> None:
        self.control.clear_rules()
        for method in (*ALL, *METHODS.values()) if on else ():
            self.control.rule(method, "drop", times=-1)

    async def add_image(self, name: str) -> None:
        """A clone that is made a template."""
        await self._run(lambda: self._copy(name, template=True))

    async def cut_lists(self, count: int) -> None:
        raise NotImplementedError(self.cannot[Need.LIST_FAULTS])

    async def quota(self, machines: int) -> None:
        raise NotImplementedError(self.cannot[Need.QUOTA])

    async def fail_builds(self, count: int, message: str) -> None:
        raise NotImplementedError(self.cannot[Need.BUILD_FAILURES])

    async def lag(self, seconds: float) -> None:
        raise NotImplementedError(self.cannot[Need.STALE_LISTS])

    async def page_size(self, rows: int) -> None:
        raise NotImplementedError(self.cannot[Need.SHORT_PAGES])

    async def other_identity(self) -> None:
        raise NotImplementedError(self.cannot[Need.ANOTHER_IDENTITY])

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _truth(row: dict[str, Any]) -> Truth:
    options = {key: str(value) for key, value in row["extraConfig"].items()}
    users = {
        key: value for key, value in options.items() if not key.startswith(("hostwright.", "guestinfo.", "govcsim"))
    }
    return Truth(
        id=row["id"],
        name=row["path"].rpartition("/")[2],
        mark=options.get("hostwright.mark", ""),
        namespace=options.get("hostwright.namespace", ""),
        object_name=options.get("hostwright.name", ""),
        powered_on=row["power"] == "poweredOn",
        tags={key: value for key, value in row["attributes"].items() if value},
        metadata=users,
        whole=json.dumps(row, sort_keys=True),
    )
