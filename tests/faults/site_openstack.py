"""A real Nova, Neutron and Cinder behind the proxy; who asks them for the truth goes past it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
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
SERVICES = {"compute": "nova", "network": "neutron", "block_storage": "cinder"}
COMPUTE = {"microversion": "2.90"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Whole:
    """All that one server is made of: its parts by the names that the ledger has for them."""

    parts: Mapping[str, str]  # `server`, `port/eth0`, `volume/data`, `floatingip/eth0` → id
    loose: tuple[str, ...]  # those that the server does not have
    sizes: Mapping[str, int]  # disk → GiB
    row: Row
    actions: Counter[str]  # what Nova did with it


class OpenStack:
    provider = "os-lab"

    def __init__(self, ways: Ways) -> None:
        facts = ways.world.box.sites["openstack"]
        self.cloud = ways.world.cloud
        self.stage = ways.stage
        clouds = yaml.safe_load(Path(facts["clouds"]).read_text())
        for service, name in SERVICES.items():
            at = urlsplit(getattr(self.cloud.user, service).get_endpoint())
            port = ways.proxy.open(Side(name, f"{at.scheme}://{at.netloc}"))
            clouds["clouds"][facts["cloud"]][f"{service}_endpoint_override"] = f"http://127.0.0.1:{port}{at.path}"
        ways.world.apply(secret("os-lab", **{"clouds.yaml": yaml.safe_dump(clouds)}))
        network = self.cloud.user.network.find_network("app").id
        self._port = self.cloud.user.network.create_port(network_id=network, name="somebodys").id
        self._volume = self.cloud.user.block_storage.create_volume(size=1, name="somebodys").id
        self._group = self.groups("default/somebodys") or self._new_group("default/somebodys")

    def machines(self, name: str) -> list[Machine]:
        return [self._machine(row, name) for row in self.cloud.servers(name)]

    def left(self, name: str) -> list[str]:
        ports = [f"port {port.name}" for port in self.cloud.ports(name)]
        return ports + [f"volume {disk}" for disk in self.cloud.volumes(name)] + self.loose()

    def loose(self) -> list[str]:
        """Floating IPs that bear a mark of ours and are on no port: whose they were does not show."""
        rows = self.cloud.user.network.get("/floatingips").json()["floatingips"]
        ours = [row for row in rows if row["description"].startswith(MARK) and not row["port_id"]]
        return [f"floating IP {row['floating_ip_address']}" for row in ours]

    def whole(self, name: str) -> Whole | str:
        """Or why that cannot be said."""
        servers, ports, volumes = self.cloud.servers(name), self.cloud.ports(name), self.cloud.volumes(name)
        if len(servers) != 1:
            return f"{len(servers)} machines"
        row = self.server(servers[0].id)
        parts = {"server": row["id"], **{f"volume/{disk}": volume.id for disk, volume in volumes.items()}}
        loose = [f"volume/{disk}" for disk, item in volumes.items() if row["id"] not in _holders(item)]
        floating = self.cloud.user.network.get("/floatingips").json()["floatingips"]
        for port in ports:
            interface = port.name.rpartition("-")[2]
            if f"port/{interface}" in parts:
                return f"two ports of {interface}"
            parts[f"port/{interface}"] = port.id
            loose += [f"port/{interface}"] if port.device_id != row["id"] else []
            parts |= {f"floatingip/{interface}": item["id"] for item in floating if item["port_id"] == port.id}
        actions = self.cloud.user.compute.get(f"/servers/{row['id']}/os-instance-actions").json()["instanceActions"]
        sizes = {disk: volume.size for disk, volume in volumes.items()}
        return Whole(parts, tuple(loose), sizes, row, Counter(each["action"] for each in actions))

    def server(self, item: str) -> Row:
        """Empty: there is none."""
        answer = self.cloud.user.compute.get(f"/servers/{item}", **COMPUTE)
        return dict(answer.json()["server"]) if answer.status_code == 200 else {}

    def groups(self, title: str) -> list[Row]:
        """Those whose name begins so."""
        rows: list[Row] = self.cloud.user.compute.get("/os-server-groups", **COMPUTE).json()["server_groups"]
        return [row for row in rows if row["name"].startswith(title)]

    def foreign(self) -> Any:
        port = self.cloud.user.network.get_port(self._port)
        volume = self.cloud.user.block_storage.get_volume(self._volume)
        seen = (port.id, port.name, port.description, port.device_id, port.updated_at)
        return seen, (volume.id, volume.name, volume.size, volume.metadata), self.groups("default/somebodys")

    def _new_group(self, name: str) -> list[Row]:
        body = {"server_group": {"name": name, "policy": "anti-affinity"}}
        answer = self.cloud.user.compute.post("/os-server-groups", json=body, **COMPUTE)
        return [answer.json()["server_group"]]

    def _machine(self, row: Any, name: str) -> Machine:
        tags = self.server(row.id)["tags"]
        words = dict(tag.partition("=")[::2] for tag in tags if not tag.startswith(MARK))
        ports = self.cloud.ports(name)
        whole = "" if [port.device_id for port in ports] == [row.id] else f"{len(ports)} ports, not one bound to it"
        if row.status not in {"ACTIVE", "SHUTOFF"}:
            whole = f"its status is {row.status}"
        return Machine(row.id, row.status == "ACTIVE", words, whole)


def _holders(volume: Any) -> set[str]:
    return {item["server_id"] for item in volume.attachments or ()}
