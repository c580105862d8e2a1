"""The model at the client's Protocol, without HTTP, on a clock of the test's own."""

from dataclasses import dataclass

from hostwright.providers.simulated.model import CATALOG, Kept, Model, Settings
from hostwright.providers.simulated.rows import (
    Catalog,
    Entry,
    Hardware,
    Machine,
    MachineRequest,
    Owner,
    Page,
    Remake,
    Site,
    Table,
)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Direct:
    """Keeps `Client`."""

    def __init__(self, clock: Clock, **settings: object) -> None:
        self.clock = clock
        self.model = Model(Kept(site="site-1", revision=0, catalog=CATALOG), Settings(**settings))
        self.down: Exception | None = None
        self.reads: list[str] = []

    def _now(self, read: str = "") -> float:
        if self.down is not None:
            raise self.down
        if read:
            self.reads.append(read)
        return self.clock.now

    async def site(self) -> Site:
        return self.model.info(self._now("site"))

    async def catalog(self) -> Catalog:
        self._now("catalog")
        return self.model.catalog

    async def page(
        self, *, since: int | None = None, after: int = 0, limit: int = 500, mark: str | None = None
    ) -> Page:
        now = self._now("sweep" if since is None and mark is None else "changes" if mark is None else "mark")
        return self.model.page(now, since=since, after=after, limit=limit, mark=mark)

    async def machine(self, machine_id: str) -> Machine:
        return self.model.get(self._now("machine"), machine_id)

    async def create(self, request: MachineRequest) -> Machine:
        return self.model.create(self._now(), request)

    async def start(self, machine_id: str) -> Machine:
        return self.model.start(self._now(), machine_id)

    async def stop(self, machine_id: str) -> Machine:
        return self.model.stop(self._now(), machine_id)

    async def resize(self, machine_id: str, size: Hardware) -> Machine:
        return self.model.resize(self._now(), machine_id, size)

    async def rebuild(self, machine_id: str, remake: Remake) -> Machine:
        return self.model.rebuild(self._now(), machine_id, remake)

    async def set_entry(self, machine_id: str, table: Table, entry: Entry) -> Machine:
        return self.model.set_entry(self._now(), machine_id, table, entry)

    async def remove_entry(self, machine_id: str, table: Table, key: str) -> Machine:
        return self.model.remove_entry(self._now(), machine_id, table, Entry(key=key))

    async def set_mark(self, machine_id: str, owner: Owner) -> Machine:
        return self.model.set_mark(self._now(), machine_id, owner)

    async def remove_mark(self, machine_id: str) -> Machine:
        return self.model.remove_mark(self._now(), machine_id)

    async def delete(self, machine_id: str) -> Machine:
        return self.model.delete(self._now(), machine_id)

    async def close(self) -> None:
        """Nothing to close."""
