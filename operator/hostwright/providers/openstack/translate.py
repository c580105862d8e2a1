"""OpenStack's rows in the kind's words."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hostwright.core.names import MARK
from hostwright.core.port import LedgerRow, Trace
from hostwright.kinds.virtualmachine.port import (
    ROOT,
    DiskShape,
    Found,
    InterfaceFound,
    InterfaceShape,
    Life,
    MachineShape,
    Power,
    Twin,
)
from hostwright.providers.openstack import errors, volumes, words
from hostwright.providers.openstack.floating import Floating, external, sort_out
from hostwright.providers.openstack.read import parse
from hostwright.providers.openstack.rows import (
    OURS,
    PLACED,
    REBUILT,
    Port,
    Server,
)
from hostwright.providers.openstack.seen import Gathered, SeenPort, SeenServer, SeenVolume, Told

#: Nova's status → life; what is not here, or has a task, is judged below.
LIFE: Mapping[str, Life] = {
    "BUILD": Life.BUILDING,
    "ACTIVE": Life.STEADY,
    "SHUTOFF": Life.STEADY,
    "ERROR": Life.FAILED,
    "REBOOT": Life.CHANGING,
    "HARD_REBOOT": Life.CHANGING,
    "REBUILD": Life.CHANGING,
    "RESIZE": Life.CHANGING,
    "MIGRATING": Life.CHANGING,
    "PASSWORD": Life.CHANGING,
    "REVERT_RESIZE": Life.CHANGING,
    "SUSPENDED": Life.STEADY,
    "VERIFY_RESIZE": Life.RESIZED,
}
POWER = {"SHUTOFF": Power.OFF, "SUSPENDED": Power.SUSPENDED}
#: Between several values of one tag's key: no tag of Nova holds it.
BETWEEN = ","
_BEST_FIRST = (Life.STEADY, Life.CHANGING, Life.RESIZED, Life.HELD, Life.BUILDING, Life.FAILED, Life.DELETING)


def life(server: Server) -> Life:
    if server.task in {"deleting", "soft-deleting"}:
        return Life.DELETING
    if server.task and server.status != "BUILD":
        return Life.CHANGING
    steady = LIFE.get(server.status, Life.HELD)
    return Life.HELD if steady is Life.STEADY and server.locked else steady


def mac(machine_id: str, interface: str, salt: int) -> str:
    """The fence: a locally administered MAC from the machine's identity; 40 bits of a hash."""
    digest = hashlib.sha256(f"{machine_id}/{interface}/{salt}".encode()).hexdigest()
    return "02:" + ":".join(digest[index : index + 2] for index in range(0, 10, 2))


def port_name(trace: Trace, interface: str) -> str:
    return f"{trace.name}-{interface}"


def interface_of(port: Port, trace: Trace) -> str:
    """The interface a port of ours is for; empty when its name does not say."""
    start = f"{trace.name}-"
    return port.name[len(start) :] if port.name.startswith(start) else ""


def _made_here(port: Port, trace: Trace) -> bool:
    """Inside one of our windows, and under the name that we give: whoever copies our mark gives another."""
    return bool(interface_of(port, trace)) and trace.made_here(parse(port.created_at))


def choose(servers: Sequence[SeenServer], ports: Sequence[SeenPort], trace: Trace) -> SeenServer | None:
    """The ledger's server if it is there, else the best of those that bear the mark and our name."""
    row = trace.row("server")
    listed = next((seen for seen in servers if row is not None and seen.row.id == row.id), None)
    if listed is not None:
        return listed
    marked = [seen for seen in servers if trace.mark in seen.row.tags]
    owned = _owned(ports)
    return min(
        marked,
        key=lambda seen: (
            seen.row.name != trace.name,
            _BEST_FIRST.index(life(seen.row)),
            -owned.get(seen.row.id, 0),
            seen.row.created,
            seen.row.id,
        ),
        default=None,
    )


def main_ports(ports: Sequence[SeenPort], trace: Trace, server_id: str) -> tuple[dict[str, SeenPort], list[SeenPort]]:
    """(interface → its port, the others): the ledger's first, else the plugged-in one, else the oldest stays."""
    listed = {row.id: row.name.removeprefix("port/") for row in trace.ledger if row.name.startswith("port/")}
    extras = {row.id for row in trace.ledger if row.name.startswith("extra/")}
    chosen: dict[str, SeenPort] = {}
    others: list[SeenPort] = []
    ranked = sorted(
        ports,
        key=lambda seen: (
            seen.row.id not in listed,
            not server_id or seen.row.device_id != server_id,
            seen.row.created_at,
            seen.row.id,
        ),
    )
    for seen in ranked:
        name = listed.get(seen.row.id) or interface_of(seen.row, trace)
        if not name or name in chosen or seen.row.id in extras:
            others.append(seen)
        else:
            chosen[name] = seen
    return chosen, others


