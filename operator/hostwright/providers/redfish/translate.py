"""Redfish documents to rows, pure. Anything may be missing, null or of another type: then the row does not know."""

import json
from collections.abc import Mapping
from typing import Any

from hostwright.providers.redfish.rows import Bmc, Boot, Drive, Medium, Nic, Power, Refused, System

Document = Mapping[str, Any]
MIB_PER_GIB = 1024
LIMIT = 256


def part(document: Document, key: str) -> Document:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def text(document: Document, key: str) -> str:
    """Cut to what a status takes."""
    value = document.get(key)
    return value.strip()[:LIMIT] if isinstance(value, str) else ""


def number(document: Document, key: str) -> float | None:
    value = document.get(key)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if usable else None


def whole(document: Document, key: str) -> int | None:
    value = number(document, key)
    return None if value is None else int(value)


def texts(document: Document, key: str) -> tuple[str, ...]:
    value = document.get(key)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def path_of(document: Document, key: str) -> str:
    """Where a link leads."""
    value = part(document, key).get("@odata.id")
    return value if isinstance(value, str) else ""


def members(document: Document, key: str = "Members") -> tuple[str, ...]:
    """Where all links of a list lead."""
    value = document.get(key)
    links = [each.get("@odata.id") for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return tuple(link for link in links if isinstance(link, str))


def system(path: str, document: Document) -> System:
    reset = part(part(document, "Actions"), "#ComputerSystem.Reset")
    memory = number(part(document, "MemorySummary"), "TotalSystemMemoryGiB")
    processors = part(document, "ProcessorSummary")
    links = part(document, "Links")
    return System(
        path=path,
        uuid=text(document, "UUID").lower(),
        serial_number=text(document, "SerialNumber"),
        manufacturer=text(document, "Manufacturer"),
        model=text(document, "Model"),
        bios_version=text(document, "BiosVersion"),
        power=power(text(document, "PowerState")),
        health=health(document),
        state=text(part(document, "Status"), "State"),
        cpus=_cpus(processors),
        memory_mib=None if memory is None else round(memory * MIB_PER_GIB),
        indicator=text(document, "IndicatorLED"),
        boot=boot(part(document, "Boot")),
        reset_target=text(reset, "target"),
        reset_types=texts(reset, "ResetType@Redfish.AllowableValues"),
        bios_settings=bool(path_of(document, "Bios")),
        managers=members(links, "ManagedBy"),
        nics=path_of(document, "EthernetInterfaces"),
        storage=path_of(document, "Storage"),
        virtual_media=path_of(document, "VirtualMedia"),
    )


def _cpus(summary: Document) -> int | None:
    """What runs at once, where the BMC counts it; `Count` is of packages on real servers."""
    for key in ("LogicalProcessorCount", "CoreCount", "Count"):
        counted = whole(summary, key)
        if counted is not None:
            return counted
    return None


def power(word: str) -> Power:
    return Power(word) if word in set(Power) else Power.UNKNOWN


def health(document: Document) -> str:
    """Of the whole, else of the thing itself; spelt with a small u by some (DSP0268 has HealthRollup)."""
    status = part(document, "Status")
    return text(status, "HealthRollup") or text(status, "HealthRollUp") or text(status, "Health")


def boot(document: Document) -> Boot:
    return Boot(
        target=text(document, "BootSourceOverrideTarget"),
        enabled=text(document, "BootSourceOverrideEnabled"),
        mode=text(document, "BootSourceOverrideMode"),
        targets=texts(document, "BootSourceOverrideTarget@Redfish.AllowableValues"),
    )


def bmc(path: str, document: Document) -> Bmc:
    reset = part(part(document, "Actions"), "#Manager.Reset")
    return Bmc(
        path=path,
        firmware=text(document, "FirmwareVersion"),
        model=text(document, "Model"),
        health=health(document),
        virtual_media=path_of(document, "VirtualMedia"),
        reset_target=text(reset, "target"),
        reset_types=texts(reset, "ResetType@Redfish.AllowableValues"),
    )


def drive(path: str, document: Document) -> Drive:
    return Drive(
        id=text(document, "Id") or path.rpartition("/")[2],
        name=text(document, "Name"),
        model=text(document, "Model"),
        serial_number=text(document, "SerialNumber"),
        size_bytes=whole(document, "CapacityBytes"),
        media=text(document, "MediaType"),
        protocol=text(document, "Protocol"),
        health=health(document),
    )


def nic(path: str, document: Document) -> Nic:
    return Nic(
        id=text(document, "Id") or path.rpartition("/")[2],
        mac=(text(document, "PermanentMACAddress") or text(document, "MACAddress")).lower(),
        link=text(document, "LinkStatus"),
        speed_mbps=whole(document, "SpeedMbps"),
    )


def medium(path: str, document: Document) -> Medium:
    """`NotConnected` is an empty drive, whatever else is said of it."""
    connected = text(document, "ConnectedVia") != "NotConnected"
    return Medium(
        id=text(document, "Id") or path.rpartition("/")[2],
        types=texts(document, "MediaTypes"),
        image=text(document, "Image") if connected else "",
        inserted=connected and document.get("Inserted") is True,
    )


def refusal(status: int, body: bytes, retry_after: str | None) -> Refused:
    """The most telling message of an error (DSP0266 section 8.6); a body may be anything."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = {}
    error = part(document if isinstance(document, dict) else {}, "error")
    info = error.get("@Message.ExtendedInfo")
    messages = (
        [each for each in info if isinstance(each, dict)]
        if isinstance(info, list)
        else [part(error, "@Message.ExtendedInfo")]
    )
    worst = sorted(messages, key=lambda each: {"Critical": 0, "Warning": 1}.get(text(each, "Severity"), 2))
    code = next((text(each, "MessageId") for each in worst if text(each, "MessageId")), text(error, "code"))
    said = next((text(each, "Message") for each in worst if text(each, "Message")), text(error, "message"))
    after = float(retry_after) if retry_after and retry_after.isdigit() else None
    return Refused(status, code.rpartition(".")[2], said or "the BMC does not say why", after)
