"""On which ports of the loopback interface a lab listens, and the URLs that follow."""

import random
import socket
from collections.abc import Mapping
from pathlib import Path

SERVICES = ("mariadb", "memcached", "keystone", "placement", "glance", "neutron", "nova", "cinder")
HOST = "127.0.0.1"
REGION = "RegionOne"
LOWEST = 10_000

Ports = Mapping[str, int]

# type in Keystone's catalog → what the service's URL ends with
CATALOG = {
    "keystone": ("identity", "/v3"),
    "placement": ("placement", ""),
    "glance": ("image", ""),
    "neutron": ("network", ""),
    "nova": ("compute", "/v2.1"),
    "cinder": ("block-storage", "/v3/%(project_id)s"),
}


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose(names: tuple[str, ...] = SERVICES) -> dict[str, int]:
    """Free ports below the range from which the kernel takes the client side of connections.

    A port from that range could be taken by one of the lab's own connections before its service listens.
    """
    first_client_port = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(LOWEST, max(first_client_port, LOWEST + 1000)))
    random.shuffle(candidates)
    chosen = (port for port in candidates if free(port))
    return {name: next(chosen) for name in names}


def url(ports: Ports, service: str) -> str:
    """Where the service answers, as in the catalog (Cinder's without the project)."""
    return f"http://{HOST}:{ports[service]}{CATALOG[service][1].removesuffix('/%(project_id)s')}"


def catalog_url(ports: Ports, service: str) -> str:
    return f"http://{HOST}:{ports[service]}{CATALOG[service][1]}"


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