def found(region: str, gathered: Gathered, trace: Trace) -> Found:
    """What there is of a machine. A port that only hangs on an imported one is no part of it, however new or named."""
    trace = trace.without(gathered.foreign)
    servers = gathered.servers
    ports = [item for item in gathered.ports if item.row.description == trace.mark or _listed(item.row.id, trace)]
    seen = choose(servers, ports, trace)
    server_id = seen.row.id if seen else ""
    chosen, others = main_ports(ports, trace, server_id)
    ours = [item for item in others if _made_here(item.row, trace) or _listed(item.row.id, trace)]
    own, more = volumes.main_volumes(gathered.volumes, trace, server_id)
    parts = [LedgerRow(f"port/{name}", item.row.id) for name, item in chosen.items()]
    parts += [
        LedgerRow(f"volume/{name}", item.row.id, ownership=volumes.ownership(item, trace)) for name, item in own.items()
    ]
    parts += [LedgerRow(f"extra/{item.row.id}", item.row.id) for item in more]
    parts += [LedgerRow(f"extra/{item.row.id}", item.row.id) for item in ours]
    parts += _listed_beside(seen, servers, trace)
    floating = sort_out(gathered.floating_ips, chosen, trace)
    parts += floating.parts
    if seen is None:
        return Found(
            life=Life.PARTIAL,
            parts=tuple(parts),
            interfaces=tuple(_interfaces(chosen, None, floating)),
            disks=volumes.disks(own, None, trace),
            unmarked=volumes.unmarked(own),
            foreign=gathered.foreign,
        )
    server, told = seen.row, gathered.actions.get(seen.row.id, Told())
    return Found(
        life=life(server),
        shape=_shape(seen, chosen, floating, own),
        id=server.id,
        provider_id=f"openstack:///{region}/{server.id}",
        message=_message(server, told),
        no_room=server.fault is not None and errors.is_full(server.fault.message),
        code=str(server.fault.code) if server.fault and server.fault.code else "",
        request_id=told.request_id,
        power_failed=told.undone,
        since=parse(server.updated),
        zone=server.zone or "",
        cpu=server.flavor.vcpus or None,
        memory_mib=server.flavor.ram or None,
        size_name=server.flavor.original_name,
        rebuilt=server.metadata.get(REBUILT, ""),
        root_gib=server.flavor.disk if server.image_id else None,
        created_at=parse(server.created),
        internal_addresses=_internal(seen, chosen),
        external_addresses=external(server, floating, chosen, known=gathered.knows_floating_ips),
        interfaces=tuple(_interfaces(chosen, seen, floating)),
        disks=volumes.disks(own, seen, trace),
        plugged=frozenset(item.row.id for item in gathered.volumes if item.held_by(seen)),
        parts=(LedgerRow("server", server.id), *parts),
        twins=tuple(_twin(item, ports) for item in servers if trace.mark in item.row.tags),
        unmarked=(*_unmarked(seen, chosen), *floating.unmarked, *volumes.unmarked(own)),
        recorded=server.record,
        foreign=gathered.foreign,
        **(_beside(server, gathered, trace, chosen, own) if trace.imported else {}),
    )


def _listed_beside(seen: SeenServer | None, servers: Sequence[SeenServer], trace: Trace) -> Iterator[LedgerRow]:
    """A listed server counts even without its mark, which anybody may take off."""
    listed = {row.id: row.name for row in trace.ledger}
    others = (item.row.id for item in servers if item is not seen)
    return (LedgerRow(listed[item], item) for item in others if item in listed)


def _beside(
    server: Server,
    gathered: Gathered,
    trace: Trace,
    chosen: Mapping[str, SeenPort],
    own: Mapping[str, SeenVolume],
) -> dict[str, Any]:
    """What else an imported machine has, and whose it is besides."""
    return {
        "rivals": tuple(tag for tag in server.tags if tag.startswith(MARK) and tag != trace.mark),
        "loose": (*_loose(server, gathered.ports, chosen), *_hidden(server, gathered)),
        "loose_disks": volumes.loose(server.id, gathered.volumes, own, image=server.image_id),
    }


def _loose(server: Server, ports: Sequence[SeenPort], chosen: Mapping[str, SeenPort]) -> tuple[InterfaceShape, ...]:
    """Plugged into it, and no interface's; the oldest first."""
    known = {item.row.id for item in chosen.values()}
    rows = [item.row for item in ports if item.row.device_id == server.id and item.row.id not in known]
    return tuple(
        InterfaceShape(row.id, row.network_id, _addresses(row), row.mac_address)
        for row in sorted(rows, key=lambda row: (row.created_at, row.id))
    )


def _hidden(server: Server, gathered: Gathered) -> tuple[InterfaceShape, ...]:
    """Ports that Nova shows on it, and that are of another project or bear another's mark. By their MAC address."""
    seen = next((item for item in gathered.servers if item.row is server), None)
    if seen is None or gathered.ports_as_of <= seen.wired_at:
        return ()
    known = {item.row.mac_address for item in gathered.ports}
    found: dict[str, list[str]] = {}
    for row in (row for rows in server.addresses.values() for row in rows if row.kind == "fixed" and row.mac):
        found.setdefault(row.mac, []).append(row.addr)
    return tuple(InterfaceShape(mac, "", tuple(at), mac) for mac, at in sorted(found.items()) if mac not in known)


