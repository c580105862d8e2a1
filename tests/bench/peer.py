"""Hostwright, and beside it the textbook's operator: what is measured of both, and how each is run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from tests.bench.cluster import MACHINES, Body, is_ready
from tests.bench.ground import Ground
from tests.e2e.world import eventually, machine

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "tests" / "bench" / "textbook"
RIGHTS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "textbook"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "hostwright", "namespace": "hostwright-system"}],
}


class Peer(Protocol):
    name: str
    path: str  # of its objects

    def body(self, name: str) -> Body: ...

    def is_ready(self, body: Body) -> bool: ...

    def made_for(self, row: dict[str, Any]) -> str:
        """The name of the object that a machine on the site was made for."""
        ...

    def run(self, here: Ground) -> "Callable[[], Any]":
        """A context manager that gives the process's id once it works."""
        ...


@dataclass(frozen=True)
class Hostwright:
    name = "hostwright"
    path = MACHINES

    def body(self, name: str) -> Body:
        return machine(name)

    def is_ready(self, body: Body) -> bool:
        return is_ready(body)

    def made_for(self, row: dict[str, Any]) -> str:
        return str(row["objectName"])

    @contextmanager
    def run(self, here: Ground) -> Iterator[int]:
        with here.world.operator() as running:
            yield running.leading().process.pid


@dataclass(frozen=True)
class Textbook:
    """As the same ServiceAccount, so that the audit log counts it by the same name."""

    name = "textbook"
    path = "/apis/bench.hostwright.dev/v1/namespaces/default/servers"

    def body(self, name: str) -> Body:
        return {
            "apiVersion": "bench.hostwright.dev/v1",
            "kind": "Server",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"image": "image-tiny", "cpu": 1, "memoryMiB": 512, "poweredOn": True},
        }

    def is_ready(self, body: Body) -> bool:
        return ((body.get("status") or {}).get("create") or {}).get("state") == "Active"

    def made_for(self, row: dict[str, Any]) -> str:
        return str(row["name"]).removeprefix("default-")

    def prepare(self, here: Ground) -> None:
        here.world.apply(yaml.safe_load((BOOK / "crd.yaml").read_text()), RIGHTS)
        here.world.kubectl("wait", "--for=condition=Established", "crd/servers.bench.hostwright.dev")
        here.world.kubectl("get", "servers.bench.hostwright.dev")

    @contextmanager
    def run(self, here: Ground) -> Iterator[int]:
        log = here.world.box.directory / f"textbook-{time.monotonic_ns()}.log"
        words = ["run", "--standalone", "--namespace=default", "--verbose", str(BOOK / "handlers.py")]
        surroundings = {"KUBECONFIG": str(here.world.box.operator_kubeconfig), "TEXTBOOK_ENDPOINT": here.site}
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "kopf", *words],
                cwd=ROOT,
                stdout=file,
                stderr=file,
                env={**os.environ, **surroundings},
            )
        try:
            eventually(lambda: "Activity 'configure' succeeded" in log.read_text(errors="replace"), 120, "the textbook")
            yield process.pid
        finally:
            process.kill()
            process.wait()
