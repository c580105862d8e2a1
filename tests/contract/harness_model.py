"""The model of OpenStack that the simulation plays on, behind real HTTP: believed as far as it passes this suite."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from tests.contract.harness import Fault, Need, Truth
from tests.contract.openstack_rows import (
    FAULTS,
    REQUESTS,
    Asked,
    context_of,
    disk_of,
    left_of,
    own_block,
    own_of,
    provider_of,
    truth_of,
)
from tests.model_openstack.cloud import Cloud
from tests.model_openstack.rows import OUTSIDE, PROJECT, ZONES, Build, Settings
from tests.model_openstack.served import PASSWORD, Rule, Served, serving

from hostwright.core.port import Trace
from hostwright.kinds.provider.port import Session
from hostwright.providers.openstack import BACKEND

#: Not the one that a server has which asks for none.
ZONE = ZONES[1]
QUICK = {
    "build_seconds": 0.4,
    "power_seconds": 0.1,
    "delete_seconds": 0.1,
    "network_seconds": 0.1,
    "volume_seconds": 0.1,
}


def make(request: pytest.FixtureRequest) -> "ModelHarness":
    return ModelHarness()


class ModelHarness(Asked):
    name = provider = "model"
    cannot: Mapping[Need, str] = {
        Need.STALE_LISTS: "Nova lists what its database holds",
        Need.ANOTHER_IDENTITY: "a login names its project, so the same login never leads to another",
    }
    patience = 10.0
    poll = 0.25
    visibility_lag = 0.5
    address = "10.0.99.77/16"
    own = own_block(zone=ZONE)

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
        context = context_of("model", self._executor, self.visibility_lag, hasten)
        session = await BACKEND.connect(provider_of("model", "model", zone=ZONE), {"clouds.yaml": secret}, context)
        await session.load_catalog()
        return session

    async def truth(self) -> Mapping[str, Truth]:
        with self._served.lock:
            self.cloud.state.advance()
            rows = [row for row in self.cloud.state.servers.values() if row.task != "deleting"]
            ports = [self.cloud.neutron.port(port) for port in self.cloud.state.ports.values()]
            return {
                row.id: truth_of(self.cloud.nova.shown(row), [port for port in ports if port["device_id"] == row.id])
                for row in rows
            }

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
        self._asked("PUT", f"/servers/{machine_id}/tags/{key}={value}")

    async def set_metadata(self, machine_id: str, key: str, value: str) -> None:
        self._asked("POST", f"/servers/{machine_id}/metadata", {"metadata": {key: value}})

    async def unmark(self, machine_id: str) -> None:
        with self._served.lock:
            self.cloud.state.servers[machine_id].tags.clear()
            for port in self.cloud.state.ports.values():
                port.description = "mine" if port.device == machine_id else port.description

    async def vanish(self, machine_id: str) -> None:
        with self._served.lock:
            self.cloud.nova.gone(self.cloud.state.servers[machine_id])

    async def own_of(self, machine_id: str) -> set[tuple[str, str]]:
        return own_of(self._asked("GET", f"/servers/{machine_id}")["server"])

    async def left(self) -> Sequence[str]:
        ports = self._asked("GET", "/v2.0/ports")["ports"]
        volumes = self._asked("GET", f"/v3/{PROJECT}/volumes/detail")["volumes"]
        return left_of(ports, await self.floating_ips(), volumes)

    async def floating_ips(self) -> Sequence[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._asked("GET", "/v2.0/floatingips")["floatingips"]
        return rows

    async def new_floating_ip(self) -> dict[str, Any]:
        body = {"floatingip": {"floating_network_id": OUTSIDE}}
        made: dict[str, Any] = self._asked("POST", "/v2.0/floatingips", body)["floatingip"]
        return made

    async def new_disk(self) -> str:
        body = {"volume": {"size": 1, "name": "theirs", "metadata": {"mine": "yes"}}}
        made = str(self._asked("POST", f"/v3/{PROJECT}/volumes", body)["volume"]["id"])
        await self._free(made)
        return made

    async def disk(self, item: str) -> Mapping[str, Any]:
        row = self._volume(item)
        return disk_of(await self._free(item) if row.get("status") == "detaching" else row)

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

    def _volume(self, item: str) -> dict[str, Any]:
        """Empty: there is none."""
        row: dict[str, Any] = self._asked("GET", f"/v3/{PROJECT}/volumes/{item}", gone=True).get("volume", {})
        return row

    async def _free(self, item: str) -> dict[str, Any]:
        deadline = time.monotonic() + self.patience
        while (row := self._volume(item)).get("status", "available") != "available":
            assert time.monotonic() < deadline, f"volume {item} is {row['status']}"
            await asyncio.sleep(0.02)
        return row

    def _asked(self, method: str, path: str, body: Any = None, *, gone: bool = False) -> Any:
        """Around the socket and its faults; the answer's JSON. `gone`: a 404 is an answer as well."""
        with self._served.lock:
            answer = self.cloud.serve(method, path, body)
        if answer.status == 404 and gone:
            return {}
        assert answer.status < 300, (method, path, answer)
        return json.loads(answer.body) if answer.body else {}
