"""A settled fleet that nobody had to wait for: one machine is made by the operator, all others are written like it."""

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from tests.bench.cluster import Body
from tests.bench.ground import Ground
from tests.bench.plenty import HOME, Plenty
from tests.bench.site import Site
from tests.e2e.world import machine

from hostwright.core.names import provider_name
from hostwright.providers.simulated.model import Model
from hostwright.providers.simulated.rows import Machine, MachineRequest, NicRequest

MACHINES = f"{HOME}/namespaces/default/virtualmachines"
#: Conditions of a fleet have turned at many moments, so those of the bench do, too.
MINUTES = 60 * 24
COLLECTIONS = ("/api/v1/namespaces", f"{HOME}/providers", f"{HOME}/machineclasses", f"{HOME}/machineimages")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the operator made of one machine: its object, its row on the site; and all objects that it needs."""

    body: Body
    row: dict[str, Any]
    site: str
    others: dict[str, Body]  # by path

    @property
    def mark(self) -> str:
        """As far as it is the cluster's."""
        return str(self.row["mark"]).rpartition(":")[0]


async def pattern(here: Ground, site: Site) -> Pattern:
    """From a real API server."""
    with here.world.operator() as running:
        running.leading()
        await here.cluster.create(machine("pattern"))
        await here.board.all_ready(["pattern"], 120, here.tell)
    row = next(row for row in await site.machines() if row["objectName"] == "pattern")
    facts = await site.call("GET", "/control")
    others: dict[str, Body] = {}
    for path in COLLECTIONS:
        listed = await here.cluster.call("GET", path)
        others |= {f"{path}/{body['metadata']['name']}": body for body in listed["items"]}
    return Pattern(here.board.bodies["pattern"], row, facts["site"], others)


def stage(like: Pattern, cluster: Plenty, endpoint: str) -> None:
    """Everything but machines, with the Provider's site at this address."""
    for path, body in like.others.items():
        if (body.get("spec") or {}).get("type") == "Simulated":
            body["spec"]["simulated"]["endpoint"] = endpoint
        cluster.fill(path, body)


def seed(like: Pattern, cluster: Plenty, site: Model, numbers: Iterable[int]) -> None:
    """Machines on the site and their objects, as an operator has left them."""
    for number in numbers:
        name, identity = f"fleet-{number}", str(uuid.uuid4())
        request = MachineRequest(
            name=provider_name("default", name, identity),
            image="image-tiny",
            cpu=1,
            memory_mib=512,
            mark=f"{like.mark}:{identity.replace('-', '')}",
            namespace="default",
            object_name=name,
            hostname=name,
            interfaces=(NicRequest(name="eth0", network="network-app"),),
        )
        row = site.create(time.time() - 60.0, request)  # built by now
        cluster.fill(f"{MACHINES}/{name}", _like(like, name, identity, row))


def _like(like: Pattern, name: str, identity: str, row: Machine) -> Body:
    """The pattern with this machine's own words in their places."""
    text = json.dumps(like.body)
    nic, other = msgspec.to_builtins(row)["interfaces"][0], like.row["interfaces"][0]
    for old, new in (
        (like.body["metadata"]["uid"], identity),  # the machine id is the same
        (like.row["id"], row.id),
        (other["mac"], nic["mac"]),
        (f'"{other["addresses"][0]}"', f'"{nic["addresses"][0]}"'),
        ('"pattern"', f'"{name}"'),
    ):
        text = text.replace(old, new)
    body: Body = json.loads(text)
    turned = row.number % MINUTES
    for number, each in enumerate(body["status"]["conditions"]):
        each["lastTransitionTime"] = f"2026-01-01T{turned // 60:02}:{turned % 60:02}:{number:02}Z"
    return body
