"""Bring the processes of a lab up on data that is there, and wait until a server could be made."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hostwright.sandbox import waiting
from hostwright.sandbox.failure import Progress
from hostwright.sandbox.openstack import children, clouds, config, database, record, seed
from hostwright.sandbox.openstack.addresses import PROBE, Ports
from hostwright.sandbox.openstack.children import Running, Spawn
from hostwright.sandbox.openstack.install import Programs
from hostwright.sandbox.openstack.places import Room
from hostwright.sandbox.openstack.services import Options, services

SECONDS = 180.0
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
        self.await_answer("mariadb")

    def until(self, what: str, look: waiting.Look) -> None:
        """Look until all is well; none of our processes may end meanwhile."""
        needs = {one.service.log: one.process for one in self.running.values()}
        waiting.until(what, look, SECONDS, self.progress, needs)

    def await_answer(self, *names: str) -> None:
        for name in names or list(self.running):
            self.until(name, look_at(name, self.programs, self.ports))

    def await_computes(self) -> None:
        """Wait until the scheduler would find a host; the volume service must have reported as well."""
        admin: Any = clouds.connect(self.room.clouds, clouds.ADMIN)
        self.until("a host for a server", lambda: self._hosts_missing(admin))
        if self.options.cinder:
            self.until("a volume service", lambda: _not_up(admin.block_storage.services()))

    def _hosts_missing(self, admin: Any) -> str | None:
        answer = admin.placement.get(f"/allocation_candidates?{SMALLEST}", microversion="1.10")
        found = len(answer.json()["allocation_requests"]) if answer.ok else 0
        if found < self.options.computes:
            return f"Placement knows {found} of {self.options.computes} hosts"
        return _not_up(one for one in admin.compute.services() if one.binary == "nova-compute")

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


def look_at(name: str, programs: Programs, ports: Ports) -> waiting.Look:
    """How to see whether this service is up."""
    if name == "mariadb":
        return lambda: database.missing(programs, ports)
    if name in PROBE:
        return waiting.answers(ports[name], PROBE[name])
    return lambda: None  # memcached: who finds it silent does without


def _not_up(found: Iterable[Any]) -> str | None:
    states = [one.state for one in found]
    return None if states and set(states) == {"up"} else f"services are {', '.join(states) or 'not there'}"
