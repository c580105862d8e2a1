"""charts/machines on vSphere."""

from pathlib import Path

from tests.charts.conftest import Helm
from tests.charts.team import SAME, installed_changed_and_removed
from tests.e2e.world import World
from tests.e2e_vsphere.vcenter import machines

from hostwright.sandbox import binaries
from hostwright.sandbox.vsphere.control import Control


def test_a_team_has_the_same_machines_on_vsphere(home: World, behind: Control, tmp_path: Path) -> None:
    helm = Helm(binaries.program("helm", print), tmp_path, home.box.kubeconfig)
    installed_changed_and_removed(helm, home, "vsphere", tmp_path)
    assert not [row for name in SAME for row in machines(behind, name)]
