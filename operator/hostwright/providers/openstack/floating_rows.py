"""The floating IPs of one project as last seen, also by the port that each is on, and whether they are read at all."""

from collections.abc import Callable, Iterable

from hostwright.core.rows import Rows
from hostwright.providers.openstack.seen import SeenFloatingIP, floating_ip_marks

#: They are read for so long after the last sign that a machine has one.
READ_FOR = 600.0


class FloatingRows(Rows[SeenFloatingIP]):
    """A fleet without any costs Neutron one list at login."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__(marks=floating_ip_marks, record=lambda _: ("", ""))
        self._monotonic = monotonic
        self._on: dict[str, set[str]] = {}  # port → what is on it
        self._wanted_at = float("-inf")
        self.read_at = float("-inf")  # start of the last complete read

    def put(self, item: str, seen: SeenFloatingIP) -> None:
        self._leave(item)
        if seen.row.port_id is not None:
            self._on.setdefault(seen.row.port_id, set()).add(item)
        super().put(item, seen)

    def drop(self, item: str, as_of: float) -> SeenFloatingIP | None:
        self._leave(item)
        return super().drop(item, as_of)

    def _leave(self, item: str) -> None:
        before = self.get(item)
        port = before.row.port_id if before is not None else None
        if port is not None and port in self._on:
            self._on[port].discard(item)
            if not self._on[port]:
                del self._on[port]

    def on(self, ports: Iterable[str]) -> list[str]:
        """Whoever's they are."""
        return [item for port in ports for item in sorted(self._on.get(port, ()))]

    def at(self, address: str) -> SeenFloatingIP | None:
        """The project's own of that address."""
        return next((seen for seen in self.values() if seen.row.floating_ip_address == address), None)

    def want(self) -> bool:
        """A machine has one, or is to have one. True: that was not known until now."""
        news = not self.wanted
        self._wanted_at = self._monotonic()
        return news

    @property
    def wanted(self) -> bool:
        return self._monotonic() - self._wanted_at <= READ_FOR

    @property
    def known(self) -> bool:
        """They are read, and were."""
        return self.wanted and self.read_at > float("-inf")
