"""Manifests of the platform's objects, as its administrators write them."""

from typing import Any

import yaml

SYSTEM = "hostwright-system"
API = "compute.hostwright.dev/v1alpha1"


def platform(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """A cluster-scoped object of ours."""
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def simulated(name: str, endpoint: str, *, secret: str = "", **spec: Any) -> dict[str, Any]:
    """A Provider of a simulated site, looked at every second."""
    login = {"credentialsRef": {"name": secret}} if secret else {}
    return platform(
        "Provider",
        name,
        type="Simulated",
        simulated={"endpoint": endpoint},
        **{
            "allowedNamespaces": {"from": "All"},
            "networks": [{"name": "app"}],
            "limits": {"pollInterval": "1s"},
            **login,
            **spec,
        },
    )


def image(name: str, provider: str, **source: Any) -> dict[str, Any]:
    """A MachineImage for one Provider; on a simulated site the image `tiny`, if nothing else is said."""
    where = source or {"simulated": {"image": "tiny"}}
    return platform("MachineImage", name, sources=[{"name": "only", "providerRef": {"name": provider}, **where}])


def secret(name: str, namespace: str = SYSTEM, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": data,
    }


def clouds(**auth: Any) -> str:
    """A clouds.yaml with one cloud, `openstack`."""
    return yaml.safe_dump({"clouds": {"openstack": {"region_name": "RegionOne", "auth": auth}}})
