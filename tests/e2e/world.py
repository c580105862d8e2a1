"""A real API server with sites, operators as processes, kubectl as a user types it."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml
from tests.e2e.eyes import Eyes
from tests.e2e.sites import Cloud, Simulated

from hostwright import sandbox

T = TypeVar("T")
PLURAL = "virtualmachines.compute.hostwright.dev"


def eventually(look: Callable[[], T], seconds: float = 30.0, what: str = "") -> T:
    """The first true answer of a look."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"never came true{': ' + what if what else ''}; last: {seen!r}"
        select.select([], [], [], 0.05)
    return seen


@dataclass
class World:
    box: sandbox.Sandbox
    operators: list[subprocess.Popen[bytes]] = field(default_factory=list)
    shared: ExitStack = field(default_factory=ExitStack)
    house: "Running | None" = None

    @property
    def sim(self) -> Simulated:
        return Simulated(self.box.sites["simulated"]["endpoint"])

    @cached_property
    def cloud(self) -> Cloud:
        return Cloud(self.box.sites["openstack"])

    def at_home(self) -> "Running":
        """The operator of all tests that do not end it; ended as soon as a test wants one of its own."""
        if self.house is None or self.house.process.poll() is not None:
            self.house = self.shared.enter_context(self.operator()).leading()
        return self.house

    def kubectl(self, *words: str, stdin: str | None = None, fails: bool = False) -> str:
        done = subprocess.run(
            [str(self.box.kubectl), "--kubeconfig", str(self.box.kubeconfig), *words],
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"kubectl {words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def apply(self, *manifests: dict[str, Any]) -> str:
        return self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    @cached_property
    def eyes(self) -> Eyes:
        return Eyes(self.box.kubeconfig)

    def get(self, name: str, kind: str = "hvm", namespace: str = "default") -> dict[str, Any] | None:
        return self.eyes.object(kind, name, namespace)

    def patch(self, name: str, spec: dict[str, Any], *, fails: bool = False) -> str:
        return self.kubectl("patch", PLURAL, name, "--type", "merge", "-p", json.dumps({"spec": spec}), fails=fails)

    def condition(self, name: str, kind: str, of: str = "hvm", namespace: str = "default") -> dict[str, Any]:
        rows = self.status(name, of, namespace).get("conditions") or []
        return next((row for row in rows if row["type"] == kind), {})

    def ready(self, name: str, seconds: float = 30.0, kind: str = "hvm", namespace: str = "default") -> dict[str, Any]:
        """Ready of the present generation."""

        def look() -> dict[str, Any] | None:
            body = self.get(name, kind, namespace)
            status = (body or {}).get("status") or {}
            fresh = body is not None and status.get("observedGeneration") == body["metadata"]["generation"]
            ready = any(row["type"] == "Ready" and row["status"] == "True" for row in status.get("conditions") or [])
            return body if fresh and ready else None

        return eventually(look, seconds, f"{name} Ready")

    def gone(self, name: str, seconds: float = 30.0, kind: str = "hvm", namespace: str = "default") -> None:
        eventually(lambda: self.get(name, kind, namespace) is None, seconds, f"{name} gone")

    @contextmanager
    def operator(self, *flags: str, env: dict[str, str] | None = None) -> Iterator["Running"]:
        """An operator as the sandbox's ServiceAccount; killed at the end if it still runs."""
        self.shared.close()
        log = self.box.directory / f"operator-{len(self.operators)}.log"
        if all(process.poll() is not None for process in self.operators):  # a killed one's Lease would last 30 s
            self.kubectl("delete", "lease", "-n", "hostwright-system", "hostwright", "--ignore-not-found")
        with log.open("wb") as file:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "hostwright.cli.main",
                    "operator",
                    "--kubeconfig",
                    str(self.box.operator_kubeconfig),
                    "--http",
                    "127.0.0.1:0",
                    "--log-format",
                    "json",
                    "--operator-namespace",
                    "hostwright-system",
                    *flags,
                ],
                stderr=file,
                stdout=file,
                env={**os.environ, **(env or {})},
            )
        self.operators.append(process)
        running = Running(process, log)
        try:
            yield running
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def events(self, name: str, reason: str = "") -> list[dict[str, Any]]:
        """The Events of one object, of one reason if it is given; not those of a former one of the name."""
        uid = ((self.get(name) or {}).get("metadata") or {}).get("uid")
        mine = [row for row in self.eyes.events(name) if uid in (None, row["involvedObject"]["uid"])]
        return [row for row in mine if reason in ("", row["reason"])]

    def status(self, name: str, kind: str = "hvm", namespace: str = "default") -> dict[str, Any]:
        return (self.get(name, kind, namespace) or {}).get("status") or {}

    def delete(self, *names: str, seconds: float = 60) -> None:
        self.kubectl("delete", PLURAL, *names, f"--timeout={seconds}s")

    def nudged(self, kind: str, name: str, namespace: str = "default") -> str:
        """Makes the operator look at an object now: without a change it would be up to a minute."""
        return self.kubectl("label", "--overwrite", "-n", namespace, kind, name, f"look={time.monotonic_ns()}")

    def writes(self, name: str) -> list[tuple[str, str]]:
        """(verb, subresource) of the operator's writes of one object, from the audit log, Events apart."""
        rows = []
        for line in self.box.audit.read_text().splitlines():
            event = json.loads(line)
            ref = event.get("objectRef") or {}
            ours = event["user"]["username"].endswith(":hostwright") and event.get("stage") == "ResponseComplete"
            if (
                ours
                and ref.get("resource") == "virtualmachines"
                and ref.get("name") == name
                and event["verb"] == "patch"
            ):
                rows.append((event["verb"], ref.get("subresource", "")))
        return rows


def pool(name: str, replicas: int, provider: str = "sim", **spec: Any) -> dict[str, Any]:
    """A MachinePool of such machines, labelled by its name."""
    virtual_machine = {**machine(name, provider)["spec"], **spec.pop("machine", {})}
    return _pool(name, replicas, {"virtualMachine": virtual_machine}, spec)


def claims_pool(name: str, replicas: int, claim: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A MachinePool of such claims, labelled by its name."""
    return _pool(name, replicas, {"physicalMachine": claim}, spec)


def _pool(name: str, replicas: int, member: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {"pool": name}}, **member}
    return {
        "apiVersion": "compute.hostwright.dev/v1alpha1",
        "kind": "MachinePool",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"pool": name}}, "template": template, **spec},
    }


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def leading(self) -> "Running":
        eventually(lambda: '"leading"' in self.text(), 120, "the Lease")
        return self

    def http(self) -> str:
        return eventually(lambda: re.findall(r"http://127\.0\.0\.1:\d+", self.text()), 20)[0]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def machine(name: str, provider: str = "sim", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "compute.hostwright.dev/v1alpha1",
        "kind": "VirtualMachine",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "providerRef": {"name": provider},
            "classRef": {"name": "small"},
            "imageRef": {"name": "tiny"},
            "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
            **spec,
        },
    }
