"""The simulated site as a process, its control API as the hands behind our back."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.contract.driver import CLUSTER
from tests.contract.harness import Fault, Need, Truth, small

from hostwright.core import errors
from hostwright.core.errors import Failure
from hostwright.core.port import Trace
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.simulated import BACKEND

SERVE = (sys.executable, "-c", "from hostwright.cli.simulated import simulated; simulated()", "serve")
VERBS = {"create_server": "create", "delete_server": "delete"}
FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.LOSE_REPLY: {"kind": "LoseReply"},
    Fault.APPLY_THEN_FAIL: {"kind": "ApplyThenFail", "status": 500},
    Fault.FAIL: {"kind": "Refuse", "status": 500},
    Fault.THROTTLE: {"kind": "Refuse", "status": 429, "code": "TooManyRequests", "retryAfter": 7},
}
CALM = {
    "latency": 0.0,
    "buildSeconds": 0.4,
    "powerSeconds": 0.1,
    "deleteSeconds": 0.1,
    "quotaMachines": None,
    "quotaCPU": None,
    "visibilityLag": 0,
    "pageSize": 1000,
    "token": None,
    "outage": "Off",
}
CATALOG = {
    "sizes": [{"name": "small", "cpu": 1, "memoryMiB": 512}],
    "images": [{"id": "image-tiny", "name": "tiny"}],
    "networks": [
        {"id": "network-app", "name": "app", "cidr": "10.64.0.0/16"},
        {"id": "network-db", "name": "db", "cidr": "10.65.0.0/16"},
        {"id": "network-twice-1", "name": "twice", "cidr": "10.66.0.0/16"},
        {"id": "network-twice-2", "name": "twice", "cidr": "10.67.0.0/16"},
    ],
}


def make(request: pytest.FixtureRequest) -> "SimulatedHarness":
    return SimulatedHarness()


class SimulatedHarness:
    name = "simulated"
    cannot: Mapping[Need, str] = {Need.NO_ROOM: "a simulated site has room for any size within its quota"}
    patience = 10.0
    poll = 1.0
    visibility_lag = 0.5
    address = "10.64.0.77/16"
    own: Mapping[str, Mapping[str, Any]] = {}

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._executor = ThreadPoolExecutor(1)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        command = [*SERVE, "--state", str(Path(self._directory.name) / "state.db")]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()  # it says where it listens once it does
        match = re.search(r"http://[0-9.]+:[0-9]+", said)
        assert match, f"the site did not start: {said!r}"
        self.url = match.group()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(10) == 0
        self._executor.shutdown()
        self._directory.cleanup()

    async def reset(self) -> None:
        await self.control("DELETE", "faults")
        await self.control("PATCH", "settings", CALM)
        await self.control("PUT", "catalog", CATALOG)
        for machine_id in await self.truth():
            await self.vanish(machine_id)

    async def session(self, *, hasten: Callable[[], None] = lambda: None, bad_login: bool = False) -> Session:
        secret = None
        if bad_login:
            await self.control("PATCH", "settings", {"token": "right"})
            secret = {"token": b"wrong"}
        spec = ProviderSpec.model_validate(
            {
                "type": "Simulated",
                "allowedNamespaces": {"from": "All"},
                "simulated": {"endpoint": self.url},
                "networks": [
                    {"name": "app"},
                    {"name": "db", "simulated": {"network": "db"}},
                    {"name": "twice"},
                    {"name": "lost", "simulated": {"network": "no-such"}},
                ],
            }
        )
        context = Context(
            name="sim",
            cluster_id=CLUSTER,
            executor=self._executor,
            monotonic=time.monotonic,
            wall=lambda: datetime.now(UTC),
            visibility_lag=self.visibility_lag,
            hasten=hasten,
        )
        return await BACKEND.connect(spec, secret, context)

    def spec(self, interface: Mapping[str, Any] | None = None, **more: Any) -> VirtualMachineSpec:
        return small("sim", interface, more)

    def bindings(self, image: str = "tiny") -> Bindings:
        return Bindings(
            cpu=1,
            memory_mib=512,
            class_name="small",
            image_name=image,
            image_section={"image": image},
            hostname="web",
        )

    def unresolved(self, failure: type[Failure]) -> tuple[VirtualMachineSpec, Bindings, str] | str:
        if failure is errors.NetworkNotFound:
            return self.spec({"networkRef": {"name": "nowhere"}}), self.bindings(), "nowhere"
        if failure is errors.NameAmbiguous:
            return self.spec({"networkRef": {"name": "twice"}}), self.bindings(), "twice"
        if failure is errors.ImageNotResolved:
            return self.spec(), self.bindings("no-such-image"), "no-such-image"
        if failure is errors.SecurityGroupNotFound:
            return self.spec({"securityGroups": ["web-open"]}), self.bindings(), "web-open"
        return {
            errors.FlavorNotFound: "any size may be asked of a simulated site",
            errors.KeyPairNotFound: "a simulated site has no key pairs",
        }[failure]

    async def truth(self) -> Mapping[str, Truth]:
        rows: list[dict[str, Any]] = []
        after = 0
        while True:
            page = await self.call("GET", f"/v1/machines?after={after}")
            rows.extend(page["machines"])
            if not (after := page["more"]):
                return {row["id"]: _truth(row) for row in rows}

    async def stranger(self, trace: Trace, *, name: str, mark: str) -> str:
        body = {
            "name": name,
            "mark": mark,
            "namespace": trace.namespace,
            "objectName": trace.object_name,
            "image": "image-tiny",
            "cpu": 1,
            "memoryMiB": 512,
        }
        await self.control("PATCH", "settings", {"buildSeconds": 0})
        made = await self.call("POST", "/v1/machines", body)
        await self.control("PATCH", "settings", {"buildSeconds": CALM["buildSeconds"]})
        return str((await self.call("GET", f"/v1/machines/{made['id']}"))["id"])

    async def power_off(self, machine_id: str) -> None:
        await self.control("PATCH", f"machines/{machine_id}", {"poweredOn": False})

    async def set_tag(self, machine_id: str, key: str, value: str) -> None:
        await self.control("PATCH", f"machines/{machine_id}", {"tags": {key: value}})

    async def set_metadata(self, machine_id: str, key: str, value: str) -> None:
        await self.control("PATCH", f"machines/{machine_id}", {"metadata": {key: value}})

    async def unmark(self, machine_id: str) -> None:
        await self.control("PATCH", f"machines/{machine_id}", {"mark": ""})

    async def vanish(self, machine_id: str) -> None:
        await self.control("DELETE", f"machines/{machine_id}")

    async def own_of(self, machine_id: str) -> set[tuple[str, str]]:
        return set()

    async def left(self) -> Sequence[str]:
        """A machine has no parts there."""
        return []

    async def fault(self, verb: str, fault: Fault) -> None:
        site_verb = VERBS.get(verb, verb.replace("_", "-"))
        await self.control("POST", "faults", {"verb": site_verb, **FAULTS[fault]})

    async def cut_lists(self, count: int) -> None:
        await self.control("POST", "faults", {"verb": "list", "kind": "Truncate", "count": count})

    async def outage(self, *, on: bool) -> None:
        await self.control("PATCH", "settings", {"outage": "Cut" if on else "Off"})

    async def quota(self, machines: int) -> None:
        await self.control("PATCH", "settings", {"quotaMachines": machines})

    async def fail_builds(self, count: int, message: str) -> None:
        await self.control("POST", "builds", {"count": count, "message": message})

    async def lag(self, seconds: float) -> None:
        await self.control("PATCH", "settings", {"visibilityLag": seconds})

    async def page_size(self, rows: int) -> None:
        await self.control("PATCH", "settings", {"pageSize": rows})

    async def add_image(self, name: str) -> None:
        images = [*CATALOG["images"], {"id": f"image-{name}", "name": name}]
        await self.control("PUT", "catalog", {**CATALOG, "images": images})

    async def other_identity(self) -> None:
        await self.control("POST", "identity", {})

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        return await self.call(method, f"/control/{path}" if path else "/control", body)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, self.url + path, data=json.dumps(body if body is not None else {})) as reply,
        ):
            answer = json.loads(await reply.read())
            assert reply.status == 200, answer
            return answer


def _truth(row: dict[str, Any]) -> Truth:
    return Truth(
        id=row["id"],
        name=row["name"],
        mark=row["mark"],
        namespace=row["namespace"],
        object_name=row["objectName"],
        powered_on=row["poweredOn"],
        tags=row["tags"],
        metadata=row["metadata"],
        whole=json.dumps(row, sort_keys=True),
    )
