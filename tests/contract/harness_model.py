"""The model of OpenStack that the simulation plays on, behind real HTTP: believed as far as it passes this suite."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from tests.contract.driver import CLUSTER
from tests.contract.harness import Fault, Need, Truth
from tests.contract.harness_openstack import FAULTS, REQUESTS
from tests.model_openstack.cloud import Cloud
from tests.model_openstack.rows import Build, Server, Settings
from tests.model_openstack.served import PASSWORD, Rule, Served, serving

from hostwright.core import errors
from hostwright.core.errors import Failure
from hostwright.core.port import Trace
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.openstack import BACKEND

RECORD = {"hostwright.namespace", "hostwright.name"}
QUICK = {"build_seconds": 0.4, "power_seconds": 0.1, "delete_seconds": 0.1, "network_seconds": 0.1}


def make(request: pytest.FixtureRequest) -> "ModelHarness":
    return ModelHarness()


class ModelHarness:
    name = "model"
    cannot: Mapping[Need, str] = {
        Need.NO_ROOM: "the model has a host for each of its sizes",
        Need.STALE_LISTS: "Nova lists what its database holds",
        Need.ANOTHER_IDENTITY: "a login names its project, so the same login never leads to another",
    }
    patience = 10.0
    poll = 0.25
    visibility_lag = 0.5

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(8)
        self._stack = ExitStack()
        self._served = Served()

    @property
    def cloud(self) -> Cloud:
        return self._served.cloud

    def start(self) -> None:
        self._served = self._stack.enter_context(serving())

    def stop(self) -> None:
        self._stack.close()
        self._executor.shutdown()

    async def reset(self) -> None:
        with self._served.lock:
            self._served.rules.clear()
            self._served.cloud = Cloud(time.time, Settings(**QUICK))

    async def session(self, *, hasten: Callable[[], None] = lambda: None, bad_login: bool = False) -> Session:
        auth = self._served.auth("wrong" if bad_login else PASSWORD)
        secret = yaml.safe_dump({"clouds": {"model": {"auth": auth, "region_name": "R"}}}).encode()
        spec = ProviderSpec.model_validate(
            {
                "type": "OpenStack",
                "allowedNamespaces": {"from": "All"},
                "credentialsRef": {"name": "model"},
                "openstack": {"cloudName": "model"},
                "networks": [
                    {"name": name, "openstack": {"network": network}}
                    for name, network in (("app", "app"), ("db", "db"), ("twice", "twice"), ("lost", "no-such"))
                ],
            }
        )
        context = Context(
            name="model",
            cluster_id=CLUSTER,
            executor=self._executor,
            monotonic=time.monotonic,
            wall=lambda: datetime.now(UTC),
            visibility_lag=self.visibility_lag,
            hasten=hasten,
        )
        session = await BACKEND.connect(spec, {"clouds.yaml": secret}, context)
        await session.load_catalog()
        return session

    def spec(self, interface: Mapping[str, Any] | None = None, **more: Any) -> VirtualMachineSpec:
        return VirtualMachineSpec.model_validate(
            {
                "providerRef": {"name": "model"},
                "classRef": {"name": "small"},
                "imageRef": {"name": "tiny"},
                "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, **(interface or {})}]},
                "tags": {"team": "a"},
                **more,
            }
        )

    def bindings(self, image: str = "tiny") -> Bindings:
        return Bindings(
            cpu=1,
            memory_mib=512,
            class_name="small",
            image_name=image,
            image_section={"image": {"name": image}},
            hostname="web",
        )

    def unresolved(self, failure: type[Failure]) -> tuple[VirtualMachineSpec, Bindings, str] | str:
        asked: Mapping[type[Failure], tuple[VirtualMachineSpec, Bindings, str]] = {
            errors.NetworkNotFound: (self.spec({"networkRef": {"name": "nowhere"}}), self.bindings(), "nowhere"),
            errors.NameAmbiguous: (self.spec({"networkRef": {"name": "twice"}}), self.bindings(), "twice"),
            errors.ImageNotResolved: (self.spec(), self.bindings("no-such-image"), "no-such-image"),
            errors.SecurityGroupNotFound: (self.spec({"securityGroups": ["shut"]}), self.bindings(), "shut"),
            errors.FlavorNotFound: (
                self.spec(openstack={"flavor": {"name": "m9.vast"}}, classRef=None),
                self.bindings(),
                "m9.vast",
            ),
            errors.KeyPairNotFound: (self.spec(openstack={"keyPair": "lost-key"}), self.bindings(), "lost-key"),
        }
        return asked[failure]

    async def truth(self) -> Mapping[str, Truth]:
        with self._served.lock:
            self.cloud.state.advance()
            return {item: self._truth(row) for item, row in self.cloud.state.servers.items() if row.task != "deleting"}

    def _truth(self, row: Server) -> Truth:
        ports = [self.cloud.neutron.port(port) for port in self.cloud.state.ports.values() if port.device == row.id]
        shown = {key: value for key, value in self.cloud.nova.shown(row).items() if key != "updated"}
        return Truth(
            id=row.id,
            name=row.name,
            mark=next((tag for tag in row.tags if tag.startswith("hw:")), ""),
            namespace=row.metadata.get("hostwright.namespace", ""),
            object_name=row.metadata.get("hostwright.name", ""),
            powered_on=row.status == "ACTIVE",
            tags=dict(tag.split("=", 1) for tag in row.tags if "=" in tag),
            metadata={key: value for key, value in row.metadata.items() if key not in RECORD},
            whole=json.dumps([shown, ports], sort_keys=True),
        )

    async def stranger(self, trace: Trace, *, name: str, mark: str) -> str:
        record = {"hostwright.namespace": trace.namespace, "hostwright.name": trace.object_name}
        wanted = {"name": name, "flavorRef": "f-1", "imageRef": "i-1", "networks": "none", "metadata": record}
        with self._served.lock:
            made = self.cloud.nova.create({"server": {**wanted, "tags": [mark] if mark else []}})
            made.turn += 1
            self.cloud.nova.change(made, status="ACTIVE", task=None)
            return made.id

    async def power_off(self, machine_id: str) -> None:
        with self._served.lock:
            self.cloud.nova.change(self.cloud.state.servers[machine_id], status="SHUTOFF", task=None)

    async def set_tag(self, machine_id: str, key: str, value: str) -> None:
        self.cloud.serve("PUT", f"/servers/{machine_id}/tags/{key}={value}")

    async def set_metadata(self, machine_id: str, key: str, value: str) -> None:
        self.cloud.serve("POST", f"/servers/{machine_id}/metadata", {"metadata": {key: value}})

    async def unmark(self, machine_id: str) -> None:
        with self._served.lock:
            self.cloud.state.servers[machine_id].tags.clear()
            for port in self.cloud.state.ports.values():
                port.description = "mine" if port.device == machine_id else port.description

    async def vanish(self, machine_id: str) -> None:
        with self._served.lock:
            self.cloud.nova.gone(self.cloud.state.servers[machine_id])

    async def fault(self, verb: str, fault: Fault) -> None:
        self._served.rules.append(Rule(**REQUESTS[verb], **FAULTS[fault], count=1))

    async def cut_lists(self, count: int) -> None:
        for path, answer in (("/servers/detail$", {"servers": []}), ("/ports$", {"ports": []})):
            self._served.rules.append(Rule("error", path, "GET", status=200, answer=answer, count=count))

    async def outage(self, *, on: bool) -> None:
        self._served.rules[:] = [Rule("cut")] if on else []

    async def quota(self, machines: int) -> None:
        self.cloud.settings.quota_servers = machines

    async def fail_builds(self, count: int, message: str) -> None:
        self.cloud.state.builds.extend(Build(message=message) for _ in range(count))

    async def lag(self, seconds: float) -> None:
        raise NotImplementedError(self.cannot[Need.STALE_LISTS])

    async def page_size(self, rows: int) -> None:
        self.cloud.settings.page_size = rows

    async def add_image(self, name: str) -> None:
        self.cloud.state.images[f"i-{name}"] = name

    async def other_identity(self) -> None:
        raise NotImplementedError(self.cannot[Need.ANOTHER_IDENTITY])
