"""All machines of one site as last seen; a list never removes or reverts what was written after it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hostwright.core.port import LedgerRow, Trace
from hostwright.core.rows import Rows
from hostwright.providers.simulated.client import Client
from hostwright.providers.simulated.rows import Code, Gone, Machine, Refused

PAGE = 500
#: Seconds between two looks while something moves, and between two full sweeps of a small and a large site.
QUICK = 0.5
SWEEP, SMALL, SWEEP_LARGE = 60.0, 500, 900.0


@dataclass(frozen=True, slots=True)
class Seen:
    machine: Machine
    as_of: float  # of its own reading; a list that is complete makes all rows younger


class Inventory:
    """Rows compare by their revision, so that an old page never reverts a newer row."""

    def __init__(self, client: Client, monotonic: Callable[[], float], hasten: Callable[[], None]) -> None:
        self._client = client
        self._monotonic = monotonic
        self._rows: Rows[Seen] = Rows(marks=_marks, record=_record)
        self._told: dict[str, str] = {}  # id → who is to be told: what changed since the last completed read
        self._revision = 0
        self._read_at = float("-inf")  # start of the last complete read
        self._swept_at: float | None = None
        self.hasten = hasten

    # What a look asks.

    def gather(self, trace: Trace) -> Sequence[Seen]:
        """Every machine that bears the mark or is named by the ledger."""
        ids = dict.fromkeys([*(row.id for row in trace.ledger), *self._rows.marked(trace.mark)])
        return [self._rows[key] for key in ids if key in self._rows]

    def as_of(self, seen: Iterable[Seen]) -> float:
        return min((max(item.as_of, self._read_at) for item in seen), default=self._read_at)

    def gone_since(self, row: LedgerRow) -> float | None:
        """When its deletion was seen."""
        return self._rows.gone_since(row.id)

    def recorded(self, namespace: str, name: str) -> Sequence[Machine]:
        return [self._rows[key].machine for key in self._rows.recorded(namespace, name)]

    def marked(self, prefix: str) -> Sequence[Machine]:
        return [item.machine for item in self._rows.values() if item.machine.mark.startswith(prefix)]

    def synced(self) -> bool:
        return self._swept_at is not None

    # What is written through.

    def write(self, machine: Machine, as_of: float) -> None:
        """A reply's whole row. A row older than ours changes nothing."""
        before = self._rows.get(machine.id)
        if self._rows.gone_since(machine.id) is not None or (
            before is not None and machine.revision < before.machine.revision
        ):
            return
        newest = as_of if before is None else max(as_of, before.as_of)
        self._rows.put(machine.id, Seen(machine, newest))
        if before is None or before.machine.revision != machine.revision:
            self._told[machine.id] = _who(machine)
        if machine.moving:
            self.hasten()

    def write_gone(self, machine_id: str, as_of: float) -> None:
        """Proven: a GET answered 404, or the site lists the deletion."""
        before = self._rows.drop(machine_id, as_of)
        if before is not None:
            self._told[machine_id] = _who(before.machine)

    def touch(self, machine_id: str) -> None:
        """Something was done to it and the answer did not show it: tell its machine at the next read."""
        seen = self._rows.get(machine_id)
        if seen is not None:
            self._told[machine_id] = _who(seen.machine)
        self.hasten()

    def moving(self) -> bool:
        return any(item.machine.moving for item in self._rows.values())

    # Reading.

    async def read(self) -> Sequence[str]:
        """What changed since the last read, or all of it when that is due; whom it concerns."""
        await self._read()
        return self._take_told()

    async def _read(self) -> None:
        start = self._monotonic()
        sweep = SWEEP if len(self._rows) <= SMALL else SWEEP_LARGE
        if self._swept_at is None or start - self._swept_at >= sweep:
            await self._sweep(start)
            return
        try:
            await self._changes(start)
        except Refused as refusal:
            if refusal.problem.code != Code.TOO_OLD:
                raise
            await self._sweep(start, begins=True)

    async def _changes(self, start: float) -> None:
        machines, gone, revision = await self._pages(self._revision)
        self._take(machines, gone, start)
        self._revision = max(self._revision, revision)
        self._read_at = start

    async def _sweep(self, start: float, *, begins: bool = False) -> None:
        """A machine that is not listed stays until the site itself says that it is gone.

        What ended since the changes were read last is in no list: they are read on from where they were, unless they
        begin here.
        """
        machines, gone, revision = await self._pages(None)
        self._take(machines, gone, start)
        for machine_id in self._rows.unlisted({machine.id for machine in machines}, start):
            await self.prove(machine_id)
        if begins or self._swept_at is None:
            self._revision = revision
        self._read_at = self._swept_at = start

    async def prove(self, machine_id: str) -> Machine | None:
        """Ask for one machine by id; None and only None: it is gone. Raises what the client raises."""
        start = self._monotonic()
        try:
            machine = await self._client.machine(machine_id)
        except Refused as refusal:
            if not refusal.not_found:
                raise
            self.write_gone(machine_id, start)
            return None
        self.write(machine, self._monotonic())
        return machine

    async def _pages(self, since: int | None) -> tuple[list[Machine], list[Gone], int]:
        """All pages. What changes meanwhile is in the next read: the first page's revision is where that begins."""
        page = await self._client.page(since=since, limit=PAGE)
        machines, gone, revision = list(page.machines), list(page.gone), page.revision
        while page.more:
            page = await self._client.page(since=since, after=page.more, limit=PAGE)
            machines.extend(page.machines)
        return machines, gone, revision

    def _take(self, machines: Iterable[Machine], gone: Iterable[Gone], start: float) -> None:
        for item in gone:
            self.write_gone(item.id, start)
        for machine in machines:
            self.write(machine, start)

    def _take_told(self) -> Sequence[str]:
        """Who changed, and who is in transition: whoever waits for a fresher row is woken by each read."""
        moving = [_who(item.machine) for item in self._rows.values() if item.machine.moving]
        told = list(dict.fromkeys([*self._told.values(), *moving]))
        self._told.clear()
        return told


def _who(machine: Machine) -> str:
    """The machine id as in the mark; without a mark the site's own id."""
    return machine.mark.rpartition(":")[2] or machine.id


def _marks(seen: Seen) -> tuple[str, ...]:
    return (seen.machine.mark,)


def _record(seen: Seen) -> tuple[str, str]:
    return seen.machine.namespace, seen.machine.object_name
