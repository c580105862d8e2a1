"""A real Nova and Neutron behind the proxy; who asks them for the truth goes past it."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from tests.e2e.manifests import secret
from tests.faults.proxy import Side
from tests.faults.site import Machine
from tests.faults.way import Ways

from hostwright.core.names import MARK

#: The operator's name of a service, and its side's.
SERVICES = {"compute": "nova", "network": "neutron"}


class OpenStack:
    provider = "os-lab"

    def __init__(self, ways: Ways) -> None:
        facts = ways.world.box.sites["openstack"]
        self._cloud = ways.world.cloud
        clouds = yaml.safe_load(Path(facts["clouds"]).read_text())
        for service, name in SERVICES.items():
            at = urlsplit(getattr(self._cloud.user, service).get_endpoint())
            port = ways.proxy.open(Side(name, f"{at.scheme}://{at.netloc}"))
            clouds["clouds"][facts["cloud"]][f"{service}_endpoint_override"] = f"http://127.0.0.1:{port}{at.path}"
        ways.world.apply(secret("os-lab", **{"clouds.yaml": yaml.safe_dump(clouds)}))
        network = next(iter(self._cloud.user.network.networks(name="app")))
        self._foreign = self._cloud.user.network.create_port(network_id=network.id, name="somebodys").id

    def machines(self, name: str) -> list[Machine]:
        return [self._machine(row, name) for row in self._cloud.servers(name)]

    def left(self, name: str) -> list[str]:
        return [f"port {port.name}" for port in self._cloud.ports(name)]

    def foreign(self) -> Any:
        port = self._cloud.user.network.get_port(self._foreign)
        return (port.id, port.name, port.device_id, port.updated_at)

    def _machine(self, row: Any, name: str) -> Machine:
        tags = self._cloud.user.compute.get(f"/servers/{row.id}/tags", microversion="2.90").json()["tags"]
        words = dict(tag.partition("=")[::2] for tag in tags if not tag.startswith(MARK))
        ports = self._cloud.ports(name)
        whole = "" if [port.device_id for port in ports] == [row.id] else f"{len(ports)} ports, not one bound to it"
        if row.status not in {"ACTIVE", "SHUTOFF"}:
            whole = f"its status is {row.status}"
        return Machine(row.id, row.status == "ACTIVE", words, whole)
