"""Floating IPs taken, put on ports and taken off: each asked for freshly before, so that nobody's is taken away."""

from collections.abc import Callable

from hostwright.core.errors import AddressInUse, FloatingIPNotFound
from hostwright.core.names import MARK
from hostwright.core.port import Call, LedgerRow, Ownership, Receipt
from hostwright.providers.openstack.calls import Move, NewFloatingIP
from hostwright.providers.openstack.client import Client
from hostwright.providers.openstack.inventory import Inventory
from hostwright.providers.openstack.read import part
from hostwright.providers.openstack.rows import FloatingIP, Refused, Request

#: Somebody changed it since it was read.
CHANGED = 412
NOT_FOUND = 404


class FloatingIPs:
    """One for each session."""

    def __init__(self, client: Client, inventory: Inventory, monotonic: Callable[[], float]) -> None:
        self._client, self._inventory, self._monotonic = client, inventory, monotonic

    async def create(self, call: Call, new: NewFloatingIP) -> Receipt:
        """One that is on the port already is ours by its mark, or a stranger's."""
        try:
            reply = await self._client.send(Request("network", "POST", "/v2.0/floatingips", new.body), call.deadline)
        except Refused as refusal:
            if refusal.kind != "FloatingIPPortAlreadyAssociated":
                raise
            mark = new.body["floatingip"]["description"]
            ours = [row for row in await self._client.floating_ips(mark=mark) if row.port_id == new.port]
            if not ours:
                raise
            return self._made(call, ours[0])
        return self._made(call, part(reply, "floatingip", FloatingIP))

    def _made(self, call: Call, row: FloatingIP) -> Receipt:
        self._write(row)
        return Receipt(made=(LedgerRow(call.expect, row.id),))

    async def move(self, call: Call, move: Move) -> Receipt:
        row = await self._fresh(move)
        self._write(row)
        there = row.port_id or ""
        if not move.id or there == (move.target or ""):
            return self._moved(call, move)
        if move.target is None and there != move.source:  # somebody else has it by now: it stays with them
            return self._moved(call, move)
        if move.target is not None and there:
            raise AddressInUse(f"floating IP {move.address} is on port {there}, which is not this machine's. Free it.")
        if call.row is not None and row.description.startswith(MARK):
            raise AddressInUse(f"floating IP {move.address} was made for another machine, and goes with it.")
        body = {"floatingip": {"port_id": move.target}}
        request = Request("network", "PUT", f"/v2.0/floatingips/{row.id}", body, row.revision_number)
        try:
            reply = await self._client.send(request, call.deadline)
        except Refused as refusal:
            if refusal.status == CHANGED:  # looked at anew
                self._inventory.touch(row.id)
                return Receipt()
            raise
        self._write(part(reply, "floatingip", FloatingIP))
        return self._moved(call, move)

    async def _fresh(self, move: Move) -> FloatingIP:
        if move.id:
            try:
                return await self._client.floating_ip(move.id)
            except Refused as refusal:
                if refusal.status == NOT_FOUND and move.id in refusal.text:
                    raise _not_found(move) from refusal
                raise
        rows = await self._client.floating_ips(address=move.address)
        if not rows:
            raise _not_found(move)
        return rows[0]

    def _moved(self, call: Call, move: Move) -> Receipt:
        if move.target is None and move.referenced:
            return Receipt(gone=(call.expect,))
        if call.row is not None and call.row.ownership is Ownership.REFERENCED:
            return Receipt(made=(call.row,))
        return Receipt()

    def _write(self, row: FloatingIP) -> None:
        self._inventory.write_floating_ip(row, self._monotonic())
        self._inventory.touch(row.id)


def _not_found(move: Move) -> FloatingIPNotFound:
    return FloatingIPNotFound(
        f"the project has no floating IP {move.address}. Allocate it, or name a pool to take one from."
    )