def _unmarked(seen: SeenServer, chosen: Mapping[str, SeenPort]) -> tuple[LedgerRow, ...]:
    rows = [] if any(tag.startswith(MARK) for tag in seen.row.tags) else [LedgerRow("server", seen.row.id)]
    ports = [(name, item.row) for name, item in sorted(chosen.items())]
    rows += [LedgerRow(f"port/{name}", port.id) for name, port in ports if not port.description.startswith(MARK)]
    return tuple(rows)


def placed(shape: MachineShape) -> dict[str, str]:
    """Where it was placed, as the server's metadata says it: Nova takes it at creation; its lists do not show it."""
    return {key: getattr(shape, name) for name, key in PLACED.items() if getattr(shape, name)}


def tags(server: Server) -> dict[str, str]:
    """Tag `key=value` by key. Nova may hold several values of one key: they are shown in one, apart by commas."""
    held: dict[str, list[str]] = {}
    for tag in sorted(server.tags):
        key, sign, value = tag.partition("=")
        if sign and not tag.startswith("hw:"):
            held.setdefault(key, []).append(value)
    return {key: BETWEEN.join(values) for key, values in held.items()}


def values(shown: str | None) -> tuple[str, ...]:
    """The values of one key, as `tags` shows them."""
    return () if shown is None else tuple(shown.split(BETWEEN))


def _shape(
    seen: SeenServer, chosen: Mapping[str, SeenPort], floating: Floating, own: Mapping[str, SeenVolume]
) -> MachineShape:
    server = seen.row
    attached = {name: each.row for name, each in own.items() if each.held_by(seen)}
    root = attached.get(ROOT)
    return MachineShape(
        power=POWER.get(server.status, Power.ON),
        tags=tags(server),
        metadata={key: value for key, value in server.metadata.items() if key not in OURS},
        size=server.flavor.original_name,
        image=server.image_id or (root.image.get("image_id") if root is not None else None),
        zone=server.zone,
        key_pair=server.key_name,
        **{name: server.metadata.get(key) for name, key in PLACED.items()},
        interfaces=tuple(
            InterfaceShape(
                name,
                port.row.network_id,
                _addresses(port.row),
                port.row.mac_address,
                port.row.security_groups,
                plugged=_plugged(port, seen),
                floating_pool=floating.pool(name),
                floating_address=floating.address(name),
            )
            for name, port in sorted(chosen.items())
        ),
        root_size=root.size if root is not None else None,
        disks=tuple(DiskShape(name, row.size, row.id) for name, row in sorted(attached.items()) if name != ROOT),
    )


def _interfaces(chosen: Mapping[str, SeenPort], seen: SeenServer | None, floating: Floating) -> list[InterfaceFound]:
    return [
        InterfaceFound(
            name,
            item.row.id,
            item.row.mac_address,
            _addresses(item.row),
            bound=seen is None or _plugged(item, seen),
            floating_ip=floating.id(name),
        )
        for name, item in sorted(chosen.items())
    ]


def _plugged(port: SeenPort, seen: SeenServer) -> bool:
    """A row read before the server came to rest says nothing of it; a proof reads both at once."""
    return port.as_of < seen.active_at or port.row.device_id == seen.row.id


def _addresses(port: Port) -> tuple[str, ...]:
    return tuple(item.ip_address for item in port.fixed_ips)


def _internal(seen: SeenServer, chosen: Mapping[str, SeenPort]) -> tuple[str, ...]:
    """Of our ports as Neutron has them, since Nova's own list lags behind a change (tried); then of all others."""
    ours = {item.row.mac_address for item in chosen.values()}
    own = [address for _, item in sorted(chosen.items()) if _plugged(item, seen) for address in _addresses(item.row)]
    rows = [row for rows in seen.row.addresses.values() for row in rows if row.kind == "fixed"]
    return tuple(dict.fromkeys([*own, *(row.addr for row in rows if not (row.mac and row.mac in ours))]))


def _message(server: Server, told: Told) -> str:
    if server.fault is not None and server.fault.message:
        return server.fault.message
    if life(server) is Life.FAILED:
        return told.words
    if life(server) is Life.HELD:
        return words.held(server)
    if server.status == "VERIFY_RESIZE" and not server.task:
        return words.resized(server)
    return f"Nova is at work: {server.task}" if server.task else ""


def _twin(seen: SeenServer, ports: Sequence[SeenPort]) -> Twin:
    server = seen.row
    return Twin(
        id=server.id,
        name=server.name,
        life=Life.DELETING if server.reclaimable else life(server),
        created_at=parse(server.created),
        ports=_owned(ports).get(server.id, 0),
        namespace=server.record[0],
        object_name=server.record[1],
        marks=tuple(tag for tag in server.tags if tag.startswith(MARK)),
    )


def twin(seen: SeenServer) -> Twin:
    """A server on its own, without its ports."""
    return _twin(seen, ())


def _owned(ports: Sequence[SeenPort]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for seen in ports:
        if seen.row.device_id:
            counts[seen.row.device_id] = counts.get(seen.row.device_id, 0) + 1
    return counts


def _listed(item: str, trace: Trace) -> bool:
    return any(row.id == item for row in trace.ledger)
