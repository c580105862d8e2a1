"""A machine that is there and at rest: what differs, what may be done about it, what waits and what is drift."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hostwright.core.drift import Difference, differences, table
from hostwright.core.errors import Failure
from hostwright.core.names import Disruption, WaitingFor
from hostwright.kinds.virtualmachine import change, disks, made, network, replaceable
from hostwright.kinds.virtualmachine.port import Found, InterfaceShape, MachineShape, Power, Rewire, Update, Wanted
from hostwright.kinds.virtualmachine.sent import MAPPINGS, ours
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import DriftRow, Named, PendingChange
from hostwright.kinds.virtualmachine.storage import ROOT
from hostwright.kinds.virtualmachine.values import CEILING, DriftMode, OnBootstrapChange

#: The schema's bound of pendingChanges and of drift.
ROWS = 64


@dataclass(frozen=True, slots=True)
class Gap:
    """The differences between wanted and found, sorted by what happens to them."""

    power: Power | None = None  # to be switched to
    power_is_drift: bool = False
    size: str | None = None  # to be resized to
    rebuild: bool = False
    replace: tuple[str, ...] = ()  # paths in the spec of what another machine is to be made for
    update: Update | None = None
    rewire: Rewire | None = None
    disks: tuple[str, ...] = ()  # names of those to be brought to what is wanted
    refused: Failure | None = None  # what is asked of a disk, or of the machine, that cannot be done
    corrected: tuple[Difference, ...] = ()  # drift among what `power`, `update` and `rewire` bring back
    pending: tuple[PendingChange, ...] = ()
    held: frozenset[str] = frozenset()  # full paths of MachineShape of what is pending, or only observed
    drift: tuple[DriftRow, ...] = ()


def assess(situation: Situation, wanted: Wanted, found: Found) -> Gap:
    """Sort every difference: changed by the user (act, or wait) or behind our back (act, report or ignore)."""
    act: list[Difference] = []
    corrected: list[Difference] = []
    pending: list[Difference] = []
    drift: list[DriftRow] = []
    watched: list[Difference] = []
    kept_larger = disks.refused(wanted, found)
    refused = next(iter(kept_larger.values()), None)
    for row in (
        *differences(wanted.shape, found.shape),
        *_dropped(situation, wanted, found),
        *disks.dropped(wanted, found),
        *_anew(situation),
    ):
        by_user = _changed_by_user(situation, wanted, row)
        if not by_user and (situation.drift_mode is DriftMode.DISABLED or _ignored(situation, row)):
            continue
        if row.path in disks.PATHS and disks.name_of(row) in kept_larger:
            continue
        shrinks = row.path in disks.PATHS and disks.shrinks(row)
        if shrinks and by_user:
            refused = refused or disks.too_small(row)
        elif situation.observe_only or shrinks or (not by_user and situation.drift_mode is DriftMode.WARN):
            drift.append(_drift_row(situation, wanted, row))
            watched += [row] if situation.observe_only else []
        elif _waits(situation, wanted, row):
            pending.append(row)
        else:
            act.append(row)
            if not by_user:
                corrected.append(row)
    drift += [_drift_row(situation, wanted, row) for row in _loose(situation, found)]
    anew = {row.path: _spec_path(situation, row) for row in act if row.disruption is Disruption.REPLACE}
    kept = replaceable.refusal(situation, wanted, found, anew, ", ".join(anew.values())) if anew else None
    return Gap(
        power=next((row.wanted for row in act if row.path == "/powerState"), None),
        power_is_drift=any(row.path == "/powerState" for row in corrected),
        size=next((row.wanted for row in act if row.path == "/classRef"), None),
        rebuild=any(row.disruption is Disruption.REBUILD for row in act),
        replace=() if kept is not None else tuple(anew.values()),
        update=_update(act),
        rewire=network.rewire(act),
        disks=tuple(dict.fromkeys(disks.name_of(row) for row in act if row.path in disks.PATHS)),
        refused=kept or refused,
        corrected=tuple(corrected),
        pending=tuple(_pending_row(situation, wanted, found, row) for row in pending[:ROWS]),
        held=frozenset(row.full_path for row in (*pending, *watched)),
        drift=tuple(drift[:ROWS]),
    )


def applied(wanted: Wanted, found: Found, situation: Situation, gap: Gap) -> dict[str, Any]:
    """What stands in status.resolved once the machine is as wanted: names, ids and every effective default.

    What waits was not applied, so what stood there before stays, or what is found where nothing stood there.
    """
    shape, before = wanted.shape, situation.status.resolved
    size, image = Named(name=wanted.size_name, id=wanted.size_id), Named(name=wanted.image_name, id=wanted.image_id)
    bootstrap = before.bootstrap if before is not None else None
    if "/classRef" in gap.held:
        there = Named(name=found.size_name, id=found.shape.size or "")
        size = (before.machine_class if before is not None else None) or there
    if "/imageRef" in gap.held:
        there = Named(name="", id=found.shape.image or "")
        image = (before.image if before is not None else None) or there
    return {
        "class": size.model_dump(),
        "image": image.model_dump(),
        "provider": situation.spec.provider_ref.name,
        "bootstrap": bootstrap or change.bootstrap_of(situation.spec.bootstrap),
        "madeWith": made.recorded(situation, wanted, gap.held),
        "hostname": wanted.hostname,
        "deletionPolicy": str(situation.deletion_policy),
        "driftDetection": str(situation.drift_mode),
        "powerState": str(shape.power) if shape.power else "Unmanaged",
        "tags": _applied_entries(situation, shape, gap, "/tags"),
        "metadata": _applied_entries(situation, shape, gap, "/metadata"),
        "interfaces": network.applied(before, wanted, found, gap.held) or None,
        "disks": _applied_disks(situation, wanted, gap) or None,
    }


def _applied_entries(situation: Situation, shape: MachineShape, gap: Gap, path: str) -> dict[str, str]:
    name = MAPPINGS[path]
    entries: Mapping[str, str] = getattr(shape, name)
    before: Mapping[str, str] = _last_applied(situation, name) or {}
    kept = {key: value for key, value in before.items() if f"{path}/{key}" in gap.held}
    return {**{key: value for key, value in entries.items() if f"{path}/{key}" not in gap.held}, **kept}


def _applied_disks(situation: Situation, wanted: Wanted, gap: Gap) -> dict[str, str]:
    """What waits counts as it was before, so that it is the user's change still when it is made."""
    held = {path.split("/")[2] if path.startswith(disks.DATA) else ROOT for path in gap.held if _of_disk(path)}
    before: Mapping[str, str] = _last_applied(situation, "disks") or {}
    now = {name: word for name, word in disks.applied(wanted).items() if name not in held}
    return {**now, **{name: word for name, word in before.items() if name in held}}


