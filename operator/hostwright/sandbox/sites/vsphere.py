"""The vSphere site: govmomi's simulated vCenter, which behaves as a real one where its users look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE
from hostwright.sandbox.failure import Progress
from hostwright.sandbox.keeping import Keeping
from hostwright.sandbox.processes import Identity
from hostwright.sandbox.sites import catalog
from hostwright.sandbox.sites.site import Facts
from hostwright.sandbox.vsphere import server


@dataclass(frozen=True, slots=True)
class VSphere:
    name: str = "vsphere"
    provider: str = "vc-lab"

    def start(self, directory: Path, keeping: Keeping, progress: Progress) -> Facts:
        def spawn(name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> Identity:
            return keeping.spawn(name, argv, env, log, abrupt=True)

        vcenter = server.start(directory / self.name, spawn, progress, log=keeping.log(self.name))
        return {
            "server": vcenter.server,
            "username": vcenter.username,
            "password": vcenter.password,
            "thumbprint": vcenter.thumbprint,
            "ca": str(vcenter.ca),
            "datacenter": server.DATACENTER,
            "folder": server.FOLDER,
            "control": vcenter.control,
        }

    def manifests(self, facts: Facts) -> list[dict[str, Any]]:
        login = {key: facts[key] for key in ("username", "password")}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.provider, "namespace": DEFAULT_OPERATOR_NAMESPACE},
            "stringData": {**login, "ca.crt": Path(facts["ca"]).read_text(encoding="ascii")},
        }
        first = server.FAILURE_DOMAINS[0]
        spec = {
            "type": "VSphere",
            "credentialsRef": {"name": self.provider},
            "vsphere": {
                "server": facts["server"],
                "datacenter": facts["datacenter"],
                "folder": facts["folder"],
                "cluster": first.cluster,
                "resourcePool": first.pool,
                "datastore": first.datastore,
            },
            "failureDomains": [
                {
                    "name": domain.name,
                    "vsphere": {
                        "cluster": domain.cluster,
                        "resourcePool": domain.pool,
                        "datastore": domain.datastore,
                        "folder": facts["folder"],
                    },
                }
                for domain in server.FAILURE_DOMAINS
            ],
            "networks": [{"name": name, "vsphere": {"portGroup": name}} for name in catalog.NETWORKS],
        }
        return [secret, catalog.provider(self.provider, spec)]

    def image_source(self) -> dict[str, Any]:
        return {"vsphere": {"template": server.TEMPLATE}}

    def stop(self, directory: Path, *, keep: bool) -> None:
        """Nothing of it is kept but its certificate."""
