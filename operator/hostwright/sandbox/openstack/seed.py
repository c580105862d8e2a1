"""What a new lab holds: the catalog of services, two projects, and what the sandbox's catalog names on every site."""

from pathlib import Path
from typing import Any

from hostwright.sandbox.openstack import clouds
from hostwright.sandbox.openstack.addresses import CATALOG, REGION, Ports, catalog_url
from hostwright.sandbox.openstack.config import PASSWORD, USER, VOLUME_TYPE

FLAVORS = {  # name → vCPU, MiB, GB
    "m1.nano": (1, 64, 1),
    "small": (1, 512, 5),
    "medium": (2, 1024, 10),
    "large": (4, 2048, 20),
}
APP, DB, PUBLIC = "10.0.0.0/14", "10.8.0.0/16", "172.24.0.0/16"  # app has room for more than 200,000 ports
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtMaFmR0WwQ0vXw0uAkqYb8d2RNvXk8WVb3c4PdSHAm lab"
IMAGE_BYTES = b"\0" * 1024  # nobody boots it


def catalog(clouds_file: Path, ports: Ports) -> None:
    """The services' own user and their places in Keystone's catalog. Needs Keystone only."""
    identity: Any = clouds.connect(clouds_file, clouds.ADMIN).identity
    project = identity.create_project(name="service", domain_id="default")
    user = identity.create_user(name=USER, password=PASSWORD, domain_id="default")
    roles = {role.name: role for role in identity.roles()}
    for name in ("admin", "service"):
        role = roles.get(name) or identity.create_role(name=name)
        identity.assign_project_role_to_user(project, user, role)
    for name, (kind, _) in CATALOG.items():
        if name == "keystone":  # its bootstrap did that
            continue
        service = identity.create_service(name=name, type=kind)
        where = {"service_id": service.id, "region_id": REGION, "interface": "public"}
        identity.create_endpoint(**where, url=catalog_url(ports, name))


def everything(clouds_file: Path, *, cinder: bool) -> None:
    """All the rest, through the services themselves."""
    admin: Any = clouds.connect(clouds_file, clouds.ADMIN)
    demo_project = admin.identity.create_project(name="demo", domain_id="default")
    demo_user = admin.identity.create_user(
        name="demo", password=PASSWORD, domain_id="default", default_project_id=demo_project.id
    )
    for role in ("member", "reader"):
        admin.identity.assign_project_role_to_user(demo_project, demo_user, admin.identity.find_role(role))
    platform = admin.identity.create_project(name="platform", domain_id="default")
    for name, (cpus, ram, disk) in FLAVORS.items():
        admin.compute.create_flavor(name=name, vcpus=cpus, ram=ram, disk=disk)
    admin.image.create_image(
        name="tiny",
        container_format="bare",
        disk_format="raw",
        data=IMAGE_BYTES,
        visibility="public",
        validate_checksum=False,
    )
    if cinder:
        admin.block_storage.create_type(name=VOLUME_TYPE)
    public = admin.network.create_network(
        name="public", is_router_external=True, provider_network_type="flat", provider_physical_network="physnet1"
    )
    _subnet(admin, public, PUBLIC, is_dhcp_enabled=False)
    # shared but not demo's own: there, Neutron's policy lets demo choose neither MAC nor address
    db = admin.network.create_network(name="db", is_shared=True, project_id=platform.id)
    _subnet(admin, db, DB, project_id=platform.id)
    _of_demo(clouds.connect(clouds_file, clouds.USER), public.id)


def _of_demo(demo: Any, public: str) -> None:
    app = demo.network.create_network(name="app")
    subnet = _subnet(demo, app, APP)
    router = demo.network.create_router(name="router", external_gateway_info={"network_id": public})
    demo.network.add_interface_to_router(router, subnet=subnet.id)
    web = demo.network.create_security_group(name="web", description="HTTP and HTTPS from everywhere")
    for port in (80, 443):
        demo.network.create_security_group_rule(
            security_group_id=web.id, direction="ingress", protocol="tcp", port_range_min=port, port_range_max=port
        )
    demo.compute.create_keypair(name="key", public_key=KEY)


def _subnet(cloud: Any, network: Any, cidr: str, **more: Any) -> Any:
    return cloud.network.create_subnet(
        network_id=network.id, name=f"{network.name}-subnet", ip_version=4, cidr=cidr, **more
    )
