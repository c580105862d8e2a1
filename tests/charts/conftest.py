"""A cluster into which the real helm puts the charts, and an operator as the ServiceAccount that it made."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.world import World

from hostwright import sandbox
from hostwright.generate import manifests
from hostwright.sandbox import binaries, install
from hostwright.sandbox.install import Kubectl

ROOT = Path(__file__).resolve().parents[2]
CHART, TEAM = ROOT / "charts/hostwright", ROOT / "charts/machines"
HOME = "hostwright-system"


@dataclass(frozen=True)
class Helm:
    """helm with folders of its own."""

    program: Path
    folder: Path
    kubeconfig: Path | None = None

    def run(self, *words: str | Path, fails: bool = False) -> str:
        folders = {f"HELM_{name}_HOME": str(self.folder / name) for name in ("CACHE", "CONFIG", "DATA")}
        cluster = {"KUBECONFIG": str(self.kubeconfig or self.folder / "none")}
        done = subprocess.run(
            [self.program, *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **folders, **cluster},
        )
        assert (done.returncode != 0) == fails, f"helm {words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def template(self, chart: Path, *words: str | Path, name: str = "hostwright") -> list[dict[str, Any]]:
        text = self.run("template", name, chart, "--namespace", HOME, *words)
        return [each for each in yaml.safe_load_all(text) if each]


@dataclass
class Cluster:
    """A sandbox with the chart as its only source of kinds, policies and rights."""

    world: World
    helm: Helm

    def install(self, *words: str | Path) -> str:
        said = self.helm.run("install", "hostwright", CHART, "--namespace", HOME, *words)
        box = self.world.box
        install.operator_kubeconfig(Kubectl(box.kubectl, box.kubeconfig), box.directory)  # of the new ServiceAccount
        return said

    def uninstall(self) -> str:
        return self.helm.run("uninstall", "hostwright", "--namespace", HOME, "--wait")

    def names(self, kind: str) -> set[str]:
        return set(self.world.kubectl("get", kind, "-A", "-o", "name").split())


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(binaries.program("helm", print), tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def cluster(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """What was applied by kubectl is taken over, then taken away, so that all that is left is the chart's."""
    directory = tmp_path_factory.mktemp("charts") / "box"
    box = sandbox.up(
        directory,
        sites=("simulated", "redfish"),
        bmcs=1,
        manifests=manifests.install(),
        ephemeral=True,
        owner=os.getpid(),
        progress=print,
    )
    found = Cluster(World(box), Helm(helm.program, helm.folder, box.kubeconfig))
    found.install("--take-ownership")
    found.uninstall()
    found.install()
    with found.world.shared:
        yield found
    sandbox.down(directory, wipe=True)
