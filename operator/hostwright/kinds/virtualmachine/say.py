"""Conditions, phase and status fields of a VirtualMachine, from what was found and decided."""

from typing import Any

from hostwright.core.conditions import Said
from hostwright.core.errors import Failure
from hostwright.core.names import Condition, Phase, Reason
from hostwright.core.quantity import from_mebibytes
from hostwright.core.saying import WHO, again, failed, last_error, stamp, working
from hostwright.kinds.virtualmachine.port import Found, Life, Power, Wanted
from hostwright.kinds.virtualmachine.steady import Gap

__all__ = ["again", "failed", "last_error", "stamp", "working"]

_WORDS = {Power.ON: "running", Power.OFF: "powered off", Power.SUSPENDED: "suspended", None: "powered off"}


def found_status(found: Found) -> dict[str, Any]:
    """What a look shows, as status fields."""
    return {
        "powerState": str(found.shape.power) if found.shape.power else None,
        "providerID": found.provider_id or None,
        "addresses": [
            *({"type": "InternalIP", "address": address} for address in found.internal_addresses),
            *({"type": "ExternalIP", "address": address} for address in found.external_addresses),
        ]
        or None,
        "failureDomain": found.zone or None,
        "hardware": (
            {"cpu": found.cpu, "memory": from_mebibytes(found.memory_mib)} if found.cpu and found.memory_mib else None
        ),
        "interfaces": [
            {"name": item.name, "id": item.id, "macAddress": item.mac_address, "addresses": list(item.addresses)}
            for item in found.interfaces
        ]
        or None,
    }


def settled(wanted: Wanted, found: Found, gap: Gap) -> tuple[Said, ...]:
    """The machine is all that this generation asks and policy allows now."""
    word = _WORDS[found.shape.power]
    if gap.pending:
        waits = ", ".join(f"{row.path} ({row.waiting_for})" for row in gap.pending)
        ready = Said(Condition.READY, True, Reason.CHANGES_PENDING, f"{word}; changes wait: {waits}")
        current = Said(Condition.UP_TO_DATE, False, Reason.CHANGES_PENDING, f"waiting: {waits}")
    else:
        ready = Said(Condition.READY, True, Reason.SETTLED, word)
        current = Said(Condition.UP_TO_DATE, True, Reason.SETTLED)
    return (ready, current, *present(found), *drifted(gap), power_synced(wanted, found))


def unresolved(found: Found, failure: Failure) -> tuple[Said, ...]:
    """The machine is as it was; its spec names what is not there any more: nothing is left to do for this generation.

    So it is Ready and not Stalled; whether it is up to date cannot be said, and UpToDate says why.
    """
    word = _WORDS[found.shape.power]
    text = f"its spec cannot be compared with it: {failure.message} {WHO[failure.actor]}"
    return (
        Said(Condition.READY, True, Reason.SETTLED, f"{word}; {text}"),
        Said(Condition.UP_TO_DATE, None, failure.reason, text),
    )


def present(found: Found) -> tuple[Said, ...]:
    """Provisioned and NetworkReady of a machine that was seen at rest."""
    loose = [item.name for item in found.interfaces if not item.bound]
    network = (
        Said(Condition.NETWORK_READY, False, Reason.WAITING, f"not plugged in: {', '.join(loose)}")
        if loose
        else Said(Condition.NETWORK_READY, True, Reason.IN_SYNC)
    )
    return (Said(Condition.PROVISIONED, True, Reason.CREATED), network)


def power_synced(wanted: Wanted, found: Found) -> Said:
    """Of a machine whose power is left as it is."""
    if wanted.shape.power is None:
        return Said(Condition.POWER_STATE_SYNCED, True, Reason.UNMANAGED)
    if wanted.shape.power is found.shape.power:
        return Said(Condition.POWER_STATE_SYNCED, True, Reason.IN_SYNC)
    text = f"{found.shape.power} is found, {wanted.shape.power} is wanted, and the difference is left as it is"
    return Said(Condition.POWER_STATE_SYNCED, False, Reason.DRIFT_DETECTED, text)


def drifted(gap: Gap) -> tuple[Said, ...]:
    if not gap.drift:
        return ()
    paths = ", ".join(row.path for row in gap.drift)
    return (Said(Condition.DRIFTED, True, Reason.DRIFT_DETECTED, f"differs from what is written: {paths}"),)


def phase_of(found: Found) -> Phase:
    """For people."""
    if found.life is Life.FAILED:
        return Phase.FAILED
    if found.life in {Life.PARTIAL, Life.BUILDING}:
        return Phase.PROVISIONING
    if found.life is Life.DELETING:
        return Phase.UNKNOWN
    return Phase.RUNNING if found.shape.power is Power.ON else Phase.STOPPED
