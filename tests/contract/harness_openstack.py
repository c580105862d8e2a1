"""The OpenStack lab: real services on a hypervisor that only pretends; a second login as the hands behind our back."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from tests.contract.harness import Fault, Need, Truth
from tests.contract.openstack_rows import (
    FAULTS,
    REQUESTS,
    VAST,
    Asked,
    context_of,
    disk_of,
    left_of,
    own_block,
    own_of,
    provider_of,
    truth_of,
)

from hostwright.core.port import Trace
from hostwright.kinds.provider.port import Session
from hostwright.providers.openstack import BACKEND
from hostwright.sandbox.openstack import clouds
from hostwright.sandbox.openstack.faults_client import Faults
from hostwright.sandbox.openstack.lab import LabFacts

#: With the root disk of `small`, so that there is a way back.
EVEN = "m2.even"
COMPUTE = {"microversion": "2.90"}


def make(request: pytest.FixtureRequest) -> "OpenStackHarness":
    return OpenStackHarness(request.getfixturevalue("openstack_lab"))


class OpenStackHarness(Asked):
    name, provider = "openstack", "lab"
    cannot: Mapping[Need, str] = {
        Need.STALE_LISTS: "Nova lists what its database holds; no service of the lab lags",
        Need.SHORT_PAGES: "the largest page is a setting that Nova reads when it starts",
        Need.BUILD_FAILURES: "a failed build's words are Nova's own: tests/providers/openstack/test_lab.py",
        Need.ANOTHER_IDENTITY: "a login names its project, so the same login never leads to another",
    }
    patience = 60.0
    poll = 0.25  # most of a case is waiting for the next read
    visibility_lag = 0.5
    address = "10.3.0.77/14"
    own = own_block(zone="nova")

    def __init__(self, facts: LabFacts) -> None:
        self.facts = facts
        self.faults = Faults(facts.faults_file)
        self._executor = ThreadPoolExecutor(8)
        self._demo = clouds.connect(facts.clouds_file, facts.cloud)
        self._admin = clouds.connect(facts.clouds_file, facts.admin_cloud)
        self._quota: Any = None
        self._images: list[str] = []
        self._twice: list[str] = []
        self._flavors: list[str] = []

    def start(self) -> None:
        self._twice = [self._demo.network.create_network(name="twice").id for _ in range(2)]
        there = {flavor.name for flavor in self._admin.compute.flavors()}  # another harness's, on the same lab
        self._flavors = [
            self._admin.compute.create_flavor(name=name, vcpus=cpu, ram=memory, disk=5).id
            for name, cpu, memory in ((VAST, 4000, 512), (EVEN, 2, 1024))
            if name not in there
        ]

    def stop(self) -> None:
        for network in self._twice:
            self._demo.network.delete_network(network)
        for flavor in self._flavors:
            self._admin.compute.delete_flavor(flavor)
        self._executor.shutdown()

    async def reset(self) -> None:
        self.faults.clear()
        if self._quota is not None:
            await self._run(lambda: self._limit(self._quota))
            self._quota = None
        servers = await self.truth()
        await asyncio.gather(*(self.vanish(server) for server in servers))
        for image in self._images:
            await self._run(lambda image=image: self._admin.image.delete_image(image))
        self._images.clear()
        for row in await self.floating_ips():
            await self._send("network", "DELETE", f"/v2.0/floatingips/{row['id']}")
        for row in await self._groups():
            await self._send("compute", "DELETE", f"/os-server-groups/{row['id']}")
        await asyncio.gather(*(self._wipe(row["id"]) for row in await self._volumes()))
        loose = [port["id"] for port in await self._ports() if not port["device_owner"]]
        await asyncio.gather(*(self._send("network", "DELETE", f"/v2.0/ports/{port}") for port in loose))

    async def session(
        self,
        *,
        hasten: Callable[[], None] = lambda: None,
        bad_login: bool = False,
        cloud: Mapping[str, Any] | None = None,
    ) -> Session:
        """`cloud`: instead of the lab's own entry in clouds.yaml."""
        parsed = yaml.safe_load(self.facts.clouds_file.read_text())
        if cloud is not None:
            parsed["clouds"][self.facts.cloud] = dict(cloud)
        if bad_login:
            parsed["clouds"][self.facts.cloud]["auth"]["password"] = "wrong"
        context = context_of("lab", self._executor, self.visibility_lag, hasten)
        spec, secret = provider_of("lab", self.facts.cloud, zone="nova"), yaml.safe_dump(parsed).encode()
        session = await BACKEND.connect(spec, {"clouds.yaml": secret}, context)
        await session.load_catalog()
        return session

    async def truth(self) -> Mapping[str, Truth]:
        rows = (await self._send("compute", "GET", "/servers/detail"))["servers"]
        ports = await self._ports()
        return {
            row["id"]: truth_of(row, [port for port in ports if port["device_id"] == row["id"]])
            for row in rows
            if row["OS-EXT-STS:task_state"] != "deleting" and row["status"] != "DELETED"  # listed for a moment more
        }

    async def stranger(self, trace: Trace, *, name: str, mark: str) -> str:
        image = await self._run(lambda: self._demo.image.find_image("tiny").id)
        flavor = await self._run(lambda: self._demo.compute.find_flavor("m1.nano").id)
        body = {
            "name": name,
            "imageRef": image,
            "flavorRef": flavor,
            "networks": "none",
            "tags": [mark] if mark else [],
            "metadata": {"hostwright.namespace": trace.namespace, "hostwright.name": trace.object_name},
        }
        made = (await self._send("compute", "POST", "/servers", {"server": body}))["server"]["id"]
        await self._until(made, "ACTIVE")
        return str(made)

    async def power_off(self, machine_id: str) -> None:
        await self._send("compute", "POST", f"/servers/{machine_id}/action", {"os-stop": None})
        await self._until(machine_id, "SHUTOFF")

    async def set_tag(self, machine_id: str, key: str, value: str) -> None:
        await self._send("compute", "PUT", f"/servers/{machine_id}/tags/{key}={value}")

    async def set_metadata(self, machine_id: str, key: str, value: str) -> None:
        await self._send("compute", "POST", f"/servers/{machine_id}/metadata", {"metadata": {key: value}})

    async def unmark(self, machine_id: str) -> None:
        await self._send("compute", "DELETE", f"/servers/{machine_id}/tags")
        for port in [row["id"] for row in await self._ports() if row["device_id"] == machine_id]:
            await self._send("network", "PUT", f"/v2.0/ports/{port}", {"port": {"description": "mine"}})

    async def vanish(self, machine_id: str) -> None:
        await self._send("compute", "DELETE", f"/servers/{machine_id}", gone=True)
        await self._until(machine_id, "")

    async def lock(self, machine_id: str, *, on: bool) -> None:
        """By an administrator: the owner can do nothing about it."""
        compute = self._admin.compute
        if on:
            await self._run(lambda: compute.lock_server(machine_id, locked_reason="being moved"))
        else:
            await self._run(lambda: compute.unlock_server(machine_id))

    async def stranger_port(self, machine_id: str) -> str:
        """Plugged into the machine by somebody else; its id."""
        body = {"interfaceAttachment": {"net_id": await self._run(lambda: self._demo.network.find_network("app").id)}}
        made = await self._send("compute", "POST", f"/servers/{machine_id}/os-interface", body)
        return str(made["interfaceAttachment"]["port_id"])

    async def port(self, port: str) -> dict[str, Any]:
        """Empty: there is none."""
        row: dict[str, Any] = (await self._send("network", "GET", f"/v2.0/ports/{port}", gone=True)).get("port", {})
        return row

    async def floating_ips(self) -> Sequence[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self._send("network", "GET", "/v2.0/floatingips"))["floatingips"]
        return rows

    async def new_floating_ip(self, *, on: str | None = None) -> dict[str, Any]:
        """The project's own, made by somebody else."""
        network = await self._run(lambda: self._demo.network.find_network("public").id)
        body = {"floatingip": {"floating_network_id": network, "port_id": on}}
        made: dict[str, Any] = (await self._send("network", "POST", "/v2.0/floatingips", body))["floatingip"]
        return made

    async def own_of(self, machine_id: str) -> set[tuple[str, str]]:
        return own_of((await self._send("compute", "GET", f"/servers/{machine_id}"))["server"])

    async def left(self) -> Sequence[str]:
        return left_of(await self._ports(), await self.floating_ips(), await self._volumes())

    async def new_disk(self) -> str:
        body = {"volume": {"size": 1, "name": "theirs", "metadata": {"mine": "yes"}}}
        made = str((await self._send("block_storage", "POST", "/volumes", body))["volume"]["id"])
        await self._free(made)
        return made

    async def disk(self, item: str) -> Mapping[str, Any]:
        row = await self._volume(item)
        if row.get("status") == "detaching":
            row = await self._free(item)
        return disk_of(row)

    async def move_floating_ip(self, item: str, port: str | None) -> None:
        await self._send("network", "PUT", f"/v2.0/floatingips/{item}", {"floatingip": {"port_id": port}})

    async def set_groups(self, port: str, *names: str) -> None:
        groups = [await self._run(lambda name=name: self._demo.network.find_security_group(name).id) for name in names]
        await self._send("network", "PUT", f"/v2.0/ports/{port}", {"port": {"security_groups": groups}})

    async def unplug(self, machine_id: str, port: str) -> None:
        await self._send("compute", "DELETE", f"/servers/{machine_id}/os-interface/{port}")
        deadline = time.monotonic() + self.patience
        while any(row["device_id"] for row in await self._ports() if row["id"] == port):
            assert time.monotonic() < deadline, f"port {port} stays plugged in"
            await asyncio.sleep(0.1)

    async def fault(self, verb: str, fault: Fault) -> None:
        self.faults.add({**REQUESTS[verb], **FAULTS[fault], "count": 1})

    async def cut_lists(self, count: int) -> None:
        whole = {"method": "GET", "do": "error", "status": 200, "count": count}
        self.faults.add({**whole, "path": "/servers/detail$", "answer": {"servers": []}})
        self.faults.add({**whole, "path": "/ports$", "answer": {"ports": []}})

    async def outage(self, *, on: bool) -> None:
        if on:
            self.faults.add({"path": "", "do": "cut"})
        else:
            self.faults.clear()

    async def quota(self, machines: int) -> None:
        self._quota = await self._run(lambda: self._admin.get_compute_quotas("demo").instances)
        await self._run(lambda: self._limit(machines))

    async def fail_builds(self, count: int, message: str) -> None:
        raise NotImplementedError(self.cannot[Need.BUILD_FAILURES])

    async def lag(self, seconds: float) -> None:
        raise NotImplementedError(self.cannot[Need.STALE_LISTS])

    async def page_size(self, rows: int) -> None:
        raise NotImplementedError(self.cannot[Need.SHORT_PAGES])

    async def other_identity(self) -> None:
        raise NotImplementedError(self.cannot[Need.ANOTHER_IDENTITY])

    async def add_image(self, name: str) -> None:
        image = await self._run(
            lambda: self._admin.image.create_image(
                name, data=b"new", container_format="bare", disk_format="raw", visibility="public"
            )
        )
        self._images.append(image.id)

    def _limit(self, machines: int) -> None:
        self._admin.set_compute_quotas("demo", instances=machines)

    async def _ports(self) -> Sequence[dict[str, Any]]:
        project = self._demo.current_project_id
        ports: list[dict[str, Any]] = (await self._send("network", "GET", f"/v2.0/ports?project_id={project}"))["ports"]
        return ports

    async def _volumes(self) -> Sequence[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self._send("block_storage", "GET", "/volumes/detail"))["volumes"]
        return rows

    async def _volume(self, item: str) -> dict[str, Any]:
        """Empty: there is none."""
        answer = await self._send("block_storage", "GET", f"/volumes/{item}", gone=True)
        row: dict[str, Any] = answer.get("volume", {})
        return row

    async def _free(self, item: str) -> dict[str, Any]:
        deadline = time.monotonic() + self.patience
        while (row := await self._volume(item)).get("status", "available") != "available":
            assert time.monotonic() < deadline, f"volume {item} is {row['status']}"
            await asyncio.sleep(0.1)
        return row

    async def _wipe(self, item: str) -> None:
        deadline = time.monotonic() + self.patience
        while (row := await self._volume(item)) and time.monotonic() < deadline:
            if row["status"] in {"available", "error"}:
                await self._send("block_storage", "DELETE", f"/volumes/{item}", gone=True)
            await asyncio.sleep(0.1)

    async def _groups(self) -> Sequence[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self._send("compute", "GET", "/os-server-groups"))["server_groups"]
        return rows

    async def _until(self, server: str, status: str) -> None:
        """The server rests in that status, or with none is gone."""
        deadline = time.monotonic() + self.patience
        while True:
            answer = await self._send("compute", "GET", f"/servers/{server}", gone=True)
            row = answer.get("server")
            now = row["status"] if row else ""
            if now == status and not (row and row["OS-EXT-STS:task_state"]):
                return
            assert time.monotonic() < deadline, f"server {server} is {now or 'gone'}, not {status or 'gone'}"
            await asyncio.sleep(0.1)

    async def _send(self, service: str, method: str, path: str, body: Any = None, *, gone: bool = False) -> Any:
        """One request as `demo`; the answer's JSON. `gone`: a 404 is an answer as well."""
        adapter = getattr(self._demo, service)
        options: dict[str, Any] = dict(COMPUTE) if service == "compute" else {}
        if body is not None:
            options["json"] = body
        path = path.removeprefix("/v2.0") if service == "network" else path
        reply = await self._run(lambda: adapter.request(path, method, raise_exc=False, **options))
        if reply.status_code == 404 and gone:
            return {}
        assert reply.status_code < 300, (method, path, reply.status_code, reply.text)
        return reply.json() if reply.content else {}

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
