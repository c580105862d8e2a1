"""sushy-tools' own Redfish application over servers that are only remembered, in memory instead of sqlite.

Its sqlite layer opens a connection for each key that is read and leaks them under load, and its fake driver lets a
power change take a random 1 to 11 s; both are replaced by the two classes here before the application is made.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sushy_tools.emulator import memoize
from sushy_tools.emulator.resources.systems import fakedriver
from werkzeug.test import EnvironBuilder, run_wsgi_app

CPUS, MEMORY_GIB = 16, 64
DISK_BYTES = 480 * 10**9


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class InMemory(dict[Any, Any]):
    """In place of sushy-tools' PersistentDict."""

    def make_permanent(self, folder: str | None, name: str) -> None:
        """Nothing is written here: what is to outlive the process is `Fleet.kept`."""


class Servers(fakedriver.FakeDriver):  # type: ignore[misc]  # sushy-tools ships no types
    """The fake driver with sizes, and a power change that takes as long as that server was told."""

    def set_power_state(self, identity: str, state: str) -> None:
        system = self._get(identity)
        if state == "GracefulShutdown" and system.get("deaf"):
            return  # the guest does not listen: accepted, and nothing happens
        super().set_power_state(identity, state)
        pending = system.get("pending_power")
        if pending:
            pending["apply_time"] = time.time() + system.get("power_seconds", 0.0)

    def get_total_cpus(self, identity: str) -> int:
        return int(self._get(identity).get("cpus", CPUS))

    def get_total_memory(self, identity: str) -> int:
        return int(self._get(identity).get("memory_gib", MEMORY_GIB))


def server(number: int, uuid: str) -> dict[str, Any]:
    """One server as the driver keeps it."""
    macs = [f"52:54:{number >> 8 & 255:02x}:{number & 255:02x}:00:{nic:02x}" for nic in (1, 2)]
    return {
        "uuid": uuid,
        "name": f"bmc-{number}",
        "power_state": "Off",
        "nics": [{"mac": mac, "ip": ""} for mac in macs],
    }


class Fleet:
    """One in a process: the application is a singleton of its module."""

    def __init__(self, servers: Sequence[dict[str, Any]]) -> None:
        memoize.PersistentDict = InMemory
        fakedriver.FakeDriver = Servers
        from sushy_tools.emulator.main import app  # noqa: PLC0415 - only now it takes ours

        storage = {each["uuid"]: [_storage(("d0", "d1"))] for each in servers}
        drives = {(each["uuid"], "1"): [_drive("d0"), _drive("d1")] for each in servers}
        app.configure(
            extra_config={
                "SUSHY_EMULATOR_FAKE_DRIVER": True,
                "SUSHY_EMULATOR_FAKE_SYSTEMS": copy.deepcopy(list(servers)),
                "SUSHY_EMULATOR_STORAGE": storage,
                "SUSHY_EMULATOR_DRIVES": drives,
            }
        )
        self._app = app
        self._servers: Any = app.systems
        # built before threads arrive: each is made at its first use, without a lock
        _ = (app.managers, app.chassis, app.indicators, app.vmedia, app.storage, app.drives, app.volumes)

    def ask(self, method: str, path: str, body: bytes) -> Answer:
        """One request to the application; safe from several threads for different servers."""
        builder = EnvironBuilder(path=path, method=method, data=body, content_type="application/json")
        chunks, status, headers = run_wsgi_app(self._app.wsgi_app, builder.get_environ(), buffered=True)
        wanted = {name: value for name, value in headers.items() if name in {"Content-Type", "Location", "ETag"}}
        return Answer(int(status.split(" ")[0]), wanted, b"".join(chunks))

    def power(self, uuid: str) -> str:
        """What it is now, whatever its BMC says."""
        return str(self._servers.get_power_state(uuid))

    def switch(self, uuid: str, power: str) -> None:
        """At once, and behind everybody's back."""
        self._servers._update(uuid, power_state=power, pending_power=None)  # noqa: SLF001 - no door for what no BMC can do

    def tell(self, uuid: str, **changes: Any) -> None:
        """`power_seconds`, `deaf`, `cpus`, `memory_gib`."""
        self._servers._update(uuid, **changes)  # noqa: SLF001 - as above

    def kept(self) -> list[dict[str, Any]]:
        """All servers, for the next start."""
        # each copied in one step first: another thread may add a key meanwhile
        return [copy.deepcopy(dict(self._servers._get(uuid))) for uuid in self._servers.systems]  # noqa: SLF001 - as above


def _storage(drives: Sequence[str]) -> dict[str, Any]:
    return {"Id": "1", "Name": "Local disks", "StorageControllers": [], "Drives": list(drives)}


def _drive(name: str) -> dict[str, Any]:
    return {"Id": name, "Name": f"Disk {name}", "CapacityBytes": DISK_BYTES, "Protocol": "SATA"}
