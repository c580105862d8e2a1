"""Bring the processes of a lab up on data that is there, and wait until a server could be made."""

import http.client
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hostwright.sandbox.failure import Progress
from hostwright.sandbox.openstack import children, clouds, config, database, record, seed
from hostwright.sandbox.openstack.addresses import HOST, Ports
from hostwright.sandbox.openstack.children import Running, Service, Spawn
from hostwright.sandbox.openstack.install import Programs
from hostwright.sandbox.openstack.places import Room
from hostwright.sandbox.openstack.services import Options, services

SECONDS = 180
SMALLEST = "resources=VCPU:1,MEMORY_MB:64,DISK_GB:1"


@dataclass
class Stack:
    """A lab on its way up. What runs is written down before anything else is done, so that ``stop`` finds it."""

    room: Room
    programs: Programs
    ports: Ports
    options: Options
    spawn: Spawn
    progress: Progress
    running: dict[str, Running] = field(default_factory=dict)

    def configure(self) -> None:
        self.room.make()
        config.write(self.room, self.ports, self.programs.venv)
        clouds.write(self.room.clouds, self.ports)

    def start(self, *names: str) -> None:
        """Start these services; with no name, all that do not run yet."""
        for service in services(self.room, self.programs, self.ports, self.options):
            if service.name not in self.running and (not names or service.name in names):
                self.running[service.name] = children.start(service, self.spawn)
                record.write(self.room, self.running)

    def start_database(self) -> None:
        self.start("mariadb")
        self.until(lambda: database.ready(self.programs, self.ports), "the database", "mariadb")

    def until(self, look: Callable[[], bool | None], what: str, service: str) -> None:
        children.until(look, SECONDS, what, self.running.values(), self.running[service].service.log)

    def await_answer(self, *names: str) -> None:
        for name in names or list(self.running):
            if name not in ("mariadb", "memcached"):
                await_answer(self.running[name].service, self.running.values())
                self.progress(f"{name} answers")

    def await_computes(self) -> None:
        """Wait until the scheduler would find a host; the volume service must have reported as well."""
        admin: Any = clouds.connect(self.room.clouds, clouds.ADMIN)
        self.until(lambda: self._hosts(admin), "a host for a server", "nova")
        if self.options.cinder:
            self.until(lambda: _up(admin.block_storage.services()), "a volume service", "cinder")

    def _hosts(self, admin: Any) -> bool | None:
        answer = admin.placement.get(f"/allocation_candidates?{SMALLEST}", microversion="1.10")
        found = len(answer.json()["allocation_requests"]) if answer.ok else 0
        if found < self.options.computes:
            return None
        return _up(one for one in admin.compute.services() if one.binary == "nova-compute")

    def seed(self) -> None:
        """Fill a lab whose databases are new. Keystone must be there first: the others log in to it."""
        self.start("memcached", "keystone")
        self.await_answer("keystone")
        seed.catalog(self.room.clouds, self.ports)
        self.start()
        self.await_answer()
        seed.everything(self.room.clouds, cinder=self.options.cinder)

    def end(self, grace: float) -> None:
        """End all; the database last, when nobody uses it any more, and with time to write down what it holds."""
        others = [one.process for name, one in self.running.items() if name != "mariadb"]
        children.end(others, min(grace, 1) if grace else 0)
        children.end([one.process for one in self.running.values()], grace)


def await_answer(service: Service, watched: Iterable[Running]) -> None:
    children.until(lambda: _answered(service.port), SECONDS, f"{service.name} to answer", watched, service.log)


def _answered(port: int) -> bool | None:
    """Whether a whole answer came, whatever it says; None for not yet."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):  # nobody listens yet
        return None
    finally:
        connection.close()
    return True


def _up(found: Iterable[Any]) -> bool | None:
    states = [one.state for one in found]
    return True if states and all(state == "up" for state in states) else None
