"""Rows of a BMC as the kind knows them, pure."""

from collections.abc import Iterable

from hostwright.kinds.physicalmachine.port import DiskFound, FoundServer, Inspection, MediumFound, NicFound, Power
from hostwright.providers.redfish import rows
from hostwright.providers.redfish.plan import LIGHTS
from hostwright.providers.redfish.rows import Hardware, System

POWER = {
    rows.Power.ON: Power.ON,
    rows.Power.OFF: Power.OFF,
    rows.Power.POWERING_ON: Power.STARTING,
    rows.Power.POWERING_OFF: Power.STOPPING,
}
LOCATOR = {word: state for state, word in LIGHTS.items()}
BOOT_MODES = frozenset({"UEFI", "Legacy"})
WELL = frozenset({"", "OK"})
#: A boot target that only a BMC with UEFI HTTP boot offers (DSP0268, Boot.BootSource).
HTTP_BOOT = "UefiHttp"


def server(system: System) -> FoundServer:
    """What one read says; how the BMC answers is the inventory's."""
    mode = system.boot.mode
    return FoundServer(
        uuid=system.uuid,
        serial_number=system.serial_number,
        manufacturer=system.manufacturer,
        model=system.model,
        power=POWER.get(system.power, Power.UNKNOWN),
        soft_off=not system.reset_types or "GracefulShutdown" in system.reset_types,
        health=system.health,
        boot_mode=mode if mode in BOOT_MODES else "",
        locator=LOCATOR.get(system.indicator, ""),
    )


def inspection(hardware: Hardware, at: float) -> Inspection:
    system = hardware.system
    disks = unique(drive.id for drive in hardware.drives)
    nics = unique(nic.id for nic in hardware.nics)
    ill = [(f"disk {name}", drive.health) for name, drive in zip(disks, hardware.drives, strict=True)]
    ill += [(f"BMC {bmc.path.rpartition('/')[2]}", bmc.health) for bmc in hardware.bmcs]
    return Inspection(
        at=at,
        cpu=system.cpus,
        memory_mib=system.memory_mib,
        disks=tuple(
            DiskFound(name, drive.model, drive.serial_number, drive.size_bytes, drive.media, drive.protocol)
            for name, drive in zip(disks, hardware.drives, strict=True)
        ),
        nics=tuple(NicFound(name, nic.mac, nic.speed_mbps) for name, nic in zip(nics, hardware.nics, strict=True)),
        media=tuple(MediumFound(medium.id, medium.types) for medium in hardware.media),
        bmc_firmware=next((bmc.firmware for bmc in hardware.bmcs if bmc.firmware), ""),
        http_boot=HTTP_BOOT in system.boot.targets,
        bios_settings=system.bios_settings,
        degraded=tuple(f"{part}: {health}" for part, health in ill if health not in WELL),
        missing=hardware.missing,
    )


def unique(names: Iterable[str]) -> list[str]:
    """Two controllers may both have a disk 0: the second is called 0-2."""
    given: dict[str, None] = {}
    for name in names:
        free, number = name, 2
        while free in given:
            free, number = f"{name}-{number}", number + 1
        given[free] = None
    return list(given)
