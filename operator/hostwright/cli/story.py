"""The demo's story: machines come up, one is stopped, one is repaired, one is deleted."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import yaml

from hostwright.cli.screen import Row, Screen, row
from hostwright.core.names import GROUP, Reason
from hostwright.sandbox import Sandbox, SandboxError
from hostwright.sandbox.install import Kubectl
from hostwright.sandbox.processes import Identity, handle, readable
from hostwright.sandbox.vsphere.control import Control, ControlError
from hostwright.sandbox.waiting import tail

T = TypeVar("T")
MACHINES = f"virtualmachines.{GROUP}"
PATIENCE = 180.0
"""Seconds for one turn of the story; a machine on the OpenStack lab takes some ten."""
BETWEEN = 0.3


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
class Story:
    box: Sandbox
    operator: Identity
    log: Path
    screen: Screen

    def tell(self, example: Path, provider: str) -> None:
        bodies = manifests(example, provider)
        names = [each["metadata"]["name"] for each in bodies if each["kind"] == "VirtualMachine"]
        stopped, repaired, deleted = names[1], names[0], names[2]
        self.screen.step(f"Apply {example.parent.name}/{example.name}: {', '.join(names)} on Provider {provider}")
        self._kubectl.apply(bodies)
        self._until("all machines are Running", lambda seen: all(_is(seen.get(name), "Running") for name in names))
        self._stop(stopped)
        self._repair(repaired)
        self._delete(deleted)

    def watch(self) -> None:
        """Shows the machines until the reader ends it, or the operator ends."""
        while True:
            self._until("", lambda _seen: False, seconds=None)

    @property
    def _kubectl(self) -> Kubectl:
        return Kubectl(self.box.kubectl, self.box.kubeconfig)

    def _stop(self, name: str) -> None:
        self.screen.step(f"Stop {name}: its spec.powerState becomes PoweredOff")
        self._kubectl.run("patch", MACHINES, name, "--type=merge", "-p", '{"spec": {"powerState": "PoweredOff"}}')
        self._until(f"{name} is Stopped", lambda seen: _is(seen.get(name), "Stopped"))

    def _repair(self, name: str) -> None:
        self.screen.step(f"Switch {name} off on the site, behind the operator's back")
        old = {each["metadata"]["uid"] for each in self._events(name)}
        ground(self.box).switch_off(self._server(name))

        def told(seen: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
            """Its new Events, the drift's among them, once it runs again."""
            new = [each for each in self._events(name) if each["metadata"]["uid"] not in old]
            drift = any(each["reason"] == Reason.DRIFT_DETECTED for each in new)
            return new if drift and _is(seen.get(name), "Running") else []

        for event in self._until(f"{name} is Running again and an Event tells so", told):
            self.screen.tell(f"Event about {name}: {event['type']} {event['reason']}: {event['message']}")

    def _delete(self, name: str) -> None:
        self.screen.step(f"Delete {name}")
        server = self._server(name)
        self._kubectl.run("delete", MACHINES, name, "--wait=false")
        self._until(f"{name} is gone", lambda seen: name not in seen)
        if ground(self.box).has(server):
            raise SandboxError(f"{name} is deleted, and its server {server} is still there", f"Read {self.log}.")
        self.screen.tell(f"{name} is gone, on the site too: it knows no server {server} any more")

    def _server(self, name: str) -> str:
        body = json.loads(self._kubectl.run("get", MACHINES, name, "-o", "json"))
        return next(str(each["id"]) for each in body["status"]["resources"] if each["name"] == "server")

    def _events(self, name: str) -> list[dict[str, Any]]:
        about = f"--field-selector=involvedObject.name={name}"
        items: list[dict[str, Any]] = json.loads(self._kubectl.run("get", "events", about, "-o", "json"))["items"]
        # kubectl's order is that of their names, and a time has whole seconds: a repair may take less than one.
        return sorted(items, key=lambda each: (str(each["firstTimestamp"]), int(each["metadata"]["resourceVersion"])))

    def _until(
        self, what: str, look: Callable[[Mapping[str, dict[str, Any]]], T], seconds: float | None = PATIENCE
    ) -> T:
        """Shows the machines until the look at them is true."""
        begin = time.monotonic()
        with handle(self.operator) as fd:
            while True:
                bodies = json.loads(self._kubectl.run("get", MACHINES, "-o", "json"))["items"]
                rows: list[Row] = [row(each) for each in bodies]
                self.screen.show(rows)
                if seen := look({each["metadata"]["name"]: each for each in bodies}):
                    return seen
                if fd is None or readable([fd], BETWEEN):
                    raise SandboxError("the operator ended", tail(self.log))
                if seconds is not None and time.monotonic() - begin > seconds:
                    states = ", ".join(f"{each.name} is {each.status}" for each in rows)
                    raise SandboxError(f"{seconds:.0f} s passed before {what}: {states}", tail(self.log))


def _is(body: Mapping[str, Any] | None, phase: str) -> bool:
    """Of the spec as it is now."""
    status = (body or {}).get("status") or {}
    if body is None or status.get("observedGeneration") != body["metadata"]["generation"]:
        return False
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
    return ready and status.get("phase") == phase
