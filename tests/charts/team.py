"""A team's release on one site: installed, changed and removed by helm; the same file, the same machines on each."""

from pathlib import Path
from typing import Any

import yaml
from tests.charts.conftest import TEAM, Helm
from tests.e2e.world import World, eventually

CI = TEAM / "ci"
#: What the status says of each machine, on every site.
SAME = {
    "shop-web": ("Running", "PoweredOn", {"cpu": 1, "memory": "512Mi"}, "small", "tiny", {"team": "shop"}, ["eth0"]),
    "shop-db": (
        "Running",
        "PoweredOn",
        {"cpu": 2, "memory": "1Gi"},
        "medium",
        "tiny",
        {"team": "shop", "tier": "data"},
        ["eth0"],
    ),
}

WORKERS = ("shop-workers-0", "shop-workers-1")


def installed_changed_and_removed(helm: Helm, world: World, site: str, folder: Path) -> None:
    files = ("-f", CI / "team.yaml", "-f", CI / f"{site}.yaml")
    helm.run("install", "shop", TEAM, *files)
    for name, same in SAME.items():
        assert _told(world.ready(name, 90)["status"]) == same
        eventually(lambda name=name: world.status(name).get("addresses"), 60, f"{name} has an address")
    assert world.ready("shop-workers", 90, "hmp")["status"]["readyReplicas"] == len(WORKERS)
    fewer = folder / "fewer.yaml"
    own = {"shop-db": None, "shop-web": {"spec": {"powerState": "PoweredOff"}}}
    fewer.write_text(yaml.safe_dump({"machines": own, "pools": {"shop-workers": {"spec": {"replicas": 1}}}}))
    helm.run("upgrade", "shop", TEAM, *files, "-f", fewer)
    world.gone("shop-db", 90)
    assert world.ready("shop-web", 90)["status"]["phase"] == "Stopped"
    eventually(lambda: world.status("shop-workers", "hmp")["replicas"] == 1, 90, "the pool has one member")
    helm.run("uninstall", "shop")
    for name in ("shop-web", *WORKERS):
        world.gone(name, 90)


def _told(status: dict[str, Any]) -> tuple[Any, ...]:
    resolved = status["resolved"]
    return (
        status["phase"],
        status["powerState"],
        status["hardware"],
        resolved["class"]["name"],
        resolved["image"]["name"],
        resolved["tags"],
        [each["name"] for each in status["interfaces"]],
    )
