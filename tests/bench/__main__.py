"""`make bench`: the bars, each with what was measured beside it in the same run."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import click
from rich.console import Console
from tests.bench import density, drift, first, fleet, latency, openstack, pool, writes
from tests.bench.cluster import Tell
from tests.bench.figures import Row, table

Part = Callable[[Tell], Awaitable[list[Row]]]
PARTS: Mapping[str, Part] = {
    "latency": latency.run,
    "fleet": fleet.run,
    "density": density.run,
    "openstack": openstack.run,
    "drift": drift.run,
    "writes": writes.run,
    "pool": pool.run,
}
#: Only when named: half an hour and more, of which most is the building of Kubernetes.
LONG: Mapping[str, Part] = {"first": first.run}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS, *LONG]))
def bench(parts: Sequence[str]) -> None:
    r"""Measure, and print one Markdown table for each part. Without PARTS: all but `first`.

    \b
    Example:
      make bench ARGS="latency drift"
    """
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", file=sys.stderr, flush=True)

    console = Console(soft_wrap=True, highlight=False, width=240)
    for name in parts or PARTS:
        rows = asyncio.run({**PARTS, **LONG}[name](tell))
        console.print(f"\n{name}")
        console.print(table(rows))


if __name__ == "__main__":
    bench()
