"""A machine that is there and at rest: what differs, what may be done about it, what waits and what is drift."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hostwright.core.drift import Difference, differences
from hostwright.core.names import WaitingFor
from hostwright.kinds.virtualmachine.port import Found, Power, Update, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import DriftRow, PendingChange
from hostwright.kinds.virtualmachine.values import CEILING, DriftMode

_MAPPINGS = {"/tags": "tags", "/metadata": "metadata"}


@dataclass(frozen=True, slots=True)
class Gap:
    """The differences between wanted and found, sorted by what happens to them."""

    power: Power | None = None  # to be switched to
    power_is_drift: bool = False
    update: Update | None = None
    corrected: tuple[Difference, ...] = ()  # drift among what `power` and `update` bring back
    pending: tuple[PendingChange, ...] = ()
    drift: tuple[DriftRow, ...] = ()


def assess(situation: Situation, wanted: Wanted, found: Found) -> Gap:
    """Sort every difference: changed by the user (act, or wait) or behind our back (act, report or ignore)."""
    act: list[Difference] = []
    corrected: list[Difference] = []
    pending: list[PendingChange] = []
    drift: list[DriftRow] = []
    for row in differences(wanted.shape, found.shape):
        by_user = _changed_by_user(situation, wanted, row)
        if not by_user and _ignored(situation, row):
            continue
        if situation.observe_only or (not by_user and situation.drift_mode is DriftMode.WARN):
            drift.append(_drift_row(situation, wanted, row))
        elif not by_user and situation.drift_mode is DriftMode.DISABLED:
            continue
        elif waits := _waits(situation, row):
            pending.append(_pending_row(situation, wanted, found, row, waits))
        else:
            act.append(row)
            if not by_user:
                corrected.append(row)
    return Gap(
        power=next((row.wanted for row in act if row.path == "/powerState"), None),
        power_is_drift=any(row.path == "/powerState" for row in corrected),
        update=_update(situation, wanted, found, act),
        corrected=tuple(corrected),
        pending=tuple(pending),
        drift=tuple(drift),
    )


def applied(wanted: Wanted, situation: Situation) -> dict[str, Any]:
    """What stands in status.resolved once the machine is as wanted: names, ids and every effective default."""
    shape = wanted.shape
    return {
        "class": {"name": wanted.size_name, "id": wanted.size_id},
        "image": {"name": wanted.image_name, "id": wanted.image_id},
        "provider": situation.spec.provider_ref.name,
        "hostname": wanted.hostname,
        "deletionPolicy": str(situation.deletion_policy),
        "driftDetection": str(situation.drift_mode),
        "powerState": str(shape.power) if shape.power else "Unmanaged",
        "tags": dict(shape.tags),
        "metadata": dict(shape.metadata),
    }


def _update(situation: Situation, wanted: Wanted, found: Found, act: Iterable[Difference]) -> Update | None:
    paths = tuple(sorted({row.path for row in act if row.path in _MAPPINGS}))
    drops = {} if situation.observe_only else {path: _dropped(situation, wanted, found, path) for path in _MAPPINGS}
    if situation.spec.update_policy.max_disruption.value == "None":
        drops = {}
    if not paths and not any(drops.values()):
        return None
    touched = tuple(sorted({*paths, *(path for path, keys in drops.items() if keys)}))
    return Update(paths=touched, drop_tags=drops.get("/tags", ()), drop_metadata=drops.get("/metadata", ()))


def _dropped(situation: Situation, wanted: Wanted, found: Found, path: str) -> tuple[str, ...]:
    """Keys that we set once, that are wanted no more and still there; what others added stays."""
    name = _MAPPINGS[path]
    before = _last_applied(situation, name) or {}
    now: Mapping[str, str] = getattr(wanted.shape, name)
    there: Mapping[str, str] = getattr(found.shape, name)
    return tuple(sorted(key for key in before if key not in now and there.get(key) == before[key]))


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
        case "/tags" | "/metadata":
            before = _last_applied(situation, _MAPPINGS[row.path]) or {}
            return bool(before.get(row.key) != row.wanted)
        case "/classRef":
            return resolved.machine_class is None or resolved.machine_class.name != wanted.size_name
        case "/imageRef":
            return resolved.image is None or resolved.image.name != wanted.image_name
    return True


def _waits(situation: Situation, row: Difference) -> WaitingFor | None:
    if row.path == "/powerState":  # a command, not a change of what the machine is
        return None
    if row.disruption.weight > CEILING[situation.spec.update_policy.max_disruption].weight:
        return WaitingFor.MAX_DISRUPTION
    return None if row.path in situation.backend.supported else WaitingFor.NOT_YET_SUPPORTED


def _ignored(situation: Situation, row: Difference) -> bool:
    path = _spec_path(situation, row)
    return any(path == rule or path.startswith(rule + "/") for rule in situation.spec.drift_detection.ignore or ())


def _spec_path(situation: Situation, row: Difference) -> str:
    base = situation.backend.shape_paths.get(row.path, row.path)
    if base == "/classRef" and situation.spec.class_ref is None:
        base = "/resources" if situation.spec.resources else "/openstack/flavor"
    return f"{base}/{row.key}" if row.key else base


def _pending_row(
    situation: Situation, wanted: Wanted, found: Found, row: Difference, waits: WaitingFor
) -> PendingChange:
    return PendingChange(
        path=_spec_path(situation, row)[:128],
        from_=_found_word(situation, found, row),
        to=_word(wanted.display.get(row.path, row.wanted)),
        disruption=str(row.disruption),
        waiting_for=str(waits),
    )


def _found_word(situation: Situation, found: Found, row: Difference) -> str:
    """What people call the found value: the class or image that was resolved, where that is still what is there."""
    resolved = situation.status.resolved
    if row.path == "/classRef" and resolved and resolved.machine_class and resolved.machine_class.name:
        return resolved.machine_class.name
    if row.path == "/imageRef" and resolved and resolved.image and resolved.image.name:
        return resolved.image.name
    return found.size_name if row.path == "/classRef" else _word(row.found)


def _drift_row(situation: Situation, wanted: Wanted, row: Difference) -> DriftRow:
    path = _spec_path(situation, row)[:128]
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
    return "" if value is None else str(value)[:1024]
