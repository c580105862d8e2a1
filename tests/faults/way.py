"""The operator's ways to everything it speaks to, led over the proxy."""

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.e2e.world import World
from tests.faults.calls import KUBE
from tests.faults.proxy import Proxy, Side
from tests.faults.stage import Stage

#: Seconds; longer than a stale read lasts and a late request is late.
LAG = "3"


@dataclass
class Ways:
    """A sandbox whose operators find nothing but the proxy."""

    world: World
    proxy: Proxy
    stage: Stage
    kubeconfig: Path

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--kubeconfig", str(self.kubeconfig), "--visibility-lag", LAG, "--compare-every", "10")


def ways(world: World, proxy: Proxy) -> Ways:
    """The API server's; plain HTTP on our side, so that the sandbox's certificates are not needed twice."""
    config = yaml.safe_load(world.box.operator_kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster.pop("certificate-authority-data")).decode()
    port = proxy.open(Side(KUBE, cluster["server"], ssl.create_default_context(cadata=authority)))
    cluster["server"] = f"http://127.0.0.1:{port}"
    over = world.box.directory / "over.kubeconfig"
    over.write_text(yaml.safe_dump(config))
    return Ways(world, proxy, proxy.stage, over)