def _of_disk(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in disks.PATHS)


def _update(act: Iterable[Difference]) -> Update | None:
    rows = [row for row in act if row.path in MAPPINGS]
    if not rows:
        return None
    drops = {path: tuple(row.key for row in rows if row.path == path and row.wanted is None) for path in MAPPINGS}
    return Update(
        paths=tuple(sorted(row.full_path for row in rows if row.wanted is not None)),
        drop_tags=drops["/tags"],
        drop_metadata=drops["/metadata"],
    )


def _dropped(situation: Situation, wanted: Wanted, found: Found) -> Iterator[Difference]:
    """Entries that we set once, that are wanted no more and still there as we set them; what others added stays."""
    if situation.observe_only:
        return
    disruption = table(MachineShape)
    for path, name in MAPPINGS.items():
        now: Mapping[str, str] = getattr(wanted.shape, name)
        there: Mapping[str, str] = getattr(found.shape, name)
        for key, values in sorted(ours(situation, path).items()):
            if key not in now and there.get(key) in values:
                yield Difference(path, key, None, there[key], disruption[path])
    yield from network.dropped(situation.status.resolved, wanted, found)


def _loose(situation: Situation, found: Found) -> list[Difference]:
    """What hangs on an imported machine and is in no wish: told, and never touched."""
    rows = [
        Difference(
            network.PATH,
            port.name,
            None,
            f"a port with {', '.join(port.addresses) or 'no address'} {_where(port)}",
            Disruption.NONE,
        )
        for port in found.loose
    ]
    rows += [
        Difference(disks.DATA, disk.id, None, f"a volume of {disk.size}Gi", Disruption.NONE)
        for disk in found.loose_disks
        if disk.name != ROOT
    ]
    told = situation.drift_mode is not DriftMode.DISABLED
    return [row for row in rows if told and not _ignored(situation, row)]


def _where(port: InterfaceShape) -> str:
    return f"on network {port.network}" if port.network else "of another project, or with another's mark"


def _anew(situation: Situation) -> Iterator[Difference]:
    """What a user asks for beside the shape: a new token, which a rebuild gives; another bootstrap."""
    if situation.observe_only:
        return
    if situation.rebuild_asked:
        token = situation.spec.rebuild_token
        yield Difference("/rebuildToken", "", token, situation.rebuild_handled, Disruption.REBUILD)
    bootstrap, resolved = situation.spec.bootstrap, situation.status.resolved
    if bootstrap is None or bootstrap.on_change is OnBootstrapChange.IGNORE or resolved is None:
        return
    asked = change.bootstrap_of(bootstrap)
    if resolved.bootstrap and resolved.bootstrap != asked:
        yield Difference("/bootstrap/cloudInit", "", asked, resolved.bootstrap, Disruption(bootstrap.on_change))


