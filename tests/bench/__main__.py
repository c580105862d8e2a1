"""`make bench`: the bars, each with what was measured beside it in the same run."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from tests.bench import (
    compare,
    decode,
    density,
    drift,
    first,
    fleet,
    latency,
    openstack,
    pool,
    queues,
    steady,
    vcenter,
    writes,
)
from tests.bench.cluster import Tell
from tests.bench.figures import Row, record, table

Part = Callable[[Tell], Awaitable[list[Row]]]
PARTS: Mapping[str, Part] = {
    "latency": latency.run,
    "fleet": fleet.run,
    "density": density.run,
    "openstack": openstack.run,
    "drift": drift.run,
    "writes": writes.run,
    "pool": pool.run,
    "textbook": compare.run,
    "steady": steady.run,
    "vsphere": vcenter.run,
    "queues": queues.run,
    "decode": decode.run,
}
#: Only when named: half an hour and more, of which most is the building of Kubernetes.
LONG: Mapping[str, Part] = {"first": first.run}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS, *LONG]))
@click.option("--json", "kept", default=".bench.json", help="Where the figures are kept, too.", show_default=True)
def bench(parts: Sequence[str], kept: str) -> None:
    r"""Measure, and print one Markdown table. Without PARTS: all but `first`.

    \b
    Example:
      make bench ARGS="latency drift"
    """
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", file=sys.stderr, flush=True)

    done: dict[str, Sequence[Row]] = {}
    began_at, load = datetime.now(UTC), os.getloadavg()
    try:
        for name in parts or PARTS:
            done[name] = asyncio.run({**PARTS, **LONG}[name](tell))
            text = record(done, began=began_at.isoformat(), load=[*load, *os.getloadavg()], commit=_commit())
            Path(kept).write_text(text, encoding="utf-8")
    finally:  # what was measured is told, also where a later part fails
        Console(soft_wrap=True, highlight=False, width=240).print(table(done))


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip()


if __name__ == "__main__":
    bench()
