"""`python -m hostwright.generate`: write the generated files below the current folder, or compare them (--check)."""

import argparse
import sys
from pathlib import Path

from hostwright.generate.outputs import stale, write


def main(arguments: list[str] | None = None) -> int:
    """0 where all is well; 1 where --check found files that differ."""
    parser = argparse.ArgumentParser(prog="python -m hostwright.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is out of date")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository's root (default: here)")
    chosen = parser.parse_args(arguments)
    if not (chosen.root / "pyproject.toml").is_file():
        parser.error(f"{chosen.root.resolve()} is not the repository's root; go there or pass --root")
    if not chosen.check:
        for name in write(chosen.root):
            sys.stdout.write(f"wrote {name}\n")
        return 0
    late = stale(chosen.root)
    for name in late:
        sys.stderr.write(f"out of date: {name}\n")
    if late:
        sys.stderr.write("run: make generate\n")
    return 1 if late else 0


if __name__ == "__main__":
    raise SystemExit(main())
