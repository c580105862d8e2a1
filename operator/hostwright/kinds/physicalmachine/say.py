"""Conditions, phase and status fields of a PhysicalMachine, from what was found."""

import hashlib
import json
from typing import Any

from hostwright.core.conditions import Said
from hostwright.core.names import Condition, Reason
from hostwright.core.port import OperationType
from hostwright.core.quantity import from_mebibytes
from hostwright.kinds.physicalmachine.port import FoundServer, Inspection, Power
from hostwright.kinds.physicalmachine.situation import Situation
from hostwright.kinds.physicalmachine.values import Phase

#: The schema's bounds.
PARTS, MEDIA, WORD = 64, 16, 32
_GIB = 1 << 30


def phase_of(situation: Situation) -> Phase:
    """Of a server that answers and is the right one; the first that fits (PROTOCOLS section 9)."""
    if situation.releasing:
        return Phase.RELEASING
    if situation.held:
        return Phase.HELD
    if situation.spec.maintenance.enabled or situation.at_work_on(OperationType.RESET_BMC):
        return Phase.SERVICING
    if inspection_due(situation):
        return Phase.INSPECTING
    return Phase.CLAIMED if situation.claim is not None else Phase.FREE


def inspection_due(situation: Situation) -> bool:
    return situation.status.hardware is None or situation.asked("inspect", situation.spec.requests.inspect)


def contact(found: FoundServer) -> tuple[Said, ...]:
    """Reachable and CredentialsValid."""
    failure = found.failure
    if failure is None:
        return (
            Said(Condition.REACHABLE, True, Reason.REACHABLE),
            Said(Condition.CREDENTIALS_VALID, True, Reason.VALID),
        )
    if found.rejected:
        return (
            Said(Condition.REACHABLE, True, Reason.REACHABLE),
            Said(Condition.CREDENTIALS_VALID, False, failure.reason, failure.message),
        )
    return (Said(Condition.REACHABLE, False, failure.reason, failure.message),)


def facts(situation: Situation, found: FoundServer) -> tuple[Said, ...]:
    """What is known of a server that answers and is the right one."""
    return (
        *contact(found),
        Said(Condition.IDENTITY_VERIFIED, True, Reason.IN_SYNC),
        _health(situation, found),
        _claimed(situation),
        *((Said(Condition.HELD, True, Reason.HELD, situation.held),) if situation.held else ()),
    )


def _health(situation: Situation, found: FoundServer) -> Said:
    if not found.health:
        return Said(Condition.HEALTHY, None, Reason.NOT_REPORTED, "the BMC does not say")
    if found.health == "OK":
        return Said(Condition.HEALTHY, True, Reason.HEALTHY)
    parts = degraded(situation, found)
    text = f"the BMC says {found.health}" + (f": {', '.join(parts)}" if parts else "")
    return Said(Condition.HEALTHY, False, Reason.DEGRADED, text)


def degraded(situation: Situation, found: FoundServer) -> list[str]:
    """As last inspected, by this process or one before."""
    if found.inspection is not None:
        return list(found.inspection.degraded[:PARTS])
    return list((situation.status.health.degraded or ()) if situation.status.health is not None else ())


def _claimed(situation: Situation) -> Said:
    ref = situation.spec.claim_ref
    if ref is None:
        return Said(Condition.CLAIMED, False, Reason.FREE, "no claim has it")
    who = f"{ref.namespace}/{ref.name}"
    if situation.releasing:
        return Said(Condition.CLAIMED, True, Reason.RELEASING, f"claim {who} lets it go; it is powered off first")
    if situation.held:
        return Said(Condition.CLAIMED, False, Reason.HELD, situation.held)
    return Said(Condition.CLAIMED, True, Reason.CLAIMED, f"by claim {who}")


def power_synced(situation: Situation, found: FoundServer) -> Said:
    """Of a server whose power is left as it is."""
    wish = situation.wish
    if wish is None:
        return Said(Condition.POWER_STATE_SYNCED, True, Reason.UNMANAGED)
    if wish is found.power:
        return Said(Condition.POWER_STATE_SYNCED, True, Reason.IN_SYNC)
    text = f"{found.power or 'nothing'} is found, {wish} is wanted, and the difference is left as it is"
    return Said(Condition.POWER_STATE_SYNCED, False, Reason.DRIFT_DETECTED, text)


def status_of(situation: Situation, found: FoundServer) -> dict[str, Any]:
    """What a look shows, as status fields; what the BMC does not say stays as it was recorded."""
    before = situation.status.identity
    seen = {
        "uuid": situation.uuid or found.uuid,
        "serialNumber": found.serial_number or (before.serial_number if before else ""),
        "manufacturer": found.manufacturer or (before.manufacturer if before else ""),
        "model": found.model or (before.model if before else ""),
        "bmcFirmware": (found.inspection.bmc_firmware if found.inspection else "")
        or ((before.bmc_firmware or "") if before else ""),
    }
    power = str(found.power) if found.power in {Power.ON, Power.OFF} else situation.status.power_state
    health = {"rollup": found.health[:WORD] or None, "degraded": degraded(situation, found) or None}
    return {
        "powerState": power,
        "identity": _known(seen),
        "health": _known(health) or None,
        "credentials": credentials(situation, found),
    }


def credentials(situation: Situation, found: FoundServer) -> dict[str, Any]:
    return _known({"resourceVersion": situation.secret_version, "rejected": found.rejected})


def inspected(inspection: Inspection) -> dict[str, Any]:
    """`status.hardware` and `status.capabilities`."""
    disks = [
        _known(
            {
                "name": disk.name,
                "model": disk.model,
                "serialNumber": disk.serial_number,
                "size": f"{disk.size_bytes // _GIB}Gi" if disk.size_bytes else None,
                "media": disk.media[:WORD],
                "protocol": disk.protocol[:WORD],
            }
        )
        for disk in inspection.disks[:PARTS]
    ]
    nics = [
        _known({"name": nic.name, "macAddress": nic.mac_address[:WORD], "speedMbps": nic.speed_mbps})
        for nic in inspection.nics[:PARTS]
    ]
    memory = from_mebibytes(inspection.memory_mib) if inspection.memory_mib else None
    hardware = _known({"cpu": inspection.cpu, "memory": memory, "disks": disks or None, "nics": nics or None})
    written = json.dumps(hardware, sort_keys=True).encode()
    media = [
        {"id": each.id, "types": [word[:WORD] for word in each.types[:MEDIA]]} for each in inspection.media[:MEDIA]
    ]
    capabilities = {
        "virtualMedia": media or None,
        "httpBoot": inspection.http_boot,
        "biosSettings": inspection.bios_settings,
        "quirks": [f"does not show: {part}" for part in inspection.missing[:MEDIA]] or None,
    }
    return {
        "hardware": {**hardware, "digest": hashlib.sha256(written).hexdigest()[:16]},
        "capabilities": _known(capabilities),
    }


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "")}
