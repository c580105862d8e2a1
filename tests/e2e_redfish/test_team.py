"""charts/machines for servers: a team's claims, and a pool of them, from its one file."""

from pathlib import Path

import yaml
from tests.charts.conftest import TEAM, Helm
from tests.e2e.world import World

from hostwright.sandbox import binaries

WORKERS = ("racked-0", "racked-1")


def test_a_team_claims_servers_from_its_file(home: World, tmp_path: Path) -> None:
    helm = Helm(binaries.program("helm", print), tmp_path, home.box.kubeconfig)
    racked = {"replicas": len(WORKERS), "template": {"physicalMachine": {"powerState": "PoweredOff"}}}
    values = tmp_path / "team.yaml"
    values.write_text(
        yaml.safe_dump({"claims": {"db": {"spec": {"minimum": {"cpu": 16}}}}, "pools": {"racked": {"spec": racked}}})
    )
    helm.run("install", "shop", TEAM, "-f", values)
    assert home.ready("db", 90, "hpc")["status"]["powerState"] == "PoweredOn"
    assert home.ready("racked", 90, "hmp")["status"]["readyReplicas"] == len(WORKERS)
    servers = {home.status(name, "hpc")["machineRef"]["name"] for name in ("db", *WORKERS)}
    assert len(servers) == 1 + len(WORKERS)
    helm.run("uninstall", "shop")
    for name in ("db", *WORKERS):
        home.gone(name, 90, "hpc")
    home.kubectl("wait", "hpm", *servers, "--for=jsonpath={.status.phase}=Free", "--timeout=60s")
