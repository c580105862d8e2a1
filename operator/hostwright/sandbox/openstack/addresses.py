"""On which ports of the loopback interface a lab listens, and the URLs that follow."""

from collections.abc import Mapping

from hostwright.sandbox import ports as sandbox_ports

HOST = "127.0.0.1"
REGION = "RegionOne"
SERVICES = ("mariadb", "memcached", "keystone", "placement", "glance", "neutron", "nova", "cinder")

# service → its type in Keystone's catalog, and what its URL there ends with
CATALOG = {
    "keystone": ("identity", "/v3"),
    "placement": ("placement", ""),
    "glance": ("image", ""),
    "neutron": ("network", ""),
    "nova": ("compute", "/v2.1"),
    "cinder": ("block-storage", "/v3/%(project_id)s"),
}

# service → a path that answers 200 to anyone once it is up
PROBE = {
    "keystone": "/v3",
    "placement": "/",
    "glance": "/healthcheck",
    "neutron": "/",
    "nova": "/",
    "cinder": "/healthcheck",
}

Ports = Mapping[str, int]


def choose() -> dict[str, int]:
    return dict(zip(SERVICES, sandbox_ports.free(len(SERVICES)), strict=True))


def catalog_url(ports: Ports, service: str) -> str:
    """As it stands in the catalog; Keystone fills in the project."""
    return f"http://{HOST}:{ports[service]}{CATALOG[service][1]}"


def url(ports: Ports, service: str) -> str:
    """The same for people, without the project."""
    return catalog_url(ports, service).removesuffix("/%(project_id)s")
