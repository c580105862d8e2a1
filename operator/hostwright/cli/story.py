"""The demo's story: machines come up, one is stopped, one is repaired, one is deleted."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import yaml

from hostwright.cli.stage import Stage, is_in
from hostwright.core.names import GROUP
from hostwright.sandbox import Sandbox, SandboxError
from hostwright.sandbox.vsphere.control import Control, ControlError


class Ground(Protocol):
    """The site seen past Kubernetes: what a hand on the backend can do and see."""

    def switch_off(self, server: str) -> None: ...
    def has(self, server: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class SimulatedGround:
    endpoint: str

    def switch_off(self, server: str) -> None:
        status = self._call("PATCH", f"/control/machines/{server}", {"poweredOn": False})
        if status != http.client.OK:
            raise SandboxError(f"the simulated site does not switch off {server}: it answers {status}")

    def has(self, server: str) -> bool:
        return self._call("GET", f"/v1/machines/{server}") != http.client.NOT_FOUND

    def _call(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> int:
        line = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=10)
        try:
            send = None if body is None else json.dumps(body)
            line.request(verb, path, send, {"Content-Type": "application/json"})
            answer = line.getresponse()
            answer.read()
        except OSError as error:
            raise SandboxError(f"the simulated site at {self.endpoint} does not answer: {error}") from error
        finally:
            line.close()
        return answer.status


@dataclass(frozen=True, slots=True)
class OpenStackGround:
    directory: Path

    def switch_off(self, server: str) -> None:
        from hostwright.sandbox.openstack import lab  # noqa: PLC0415 - brings openstacksdk, slow to import
        from hostwright.sandbox.openstack.faults_client import Guests  # noqa: PLC0415 - as above

        Guests(lab.facts(self.directory).nova_url).off(server)

    def has(self, server: str) -> bool:
        from hostwright.sandbox.openstack import clouds, lab  # noqa: PLC0415 - as above

        facts = lab.facts(self.directory)
        with clouds.connect(facts.clouds_file, facts.cloud) as cloud:
            answer = cloud.compute.get(f"/servers/{server}")
        return int(answer.status_code) != http.client.NOT_FOUND


@dataclass(frozen=True, slots=True)
class VSphereGround:
    control: Control

    def switch_off(self, server: str) -> None:
        try:
            self.control.power(server, "off")
        except (ControlError, OSError) as error:
            raise SandboxError(f"the vCenter does not switch off {server}: {error}") from error

    def has(self, server: str) -> bool:
        try:
            return any(machine["id"] == server for machine in self.control.machines().values())
        except OSError as error:
            raise SandboxError(f"the vCenter does not answer: {error}") from error


def ground(box: Sandbox) -> Ground:
    if "vsphere" in box.sites:
        return VSphereGround(Control(box.sites["vsphere"]["control"]))
    if "openstack" in box.sites:
        return OpenStackGround(box.directory / "openstack")
    return SimulatedGround(box.sites["simulated"]["endpoint"])


def manifests(file: Path, provider: str) -> list[dict[str, Any]]:
    """An example's objects, on this Provider."""
    bodies: list[dict[str, Any]] = [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
    for each in bodies:
        if each["kind"] == "VirtualMachine":
            each["spec"]["providerRef"] = {"name": provider}
    return bodies


@dataclass(frozen=True, slots=True)
class Story(Stage):
    machines: ClassVar[str] = f"virtualmachines.{GROUP}"

    def tell(self, example: Path, provider: str) -> None:
        bodies = manifests(example, provider)
        names = [each["metadata"]["name"] for each in bodies if each["kind"] == "VirtualMachine"]
        stopped, repaired, deleted = names[1], names[0], names[2]
        self.screen.step(f"Apply {example.parent.name}/{example.name}: {', '.join(names)} on Provider {provider}")
        self.kubectl.apply(bodies)
        self.until("all machines are Running", lambda seen: all(is_in(seen.get(name), "Running") for name in names))
        self._stop(stopped)
        self._repair(repaired)
        self._delete(deleted)

    def _stop(self, name: str) -> None:
        self.screen.step(f"Stop {name}: its spec.powerState becomes PoweredOff")
        self.patch(name, {"powerState": "PoweredOff"})
        self.until(f"{name} is Stopped", lambda seen: is_in(seen.get(name), "Stopped"))

    def _repair(self, name: str) -> None:
        self.screen.step(f"Switch {name} off on the site, behind the operator's back")
        self.repaired(name, "Running", lambda: ground(self.box).switch_off(self._server(name)))

    def _delete(self, name: str) -> None:
        self.screen.step(f"Delete {name}")
        server = self._server(name)
        self.kubectl.run("delete", self.machines, name, "--wait=false")
        self.until(f"{name} is gone", lambda seen: name not in seen)
        if ground(self.box).has(server):
            raise SandboxError(f"{name} is deleted, and its server {server} is still there", f"Read {self.log}.")
        self.screen.tell(f"{name} is gone, on the site too: it knows no server {server} any more")

    def _server(self, name: str) -> str:
        body = json.loads(self.kubectl.run("get", self.machines, name, "-o", "json"))
        return next(str(each["id"]) for each in body["status"]["resources"] if each["name"] == "server")
