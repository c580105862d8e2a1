"""Which floating IP is for which interface of a machine, and which of them are ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hostwright.core.names import MARK
from hostwright.core.port import LedgerRow, Ownership, Trace
from hostwright.providers.openstack.read import parse
from hostwright.providers.openstack.rows import Part, Server
from hostwright.providers.openstack.seen import SeenFloatingIP, SeenPort

_PREFIX = f"{Part.FLOATING_IP}/"


@dataclass(frozen=True, slots=True)
class Floating:
    """By the interface's name."""

    chosen: Mapping[str, SeenFloatingIP]  # the ledger's, or one with our mark on its port
    there: Mapping[str, SeenFloatingIP]  # whoever's is on its port
    parts: tuple[LedgerRow, ...]
    unmarked: tuple[LedgerRow, ...]  # ours, and somebody took the mark off

    def pool(self, interface: str) -> str:
        """Of one of ours that is on the interface's port."""
        seen = self.chosen.get(interface)
        row = next((row for row in self.parts if seen is not None and row.id == seen.row.id), None)
        ours = row is not None and row.ownership is not Ownership.REFERENCED
        return seen.row.floating_network_id if seen is not None and ours and self._is_there(interface) else ""

    def address(self, interface: str) -> str:
        """On the interface's port, whoever's it is."""
        return self.there[interface].row.floating_ip_address if interface in self.there else ""

    def id(self, interface: str) -> str:
        return self.there[interface].row.id if interface in self.there else ""

    def _is_there(self, interface: str) -> bool:
        return self.id(interface) == self.chosen[interface].row.id


def sort_out(gathered: Sequence[SeenFloatingIP], ports: Mapping[str, SeenPort], trace: Trace) -> Floating:
    """The ledger's first, then the older: with the port in its creating request, ours was on one of our ports."""
    listed = {row.id: row for row in trace.ledger}
    by_port = {seen.row.id: name for name, seen in ports.items()}
    chosen: dict[str, SeenFloatingIP] = {}
    there: dict[str, SeenFloatingIP] = {}
    parts: list[LedgerRow] = []
    for seen in sorted(gathered, key=lambda item: (item.row.id not in listed, item.row.created_at, item.row.id)):
        row, on = listed.get(seen.row.id), by_port.get(seen.row.port_id or "", "")
        if on:
            there[on] = seen
        ours = seen.row.description == trace.mark
        name = row.name.removeprefix(_PREFIX) if row is not None and row.name.startswith(_PREFIX) else ""
        name = name or (on if ours and row is None else "")
        if name and name not in chosen:
            chosen[name] = seen
            owner = row.ownership if row is not None else Ownership.CREATED
            parts.append(LedgerRow(_PREFIX + name, seen.row.id, ownership=owner))
        elif row is not None or (ours and trace.made_here(parse(seen.row.created_at))):
            parts.append(LedgerRow(f"extra/{seen.row.id}", seen.row.id))
    bare = [row for row in parts if row.ownership is Ownership.CREATED]
    marked = {seen.row.id for seen in gathered if seen.row.description.startswith(MARK)}
    return Floating(chosen, there, tuple(parts), tuple(row for row in bare if row.id not in marked))


def external(server: Server, floating: Floating, ports: Mapping[str, SeenPort], *, known: bool) -> tuple[str, ...]:
    """Of our ports as Neutron has them where that is read, since Nova's list lags; of all others as Nova has them."""
    ours = {seen.row.mac_address for seen in ports.values()} if known else set()
    rows = [row for rows in server.addresses.values() for row in rows if row.kind == "floating"]
    own = [seen.row.floating_ip_address for _, seen in sorted(floating.there.items())] if known else []
    return tuple(dict.fromkeys([*own, *(row.addr for row in rows if not (row.mac and row.mac in ours))]))
