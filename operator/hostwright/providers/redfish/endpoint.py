"""Where a BMC is and how it is spoken to, checked before anything is sent; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from hostwright.core.errors import CredentialsMissing, InvalidConfiguration
from hostwright.core.names import Actor

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Endpoint:
    base: str  # https://host:port
    allowed: tuple[Network, ...]
    username: str
    password: str = field(repr=False)
    ca: str = ""  # PEM; empty: the authorities of this system
    insecure: bool = False
    system_id: str = ""

    def allows(self, address: str) -> bool:
        return allows(self.allowed, address)


def endpoint(
    address: str,
    username: str,
    password: str,
    *,
    allowed_addresses: Sequence[str],
    allow_insecure: bool = False,
    insecure: bool = False,
    ca: str = "",
    system_id: str = "",
) -> Endpoint:
    """Raises what the user must act on. A name is looked up, and checked again, when a connection is made."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidConfiguration(f"bmc.address {address!r}: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.rstrip("/") or parts.query:
        raise InvalidConfiguration(f"bmc.address {address!r} is not https://HOST or https://HOST:PORT.")
    if parts.username is not None:
        raise InvalidConfiguration("bmc.address holds a user name: it belongs into the Secret.")
    if (insecure or parts.scheme == "http") and not allow_insecure:
        raise InvalidConfiguration(
            "bmc.tls: this Provider allows only verified TLS (redfish.allowInsecureTLS is false)."
        )
    if not username or not password:
        raise CredentialsMissing("The BMC's Secret needs the keys username and password.")
    allowed = ranges(allowed_addresses)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    base = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    return Endpoint(base, allowed, username, password, ca, insecure, system_id)


def ranges(allowed: Sequence[str]) -> tuple[Network, ...]:
    """Raises what the platform must act on."""
    try:
        return tuple(ip_network(each, strict=False) for each in allowed)
    except ValueError as error:
        raise InvalidConfiguration(f"redfish.allowedAddresses: {error}.", actor=Actor.PLATFORM) from error


def allows(allowed: Sequence[Network], address: str) -> bool:
    """An IPv4 address in IPv6 clothes counts as what it is; the zone of a link-local one does not count."""
    at = ip_address(address.partition("%")[0])
    if isinstance(at, IPv6Address) and at.ipv4_mapped is not None:
        at = at.ipv4_mapped
    return any(at.version == network.version and at in network for network in allowed)
