"""`python -m hostwright.generate`: write the generated files below the current folder, or compare or print them."""

import argparse
import sys
from pathlib import Path

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE
from hostwright.generate.manifests import install
from hostwright.generate.outputs import stale, write
from hostwright.generate.text import as_yaml


def main(arguments: list[str] | None = None) -> int:
    """0 where all is well; 1 where --check found files that differ."""
    parser = argparse.ArgumentParser(prog="python -m hostwright.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is out of date")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository's root (default: here)")
    parser.add_argument("--print", action="store_true", help="print what a cluster needs, and touch no file")
    parser.add_argument(
        "--operator-namespace",
        default=DEFAULT_OPERATOR_NAMESPACE,
        help="with --print: where the operator runs (default: %(default)s, which the files name)",
    )
    chosen = parser.parse_args(arguments)
    if chosen.print:
        sys.stdout.write(as_yaml(install(chosen.operator_namespace)))
        return 0
    if chosen.operator_namespace != DEFAULT_OPERATOR_NAMESPACE:
        parser.error("the files in the repository are for one namespace; for another one add --print")
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
