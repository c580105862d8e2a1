"""The lab's MariaDB: how it is made and run, and statements sent to it."""

import os
import subprocess
from collections.abc import Mapping

from hostwright.sandbox.openstack import children
from hostwright.sandbox.openstack.addresses import CATALOG, HOST, Ports, catalog_url
from hostwright.sandbox.openstack.config import DATABASE_PASSWORD, DATABASE_USER
from hostwright.sandbox.openstack.failures import LabFailed
from hostwright.sandbox.openstack.install import Programs
from hostwright.sandbox.openstack.places import Room

NAMES = ("keystone", "placement", "glance", "neutron", "nova_api", "nova_cell0", "nova", "cinder")


def as_root() -> list[str]:
    """MariaDB and its installer refuse to run as root without being told so."""
    return ["--user=root"] if os.geteuid() == 0 else []


def create(room: Room, programs: Programs, env: Mapping[str, str]) -> None:
    """Make an empty data directory; the first start adds the databases and a user who may do everything."""
    statements = [
        f"CREATE USER IF NOT EXISTS {DATABASE_USER}@'{HOST}' IDENTIFIED BY '{DATABASE_PASSWORD}';",
        f"GRANT ALL ON *.* TO {DATABASE_USER}@'{HOST}';",
        *(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb3;" for name in NAMES),
    ]
    (room.mysql / "first.sql").write_text("\n".join(statements) + "\n")
    options = ["--skip-test-db", "--auth-root-authentication-method=normal"]
    children.run(
        [programs.mariadb_install_db, "--no-defaults", *as_root(), f"--datadir={room.mysql}", *options],
        env,
        room.log / "mariadb-install.log",
        seconds=120,
    )


def server(room: Room, programs: Programs, ports: Ports) -> list[str]:
    first = room.mysql / "first.sql"
    return [
        programs.mariadbd,
        "--no-defaults",
        *as_root(),
        f"--datadir={room.mysql}",
        "--socket=lab.sock",  # below datadir, where the server runs: a socket's path may have 107 characters
        "--pid-file=lab.pid",
        f"--bind-address={HOST}",
        f"--port={ports['mariadb']}",
        "--skip-name-resolve",
        # a lab's data need not survive a power cut
        "--skip-log-bin",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-buffer-pool-size=256M",
        "--innodb-log-file-size=32M",
        "--max-connections=400",
        "--performance-schema=OFF",
        "--character-set-server=utf8mb3",
        "--collation-server=utf8mb3_general_ci",
        *([f"--init-file={first}"] if first.exists() else []),
    ]


def execute(programs: Programs, ports: Ports, statements: str) -> str:
    """Send the statements; the rows come back as tab-separated lines."""
    command = [programs.mariadb, "--no-defaults", "-N", "-B", "-h", HOST, "-P", str(ports["mariadb"])]
    done = subprocess.run(
        [*command, "-u", DATABASE_USER],
        env={"MYSQL_PWD": DATABASE_PASSWORD},
        input=statements,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise LabFailed("the lab's database refused a statement", done.stderr.strip())
    return done.stdout


def missing(programs: Programs, ports: Ports) -> str | None:
    """What is not well yet: it must listen, and know our user, whom its first start adds."""
    try:
        execute(programs, ports, f"USE {NAMES[-1]};")
    except LabFailed as error:
        return error.then.partition("\n")[0]
    return None


def move(programs: Programs, room: Room, ports: Ports) -> None:
    """Make data that was made elsewhere be of this directory and these ports.

    Only Keystone's catalog holds ports (Nova's cell mappings are templates), and only Glance's locations hold paths.
    """
    statements = [
        f"UPDATE keystone.endpoint JOIN keystone.service ON service.id = endpoint.service_id"  # noqa: S608 - our constants
        f" SET endpoint.url = {quoted(catalog_url(ports, name))} WHERE service.type = {quoted(kind)};"
        for name, (kind, _) in CATALOG.items()
    ]
    images = quoted(f"file://{room.images}/")
    statements.append(f"UPDATE glance.image_locations SET value = CONCAT({images}, image_id);")  # noqa: S608 - quoted
    execute(programs, ports, "\n".join(statements))


def quoted(text: str) -> str:
    """Return the text as a string of SQL, whatever is in it."""
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb3)"
