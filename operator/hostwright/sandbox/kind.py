"""A kind cluster that is there already, used in place of a control plane of our own."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hostwright.sandbox import binaries, layout
from hostwright.sandbox.failure import Progress, SandboxError
from hostwright.sandbox.install import Kubectl, Manifest
from hostwright.sandbox.record import write_file


def _kubectl() -> Path:
    """One that is there; for a cluster that is there nothing is built."""
    built = binaries.KUBE.cache / "kubectl"
    found = binaries.find("kubectl") or (built if built.exists() else None)
    if found is None:
        raise SandboxError("no kubectl 1.31 or newer is on the PATH", "Install kubectl; kind needs it as well.")
    return found


def connect(directory: Path, name: str) -> Kubectl:
    """Takes the one context of this cluster out of the user's kubeconfig and sees that it answers."""
    program = _kubectl()
    context = f"kind-{name}"
    argv = [str(program), "config", "view", "--minify", "--flatten", f"--context={context}"]
    seen = subprocess.run(argv, capture_output=True, text=True, check=False)
    where = os.environ.get("KUBECONFIG") or "~/.kube/config"
    if seen.returncode != 0:
        raise SandboxError(
            f"{where} has no context {context}: {seen.stderr.strip()}",
            f"kind create cluster --name {name}, or kind export kubeconfig --name {name}",
        )
    file = directory / "kubeconfig"
    write_file(file, seen.stdout)
    kubectl = Kubectl(program, file)
    try:
        kubectl.run("get", "--raw=/readyz", "--request-timeout=20s")
    except SandboxError as error:
        raise SandboxError(f"the cluster of context {context} does not answer: {error.what}") from error
    return kubectl


def remember(directory: Path, kubectl: Kubectl, objects: Sequence[Manifest]) -> None:
    """Before they are made, so that `down` finds them in the cluster, whenever `up` ended."""
    named = [
        {
            "apiVersion": each["apiVersion"],
            "kind": each["kind"],
            "metadata": {key: value for key, value in each["metadata"].items() if key in {"name", "namespace"}},
        }
        for each in objects
    ]
    write_file(directory / layout.OBJECTS, json.dumps({"kubectl": str(kubectl.program), "objects": named}))


def forget(directory: Path, progress: Progress) -> None:
    """Removes what `up` put into the cluster for its sites; the definitions stay, as machines may be there."""
    try:
        remembered = json.loads((directory / layout.OBJECTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return  # the control plane was ours and ends with its objects
    try:
        Kubectl(Path(remembered["kubectl"]), directory / "kubeconfig").delete(remembered["objects"])
    except SandboxError as error:
        progress(f"could not remove the sites' objects: {error.what}")
