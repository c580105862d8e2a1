"""The files of a sandbox's directory, and the value read from its `sandbox.json`."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hostwright.sandbox.binaries import Binaries
from hostwright.sandbox.failure import SandboxError
from hostwright.sandbox.record import write_file

FACTS = "sandbox.json"
OBJECTS = "objects.json"

_RUN = (FACTS, OBJECTS, "kubeconfig", "operator.kubeconfig", "operator.token", "audit-policy.json", "kubectl-cache")
"""True only while it runs."""
_DATA = ("etcd", "pki", "logs", "sim", "openstack", "redfish", "vsphere", "keeper.lock", "keeper.json")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: what `sandbox.json` says."""

    directory: Path
    kubeconfig: Path
    operator_kubeconfig: Path
    kubectl: Path
    binaries: Binaries | None
    """None in an existing kind cluster."""
    pids: Mapping[str, int]
    sites: Mapping[str, Mapping[str, Any]]
    audit: Path | None
    """The API server's audit log, one JSON object a line; None in an existing kind cluster."""
    kind: str | None = None


def write(sandbox: Sandbox) -> None:
    binaries = {} if sandbox.binaries is None else asdict(sandbox.binaries)
    facts = {
        "kubeconfig": str(sandbox.kubeconfig),
        "operatorKubeconfig": str(sandbox.operator_kubeconfig),
        "pids": dict(sandbox.pids),
        "sites": {name: dict(site) for name, site in sandbox.sites.items()},
        "binaries": {**{name.replace("_", "-"): str(path) for name, path in binaries.items()}},
        "kubectl": str(sandbox.kubectl),
        "audit": None if sandbox.audit is None else str(sandbox.audit),
        "kind": sandbox.kind,
    }
    write_file(sandbox.directory / FACTS, json.dumps(facts, indent=2) + "\n")


def read(directory: Path) -> Sandbox:
    """The sandbox running in a directory."""
    directory = directory.resolve()
    try:
        facts = json.loads((directory / FACTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SandboxError(f"no sandbox runs in {directory}", f"hostwright sandbox up --dir {directory}") from None
    binaries = {name.replace("-", "_"): Path(path) for name, path in facts["binaries"].items()}
    return Sandbox(
        directory=directory,
        kubeconfig=Path(facts["kubeconfig"]),
        operator_kubeconfig=Path(facts["operatorKubeconfig"]),
        kubectl=Path(facts["kubectl"]),
        binaries=Binaries(**binaries) if binaries else None,
        pids=facts["pids"],
        sites=facts["sites"],
        audit=None if facts["audit"] is None else Path(facts["audit"]),
        kind=facts["kind"],
    )


def clear_logs(directory: Path) -> None:
    """Before a new run: the logs are those of the last one, and stay after its end."""
    for log in (directory / "logs").glob("*.log"):
        log.unlink()


def clear(directory: Path, *, data: bool) -> None:
    """Removes what was true of the last run, and with `data` all that is ours; never a file of somebody else's."""
    logs = [path.name for path in directory.glob("audit*.log")]
    for name in (*_RUN, *((*_DATA, *logs) if data else ())):
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if data and directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
