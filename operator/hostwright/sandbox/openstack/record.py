"""What a lab writes down about itself: the facts for its users, and its processes, so that exactly these are ended."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hostwright.sandbox.openstack import clouds
from hostwright.sandbox.openstack.addresses import CATALOG, REGION, Ports, url
from hostwright.sandbox.openstack.children import Running, Service
from hostwright.sandbox.openstack.places import Room
from hostwright.sandbox.processes import Identity
from hostwright.sandbox.record import write_file


@dataclass(frozen=True, slots=True)
class LabFacts:
    """What a user of a running lab needs to know."""

    directory: Path
    clouds_file: Path
    admin_cloud: str
    cloud: str
    region: str
    ports: Mapping[str, int]
    urls: Mapping[str, str]
    pids: Mapping[str, int]
    faults_file: Path
    nova_url: str


def facts(room: Room, running: Mapping[str, Running]) -> LabFacts:
    ports = {name: one.service.port for name, one in running.items()}
    urls = {name: url(ports, name) for name in CATALOG if name in ports}
    return LabFacts(
        directory=room.directory,
        clouds_file=room.clouds,
        admin_cloud=clouds.ADMIN,
        cloud=clouds.USER,
        region=REGION,
        ports=ports,
        urls=urls,
        pids={name: one.process.pid for name, one in running.items()},
        faults_file=room.faults,
        nova_url=urls["nova"],
    )


def write(room: Room, running: Mapping[str, Running]) -> None:
    write_file(room.record, json.dumps({name: asdict(one) for name, one in running.items()}, default=str, indent=1))


def read(room: Room) -> dict[str, Running]:
    """The processes as last written down; none where there never was a lab."""
    try:
        text = json.loads(room.record.read_text())
    except FileNotFoundError:
        return {}
    return {name: Running(_service(one["service"]), Identity(**one["process"])) for name, one in text.items()}


def ports_of(running: Mapping[str, Running]) -> Ports:
    return {name: one.service.port for name, one in running.items()}


def _service(text: dict[str, object]) -> Service:
    service = Service(**text)  # type: ignore[arg-type]
    return Service(service.name, tuple(service.argv), service.env, Path(service.log), service.port)
