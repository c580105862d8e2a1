"""Which address and MAC a new interface gets: deterministic, never one that is taken."""

import hashlib
import ipaddress
from collections.abc import Iterable

from hostwright.providers.simulated.rows import Code, Network, Nic, NicRequest, refused

#: The first addresses of a network are its gateway's and its services'.
RESERVED = 10


class Addresses:
    """The addresses in use on each network, and the MACs in use on the site."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._taken: dict[str, set[int]] = {network.id: set() for network in networks}
        self._next: dict[str, int] = dict.fromkeys(self._taken, RESERVED)
        self._macs: set[str] = set()

    def take(self, nic: Nic) -> None:
        self._macs.add(nic.mac)
        self._taken.setdefault(nic.network, set()).update(int(ipaddress.ip_address(item)) for item in nic.addresses)

    def free(self, nic: Nic) -> None:
        self._macs.discard(nic.mac)
        self._taken.setdefault(nic.network, set()).difference_update(
            int(ipaddress.ip_address(item)) for item in nic.addresses
        )

    def allot(self, request: NicRequest, network: Network, seed: str) -> Nic:
        """The interface that was asked for; nothing is taken before `take`. Raises Refused."""
        wanted = tuple(self._fixed(item, network) for item in request.addresses)
        addresses = wanted or (self._lowest_free(network),)
        if request.mac in self._macs:
            raise refused(409, Code.ADDRESS_IN_USE, f"MAC address {request.mac} is in use")
        return Nic(name=request.name, network=network.id, addresses=addresses, mac=request.mac or self._new_mac(seed))

    def _fixed(self, text: str, network: Network) -> str:
        try:
            address = ipaddress.ip_interface(text).ip
        except ValueError as error:
            raise refused(400, Code.INVALID, f"{text!r} is not an address") from error
        if address not in ipaddress.ip_network(network.cidr):
            raise refused(400, Code.INVALID, f"{text} is not in network {network.name!r} ({network.cidr})")
        if int(address) in self._taken.setdefault(network.id, set()):
            raise refused(409, Code.ADDRESS_IN_USE, f"address {address} of network {network.name!r} is in use")
        return str(address)

    def _lowest_free(self, network: Network) -> str:
        """From where the last search ended, once around."""
        block = ipaddress.ip_network(network.cidr)
        taken = self._taken.setdefault(network.id, set())
        base, room = int(block.network_address), block.num_addresses - 1 - RESERVED
        start = self._next.get(network.id, RESERVED) - RESERVED
        for step in range(room):
            offset = (start + step) % room + RESERVED
            if base + offset not in taken:
                self._next[network.id] = offset + 1
                return str(ipaddress.ip_address(base + offset))
        raise refused(409, Code.NO_CAPACITY, f"network {network.name!r} has no free address")

    def _new_mac(self, seed: str) -> str:
        for salt in range(1 << 16):
            digest = hashlib.sha256(f"{seed}/{salt}".encode()).hexdigest()
            mac = ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])
            if mac not in self._macs:
                return mac
        raise refused(500, Code.FAILED, "no free MAC address")
