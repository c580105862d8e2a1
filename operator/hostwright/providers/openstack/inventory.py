"""All servers, ports and volumes of one project as last seen; a list never removes a row, nor reverts a newer one.

Servers by `changes-since` (one second of resolution, on the server's own clock, so the window overlaps) and full
sweeps for what it does not show (tags, removed metadata, attachments). A row is as fresh as the read that carried it:
a list of changes says nothing of a row that it does not show, so what we touched and it leaves out is asked for by id.
A paged list can end early while servers are being made, so absence is never evidence: what two full reads do not show
is asked for by id too.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from hostwright.core.names import MARK
from hostwright.core.port import Trace
from hostwright.core.rows import Aged, Rows
from hostwright.providers.openstack.actions import Actions
from hostwright.providers.openstack.client import Client
from hostwright.providers.openstack.floating_rows import FloatingRows
from hostwright.providers.openstack.read import overlapping
from hostwright.providers.openstack.rows import FloatingIP, Part, Port, Refused, Server, Unanswered, Volume
from hostwright.providers.openstack.seen import (
    Gathered,
    SeenFloatingIP,
    SeenPort,
    SeenServer,
    SeenVolume,
    attached,
    floating_ip_marks,
    port_marks,
    record_of,
    server_marks,
    volume_marks,
)
from hostwright.providers.openstack.storage import Storage

#: Seconds: overlap of two windows; tempo while something moves; ports and full sweeps when nothing does.
OVERLAP = 60
QUICK = 1.0
PORTS_EVERY, MANY_PORTS = 60.0, 500
SWEEP, SMALL, SWEEP_LARGE = 60.0, 500, 900.0
#: A thing we touched is looked at until a read shows it that began this long after: the receipt is written meanwhile.
HOT_FOR = 2.0
#: One row that Nova keeps refusing to show fails the reads for this long, and then no more.
REFUSED_FOR = 60.0
#: Ports are read each time for so long after Nova was told to unplug one.
UNPLUGGED_WITHIN = 60.0
S = TypeVar("S", bound=Aged)


class Inventory:
    """One for each session; for one event loop."""

    def __init__(self, client: Client, monotonic: Callable[[], float], hasten: Callable[[], None]) -> None:
        self._client, self._monotonic, self.hasten = client, monotonic, hasten
        self.servers: Rows[SeenServer] = Rows(marks=server_marks, record=record_of)
        self.ports: Rows[SeenPort] = Rows(marks=port_marks, record=lambda _: ("", ""))
        self.volumes: Rows[SeenVolume] = Rows(marks=volume_marks, record=lambda _: ("", ""))
        self._told: dict[str, str] = {}
        self._hot: dict[str, float] = {}  # what we touched → when
        self._unplugging: dict[str, float] = {}  # ports that Nova unplugs after its answer → when it was told
        self._since = ""
        self._servers_read = self._ports_read = float("-inf")  # start of the last complete read, for what it left out
        self._volumes_read = float("-inf")
        self.held_read: dict[str, float] = {}  # imported server → when all that it holds was asked for
        self.floating_ips = FloatingRows(monotonic)
        self.actions = Actions(client)
        self.storage = Storage(monotonic, self._tell_disks)
        self._named_volumes: set[str] = set()  # by machines that they are not attached to yet
        self._volumes_wanted = False  # a fleet without disks of its own costs Cinder nothing
        self._swept_at: float | None = None
        self._sweeps = 0

    # -- what a look asks

    def gather(self, trace: Trace) -> Gathered:
        """Everything that bears the mark or is named by the ledger, and is not shown to be another's."""
        listed = [row.id for row in trace.ledger]
        servers = _gathered(self.servers, [trace.mark], listed)
        at = [attached(seen.row.id) for seen in servers]
        ports = _gathered(self.ports, [trace.mark, *(at if trace.imported else ())], listed)
        return Gathered(
            servers,
            ports,
            _gathered(self.volumes, [trace.mark, *at], listed),
            self._floating_ips(trace, listed, ports),
            self.floating_ips.known,
            {seen.row.id: self.actions.of(seen) for seen in servers},
            ports_as_of=max(self._ports_read, self.held_read.get(trace.provider_id or "", float("-inf"))),
        ).sorted_out(trace)

    def _floating_ips(
        self, trace: Trace, listed: Sequence[str], ports: Sequence[SeenPort]
    ) -> tuple[SeenFloatingIP, ...]:
        """Ours, and those of others on our ports."""
        there = self.floating_ips.on(port.row.id for port in ports)
        found = _gathered(self.floating_ips, [trace.mark], [*listed, *there])
        if found or any(row.name.startswith(f"{Part.FLOATING_IP}/") for row in trace.ledger):
            self.want_floating_ips()
        return found

    def as_of(self, seen: Gathered) -> float:
        """Of the machine's own row where there is one; of nothing at all, of the last complete read."""
        rows = [item.as_of for item in seen.servers] or seen.ages
        return min(rows, default=min(self._servers_read, self._ports_read))

    def part_of(self, item: str) -> Part | None:
        """What it is; None: it was never seen."""
        return next((part for part in Part if item in self._table(part)), None)

    def _table(self, part: Part) -> Rows[SeenServer] | Rows[SeenPort] | Rows[SeenVolume] | Rows[SeenFloatingIP]:
        match part:
            case Part.SERVER:
                return self.servers
            case Part.PORT:
                return self.ports
            case Part.VOLUME:
                return self.volumes
            case Part.FLOATING_IP:
                return self.floating_ips

    def synced(self) -> bool:
        disks = not self._volumes_wanted or self._volumes_read > float("-inf") or self.storage.away is not None
        return self._swept_at is not None and disks

    def want_volumes(self) -> None:
        """A machine has disks of its own, or had: from now on they are read, too."""
        if not self._volumes_wanted:
            self._volumes_wanted = True
            self.hasten()

    def want_floating_ips(self) -> None:
        """A machine has one, or is to have one: they are read with the ports for a while."""
        if self.floating_ips.want():
            self.hasten()

    # -- what is written through

    def write_server(self, row: Server, as_of: float) -> None:
        """A reply's or a list's whole row; one older than ours changes nothing."""
        before = self.servers.get(row.id)
        if self.servers.gone_since(row.id) is not None or (before is not None and as_of < before.as_of):
            return
        if row.status == "DELETED":
            self.write_gone(row.id, Part.SERVER, as_of)
            return
        if row.status == "UNKNOWN" and before is not None:  # a cell that is down: no change of what is known
            return
        at_rest = row.status in {"ACTIVE", "SHUTOFF"} and not row.task
        since = before.active_at if before is not None and before.active_at < float("inf") else as_of
        wired = before.wired_at if before is not None and before.row.addresses == row.addresses else as_of
        self.servers.put(row.id, SeenServer(row, as_of, since if at_rest else float("inf"), wired))
        if before is None or before.row != row:
            self._tell(row.id)

    def write_port(self, row: Port, as_of: float) -> None:
        before = self.ports.get(row.id)
        if self.ports.gone_since(row.id) is not None or (before is not None and as_of < before.as_of):
            return
        self.ports.put(row.id, SeenPort(row, as_of))
        if before is None or before.row != row:
            self._tell(row.id)

    def name_volumes(self, items: Sequence[str]) -> None:
        """Volumes that bear no mark, and that a machine waits for: one that is not known is asked for at once."""
        if not self._named_volumes.issuperset(items):
            self._named_volumes.update(items)
            self.hasten()

    def write_volume(self, row: Volume, as_of: float) -> None:
        before, gone = self.volumes.get(row.id), self.volumes.gone_since(row.id)
        if gone is not None and gone < as_of and row.id in self._named_volumes:
            self.volumes.back(row.id)  # to Cinder, one that another project has does not exist
        if self.volumes.gone_since(row.id) is not None or (before is not None and as_of < before.as_of):
            return
        self.volumes.put(row.id, SeenVolume(row, as_of))
        if before is None or before.row != row:
            self._tell(row.id)

    def write_floating_ip(self, row: FloatingIP, as_of: float) -> None:
        before = self.floating_ips.get(row.id)
        if self.floating_ips.gone_since(row.id) is not None or (before is not None and as_of < before.as_of):
            return
        self.floating_ips.put(row.id, SeenFloatingIP(row, as_of))
        if before is None or before.row != row:
            for item in (row.id, row.port_id, before.row.port_id if before is not None else None):
                if item is not None:
                    self._tell(item)

    def write_gone(self, item: str, part: Part, as_of: float) -> None:
        """Proven: a GET answered 404, a DELETE of a port was answered, or Nova lists the deletion.

        That Nova has no such server says nothing of a port.
        """
        self._tell(item)
        floating = self.floating_ips.get(item) if part is Part.FLOATING_IP else None
        if floating is not None and floating.row.port_id is not None:
            self._tell(floating.row.port_id)
        self._table(part).drop(item, as_of)
        self._hot.pop(item, None)

    def touch(self, item: str) -> None:
        """We did something to it, and the answer did not show the row: look soon and tell its machine."""
        self._hot[item] = self._monotonic()
        self._tell(item)
        self.hasten()

    def unplugging(self, port: str, *, refused: bool = False) -> None:
        """It is looked at until it is seen unplugged, or Nova does not come to it."""
        self._unplugging[port] = self._monotonic()
        if refused:
            del self._unplugging[port]

    def unplugged_at(self, port: str) -> float | None:
        return self._unplugging.get(port)

    def _unplugged_soon(self) -> list[str]:
        now = self._monotonic()
        self._unplugging = {item: at for item, at in self._unplugging.items() if now - at < UNPLUGGED_WITHIN}
        return [item for item in self._unplugging if item in self.ports and self.ports[item].row.device_id]

    def moving(self) -> bool:
        return (
            bool(self._hot)
            or bool(self._unplugged_soon())
            or any(seen.row.moving for seen in self.servers.values())
            or self._volumes_move()
        )

    def _volumes_move(self) -> bool:
        named = self._named_volumes
        return any(seen.row.moving and (volume_marks(seen) or item in named) for item, seen in self.volumes.items())

    # -- reading

    async def read(self) -> Sequence[str]:
        """Servers always; ports when they are due or something moves; all servers when the sweep is due."""
        await self._read()
        return self._take_told()

    async def _read(self) -> None:
        start = self._monotonic()
        sweep = SWEEP if len(self.servers) <= SMALL else SWEEP_LARGE
        full = self._swept_at is None or start - self._swept_at >= sweep
        ports_due = start - self._ports_read >= (PORTS_EVERY if len(self.ports) <= 4 * MANY_PORTS else SWEEP_LARGE)
        rows, date, whole = await self._client.servers(None if full else self._since)
        new = any(row.id not in self.servers and not row.moving for row in rows)
        for row in rows:
            self.write_server(row, start)
        self._since = overlapping(date, OVERLAP) or self._since
        listed = {row.id for row in rows}
        if full:
            await self._absences(listed, Part.SERVER, start)
        await self._ask_for_touched(listed, start)
        for item in await self.actions.learn(self.servers.values()):
            self._tell(item)
        if full or ports_due or (self.moving() and len(self.ports) <= MANY_PORTS):
            await self._read_ports()
        elif self.moving():
            await self._read_ports_in_motion()
        asked = self._unknown_volumes()
        due = asked or full or start - self._volumes_read >= PORTS_EVERY or self.moving()
        if (self._volumes_wanted and due) or self.storage.away is not None:
            await self.storage.ask(self._read_volumes())
        first = self.floating_ips.read_at == float("-inf")  # what a restart finds marked is looked after
        if first or (self.floating_ips.wanted and (full or ports_due or self.moving())):
            await self._read_floating_ips()
        self._servers_read = start
        if full:
            # The first one counts only when no page was short, or when one more showed nothing that was missing.
            if whole or self._swept_at is not None or (self._sweeps and not new):
                self._swept_at = start
            self._sweeps += 1
        for item in [item for item, touched in self._hot.items() if start - touched >= HOT_FOR]:
            self._tell(item)
            del self._hot[item]

    async def _ask_for_touched(self, listed: set[str], start: float) -> None:
        """`changes-since` does not show a changed tag, nor removed metadata (tried)."""

        async def ask(item: str, touched: float) -> None:
            try:
                await self.prove(item, Part.SERVER)
            except Refused:
                if start - touched < REFUSED_FOR:
                    raise
                # an answer, if no good one: the site is there, and one broken server must not hide all others

        left_out = [(item, at) for item, at in self._hot.items() if item in self.servers and item not in listed]
        await asyncio.gather(*(ask(item, at) for item, at in left_out))

    async def _read_ports(self) -> None:
        start = self._monotonic()
        rows = await self._client.ports()
        for row in rows:
            self.write_port(row, start)
        await self._absences({row.id for row in rows}, Part.PORT, start)
        self._ports_read = start

    def _unknown_volumes(self) -> list[str]:
        return [
            item for item in self._named_volumes if item not in self.volumes and self.volumes.gone_since(item) is None
        ]

    async def _read_volumes(self) -> None:
        """All of them at first and each minute; of many only those that move in between."""
        start = self._monotonic()
        for item in self._unknown_volumes():
            await self.prove(item, Part.VOLUME)
        if len(self.volumes) > MANY_PORTS and start - self._volumes_read < PORTS_EVERY:
            moving = [item for item, seen in self.volumes.items() if item in self._hot or seen.row.moving]
            await asyncio.gather(*(self.prove(item, Part.VOLUME) for item in moving))
            return
        rows = await self._client.volumes()
        for row in rows:
            self.write_volume(row, start)
        await self._absences({row.id for row in rows}, Part.VOLUME, start)
        self._volumes_read = start

    async def _read_floating_ips(self) -> None:
        start = self._monotonic()
        rows = await self._client.floating_ips()
        for row in rows:
            self.write_floating_ip(row, start)
        await self._absences({row.id for row in rows}, Part.FLOATING_IP, start)
        self.floating_ips.read_at = start
        if any(floating_ip_marks(seen) or self._owners(seen.row.port_id or "") for seen in self.floating_ips.values()):
            self.want_floating_ips()

    async def _read_ports_in_motion(self) -> None:
        """Of many ports only those of machines that move: Neutron lists no changes (decisions/0010)."""
        start = self._monotonic()
        moving = [item for item, seen in self.servers.items() if seen.row.moving]
        marks = {mark for item in (*self._hot, *self._unplugged_soon(), *moving) for mark in self._owners(item)}
        for row in await self._client.ports(sorted(marks)) if marks else ():
            self.write_port(row, start)

    async def _absences(self, listed: set[str], part: Part, start: float) -> None:
        for item in self._table(part).unlisted(listed, start):
            await self.prove(item, part)

    async def prove(self, item: str, part: Part) -> bool:
        """Ask by id; False and only False: it is gone (404). Raises what the client raises."""
        start = self._monotonic()
        try:
            match part:
                case Part.SERVER:
                    self.write_server(await self._client.server(item), start)
                case Part.PORT:
                    self.write_port(await self._client.port(item), start)
                case Part.VOLUME:
                    row = await self.storage.ask(self._client.volume(item))
                    if row is None:
                        raise Unanswered(self.storage.why)
                    self.write_volume(row, start)
                case Part.FLOATING_IP:
                    self.write_floating_ip(await self._client.floating_ip(item), start)
        except Refused as refusal:
            if refusal.status != 404 or item not in refusal.text:  # noqa: PLR2004 - a proxy on the way says 404 too
                raise
            self.write_gone(item, part, start)
            return False
        return True

    def _take_told(self) -> Sequence[str]:
        """Who changed, and who is in transition: whoever waits for a fresher row is woken by each read."""
        for item in [*self._hot, *self._unplugging, *(key for key, seen in self.servers.items() if seen.row.moving)]:
            self._tell(item)
        told = list(dict.fromkeys(self._told.values()))
        self._told.clear()
        return told

    def _tell(self, item: str) -> None:
        marks = self._marks(item)
        self._told[item] = marks[0].rpartition(":")[2] if marks else item

    def _tell_disks(self) -> None:
        """To whoever has some: Cinder went away, or came back."""
        for item in (*self.volumes, *(key for key, seen in self.servers.items() if seen.row.volumes)):
            self._tell(item)

    def _owners(self, item: str) -> list[str]:
        """The owner marks that it bears."""
        return [mark for mark in self._marks(item) if mark.startswith(MARK)]

    def _marks(self, item: str) -> list[str]:
        """By what it is found."""
        if (server := self.servers.get(item)) is not None:
            return server_marks(server)
        if (port := self.ports.get(item)) is not None:
            return port_marks(port)
        if (volume := self.volumes.get(item)) is not None:
            return volume_marks(volume)
        return floating_ip_marks(floating) if (floating := self.floating_ips.get(item)) is not None else []


def _gathered(rows: Rows[S], marks: Sequence[str], listed: Sequence[str]) -> tuple[S, ...]:
    marked = [item for mark in marks for item in rows.marked(mark)]
    return tuple(rows[key] for key in dict.fromkeys([*listed, *marked]) if key in rows)
