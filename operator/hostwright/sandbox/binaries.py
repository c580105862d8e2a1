"""The Go programs of the sandbox and of the tests: found on this machine, or built."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox import golang
from hostwright.sandbox.failure import Progress, SandboxError

VERSION = "1.36.3"
ASSETS = "KUBEBUILDER_ASSETS"
"""Where envtest of the Go world keeps the same programs; a developer who has them need not build."""

_MINOR = VERSION.split(".")[1]
KUBE = golang.Module(
    path=golang.TOOLS / "kube",
    version=VERSION,
    packages={
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    },
    # Without these the server calls itself v0.0.0-master+$Format:%H$, which kubectl, helm and Flux cannot read.
    ldflags=" ".join(
        [
            "-s -w",
            *(
                f"-X {package}.gitVersion=v{VERSION} -X {package}.gitMajor=1 -X {package}.gitMinor={_MINOR}"
                for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
            ),
        ]
    ),
)
HELM_VERSION = "3.22.0"
_HELM_CLIENT = "37"  # the minor of Kubernetes that tools/helm is built with: what a chart sees without a cluster
HELM = golang.Module(
    path=golang.TOOLS / "helm",
    version=HELM_VERSION,
    packages={"helm": "helm.sh/helm/v3/cmd/helm"},
    ldflags=" ".join(
        [
            f"-s -w -X helm.sh/helm/v3/internal/version.version=v{HELM_VERSION}",
            "-X helm.sh/helm/v3/internal/version.metadata=",
            *(
                f"-X helm.sh/helm/v3/pkg/{package}.k8sVersionMajor=1 "
                f"-X helm.sh/helm/v3/pkg/{package}.k8sVersionMinor={_HELM_CLIENT}"
                for package in ("chartutil", "lint/rules")
            ),
        ]
    ),
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that may be there already: how it is asked for its version, and the oldest that will do."""

    module: golang.Module
    ask: tuple[str, ...]
    oldest: tuple[int, int]


TOOLS = {
    "etcd": Tool(KUBE, ("--version",), (3, 5)),
    "kube-apiserver": Tool(KUBE, ("--version",), (1, 31)),
    "kube-controller-manager": Tool(KUBE, ("--version",), (1, 31)),
    "kubectl": Tool(KUBE, ("version", "--client"), (1, 31)),
    "helm": Tool(HELM, ("version",), (3, 18)),
}


@dataclass(frozen=True, slots=True)
class Binaries:
    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path


def _refused(name: str, program: Path) -> str | None:
    """Why this program will not do; None when it will."""
    tool = TOOLS[name]
    try:
        answer = subprocess.run([program, *tool.ask], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program} does not run: {error}"
    said = (answer.stdout + answer.stderr).strip()
    version = re.search(r"\bv?(\d+)\.(\d+)\.\d+(\S*)", answer.stdout)
    if answer.returncode != 0 or version is None:
        return f"{program} does not say its version but: {said[:200]}"
    if "dispatcher" in version[3]:
        return f"{program} is no kubectl but a dispatcher that picks another one for each server"
    if (int(version[1]), int(version[2])) < tool.oldest:
        return f"{program} is {version[0]}, older than {'.'.join(map(str, tool.oldest))}"
    return None


def find(name: str) -> Path | None:
    """The program in KUBEBUILDER_ASSETS, else on the PATH; what does not work in the first is the user's to know."""
    assets = os.environ.get(ASSETS)
    if assets:
        if not Path(assets).is_dir():
            raise SandboxError(f"{ASSETS} is {assets}, which is no folder", f"Correct it, or unset {ASSETS}.")
        program = Path(assets) / name
        if program.exists():
            why = _refused(name, program)
            if why is not None:
                raise SandboxError(f"{ASSETS}: {why}", f"Repair it, or unset {ASSETS}: another one is found or built.")
            return program.absolute()
    found = shutil.which(name)
    return Path(found).absolute() if found is not None and _refused(name, Path(found)) is None else None


def program(name: str, progress: Progress) -> Path:
    """One of the tools; what is not found is built, which takes minutes the first time."""
    return find(name) or golang.ensure(TOOLS[name].module, name, progress)


def ensure(progress: Progress) -> Binaries:
    """The control plane's four."""
    etcd, apiserver, manager, kubectl = (program(name, progress) for name in KUBE.packages)
    return Binaries(etcd, apiserver, manager, kubectl)
