"""Whom a readiness probe connects to, and whom it never does; pure."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from hostwright.core.conditions import is_true
from hostwright.core.names import ANNOTATION_PAUSED, Condition
from hostwright.engine.ports import Body

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Of a machine with many addresses so many are tried: those of its networks first, then the floating ones.
INTERNAL, EXTERNAL = 3, 2


@dataclass(frozen=True, slots=True)
class Target:
    """The machine's own addresses, as its backend tells them, in the order in which they are tried."""

    addresses: tuple[str, ...]
    port: int
    period: float


def target_of(body: Body) -> Target | None:
    """None: it is not probed now: it asks for none, is not powered on, is going, or nothing may be said of it."""
    readiness = (body.get("spec") or {}).get("readiness") or {}
    probe, status, metadata = readiness.get("probe"), body.get("status") or {}, body["metadata"]
    if not probe or status.get("powerState") != "PoweredOn" or metadata.get("deletionTimestamp"):
        return None
    if ANNOTATION_PAUSED in (metadata.get("annotations") or {}):
        return None
    rows = status.get("addresses") or ()
    inside = [row["address"] for row in rows if row["type"] == "InternalIP"][:INTERNAL]
    outside = [row["address"] for row in rows if row["type"] == "ExternalIP"][:EXTERNAL]
    if not (inside or outside):
        return None
    return Target((*inside, *outside), probe["tcpSocket"]["port"], float(probe.get("periodSeconds") or 10))


def was_available(body: Body) -> bool:
    return is_true((body.get("status") or {}).get("conditions") or (), Condition.AVAILABLE)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def refusal(text: str, refused: Sequence[Network]) -> str:
    """Why nothing is sent there; empty: it may be.

    A tenant chooses the addresses of its networks, and a guest may report what it likes: without this, Available would
    tell a tenant which ports are open beside the operator, where only the operator can reach.
    """
    if not is_address(text):
        return f"{text} is no address"
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    kinds = (
        (address.is_unspecified, "no machine's address"),
        (address.is_loopback, "the operator's own loopback"),
        (address.is_link_local, "link-local, as metadata services are"),
        (address.is_multicast or address.is_reserved, "no unicast address"),
        (any(address in network for network in refused), "in a network that this operator's --refuse-probes names"),
    )
    why = next((word for holds, word in kinds if holds), "")
    return f"{text} is never probed: it is {why}" if why else ""
