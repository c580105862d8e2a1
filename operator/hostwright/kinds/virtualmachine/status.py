"""VirtualMachine as we report it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import ConditionModel, Text, Token, Words

Word = Annotated[str, StringConstraints(max_length=32)]
Name = Annotated[str, StringConstraints(max_length=255)]
Path = Annotated[str, StringConstraints(max_length=320)]


class AddressStatus(Words):
    type: Word = Field(description="InternalIP (on one of the machine's networks) or ExternalIP (a floating one).")
    address: Annotated[str, StringConstraints(max_length=64)] = Field(description="The address, without prefix length.")


class Hardware(Words):
    cpu: int | None = Field(default=None, description="Number of virtual CPUs.")
    memory: Word | None = Field(default=None, description="Memory, such as 16Gi.")


class Named(Words):
    name: Name | None = Field(default=None, description="The name that the spec used.")
    id: Name | None = Field(default=None, description="Its id on the backend.")


class AppliedInterface(Words):
    """What an interface was asked to be when it was applied last; empty: what the backend chose."""

    name: Annotated[str, StringConstraints(max_length=63)] = Field(description="Its name in the spec.")
    network: Name | None = Field(default=None, description="Its network's id on the backend.")
    addresses: list[Annotated[str, StringConstraints(max_length=64)]] | None = Field(
        default=None, max_length=16, description="Fixed addresses, without prefix length."
    )
    mac_address: Word | None = Field(default=None, description="The MAC address that the spec names.")
    security_groups: list[Name] | None = Field(
        default=None, max_length=64, description="Ids of the security groups that the spec names."
    )
    floating_pool: Name | None = Field(
        default=None, alias="floatingPool", description="Id of the network that its floating IP is taken from."
    )
    floating_address: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="Its floating IP, where the spec names one."
    )


class Resolved(Words):
    """What the spec resolved to, and every effective default."""

    provider: Name | None = Field(default=None, description="The Provider that runs the machine.")
    machine_class: Named | None = Field(default=None, alias="class", description="The size it was made with.")
    image: Named | None = Field(
        default=None, description="The image it was made from; pinned, a moved name is ignored."
    )
    hostname: Annotated[str, StringConstraints(max_length=63)] | None = Field(
        default=None, description="Host name inside the guest."
    )
    deletion_policy: Word | None = Field(default=None, description="What deleting the object does: Delete or Retain.")
    drift_detection: Word | None = Field(default=None, description="Enabled, Warn or Disabled.")
    bootstrap: Word | None = Field(
        default=None,
        description="A digest of the userDataRef and the sshAuthorizedKeys that the machine was made or rebuilt with.",
    )
    made_with: dict[str, Path] | None = Field(
        default=None,
        max_length=16,
        description="What only another machine can have, such as a key pair or a group: as the spec said it when the machine was made, or last at rest so. Empty: it differed before this was recorded.",
    )
    power_state: Word | None = Field(default=None, description="The power state last applied, or Unmanaged.")
    tags: dict[str, Name] | None = Field(
        default=None, max_length=128, description="The tags last applied, the Provider's defaults included."
    )
    metadata: dict[str, Name] | None = Field(
        default=None, max_length=128, description="The backend's metadata last applied."
    )
    sent: dict[str, Name] | None = Field(
        default=None, max_length=128, description="Tags and metadata that are being set, by their path."
    )
    interfaces: list[AppliedInterface] | None = Field(
        default=None,
        max_length=32,
        description="The interfaces last applied.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    disks: dict[str, Name] | None = Field(
        default=None, max_length=32, description="Each disk's size last applied, or the id of one that was there."
    )


class InterfaceStatus(Words):
    name: Annotated[str, StringConstraints(max_length=63)] = Field(description="Its name in the spec.")
    id: Name | None = Field(default=None, description="Its id on the backend.")
    mac_address: Word | None = Field(default=None, description="Its MAC address.")
    addresses: list[Annotated[str, StringConstraints(max_length=64)]] = Field(
        default_factory=list, max_length=16, description="Its fixed addresses."
    )


class DiskStatus(Words):
    name: Annotated[str, StringConstraints(max_length=63)] = Field(
        description="Its name in the spec; root: the root disk."
    )
    id: Name | None = Field(default=None, description="Its id on the backend.")
    size: Word | None = Field(default=None, description="Its size, such as 200Gi.")
    attached: bool = Field(default=False, description="Whether it is attached to the machine.")
    when_detached: Word | None = Field(default=None, description="What becomes of it when it leaves the spec.")
    when_deleted: Word | None = Field(default=None, description="What becomes of it when the machine is deleted.")


class PendingChange(Words):
    path: Path = Field(description="Where it stands in the spec, such as /classRef or /tags/owner.")
    from_: Text = Field(default="", alias="from", description="What the machine has now.")
    to: Text = Field(default="", description="What the spec asks for; empty: that it be removed.")
    disruption: Word = Field(description="What the change would do to the machine: Live, Restart, Rebuild or Replace.")
    waiting_for: Word = Field(
        description="MaxDisruption: until spec.updatePolicy.maxDisruption allows it. NotYetSupported: for a later version. SpecChange: it is no change of the spec, and no machine is replaced for anything else. DoNotDisrupt: until the annotation do-not-disrupt is gone."
    )


class DriftRow(Words):
    path: Path = Field(description="Where it stands in the spec, such as /powerState or /tags/owner.")
    wanted: Text = Field(default="", description="What the spec asks for.")
    found: Text = Field(default="", description="What the machine has; empty: nothing.")
    since: Word = Field(description="When the difference was first seen.")


class WindowModel(Words):
    from_: Word | None = Field(default=None, alias="from", description="Just before the first attempt.")
    to: Word | None = Field(default=None, description="Just after the last attempt.")


class ResourceRow(Words):
    name: Annotated[str, StringConstraints(max_length=128)] = Field(
        description="What it is to the machine: server, port/<interface>, floatingip/<interface>, volume/<disk>, or extra/<id> for a duplicate that is deleted."
    )
    id: Name = Field(description="Its id on the backend.")
    state: Word = Field(default="Created", description="Created, or Deleting: its deletion was sent.")
    ownership: Word = Field(
        default="Created", description="Created (by Hostwright), Adopted (by import) or Referenced (never deleted)."
    )
    window: WindowModel | None = Field(default=None, description="When it was made, by the operator's clock.")


class OperationModel(Words):
    id: Annotated[str, StringConstraints(max_length=64)] = Field(description="Names the operation in Events and logs.")
    type: Word = Field(description="Create, SetPower, Restart, Resize, Rebuild, Replace, Update or Delete.")
    attempt: int = Field(default=1, description="How often the same thing was tried.")
    expect: Annotated[str, StringConstraints(max_length=512)] = Field(
        default="",
        description="What is to come of the call, such as port/eth0, server or size/<size>; on vSphere the machine's full path.",
    )
    started_at: Word | None = Field(default=None, description="When this attempt was announced, just before its call.")
    deadline: Word | None = Field(default=None, description="When the call is given up.")
    window_start: Word | None = Field(default=None, description="When the first attempt was announced.")
    task: Name | None = Field(default=None, description="The backend's own task, which goes on by itself.")
    next_retry_at: Word | None = Field(default=None, description="The next attempt is not made before.")


class LastError(Words):
    reason: Annotated[str, StringConstraints(max_length=64)] = Field(description="What happened, in one word.")
    code: Word | None = Field(default=None, description="The backend's own code, such as 403.")
    message: Text = Field(
        default="", description="What happened, and what to do, in the backend's own words where it has any."
    )
    request_id: Annotated[str, StringConstraints(max_length=128)] | None = Field(
        default=None, alias="requestID", description="The backend's id of the request, for whoever runs it."
    )
    actor: Word = Field(description="Who must act: You, Platform or Wait (nobody).")
    at: Word = Field(description="When it first happened.")


class VirtualMachineStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    machine_id: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, alias="machineID", description="The machine's identity; equal to the annotation machine-id."
    )
    phase: Word | None = Field(default=None, description="A word for people; conditions are for programs.")
    power_state: Word | None = Field(default=None, description="Power as found.")
    expires_at: Word | None = Field(default=None, description="When the object is deleted by itself (expireAfter).")
    provider_id: Annotated[str, StringConstraints(max_length=512)] | None = Field(
        default=None, alias="providerID", description="The machine's id on the backend, as a URI."
    )
    addresses: list[AddressStatus] | None = Field(default=None, max_length=64, description="Addresses as found.")
    failure_domain: Name | None = Field(default=None, description="Where it runs.")
    hardware: Hardware | None = Field(default=None, description="Size as found.")
    resolved: Resolved | None = Field(default=None, description="What names resolved to, and every effective default.")
    interfaces: list[InterfaceStatus] | None = Field(
        default=None, max_length=32, description="Interfaces as found.", json_schema_extra={"x-list-map-key": "name"}
    )
    disks: list[DiskStatus] | None = Field(
        default=None, max_length=64, description="Disks as found.", json_schema_extra={"x-list-map-key": "name"}
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
