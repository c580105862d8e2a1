"""What a newcomer waits: `make test` in a fresh clone with empty caches and no Go, and once more when warm.

Debian packages that are installed stay installed; everything else comes from the registries anew.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.cluster import Tell
from tests.bench.figures import Row

ROOT = Path(__file__).parents[2]
FIRST, WARM = 30.0, 12.0  # minutes


async def run(tell: Tell) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="hostwright-first-") as name:
        room = Path(name)
        clone = room / "clone"
        await _run(["git", "clone", "-q", str(ROOT), str(clone)], room, room / "clone.log")
        first = await _timed(clone, room, tell, "first")
        warm = await _timed(clone, room, tell, "warm")
    return [
        Row("make test, the first on a bare machine", first, "min", FIRST),
        Row("make test, warm", warm, "min", WARM),
    ]


async def _timed(clone: Path, room: Path, tell: Tell, name: str) -> float:
    log = room / f"{name}.log"
    began = time.monotonic()
    await _run(["make", "test", f"PYTHON={sys.base_prefix}/bin/python3"], clone, log, **_bare(room))
    took = (time.monotonic() - began) / 60
    tell(f"{name}: {took:.1f} min; {log.read_text(encoding='utf-8').rstrip().splitlines()[-1]}")
    return took


async def _run(argv: list[str], where: Path, log: Path, **environment: str) -> None:
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=where,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        code = await process.wait()
    if code:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])
        raise RuntimeError(f"{' '.join(argv)} ended with {code}:\n{end}")


def _bare(room: Path) -> dict[str, str]:
    """Caches of pip, Go and ours in the room; a PATH without this virtual environment and without a Go."""
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part and not _has_go_or_venv(Path(part))]
    caches = {name: str(room / "cache" / name.lower()) for name in ("XDG_CACHE_HOME", "PIP_CACHE_DIR", "GOCACHE")}
    return {
        **caches,
        "GOPATH": str(room / "go"),
        "GOMODCACHE": str(room / "go/pkg/mod"),
        "PATH": os.pathsep.join(path),
        **dict.fromkeys(("KUBEBUILDER_ASSETS", "PIP_FIND_LINKS", "PYTHONPATH", "VIRTUAL_ENV"), ""),
    }


def _has_go_or_venv(folder: Path) -> bool:
    return shutil.which("go", path=str(folder)) is not None or (folder.parent / "pyvenv.cfg").exists()
