"""Ports made: a taken MAC address is the fence, and says whose port is there."""

from collections.abc import Callable
from dataclasses import replace

from hostwright.core.errors import AddressInUse, Transient
from hostwright.core.port import Call, LedgerRow, Receipt
from hostwright.providers.openstack.calls import Fence, NewPort
from hostwright.providers.openstack.client import Client
from hostwright.providers.openstack.inventory import Inventory
from hostwright.providers.openstack.read import part
from hostwright.providers.openstack.rows import Port, Refused, Request

FORBIDDEN = 403


class Ports:
    """One for each session. `visibility_lag`: seconds a port may be missing in lists after it was made."""

    def __init__(
        self,
        client: Client,
        inventory: Inventory,
        monotonic: Callable[[], float],
        visibility_lag: float,
        fence: Fence,
    ) -> None:
        self.fence = fence
        self._client, self._inventory, self._monotonic, self._lag = client, inventory, monotonic, visibility_lag
        self._taken: dict[str, float] = {}  # MAC → when Neutron first said that somebody has it, and showed nobody

    async def create(self, call: Call, new: NewPort) -> Receipt:
        first = self._taken.pop(new.mac, None)  # any other answer, or none, and the time begins anew
        try:
            reply = await self._client.send(Request("network", "POST", "/v2.0/ports", new.body), call.deadline)
        except Refused as refusal:
            return await self._refused(call, new, refusal, first)
        return self._made(call, part(reply, "port", Port))

    def _made(self, call: Call, port: Port) -> Receipt:
        self._inventory.write_port(port, self._monotonic())
        self._inventory.touch(port.id)
        return Receipt(made=(LedgerRow(call.expect, port.id),))

    async def _refused(self, call: Call, new: NewPort, refusal: Refused, first: float | None) -> Receipt:
        """A taken MAC is ours, or a stranger's; a MAC that may not be chosen takes the path without."""
        if refusal.kind == "MacAddressInUse":
            return await self._in_use(call, new, refusal, first)
        mac_forbidden = refusal.status == FORBIDDEN and "mac_address" in refusal.text and bool(new.mac)
        if mac_forbidden and not new.users_mac:
            self.fence = replace(self.fence, unfenced=self.fence.unfenced | {new.network})
            return Receipt(facts={"createFence": new.network})
        raise refusal

    async def _in_use(self, call: Call, new: NewPort, refusal: Refused, first: float | None) -> Receipt:
        """Another MAC is chosen only once a port of ours would have to be shown: one whose answer was lost, say."""
        began = self._monotonic()
        first = began if first is None else first
        mark = new.body["port"]["description"]
        ours = [port for port in await self._client.ports([mark]) if port.mac_address == new.mac]
        if ours:
            return self._made(call, ours[0])
        if new.users_mac:
            raise AddressInUse(f"a port of somebody else has the MAC address {new.mac}.", code="409") from refusal
        if began - first < self._lag:
            self._taken[new.mac] = first
            raise Transient(
                f"a port that is not shown has the MAC address {new.mac} of {new.interface}. It is looked for during "
                f"{self._lag:.0f} s; then another address is chosen.",
                code="409",
                request_id=refusal.request_id,
            ) from refusal
        self._next_salt(mark, new)
        return Receipt()

    def _next_salt(self, mark: str, new: NewPort) -> None:
        hexed = mark.rpartition(":")[2]
        machine_id = "-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:]))
        key = f"{machine_id}/{new.interface}"
        self.fence = replace(self.fence, salts={**self.fence.salts, key: self.fence.salts.get(key, 0) + 1})
