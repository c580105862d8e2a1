"""Machines whose spec names what is not there, is there twice, or goes away while they run."""

from collections.abc import Mapping
from typing import Any

from tests.e2e.manifests import image
from tests.e2e_trouble.stage import LAB, Case, Stage, nothing

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtMaFmR0WwQ0vXw0uAkqYb8d2RNvXk8WVb3c4PdSHAm trouble"
#: Networks that the Provider names beside its own: name → network and subnet on the cloud.
NETWORKS = {
    "no-network": {"network": "trouble-no-network"},
    "no-subnet": {"network": "app", "subnet": "trouble-no-subnet"},
    "two-networks": {"network": "trouble-two-networks"},
    "two-subnets": {"network": "trouble-nets", "subnet": "trouble-two-subnets"},
    "gone-network": {"network": "trouble-gone-network"},
    "gone-subnet": {"network": "trouble-nets", "subnet": "trouble-gone-subnet"},
}
IMAGES = ("no-image", "two-images")


def on(network: str) -> dict[str, Any]:
    return {"network": {"interfaces": [{"name": "eth0", "networkRef": {"name": network}}]}}


def groups(name: str) -> dict[str, Any]:
    return {"network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, "securityGroups": [name]}]}}


def flavor(name: str) -> dict[str, Any]:
    return {"classRef": None, "openstack": {"flavor": {"name": name}}}


def key(name: str) -> dict[str, Any]:
    return {"openstack": {"keyPair": name}}


def prepare(stage: Stage) -> None:
    """What is there twice, and what is to go."""
    user, admin = stage.cloud.user, stage.cloud.admin
    nets = user.network.create_network(name="trouble-nets")
    for number, name in enumerate(("trouble-two-subnets", "trouble-two-subnets", "trouble-gone-subnet")):
        user.network.create_subnet(network_id=nets.id, name=name, ip_version=4, cidr=f"10.77.{number}.0/24")
    for number, name in enumerate(("trouble-two-networks", "trouble-two-networks", "trouble-gone-network")):
        network = user.network.create_network(name=name)
        user.network.create_subnet(network_id=network.id, ip_version=4, cidr=f"10.78.{number}.0/24")
    for name in ("trouble-two-groups", "trouble-two-groups", "trouble-gone-group"):
        user.network.create_security_group(name=name)
    for _ in range(2):
        make_image(stage, "two-images")
    admin.compute.create_flavor(name="trouble-gone-flavor", vcpus=1, ram=64, disk=1)
    user.compute.create_keypair(name="trouble-gone-key", public_key=KEY)
    stage.world.apply(*(image(name, LAB, openstack={"image": {"name": f"trouble-{name}"}}) for name in IMAGES))
    rows = (stage.world.get(LAB, "hpr") or {})["spec"]["networks"]
    more = [{"name": name, "openstack": where} for name, where in NETWORKS.items()]
    provider = stage.world.get(LAB, "hpr") or {}
    provider["spec"]["networks"] = [*rows, *more]
    stage.world.apply({name: provider[name] for name in ("apiVersion", "kind", "spec")} | {"metadata": {"name": LAB}})


def make_image(stage: Stage, name: str) -> None:
    stage.cloud.user.image.create_image(
        name=f"trouble-{name}",
        container_format="bare",
        disk_format="raw",
        data=b"\0" * 64,
        validate_checksum=False,
        allow_duplicates=True,
    )


def makes_image(stage: Stage, name: str) -> None:
    make_image(stage, name)


def makes_flavor(stage: Stage, name: str) -> None:
    stage.cloud.admin.compute.create_flavor(name=f"trouble-{name}", vcpus=1, ram=64, disk=1)


def makes_network(stage: Stage, name: str) -> None:
    network = stage.cloud.user.network.create_network(name=f"trouble-{name}")
    stage.cloud.user.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.79.0.0/24")


def makes_subnet(stage: Stage, name: str) -> None:
    """The one that is there gets the name."""
    network = stage.cloud.user.network
    (subnet,) = network.subnets(network_id=network.find_network("app").id)
    network.update_subnet(subnet, name=f"trouble-{name}")


def makes_group(stage: Stage, name: str) -> None:
    stage.cloud.user.network.create_security_group(name=f"trouble-{name}")


def makes_key(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.create_keypair(name=f"trouble-{name}", public_key=KEY)


def removes_one(service: str, kind: str) -> Any:
    """Of two of one name, the second goes."""

    def mend(stage: Stage, name: str) -> None:
        proxy = getattr(stage.cloud.user, service)
        rows = [row for row in getattr(proxy, f"{kind}s")() if row.name == f"trouble-{name}"]
        getattr(proxy, f"delete_{kind}")(rows[1])

    return mend


def renames(kind: str, *, back: bool = False) -> Any:
    """Somebody gives it another name, while a machine is on it."""

    def act(stage: Stage, name: str) -> None:
        proxy = stage.cloud.user.network
        names = (f"trouble-{name}", f"renamed-{name}")
        (row,) = [row for row in getattr(proxy, f"{kind}s")() if row.name == names[back]]
        getattr(proxy, f"update_{kind}")(row, name=names[not back])

    return act


def removes_flavor(stage: Stage, name: str) -> None:
    stage.cloud.admin.compute.delete_flavor(stage.cloud.admin.compute.find_flavor(f"trouble-{name}"))


def removes_key(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.delete_keypair(f"trouble-{name}")


def _gone(reason: str, cause: Any, mend: Any, spec: dict[str, Any]) -> Case:
    return Case(reason, cause, mend, where="UpToDate", spec=spec)


def _lacks(reason: str, mend: Any, spec: dict[str, Any]) -> Case:
    return Case(reason, nothing, mend, spec=spec, born=False)


MISSING: Mapping[str, Case] = {
    "no-image": _lacks("ImageNotResolved", makes_image, {"imageRef": {"name": "no-image"}}),
    "no-flavor": _lacks("FlavorNotFound", makes_flavor, flavor("trouble-no-flavor")),
    "no-network": _lacks("NetworkNotFound", makes_network, on("no-network")),
    "no-subnet": _lacks("NetworkNotFound", makes_subnet, on("no-subnet")),
    "no-group": _lacks("SecurityGroupNotFound", makes_group, groups("trouble-no-group")),
    "no-key": _lacks("KeyPairNotFound", makes_key, key("trouble-no-key")),
    "two-images": _lacks("NameAmbiguous", removes_one("image", "image"), {"imageRef": {"name": "two-images"}}),
    "two-networks": _lacks("NameAmbiguous", removes_one("network", "network"), on("two-networks")),
    "two-subnets": _lacks("NameAmbiguous", removes_one("network", "subnet"), on("two-subnets")),
    "two-groups": _lacks("NameAmbiguous", removes_one("network", "security_group"), groups("trouble-two-groups")),
}
GONE: Mapping[str, Case] = {
    "gone-flavor": _gone("FlavorNotFound", removes_flavor, makes_flavor, flavor("trouble-gone-flavor")),
    "gone-network": _gone("NetworkNotFound", renames("network"), renames("network", back=True), on("gone-network")),
    "gone-subnet": _gone("NetworkNotFound", renames("subnet"), renames("subnet", back=True), on("gone-subnet")),
    "gone-group": _gone(
        "SecurityGroupNotFound",
        renames("security_group"),
        renames("security_group", back=True),
        groups("trouble-gone-group"),
    ),
    "gone-key": _gone("KeyPairNotFound", removes_key, makes_key, key("trouble-gone-key")),
}
