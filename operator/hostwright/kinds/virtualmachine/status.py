"""VirtualMachine as we report it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import ConditionModel, Text, Token, Words


class AddressStatus(Words):
    type: Annotated[str, StringConstraints(max_length=16)]
    address: Annotated[str, StringConstraints(max_length=64)]


class Hardware(Words):
    cpu: int | None = None
    memory: Annotated[str, StringConstraints(max_length=32)] | None = None


class Named(Words):
    name: Annotated[str, StringConstraints(max_length=255)] | None = None
    id: Annotated[str, StringConstraints(max_length=255)] | None = None


class Resolved(Words):
    """What the spec resolved to, and every effective default."""

    provider: Annotated[str, StringConstraints(max_length=253)] | None = None
    machine_class: Named | None = Field(default=None, alias="class")
    image: Named | None = None
    hostname: Annotated[str, StringConstraints(max_length=63)] | None = None
    deletion_policy: Annotated[str, StringConstraints(max_length=16)] | None = None
    drift_detection: Annotated[str, StringConstraints(max_length=16)] | None = None
    power_state: Annotated[str, StringConstraints(max_length=16)] | None = None
    tags: dict[str, Annotated[str, StringConstraints(max_length=255)]] | None = Field(default=None, max_length=128)
    metadata: dict[str, Annotated[str, StringConstraints(max_length=255)]] | None = Field(default=None, max_length=128)


class InterfaceStatus(Words):
    name: Annotated[str, StringConstraints(max_length=63)]
    id: Annotated[str, StringConstraints(max_length=255)] | None = None
    mac_address: Annotated[str, StringConstraints(max_length=32)] | None = None
    addresses: list[Annotated[str, StringConstraints(max_length=64)]] = Field(default_factory=list, max_length=16)


class PendingChange(Words):
    path: Annotated[str, StringConstraints(max_length=320)]
    from_: Text = Field(default="", alias="from")
    to: Text = ""
    disruption: Annotated[str, StringConstraints(max_length=16)]
    waiting_for: Annotated[str, StringConstraints(max_length=32)]


class DriftRow(Words):
    path: Annotated[str, StringConstraints(max_length=320)]
    wanted: Text = ""
    found: Text = ""
    since: Annotated[str, StringConstraints(max_length=32)]


class WindowModel(Words):
    from_: Annotated[str, StringConstraints(max_length=32)] | None = Field(default=None, alias="from")
    to: Annotated[str, StringConstraints(max_length=32)] | None = None


class ResourceRow(Words):
    name: Annotated[str, StringConstraints(max_length=128)]
    id: Annotated[str, StringConstraints(max_length=255)]
    state: Annotated[str, StringConstraints(max_length=16)] = "Created"
    ownership: Annotated[str, StringConstraints(max_length=16)] = "Created"
    window: WindowModel | None = None


class OperationModel(Words):
    id: Annotated[str, StringConstraints(max_length=64)]
    type: Annotated[str, StringConstraints(max_length=16)]
    attempt: int = 1
    expect: Annotated[str, StringConstraints(max_length=512)] = ""
    started_at: Annotated[str, StringConstraints(max_length=32)] | None = None
    deadline: Annotated[str, StringConstraints(max_length=32)] | None = None
    window_start: Annotated[str, StringConstraints(max_length=32)] | None = None
    task: Annotated[str, StringConstraints(max_length=255)] | None = None
    next_retry_at: Annotated[str, StringConstraints(max_length=32)] | None = None


class LastError(Words):
    reason: Annotated[str, StringConstraints(max_length=64)]
    code: Annotated[str, StringConstraints(max_length=32)] | None = None
    message: Text = ""
    request_id: Annotated[str, StringConstraints(max_length=128)] | None = Field(default=None, alias="requestID")
    actor: Annotated[str, StringConstraints(max_length=16)]
    at: Annotated[str, StringConstraints(max_length=32)]


class VirtualMachineStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    machine_id: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, alias="machineID", description="The machine's identity; equal to the annotation machine-id."
    )
    phase: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        default=None, description="A word for people; conditions are for programs."
    )
    power_state: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        default=None, description="Power as found."
    )
    provider_id: Annotated[str, StringConstraints(max_length=512)] | None = Field(
        default=None, alias="providerID", description="The machine's id on the backend, as a URI."
    )
    addresses: list[AddressStatus] | None = Field(default=None, max_length=64, description="Addresses as found.")
    failure_domain: Annotated[str, StringConstraints(max_length=255)] | None = Field(
        default=None, description="Where it runs."
    )
    hardware: Hardware | None = Field(default=None, description="Size as found.")
    resolved: Resolved | None = Field(default=None, description="What names resolved to, and every effective default.")
    interfaces: list[InterfaceStatus] | None = Field(
        default=None, max_length=32, description="Interfaces as found.", json_schema_extra={"x-list-map-key": "name"}
    )
    pending_changes: list[PendingChange] | None = Field(
        default=None,
        max_length=64,
        description="Changes that wait, and for what.",
        json_schema_extra={"x-list-map-key": "path"},
    )
    drift: list[DriftRow] | None = Field(
        default=None,
        max_length=64,
        description="Differences found that were not made by us, under driftDetection Warn or ObserveOnly.",
        json_schema_extra={"x-list-map-key": "path"},
    )
    resources: list[ResourceRow] | None = Field(
        default=None,
        max_length=128,
        description="The ledger: everything made on the backend for this machine. Deletion goes by it.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    operation: OperationModel | None = Field(default=None, description="The call that is being made or verified.")
    handled: dict[Annotated[str, StringConstraints(max_length=64)], Token] | None = Field(
        default=None, max_length=16, description="One-shot requests acted on."
    )
    last_error: LastError | None = Field(default=None, description="The last failure and who must act.")
    conditions: list[ConditionModel] | None = Field(
        default=None, max_length=32, description="Conditions.", json_schema_extra={"x-list-map-key": "type"}
    )
