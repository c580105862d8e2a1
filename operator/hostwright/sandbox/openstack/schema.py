"""Fill empty databases with the services' schemas, by the services' own tools."""

import grp
import os
import pwd
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from hostwright.sandbox.openstack import children
from hostwright.sandbox.openstack.addresses import REGION, Ports, url
from hostwright.sandbox.openstack.config import PASSWORD
from hostwright.sandbox.openstack.install import Programs
from hostwright.sandbox.openstack.places import Room
from hostwright.sandbox.openstack.services import environment

SECONDS = 300
# Nova fills these in from [database] connection each time it reads the cell, so no port is kept in the database
CELL = "{{scheme}}://{{username}}:{{password}}@{{hostname}}:{{port}}/{}?{{query}}"

Command = Sequence[str]


def create(room: Room, programs: Programs, ports: Ports) -> None:
    """Run the sequences of commands side by side, two at a time."""
    env = environment(room, programs)

    def sequence(name: str, commands: Sequence[Command]) -> Callable[[], None]:
        def work() -> None:
            for program, *words in commands:
                children.run(
                    [str(programs.venv / "bin" / program), *words], env, room.log / f"{name}-schema.log", SECONDS
                )

        return work

    pool = ThreadPoolExecutor(max_workers=2)
    try:
        for done in [pool.submit(sequence(name, commands)) for name, commands in _commands(room, ports).items()]:
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _commands(room: Room, ports: Ports) -> dict[str, list[Command]]:
    def tool(program: str, config: str) -> list[str]:
        return [program, "--config-file", str(room.etc / config)]

    keystone = tool("keystone-manage", "keystone/keystone.conf")
    nova = tool("nova-manage", "nova/nova.conf")
    cell1 = ["--transport-url", "fake:///", "--database_connection", CELL.format("nova")]
    bootstrap = ["--bootstrap-password", PASSWORD, "--bootstrap-region-id", REGION]
    return {
        "neutron": [[*tool("neutron-db-manage", "neutron/neutron.conf"), "upgrade", "heads"]],
        "nova": [
            [*nova, "api_db", "sync"],
            [*nova, "cell_v2", "map_cell0", "--database_connection", CELL.format("nova_cell0")],
            [*nova, "cell_v2", "create_cell", "--name", "cell1", *cell1],
            [*nova, "db", "sync"],
        ],
        "keystone": [
            [*keystone, "db_sync"],
            [*keystone, "fernet_setup", *_owner()],
            [*keystone, "credential_setup", *_owner()],
            [*keystone, "bootstrap", *bootstrap, "--bootstrap-public-url", url(ports, "keystone")],
        ],
        "glance": [[*tool("glance-manage", "glance/glance-api.conf"), "db_sync"]],
        "cinder": [[*tool("cinder-manage", "cinder/cinder.conf"), "db", "sync"]],
        "placement": [[*tool("placement-manage", "placement/placement.conf"), "db", "sync"]],
    }


def _owner() -> list[str]:
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    return ["--keystone-user", user, "--keystone-group", group]
