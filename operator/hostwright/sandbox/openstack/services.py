"""Which processes a lab consists of, and how each is run."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox.openstack import database
from hostwright.sandbox.openstack.addresses import HOST, Ports
from hostwright.sandbox.openstack.children import Service
from hostwright.sandbox.openstack.install import Programs
from hostwright.sandbox.openstack.places import INSIDE, Room

NOVA_THREADS, NEUTRON_THREADS, OTHER_THREADS = 16, 16, 8


@dataclass(frozen=True, slots=True)
class Options:
    """What a lab may be asked to be."""

    spawn_delay: float = 0  # seconds the hypervisor takes for each server
    computes: int = 3
    cinder: bool = True


def environment(room: Room, programs: Programs) -> dict[str, str]:
    """Only what the services need: nothing of the caller's (a proxy, OS_CLOUD, PYTHONPATH) may reach them."""
    etc = room.etc
    return {
        "PATH": f"{programs.venv}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(room.state),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(INSIDE),
        "PYTHONDONTWRITEBYTECODE": "1",  # INSIDE may not be ours to write to
        "PYTHONWARNINGS": "ignore",
        "LAB_FAULTS": str(room.faults),
        "OS_KEYSTONE_CONFIG_DIR": str(etc / "keystone"),
        "OS_PLACEMENT_CONFIG_DIR": str(etc / "placement"),
        "OS_GLANCE_CONFIG_DIR": str(etc / "glance"),
        "OS_NEUTRON_CONFIG_DIR": str(etc / "neutron"),
        "OS_NEUTRON_CONFIG_FILES": "neutron.conf",
        "OS_NOVA_CONFIG_DIR": str(etc / "nova"),
        "OS_CINDER_CONFIG_DIR": str(etc / "cinder"),
    }


def services(room: Room, programs: Programs, ports: Ports, options: Options) -> list[Service]:
    """All of them, in the order of their start."""
    env = environment(room, programs)

    def one(name: str, argv: list[str], more: Mapping[str, str] | None = None) -> Service:
        return Service(name, tuple(argv), {**env, **(more or {})}, room.log / f"{name}.log", ports[name])

    def wsgi(name: str, target: str, threads: int = OTHER_THREADS) -> Service:
        script = str(INSIDE / "serve.py")
        return one(name, [programs.python, script, name, target, str(ports[name]), str(threads)])

    awaited = [str(ports[name]) for name in ("keystone", "placement")]
    nova = [programs.python, str(INSIDE / "nova_in_one.py"), str(ports["nova"]), str(options.computes)]
    cinder = [programs.python, str(INSIDE / "cinder_in_one.py"), str(ports["cinder"]), str(OTHER_THREADS)]
    return [
        one("mariadb", database.server(room, programs, ports)),
        one("memcached", memcached(programs, ports)),
        wsgi("keystone", "keystone.wsgi.api:application"),
        wsgi("placement", "placement.wsgi.api:application"),
        one("nova", [*nova, str(NOVA_THREADS), *awaited], {"LAB_SPAWN_DELAY": str(options.spawn_delay)}),
        wsgi("neutron", "neutron.wsgi.api:application", NEUTRON_THREADS),
        wsgi("glance", "glance.wsgi.api:application"),
        *([one("cinder", [*cinder, str(cinder_config(room))])] if options.cinder else []),
    ]


def memcached(programs: Programs, ports: Ports) -> list[str]:
    as_root = ["-u", "root"] if os.geteuid() == 0 else []
    return [programs.memcached, *as_root, "-l", HOST, "-p", str(ports["memcached"]), "-m", "64"]


def cinder_config(room: Room) -> Path:
    return room.etc / "cinder" / "cinder.conf"
