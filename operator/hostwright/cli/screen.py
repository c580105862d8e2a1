"""What the demo shows: steps, and the machines as a live table or, without a terminal, as lines when they change."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

FIRST = ("NAME", "READY", "STATUS", "POWER")
COLUMNS = {"VirtualMachine": (*FIRST, "CLASS", "IP"), "PhysicalMachine": (*FIRST, "CLAIM", "MODEL")}


@dataclass(frozen=True, slots=True)
class Row:
    """One machine as `kubectl get` shows it."""

    name: str
    ready: str
    status: str
    power: str
    size: str  # of a physical one, its claim
    address: str  # of a physical one, its model
    kind: str = "VirtualMachine"

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.name, self.ready, self.status, self.power, self.size, self.address)


def row(body: dict[str, Any]) -> Row:
    status = body.get("status") or {}
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    if body.get("kind") == "PhysicalMachine":
        size = (body["spec"].get("claimRef") or {}).get("name", "-")
        address = (status.get("identity") or {}).get("model") or "-"
    else:
        size = body["spec"].get("classRef", {}).get("name", "-")
        address = next(iter(_addresses(status)), "-")
    return Row(
        name=body["metadata"]["name"],
        ready=conditions.get("Ready", "-"),
        status=status.get("phase") or "Pending",  # nobody has looked at it yet
        power=status.get("powerState") or "-",
        size=size,
        address=address,
        kind=body.get("kind", "VirtualMachine"),
    )


def _addresses(status: dict[str, Any]) -> list[str]:
    return [each["address"] for each in status.get("addresses") or () if each["type"] == "InternalIP"]


class Screen:
    """A context: the table is alive inside it."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.terminal = sys.stdout.isatty()  # rich's own answer can be forced by the environment
        self._live = Live(console=self.console, refresh_per_second=8) if self.terminal else None
        self._rows: dict[str, Row] = {}
        self._number = 0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def step(self, text: str) -> None:
        self._number += 1
        self.console.print(f"[bold]{self._number}. {text}[/bold]" if self.terminal else f"{self._number}. {text}")

    def tell(self, text: str) -> None:
        self.console.print(f"   {text}", markup=False)

    def show(self, rows: Sequence[Row]) -> None:
        now = {each.name: each for each in rows}
        if self._live is not None:
            self._live.update(_table(rows))
        else:
            for name, each in now.items():
                if self._rows.get(name) != each:
                    self.tell("  ".join(cell.ljust(width) for cell, width in zip(each.cells, _WIDTHS, strict=True)))
        self._rows = now


_WIDTHS = (8, 7, 12, 10, 7, 0)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(*COLUMNS[rows[0].kind if rows else "VirtualMachine"], box=None, pad_edge=False)
    for each in rows:
        table.add_row(*each.cells)
    return table
