"""The interfaces of a machine at rest: what differs, whose wish it is, what of it is acted on, what was applied."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hostwright.core.drift import Difference, table
from hostwright.core.port import LedgerRow, Ownership
from hostwright.kinds.virtualmachine.port import Found, InterfaceShape, MachineShape, Rewire, Wanted
from hostwright.kinds.virtualmachine.status import AppliedInterface, Resolved

PATH = "/network/interfaces"
#: Whether the interface belongs to the machine: no field of the spec, so no ceiling holds it back.
PLUGGED = "plugged"
#: What of an interface is applied, as the shape has it → as the spec writes it.
FIELDS: Mapping[str, str] = {
    "network": "networkRef",
    "addresses": "addresses",
    "mac_address": "macAddress",
    "security_groups": "securityGroups",
    "floating_pool": "floatingIP/pool",
    "floating_address": "floatingIP/address",
}
#: That an interface has a floating IP of ours which is wished no more.
FLOATING = "floating"
_FLOATING_IP = "floatingip/"
#: The first words of the ledger names of what hangs on the machine.
_HANGING = ("port/", _FLOATING_IP)


def changed_by_user(before: Resolved, row: Difference) -> bool:
    """The wish differs from what was applied last; what a version before this one applied is not known."""
    name, _, sub = row.key.partition("/")
    last = _last(before, name)
    if before.interfaces is None or last is None:
        return True
    if not sub:  # one that is missing was taken away by somebody; one too many is ours, and wished no more
        return bool(row.wanted == "absent")
    return sub == FLOATING or (sub != PLUGGED and _comparable(getattr(last, sub)) != _comparable(row.wanted))


def dropped(before: Resolved | None, wanted: Wanted, found: Found) -> Iterator[Difference]:
    """Security groups that we set, that are wished no more, and still there as we set them: the default comes back."""
    there = {item.name: item for item in found.shape.interfaces}
    for item in wanted.shape.interfaces:
        last, other = _last(before, item.name), there.get(item.name)
        if last is None or other is None or not last.security_groups or item.security_groups:
            continue
        have, default = set(other.security_groups), wanted.default_groups
        if default and have == set(last.security_groups) and have != set(default):
            yield _difference(f"{item.name}/security_groups", default, other.security_groups)
    wishes = {item.name for item in wanted.shape.interfaces if item.floating_pool or item.floating_address}
    for part in found.parts:
        name = part.name.removeprefix(_FLOATING_IP)
        if part.name.startswith(_FLOATING_IP) and name not in wishes:
            address = there[name].floating_address if name in there else ""
            if address or part.ownership is not Ownership.REFERENCED:
                yield _difference(f"{name}/{FLOATING}", "", address or part.id)


def spec_path(key: str) -> str:
    """`eth0/security_groups` as the spec writes it."""
    name, _, sub = key.partition("/")
    return f"{name}/{'floatingIP' if sub == FLOATING else FIELDS.get(sub, sub)}" if sub else name


def rewire(act: Iterable[Difference]) -> Rewire | None:
    keys = tuple(row.key for row in act if row.path == PATH)
    return Rewire(keys) if keys else None


def applied(before: Resolved | None, wanted: Wanted, found: Found, held: frozenset[str]) -> list[dict[str, Any]]:
    """Each wish as it is now; of what waits, the one before stays."""
    rows: list[AppliedInterface] = []
    there = {item.name: item for item in found.shape.interfaces}
    for item in wanted.shape.interfaces:
        last = _last(before, item.name)
        if f"{PATH}/{item.name}" in held:  # its addition waits, or what was there is gone
            rows += [last] if last is not None else []
            continue
        waiting = {sub for sub in FIELDS if f"{PATH}/{item.name}/{sub}" in held}
        kept: InterfaceShape | AppliedInterface = last or there.get(item.name) or item
        rows.append(_applied(item, {sub: getattr(kept, sub) for sub in waiting}))
    names = {item.name for item in wanted.shape.interfaces}
    for last in (before.interfaces if before is not None else None) or ():
        if last.name not in names and f"{PATH}/{last.name}" in held:  # its removal waits
            rows.append(last)
    return [row.model_dump(by_alias=True, exclude_none=True) for row in rows]


def unseen(ledger: Iterable[LedgerRow], found: Found) -> tuple[str, ...]:
    """Ledger names of what hung on a machine at rest and is not seen any more; proven gone, they leave it."""
    there = {part.id for part in found.parts}
    return tuple(row.name for row in ledger if row.name.startswith(_HANGING) and row.id not in there)


def duplicate(ledger: Iterable[LedgerRow], found: Found) -> LedgerRow | None:
    """A port or a floating IP of ours that another one is in the place of, and that is to go."""
    machines = {twin.id for twin in found.twins}
    there = {part.id for part in found.parts if part.name.startswith("extra/")} - machines
    rows = (row for row in ledger if row.name.startswith("extra/") and row.ownership is not Ownership.REFERENCED)
    return next((row for row in rows if row.id in there), None)


def left_alone(ledger: Iterable[LedgerRow], wanted: Wanted, found: Found) -> tuple[str, ...]:
    """What is not ours to delete, and is off the machine since nobody wants it here: it leaves the ledger as it is.

    So does a port that is to be another one.
    """
    has = {item.name: item for item in found.shape.interfaces}
    ports = {
        f"port/{item.name}" for item in wanted.shape.interfaces if item.name not in has or _can_be(item, has[item.name])
    }
    floating = {f"{_FLOATING_IP}{item.name}" for item in wanted.shape.interfaces if item.floating_address}
    plugged = {item.id for item in found.interfaces if item.bound}
    there = plugged | {item.floating_ip for item in found.interfaces}
    return tuple(
        row.name
        for row in ledger
        if row.ownership is Ownership.REFERENCED and row.id not in there
        if (row.name.startswith("port/") and row.name not in ports)
        or (row.name.startswith(_FLOATING_IP) and row.name not in floating)
    )


def _can_be(wish: InterfaceShape, port: InterfaceShape) -> bool:
    """Without another port: neither its network nor its MAC address is changed."""
    return wish.network == port.network and wish.mac_address in {"", None, port.mac_address}


def taken_up(ledger: Iterable[LedgerRow], wanted: Wanted, found: Found) -> tuple[LedgerRow, ...]:
    """Floating IPs that the spec names by their address and that were on the machine already: not ours to delete."""
    listed = {row.name for row in ledger} | {part.name for part in found.parts}
    wishes = {item.name: item.floating_address for item in wanted.shape.interfaces}
    there = {item.name: item.floating_address for item in found.shape.interfaces}
    return tuple(
        LedgerRow(f"{_FLOATING_IP}{item.name}", item.floating_ip, ownership=Ownership.REFERENCED)
        for item in found.interfaces
        if item.floating_ip and wishes.get(item.name) == there.get(item.name)
        if f"{_FLOATING_IP}{item.name}" not in listed
    )


def _applied(item: InterfaceShape, kept: Mapping[str, Any]) -> AppliedInterface:
    values = {sub: kept.get(sub, getattr(item, sub)) for sub in FIELDS}
    return AppliedInterface(name=item.name, **{sub: _plain(value) for sub, value in values.items()})


def _plain(value: Any) -> Any:
    return list(value) or None if isinstance(value, tuple | list) else value or None


def _comparable(value: Any) -> Any:
    return frozenset(value) if isinstance(value, tuple | list) else value or ""


def _last(before: Resolved | None, name: str) -> AppliedInterface | None:
    rows = (before.interfaces if before is not None else None) or ()
    return next((row for row in rows if row.name == name), None)


def _difference(key: str, wanted: Any, found: Any) -> Difference:
    return Difference(PATH, key, wanted, found, table(MachineShape)[PATH])
