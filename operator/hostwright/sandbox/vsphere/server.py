"""Builds our vcsim once, starts it, and says where it is."""

import hashlib
import os
import secrets
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox import golang, ports
from hostwright.sandbox.failure import Progress, silent
from hostwright.sandbox.processes import Identity
from hostwright.sandbox.waiting import answers, until

MODULE = golang.Module(golang.TOOLS / "vcsim", "0.52.0", {"vcsim": "."})
"""Its version is govmomi's: pyvmomi 9.1 cannot read the runtime of v0.54's machines (an empty faultToleranceState)."""
USERNAME = "administrator@vsphere.local"
PATIENCE = 30.0

DATACENTER = "dc1"
FOLDER = f"/{DATACENTER}/vm/hostwright"
TEMPLATE = f"/{DATACENTER}/vm/templates/tiny"
OTHER_TEMPLATE = f"/{DATACENTER}/vm/old/tiny"

Spawn = Callable[[str, Sequence[str], Mapping[str, str], Path], Identity]
"""Starts a program: its name, the command line, the environment, the log."""


@dataclass(frozen=True, slots=True)
class FailureDomain:
    """A cluster, with its own pool and its own datastore."""

    name: str
    cluster: str
    pool: str
    datastore: str


FAILURE_DOMAINS = tuple(
    FailureDomain(f"az{n}", f"c{n}", f"/{DATACENTER}/host/c{n}/Resources/hostwright", f"ds{n}") for n in (1, 2)
)


@dataclass(frozen=True, slots=True)
class VCenter:
    """A running vCenter."""

    server: str
    username: str
    password: str
    thumbprint: str
    """SHA-256, as the vSphere client shows it."""
    ca: Path
    control: str
    process: Identity

    @property
    def port(self) -> int:
        return int(self.server.rpartition(":")[2])


def ensure_built(progress: Progress = silent) -> Path:
    """The program; building it takes half a minute the first time."""
    return golang.ensure(MODULE, "vcsim", progress)


def start(directory: Path, spawn: Spawn, progress: Progress = silent, *, log: Path | None = None) -> VCenter:
    """Starts one in a directory and waits until it answers; its inventory is new, its certificate stays."""
    log = log or directory / "vcsim.log"
    program = ensure_built(progress)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, control = ports.free(2)
    password = secrets.token_urlsafe(12)
    argv = [str(program), "-data", str(directory), "-username", USERNAME]
    argv += ["-listen", f"127.0.0.1:{port}", "-control", f"127.0.0.1:{control}"]
    process = spawn("vsphere", argv, {**os.environ, "VCSIM_PASSWORD": password}, log)
    until("the vCenter", answers(control, "/healthz"), PATIENCE, progress, {log: process})
    ca = directory / "ca.crt"
    return VCenter(
        server=f"127.0.0.1:{port}",
        username=USERNAME,
        password=password,
        thumbprint=thumbprint(ca),
        ca=ca,
        control=f"http://127.0.0.1:{control}",
        process=process,
    )


def thumbprint(certificate: Path) -> str:
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))
    return hashlib.sha256(der).digest().hex(":").upper()
