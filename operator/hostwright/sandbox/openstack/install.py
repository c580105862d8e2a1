"""Put the lab's programs in place: Debian's MariaDB and memcached, and a venv with the OpenStack services."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox.failure import Progress
from hostwright.sandbox.openstack.failures import LabUnavailable
from hostwright.sandbox.openstack.places import CONSTRAINTS, REQUIREMENTS, cache, digest

# The -core packages carry no service of their own; what each program is in.
PACKAGES = {
    "mariadbd": "mariadb-server-core",
    "mariadb-install-db": "mariadb-server-core",
    "mariadb": "mariadb-client-core",
    "memcached": "memcached",
}


@dataclass(frozen=True)
class Programs:
    """Where the programs are."""

    mariadbd: str
    mariadb_install_db: str
    mariadb: str
    memcached: str
    venv: Path

    @property
    def python(self) -> str:
        return str(self.venv / "bin" / "python")


def find(program: str) -> str | None:
    """Look on the PATH and where Debian puts servers, which the PATH of an ordinary user does not name."""
    return shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")


@contextmanager
def locked(name: str, progress: Progress) -> Iterator[None]:
    """Hold the lock of that name in the cache; the kernel gives it back however we end."""
    with (cache() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"another process holds the lab's {name} lock; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure_installed(progress: Progress) -> None:
    """Install what is missing; does nothing where all is there. Raises LabUnavailable where that is not possible."""
    if not missing() and installed(venv()):
        return
    with locked("install", progress):
        _install_packages(progress)
        _install_venv(venv(), progress)


def missing() -> list[str]:
    """Debian packages that are needed and not there."""
    return sorted({package for program, package in PACKAGES.items() if find(program) is None})


def installed(directory: Path) -> bool:
    return (directory / "complete").is_file()


def venv() -> Path:
    version = "{}.{}".format(*sys.version_info[:2])
    return cache() / f"venv-{digest([REQUIREMENTS, CONSTRAINTS], version, sys.base_prefix)}"


def programs() -> Programs:
    """Say where the installed programs are; LabUnavailable when one is missing."""
    paths = {program: find(program) for program in PACKAGES}
    if missing() or not installed(venv()):
        what = ", ".join(missing()) or "the OpenStack services"
        raise LabUnavailable(f"not installed: {what}", "Call ensure_installed first.")
    found = {program.replace("-", "_"): path for program, path in paths.items() if path}
    return Programs(**found, venv=venv())


def _install_packages(progress: Progress) -> None:
    packages = missing()
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LabUnavailable(
            f"the OpenStack lab needs the Debian packages {' '.join(packages)}, which only root can add",
            f"As root: apt-get install --no-install-recommends {' '.join(packages)}",
        )
    progress(f"installing {', '.join(packages)} with apt")
    # RUNLEVEL=1: invoke-rc.d then starts no memcached of the system's own
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    _run(["apt-get", "update", "-q"], environment)
    _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "--no-upgrade", *packages], environment)


def _install_venv(directory: Path, progress: Progress) -> None:
    if installed(directory):
        return
    progress("installing the OpenStack services with pip (about 180 packages, 700 MB; one to two minutes, once)")
    shutil.rmtree(directory, ignore_errors=True)  # what an interrupted installation left
    _run([sys.executable, "-m", "venv", str(directory)], dict(os.environ))
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _run([*pip, "-r", str(REQUIREMENTS), "-c", str(CONSTRAINTS)], dict(os.environ))
    (directory / "complete").touch()


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise LabUnavailable(f"{' '.join(command)} failed", tail)
