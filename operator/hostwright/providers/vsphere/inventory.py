"""All machines of one datacenter as last seen; what left the view is asked for by id before it counts as gone.

A change that was waited for may be older than a row read meanwhile, or younger: which, nobody can tell, whichever came
first. Such a row is asked for by id once more, so that an old one reverts nothing, and a new one is not lost.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hostwright.core.names import MARK as EVERY_MARK
from hostwright.core.port import Trace
from hostwright.core.rows import Rows
from hostwright.providers.vsphere.client import AT_REST, PATIENCE, Client
from hostwright.providers.vsphere.errors import GONE, RAISED
from hostwright.providers.vsphere.rows import Fault, Machine, Updates

#: Seconds between two reads, and that one read waits for news: while something of ours moves, and when nothing has for
#: so long (a soft power-off is given up after 3 min). News end a wait at once; what a long one costs is that a vCenter
#: that falls silent, without a word, is noticed later.
QUICK = 0.02
BUSY_FOR = 300.0


@dataclass(frozen=True, slots=True)
class Seen:
    machine: Machine
    as_of: float


class Inventory:
    """One for each session; for one event loop."""

    def __init__(self, client: Client, monotonic: Callable[[], float], hasten: Callable[[], None]) -> None:
        self._client, self._monotonic, self.hasten = client, monotonic, hasten
        self.rows: Rows[Seen] = Rows(marks=_marks, record=_record)
        self._told: dict[str, str] = {}
        self._read_at = float("-inf")  # start of the last wait that was answered
        self._synced = self._failing = False
        self._moved_at = monotonic()

    # -- what a look asks

    def gather(self, trace: Trace) -> list[Seen]:
        """Every machine that bears the mark or is named by the ledger."""
        ids = dict.fromkeys([*(row.id for row in trace.ledger), *self.rows.marked(trace.mark)])
        return [self.rows[item] for item in ids if item in self.rows]

    def as_of(self, seen: Iterable[Seen]) -> float:
        return min((max(item.as_of, self._read_at) for item in seen), default=self._read_at)

    def marked(self, prefix: str) -> list[Machine]:
        return [seen.machine for seen in self.rows.values() if any(mark.startswith(prefix) for mark in _marks(seen))]

    def synced(self) -> bool:
        return self._synced

    def moving(self) -> bool:
        """A read waits for news itself, so the next may follow at once; but a vCenter that is away is left in peace."""
        return not self._failing

    # -- what is written through

    def write(self, machine: Machine, as_of: float) -> None:
        """A whole row that was read by id; one older than ours changes nothing."""
        before = self.rows.get(machine.id)
        if self.rows.gone_since(machine.id) is not None or (before is not None and as_of < before.as_of):
            return
        self.rows.put(machine.id, Seen(machine, as_of))
        if before is None or before.machine != machine:
            self._tell(before.machine if before is not None else machine)
            self._tell(machine)

    def write_gone(self, item: str, as_of: float) -> None:
        """Proven: asked for by id, and not found."""
        before = self.rows.drop(item, as_of)
        if before is not None:
            self._tell(before.machine)

    def touch(self, item: str) -> None:
        """Something was done to it, and how it stands is not known: tell its machine at the next read."""
        seen = self.rows.get(item)
        if seen is not None:
            self._tell(seen.machine)
        self.hasten()

    # -- reading

    async def read(self) -> Sequence[str]:
        start = self._monotonic()
        try:
            news = await self._client.wait(PATIENCE if start - self._moved_at < BUSY_FOR else AT_REST)
            await self._take(news, start)
        except RAISED:
            self._failing = True
            raise
        self._failing, self._synced, self._read_at = False, True, start
        told = list(dict.fromkeys(self._told.values()))
        self._told.clear()
        return told

    async def _take(self, news: Updates, start: float) -> None:
        doubtful = [*news.left]
        for machine in news.machines:
            seen = self.rows.get(machine.id)
            if seen is not None and seen.as_of > start and seen.machine != machine:
                doubtful.append(machine.id)
            else:
                self.write(machine, start)
        if news.whole:
            there = {machine.id for machine in news.machines}
            doubtful += [item for item, seen in self.rows.items() if item not in there and seen.as_of <= start]
        for item in doubtful:
            await self.prove(item)

    async def prove(self, item: str) -> Machine | None:
        """Ask by id; None and only None: it is gone. Raises what the client raises.

        Of a change that was told while the answer was on its way nobody knows either which of them is older, and a
        vCenter tells no change twice: asked once more.
        """
        while True:
            before = self.rows.get(item)
            start = self._moved_at = self._monotonic()
            try:
                machine = await self._client.machine(item)
            except Fault as fault:
                if fault.name != GONE or fault.item not in ("", item):
                    raise
                self.write_gone(item, start)
                return None
            told = self.rows.get(item)
            if told is None or told is before or told.machine == machine:
                self.write(machine, self._monotonic())
                return machine

    def _tell(self, machine: Machine) -> None:
        self._moved_at = self._monotonic()
        self._told[f"{machine.id} {machine.mark}"] = machine.mark.rpartition(":")[2] or machine.id


def _marks(seen: Seen) -> tuple[str, ...]:
    """A template is no machine, whatever it was copied from."""
    mark = seen.machine.mark
    return (mark,) if mark.startswith(EVERY_MARK) and not seen.machine.template else ()


def _record(seen: Seen) -> tuple[str, str]:
    return seen.machine.record
