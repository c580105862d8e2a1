"""Where the lab keeps things: the cache shared by all labs of this user, and the directory of one lab."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
INSIDE = HERE / "inside"
REQUIREMENTS, CONSTRAINTS = HERE / "requirements.txt", HERE / "constraints.txt"


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(home) / "hostwright" / "openstack"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def digest(files: Iterable[Path], *words: str) -> str:
    """A short key that changes with what is in the files, with their names, or with the words."""
    total = hashlib.sha256("\0".join(words).encode())
    for file in sorted(files):
        total.update(b"\0" + file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes())
    return total.hexdigest()[:16]


def own_sources() -> list[Path]:
    """All that shapes the data of a lab: every Python file of this folder, and the versions of the services."""
    return [*HERE.rglob("*.py"), REQUIREMENTS, CONSTRAINTS]


@dataclass(frozen=True)
class Room:
    """The directory of one lab. ``data`` is all that outlives a stop; the rest is written anew at each start."""

    directory: Path

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def mysql(self) -> Path:
        return self.data / "mysql"

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def images(self) -> Path:
        return self.data / "images"

    @property
    def state(self) -> Path:
        return self.data / "state"

    @property
    def etc(self) -> Path:
        return self.directory / "etc"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def record(self) -> Path:
        return self.directory / "lab.json"

    @property
    def clouds(self) -> Path:
        return self.directory / "clouds.yaml"

    @property
    def faults(self) -> Path:
        return self.directory / "faults.json"

    def make(self) -> None:
        for directory in (self.mysql, self.keys / "fernet", self.keys / "credential", self.images, self.state):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for directory in (self.etc, self.log, self.directory / "locks"):
            directory.mkdir(parents=True, exist_ok=True)

    def wipe(self) -> None:
        """Remove what a lab has put here, and the directory if nothing else is in it."""
        for directory in (self.data, self.etc, self.log, self.directory / "locks", self.directory / "data.part"):
            if directory.exists():
                shutil.rmtree(directory)
        for file in (self.record, self.clouds, self.faults, self.faults.with_suffix(".hits")):
            file.unlink(missing_ok=True)
        if self.directory.exists() and not any(self.directory.iterdir()):
            self.directory.rmdir()
