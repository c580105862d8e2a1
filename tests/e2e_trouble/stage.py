"""Where the cases are played: the world, the cloud as its user and as its administrator, and two more projects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from tests.e2e.manifests import image, platform, secret
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

LAB = "os-lab"
#: Providers of projects of their own, in which one quota is used up for everybody.
FULL, NO_PORTS = "os-full", "os-no-ports"


@dataclass
class Stage:
    world: World
    cloud: Cloud
    projects: dict[str, str] = field(default_factory=dict)  # Provider → project id

    def server(self, case: str) -> Any:
        (row,) = self.cloud.servers(case)
        return row

    def reach(self, case: str, status: str, seconds: float = 60) -> None:
        """Nova is done with what somebody asked of it."""
        eventually(lambda: self.server(case).status == status, seconds, f"{case}: {status}")

    def host(self, case: str) -> str:
        """Where it runs, which is shown to administrators."""
        return str(self.cloud.admin.compute.get_server(self.server(case).id).hypervisor_hostname)

    def hosts(self) -> list[Any]:
        """Nova's services on them."""
        return list(self.cloud.admin.compute.services(binary="nova-compute"))

    def make_project(self, provider: str, *, region: str = "RegionOne", **cloud: Any) -> None:
        """A project of its own, and a Provider for it: networks are shared with it, and images are public.

        `cloud`: more of its entry in clouds.yaml.
        """
        admin, auth = self.cloud.admin, self.cloud.user.config.get_auth_args()
        project = admin.identity.create_project(name=provider, domain_id="default")
        user = self.cloud.user.current_user_id
        for role in ("member", "reader"):
            admin.identity.assign_project_role_to_user(project, user, admin.identity.find_role(role))
        self.projects[provider] = project.id
        login = {**auth, "project_name": provider, "user_domain_id": "default", "project_domain_id": "default"}
        entry = {"region_name": "RegionOne", "auth": login, **cloud}
        made = platform(
            "Provider",
            provider,
            type="OpenStack",
            credentialsRef={"name": provider},
            allowedNamespaces={"from": "All"},
            networks=[{"name": "app", "openstack": {"network": "db"}}],
            storageClasses=[{"name": "standard", "openstack": {"volumeType": "standard"}}],
            openstack={"cloudName": "openstack", "region": region},
        )
        tiny = image(provider, provider, openstack={"image": {"name": "tiny"}})
        file = yaml.safe_dump({"clouds": {"openstack": entry}})
        self.world.apply(secret(provider, **{"clouds.yaml": file}), made, tiny)


Act = Callable[[Stage, str], Any]


def nothing(_: Stage, __: str) -> None:
    """Its spec alone is the cause."""


@dataclass(frozen=True)
class Case:
    """One thing that goes wrong: with a machine that is up (`born`), or with one that is applied after the cause."""

    reason: str
    cause: Act
    mend: Act
    where: str = "Ready"  # the condition that tells the reason, or `Events`
    spec: Mapping[str, Any] = field(default_factory=dict)
    provider: str = LAB
    born: bool = True

    def manifest(self, name: str) -> dict[str, Any]:
        own = {} if self.provider == LAB else {"imageRef": {"name": self.provider}}
        body = machine(name, self.provider, **{**own, **self.spec})
        body["spec"] = {key: value for key, value in body["spec"].items() if value is not None}
        return body
