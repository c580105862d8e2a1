"""PhysicalMachine as we report it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import ConditionModel, Text, Token, Words

Word = Annotated[str, StringConstraints(max_length=32)]
Name = Annotated[str, StringConstraints(max_length=255)]


class Identity(Words):
    """Which server it is: recorded at first contact, compared ever after."""

    uuid: Name | None = Field(default=None, description="The System's UUID, in small letters.")
    serial_number: Name | None = Field(default=None, description="Its serial number.")
    manufacturer: Name | None = Field(default=None, description="Who made it.")
    model: Name | None = Field(default=None, description="Its model.")
    bmc_firmware: Name | None = Field(default=None, description="Firmware version of its BMC, as last inspected.")


class VirtualMedium(Words):
    id: Name = Field(description="Its id on the BMC.")
    types: list[Word] = Field(default_factory=list, max_length=16, description="What it can stand for, such as CD.")


class Capabilities(Words):
    virtual_media: list[VirtualMedium] | None = Field(
        default=None,
        max_length=16,
        description="Drives that the BMC can lend to the server.",
        json_schema_extra={"x-list-map-key": "id"},
    )
    http_boot: bool | None = Field(default=None, description="Whether it can boot from an HTTP address.")
    bios_settings: bool | None = Field(default=None, description="Whether the BMC shows BIOS settings.")
    quirks: list[Name] | None = Field(
        default=None, max_length=16, description="What this BMC has a link to and does not show, such as disks."
    )


class Disk(Words):
    name: Name = Field(description="Its name or id on the BMC. The key of the list.")
    model: Name | None = Field(default=None, description="Its model.")
    serial_number: Name | None = Field(default=None, description="Its serial number.")
    size: Word | None = Field(default=None, description="Its size, such as 960Gi.")
    media: Word | None = Field(default=None, description="What it is, such as SSD or HDD.")
    protocol: Word | None = Field(default=None, description="How it is attached, such as NVMe.")


class Nic(Words):
    name: Name = Field(description="Its id on the BMC. The key of the list.")
    mac_address: Word | None = Field(default=None, description="Its MAC address, in small letters.")
    speed_mbps: int | None = Field(default=None, description="Speed of its link in Mbit/s.")


class Hardware(Words):
    cpu: int | None = Field(default=None, description="Number of logical processors.")
    memory: Word | None = Field(default=None, description="Memory, such as 512Gi.")
    disks: list[Disk] | None = Field(
        default=None, max_length=64, description="Disks, as inspected.", json_schema_extra={"x-list-map-key": "name"}
    )
    nics: list[Nic] | None = Field(
        default=None,
        max_length=64,
        description="Network cards, as inspected.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    digest: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="Changes when anything of the hardware does."
    )


class OperationModel(Words):
    id: Annotated[str, StringConstraints(max_length=64)] = Field(description="Names the operation in Events and logs.")
    type: Word = Field(description="PowerOn, PowerOff, Restart, ResetBMC, Inspect or Update.")
    attempt: int = Field(default=1, description="How often the same thing was tried.")
    expect: Annotated[str, StringConstraints(max_length=128)] = Field(
        default="",
        description="What is to come of the call: power/on, power/soft, power/hard, bmc/reset, inspection, locator or boot.",
    )
    started_at: Word | None = Field(default=None, description="When this attempt was announced, just before its call.")
    deadline: Word | None = Field(default=None, description="When the call is given up.")
    window_start: Word | None = Field(default=None, description="When the first attempt was announced.")
    task: Name | None = Field(default=None, description="The BMC's own task.")
    next_retry_at: Word | None = Field(default=None, description="The next attempt is not made before.")


class CredentialsStatus(Words):
    resource_version: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="resourceVersion of the Secret that was tried last."
    )
    rejected: int = Field(
        default=0,
        description="How often the BMC refused it. After two nothing is tried until it or requests.retry changes.",
    )


class Health(Words):
    rollup: Word | None = Field(default=None, description="OK, Warning or Critical, as the BMC says of the whole.")
    degraded: list[Name] | None = Field(default=None, max_length=64, description="Parts that are not OK.")


class LastError(Words):
    reason: Annotated[str, StringConstraints(max_length=64)] = Field(description="What happened, in one word.")
    code: Word | None = Field(default=None, description="The BMC's own code, such as 401.")
    message: Text = Field(
        default="", description="What happened, and what to do, in the BMC's own words where it has any."
    )
    request_id: Annotated[str, StringConstraints(max_length=128)] | None = Field(
        default=None, alias="requestID", description="The BMC's id of the request."
    )
    actor: Word = Field(description="Who must act: You, Platform or Wait (nobody).")
    at: Word = Field(description="When it first happened.")


class PhysicalMachineStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    machine_id: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, alias="machineID", description="The object's identity; equal to the annotation machine-id."
    )
    phase: Word | None = Field(default=None, description="A word for people; conditions are for programs.")
    power_state: Word | None = Field(default=None, description="Power as found: PoweredOn or PoweredOff.")
    identity: Identity | None = Field(default=None, description="Which server it is, recorded at first contact.")
    capabilities: Capabilities | None = Field(default=None, description="What the BMC can do, as inspected.")
    hardware: Hardware | None = Field(default=None, description="What is in the server, as inspected.")
    operation: OperationModel | None = Field(default=None, description="The call that is being made or verified.")
    handled: dict[Annotated[str, StringConstraints(max_length=64)], Token] | None = Field(
        default=None,
        max_length=16,
        description="One-shot requests acted on: restartedAt, the keys of spec.requests, and the claim's as claim.restartedAt of the claim claim.uid.",
    )
    credentials: CredentialsStatus | None = Field(default=None, description="The BMC's Secret in use.")
    health: Health | None = Field(default=None, description="What the BMC says of the hardware's health.")
    last_error: LastError | None = Field(default=None, description="The last failure and who must act.")
    conditions: list[ConditionModel] | None = Field(
        default=None, max_length=32, description="Conditions.", json_schema_extra={"x-list-map-key": "type"}
    )