def _last_applied(situation: Situation, name: str) -> Any:
    resolved = situation.status.resolved
    return None if resolved is None else getattr(resolved, name)


def _changed_by_user(situation: Situation, wanted: Wanted, row: Difference) -> bool:
    """The wish differs from what we last applied; with nothing applied yet, everything is the user's wish."""
    resolved = situation.status.resolved
    if resolved is None or resolved.power_state is None:
        return True
    match row.path:
        case "/powerState":
            return resolved.power_state != str(row.wanted)
        case "/tags" | "/metadata" if row.wanted is None:  # only what was ours is dropped
            return True
        case "/tags" | "/metadata":
            before = _last_applied(situation, MAPPINGS[row.path]) or {}
            return bool(before.get(row.key) != row.wanted)
        case disks.DATA | disks.ROOT_SIZE:
            return disks.by_user(situation, wanted, row)
        case "/classRef":
            return resolved.machine_class is None or resolved.machine_class.name != wanted.size_name
        case "/imageRef":
            return resolved.image is None or resolved.image.name != wanted.image_name
        case network.PATH:
            return network.changed_by_user(resolved, row)
        case path if path in made.PATHS:  # of what is not recorded nobody knows, and it is told as the user's
            return not made.known(situation, path) or made.changed(situation, wanted, path)
    return True


def _waits(situation: Situation, wanted: Wanted, row: Difference) -> WaitingFor | None:
    if row.path == "/powerState":  # a command, not a change of what the machine is
        return None
    if row.disruption is Disruption.REPLACE:
        return replaceable.waits(situation, wanted, row)
    if row.path == network.PATH and (row.key.endswith(f"/{network.PLUGGED}") or not _applied_once(situation)):
        return None if row.path in situation.backend.supported else WaitingFor.NOT_YET_SUPPORTED
    if row.path == disks.ROOT_SIZE and row.found is None:  # it was not made on a disk of its own
        return WaitingFor.NOT_YET_SUPPORTED
    if row.path in disks.PATHS and not _applied_once(situation):  # one that was there is attached once it is up
        return None if row.path in situation.backend.supported else WaitingFor.NOT_YET_SUPPORTED
    if row.disruption.weight > CEILING[situation.spec.update_policy.max_disruption].weight:
        return WaitingFor.MAX_DISRUPTION
    return None if row.path in situation.backend.supported else WaitingFor.NOT_YET_SUPPORTED


def _applied_once(situation: Situation) -> bool:
    """Until then it is still the machine's creation; one that was there before us was made by others."""
    if situation.trace.imported:
        return True
    resolved = situation.status.resolved
    return resolved is not None and resolved.power_state is not None


def _ignored(situation: Situation, row: Difference) -> bool:
    path = _spec_path(situation, row)
    return any(path == rule or path.startswith(rule + "/") for rule in situation.spec.drift_detection.ignore or ())


def _spec_path(situation: Situation, row: Difference) -> str:
    base = situation.backend.shape_paths.get(row.path, row.path)
    if base == "/classRef" and situation.spec.class_ref is None:
        base = "/resources" if situation.spec.resources else "/openstack/flavor"
    if row.path == "/zone" and situation.spec.failure_domain is not None:
        base = "/failureDomain"
    key = network.spec_path(row.key) if row.path == network.PATH else row.key
    return f"{base}/{key}" if key else base


def _pending_row(situation: Situation, wanted: Wanted, found: Found, row: Difference) -> PendingChange:
    return PendingChange(
        path=_spec_path(situation, row),
        from_=_found_word(situation, wanted, found, row),
        to=_word(wanted.display.get(row.path, row.wanted)),
        disruption=str(row.disruption),
        waiting_for=str(_waits(situation, wanted, row)),
    )


def _found_word(situation: Situation, wanted: Wanted, found: Found, row: Difference) -> str:
    """What people call the found value: the class or image last applied, unless somebody else changed it since."""
    resolved = situation.status.resolved
    if resolved is not None and _changed_by_user(situation, wanted, row):
        if row.path == "/classRef" and resolved.machine_class and resolved.machine_class.name:
            return resolved.machine_class.name
        if row.path == "/imageRef" and resolved.image and resolved.image.name:
            return resolved.image.name
    return found.size_name if row.path == "/classRef" and found.size_name else _word(row.found)


def _drift_row(situation: Situation, wanted: Wanted, row: Difference) -> DriftRow:
    path = _spec_path(situation, row)
    known = next((item for item in situation.status.drift or () if item.path == path), None)
    return DriftRow(
        path=path,
        wanted=_word(wanted.display.get(row.path, row.wanted)),
        found=_word(row.found),
        since=known.since if known else situation.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)[:1024]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)[:1024]
