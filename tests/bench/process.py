"""The cost of one process, by /proc and by its own /metrics."""

import os
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cost:
    at: float  # monotonic
    cpu: float  # seconds of all its threads since its start
    resident: float  # MiB


def cost(pid: int) -> Cost:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / (1 << 20)
    return Cost(time.monotonic(), (int(fields[11]) + int(fields[12])) / TICKS, resident)


def cpu_per_minute(before: Cost, after: Cost) -> float:
    return 60 * (after.cpu - before.cpu) / (after.at - before.at)


def passes(url: str) -> int:
    """Over machines, since the operator's start."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
    found = re.findall(
        r'^hostwright_pass_seconds_count\{kind="VirtualMachine",[^}]*\} ([0-9.e+]+)$', text, re.MULTILINE
    )
    return round(sum(map(float, found)))
