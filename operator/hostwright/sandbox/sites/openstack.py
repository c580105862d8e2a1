"""The OpenStack site: a real Keystone, Glance, Nova, Neutron and Cinder on a hypervisor that only pretends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE
from hostwright.sandbox.failure import Progress
from hostwright.sandbox.keeping import Keeping
from hostwright.sandbox.openstack.config import VOLUME_TYPE
from hostwright.sandbox.sites import catalog
from hostwright.sandbox.sites.site import Facts

if TYPE_CHECKING:
    from hostwright.sandbox.openstack.children import Spawn


def spawner(keeping: Keeping) -> "Spawn":
    """How the lab starts its services as children of a sandbox's keeper."""

    def spawn(name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> int:
        return keeping.spawn(name, argv, env, log).pid

    return spawn


@dataclass(frozen=True, slots=True)
class OpenStack:
    name: str = "openstack"
    provider: str = "os-lab"

    def start(self, directory: Path, keeping: Keeping, progress: Progress) -> Facts:
        from hostwright.sandbox.openstack import lab  # noqa: PLC0415 - it brings openstacksdk, which few sandboxes need

        lab.ensure_installed(progress)
        facts = lab.start(directory / self.name, progress=progress, spawn=spawner(keeping))
        return {
            "clouds": str(facts.clouds_file),
            "cloud": facts.cloud,
            "adminCloud": facts.admin_cloud,
            "region": facts.region,
            "faults": str(facts.faults_file),
        }

    def manifests(self, facts: Facts) -> list[dict[str, Any]]:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.provider, "namespace": DEFAULT_OPERATOR_NAMESPACE},
            "stringData": {"clouds.yaml": Path(facts["clouds"]).read_text(encoding="utf-8")},
        }
        spec = {
            "type": "OpenStack",
            "credentialsRef": {"name": self.provider},
            "openstack": {"cloudName": facts["cloud"], "region": facts["region"]},
            "networks": [{"name": name, "openstack": {"network": name}} for name in catalog.NETWORKS],
            "failureDomains": [{"name": "az1", "openstack": {"computeAZ": "nova", "volumeAZ": "nova"}}],
            "storageClasses": [{"name": "standard", "openstack": {"volumeType": VOLUME_TYPE}}],
        }
        return [secret, catalog.provider(self.provider, spec)]

    def image_source(self) -> dict[str, Any]:
        return {"openstack": {"image": {"name": catalog.IMAGE}}}

    def stop(self, directory: Path, *, keep: bool) -> None:
        if (directory / self.name).exists():
            from hostwright.sandbox.openstack import lab  # noqa: PLC0415 - as above

            lab.stop(directory / self.name, keep=keep)
