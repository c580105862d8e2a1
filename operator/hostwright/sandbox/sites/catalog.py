"""What every site of a sandbox has: classes small, medium and large, the image tiny, the networks app and db."""

from collections.abc import Sequence
from typing import Any

from hostwright.core.names import API_VERSION
from hostwright.sandbox.sites.site import Site

NETWORKS = ("app", "db")
CLASSES = {"small": (1, "512Mi"), "medium": (2, "1Gi"), "large": (4, "2Gi")}
IMAGE = "tiny"
FROM_ALL = {"from": "All"}


def provider(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Provider",
        "metadata": {"name": name},
        "spec": {"allowedNamespaces": FROM_ALL, **spec},
    }


def manifests(sites: Sequence[Site]) -> list[dict[str, Any]]:
    """The classes, and the image with a source at each site that has images."""
    classes = [
        {
            "apiVersion": API_VERSION,
            "kind": "MachineClass",
            "metadata": {"name": name},
            "spec": {"cpu": cpu, "memory": memory, "allowedNamespaces": FROM_ALL},
        }
        for name, (cpu, memory) in CLASSES.items()
    ]
    sources = [
        {"name": site.provider, "providerRef": {"name": site.provider}, **source}
        for site in sites
        if (source := site.image_source())
    ]
    if not sources:
        return classes
    image = {
        "apiVersion": API_VERSION,
        "kind": "MachineImage",
        "metadata": {"name": IMAGE},
        "spec": {"os": {"type": "Linux"}, "sources": sources, "allowedNamespaces": FROM_ALL},
    }
    return [*classes, image]
