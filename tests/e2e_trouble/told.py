"""What `kubectl describe` tells of a machine in trouble, without what differs from one run to the next."""

import difflib
import os
import re
import select
import time
from pathlib import Path

from tests.e2e.world import World

GOLDEN = Path(__file__).parent / "golden"
#: Set to write the texts anew: then read them, each as somebody who knows nothing.
ANEW = "HOSTWRIGHT_GOLDEN"
#: Seconds.
SETTLED_WITHIN = 40.0
_NAMES: tuple[tuple[str, str], ...] = (
    (r"req-[0-9a-f-]{36}", "<request>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\b[0-9a-f]{32}\b", "<id>"),
    (r"(default-[a-z-]+)-[0-9a-f]{5}\b", r"\1-<hash>"),
    (r"already used \d+ of \d+", "already used <n> of <n>"),
    (r"\(it has: [^)]*\)", "(it has: <those>)"),
    (r"\b10\.\d+\.\d+\.\d+\b", "<address>"),
)
#: Lines of a condition that say when, and of which generation.
_WHEN = ("Last Transition Time:", "Observed Generation:")
#: Conditions that are shown whatever they say.
_ALWAYS = frozenset({"Ready", "Stalled", "Reconciling", "Drifted"})
#: Conditions that follow Ready, some a pass later.
_NEVER = frozenset({"Available", "Provisioned"})


def told(world: World, name: str) -> str:
    """Its last error, the conditions that matter, and the warnings among its Events."""
    lines = world.kubectl("describe", "hvm", name).splitlines()
    rows = [*_conditions(lines), *_section(lines, "  Last Error:")]
    return "\n".join([*map(_plain, rows), *_warnings(lines)]) + "\n"


def _plain(line: str) -> str:
    for pattern, word in _NAMES:
        line = re.sub(pattern, word, line)
    return line


def compare(world: World, name: str) -> None:
    """What is told now, or within seconds: a request's id may come to be known a moment later."""
    file = GOLDEN / f"{name}.txt"
    deadline = time.monotonic() + SETTLED_WITHIN
    if os.environ.get(ANEW):
        select.select([], [], [], 3)
        file.write_text(told(world, name))
    assert file.exists(), f"no golden text: set {ANEW}=1 and read what is written"
    while (text := told(world, name)) != file.read_text() and time.monotonic() < deadline:
        select.select([], [], [], 0.5)
    differs = "\n".join(difflib.unified_diff(file.read_text().splitlines(), text.splitlines(), lineterm="", n=1))
    assert not differs, f"{file.name}:\n{differs}"


def _section(lines: list[str], head: str) -> list[str]:
    """The lines below a heading, with it."""
    if head not in lines:
        return []
    at = lines.index(head)
    depth = len(head) - len(head.lstrip())
    rest = lines[at + 1 :]
    end = next((n for n, line in enumerate(rest) if len(line) - len(line.lstrip()) <= depth), len(rest))
    return [head, *(line for line in rest[:end] if not line.strip().startswith("At:"))]


def _conditions(lines: list[str]) -> list[str]:
    head, *rows = _section(lines, "  Conditions:")
    kept, block = [head], list[str]()
    for line in rows:
        if not line.strip().startswith(_WHEN):
            block.append(line)
        if line.strip().startswith("Type:"):
            kind = line.split()[-1]
            fine = any(row.split() == ["Status:", "True"] for row in block)
            kept += block if kind in _ALWAYS or not (fine or kind in _NEVER) else []
            block = []
    return kept


def _warnings(lines: list[str]) -> list[str]:
    """Each once: its reason and its words."""
    at = next(n for n, line in enumerate(lines) if line.startswith("Events:"))
    rows = [re.split(r"\s{2,}", line.strip(), maxsplit=4) for line in lines[at + 1 :]]
    said = [_plain(f"  Warning  {row[1]}  {row[4]}") for row in rows if row[0] == "Warning"]
    return ["Events:", *dict.fromkeys(said)]
