# ruff: noqa: S608 - names of tables and columns are ours or the database's own; all else is quoted
"""Multiply a server in Nova's tables, for lists at a scale that creation does not reach.

The copies are there for the API and the database only: neither Placement, nor Neutron, nor the hypervisor knows them.
"""

from pathlib import Path

from hostwright.sandbox.openstack import database, record
from hostwright.sandbox.openstack.addresses import Ports
from hostwright.sandbox.openstack.failures import LabFailed
from hostwright.sandbox.openstack.install import Programs, programs
from hostwright.sandbox.openstack.places import Room

# table → the column that names the server; each also has an "id" of its own, but for tags
TABLES = {
    "nova.instance_extra": "instance_uuid",
    "nova.instance_info_caches": "instance_uuid",
    "nova.instance_system_metadata": "instance_uuid",
    "nova.instance_metadata": "instance_uuid",
    "nova.tags": "resource_id",
    "nova_api.instance_mappings": "instance_uuid",
    "nova_api.request_specs": "instance_uuid",
}
MAP = "nova.lab_map"  # number of the copy, and its uuid


def clone_servers(directory: Path, server: str, count: int) -> None:
    """Make ``count`` copies, called clone-1, clone-2, …, of an existing server."""
    running = record.read(Room(directory.resolve()))
    if "mariadb" not in running:
        raise LabFailed(f"no lab was started in {directory}", "Start one.")
    tools, ports = programs(), record.ports_of(running)
    source = database.quoted(server)
    if database.execute(tools, ports, f"SELECT uuid FROM nova.instances WHERE uuid = {source};").strip() != server:
        raise LabFailed(f"there is no server {server}", "Make one first.")
    named = "CONCAT('clone-', m.n), CONCAT('clone-', m.n), UTC_TIMESTAMP(), UTC_TIMESTAMP()"
    own = ("uuid", "display_name", "hostname", "created_at", "updated_at")
    columns = _columns(tools, ports, "nova.instances", own)
    statements = [
        f"DROP TABLE IF EXISTS {MAP};",
        f"CREATE TABLE {MAP} (n INT PRIMARY KEY, new CHAR(36));",
        f"INSERT INTO {MAP} SELECT seq, UUID() FROM nova.seq_1_to_{int(count)};",
        (
            f"INSERT INTO nova.instances ({', '.join(own)}, {columns})"
            f" SELECT m.new, {named}, {columns} FROM nova.instances s JOIN {MAP} m WHERE s.uuid = {source};"
        ),
    ]
    for table, owner in TABLES.items():
        columns = _columns(tools, ports, table, (owner,))
        statements.append(
            f"INSERT INTO {table} ({owner}, {columns})"
            f" SELECT m.new, {columns} FROM {table} s JOIN {MAP} m WHERE s.{owner} = {source};"
        )
    database.execute(tools, ports, "\n".join([*statements, f"DROP TABLE {MAP};"]))


def _columns(tools: Programs, ports: Ports, table: str, without: tuple[str, ...]) -> str:
    """All columns of the table that a copy takes over as they are."""
    schema, name = table.split(".")
    left_out = ", ".join(f"'{column}'" for column in ("id", *without))
    return database.execute(
        tools,
        ports,
        "SET SESSION group_concat_max_len = 100000;"
        "SELECT GROUP_CONCAT('`', column_name, '`' SEPARATOR ', ') FROM information_schema.columns"
        f" WHERE table_schema = '{schema}' AND table_name = '{name}' AND column_name NOT IN ({left_out});",
    ).strip()
