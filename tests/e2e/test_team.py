"""charts/machines on OpenStack."""

from pathlib import Path

from tests.charts.conftest import Helm
from tests.charts.team import SAME, installed_changed_and_removed
from tests.e2e.sites import Cloud
from tests.e2e.world import World

from hostwright.sandbox import binaries


def test_a_team_has_the_same_machines_on_openstack(home: World, cloud: Cloud, tmp_path: Path) -> None:
    helm = Helm(binaries.program("helm", print), tmp_path, home.box.kubeconfig)
    installed_changed_and_removed(helm, home, "openstack", tmp_path)
    assert not [server for name in SAME for server in cloud.servers(name)]
