"""VirtualMachine as users write it (spec) and as we report it (status)."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from hostwright.core.names import Disruption
from hostwright.core.resource import (
    BackendName,
    ConditionModel,
    Duration,
    Label,
    NameRef,
    Open,
    Quantity,
    SecretKeyRef,
    Text,
    Token,
    Words,
)

KIND = "VirtualMachine"
PLURAL = "virtualmachines"
SHORT = "hvm"

#: The API server's own ip() takes no zone id, no leading zero and no IPv4-mapped IPv6. Global unicast leaves out
#: unspecified, loopback, link-local, multicast and broadcast. One spelling only, because found addresses are compared as
#: text. An address equal to its masked prefix is the network's own.
Address = Annotated[
    str,
    StringConstraints(min_length=2, max_length=43),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "isCIDR(self) && cidr(self).ip().isGlobalUnicast() && string(cidr(self)) == self",
                    "message": "write a unicast address with its prefix length in the shortest form and lower case, such as 10.1.2.10/24 or fd00::10/64",
                },
                {
                    "rule": "!isCIDR(self) || (cidr(self).prefixLength() > 0 && (cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 31 : 127) || string(cidr(self).masked()) != self))",
                    "message": "this is the network itself, not an address in it, such as 10.1.2.10/24",
                },
            ]
        }
    ),
]
Mac = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$", max_length=17),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "self != '00:00:00:00:00:00'", "message": "the MAC address of zeros belongs to nobody"}
            ]
        }
    ),
]
SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}


def _between(least: str, most: str) -> dict[str, Any]:
    """CEL on a duration."""
    return {
        "x-kubernetes-validations": [
            {
                "rule": f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')",
                "message": f"write a duration between {least} and {most}, such as 90s or 10m",
            }
        ]
    }


TagKey = Annotated[
    str, StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]
TagValue = Annotated[str, StringConstraints(max_length=27, pattern=r"^[-A-Za-z0-9_.:@ ]*$")]
SshKey = Annotated[
    str,
    StringConstraints(
        min_length=40,
        max_length=8192,
        pattern=r"^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/=]+( [^\x00-\x1f\x7f]*)?$",
    ),
]


class PowerState(StrEnum):
    POWERED_ON = "PoweredOn"
    POWERED_OFF = "PoweredOff"
    UNMANAGED = "Unmanaged"


class PowerOffMode(StrEnum):
    TRY_SOFT = "TrySoft"


class ManagementPolicy(StrEnum):
    MANAGED = "Managed"
    OBSERVE_ONLY = "ObserveOnly"


class DeletionPolicy(StrEnum):
    DELETE = "Delete"
    RETAIN = "Retain"


class DriftMode(StrEnum):
    ENABLED = "Enabled"
    WARN = "Warn"
    DISABLED = "Disabled"


class MaxDisruption(StrEnum):
    NONE = "None"
    LIVE = "Live"


class Resources(Words):
    cpu: int = Field(ge=1, le=1024, description="Number of virtual CPUs.")
    memory: Quantity = Field(
        description="Memory, such as 512Mi or 16Gi.",
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "quantity(self).compareTo(quantity('16Mi')) >= 0 && quantity(self).compareTo(quantity('64Ti')) <= 0",
                    "message": "memory is between 16Mi and 64Ti",
                }
            ]
        },
    )


class Interface(Words):
    name: Label = Field(description="Name of the interface within the machine, such as eth0. The key of the list.")
    network_ref: NameRef = Field(description="A network in the Provider's catalog (its spec.networks).")
    addresses: list[Address] | None = Field(
        default=None,
        max_length=8,
        description="Fixed addresses with prefix length, such as 10.1.2.10/24. Empty: the network's own allocation. Used at creation.",
        json_schema_extra=SET,
    )
    mac_address: Mac | None = Field(
        default=None,
        description="A fixed unicast MAC address in lower case. Empty: chosen for the machine. Used at creation.",
    )
    security_groups: list[BackendName] | None = Field(
        default=None,
        max_length=32,
        description="Names of security groups. Empty: the backend's default. Used at creation.",
        json_schema_extra=SET,
    )


class Network(Words):
    hostname: Label | None = Field(
        default=None, description="Host name inside the guest. Default: metadata.name. Immutable."
    )
    interfaces: list[Interface] = Field(
        min_length=1,
        max_length=16,
        description="Network interfaces, in order. A change after creation waits in status.pendingChanges.",
        json_schema_extra={"x-list-map-key": "name"},
    )


class CloudInit(Words):
    user_data_ref: SecretKeyRef | None = Field(
        default=None,
        description="Secret key that holds cloud-init user data, passed on unread. Read when the machine is created; whoever names it must be allowed to get the Secret.",
    )
    ssh_authorized_keys: list[SshKey] | None = Field(
        default=None,
        max_length=64,
        description="Public keys for the image's default user, one line each. Used at creation.",
        json_schema_extra=SET,
    )


class Bootstrap(Words):
    cloud_init: CloudInit | None = Field(default=None, description="First-boot configuration by cloud-init.")


class UpdatePolicy(Words):
    max_disruption: MaxDisruption = Field(
        default=MaxDisruption.LIVE,
        description="The heaviest change made without asking: None (no change) or Live (nothing the guest notices). Heavier changes wait in status.pendingChanges.",
    )


class DriftDetection(Words):
    mode: DriftMode | None = Field(
        default=None,
        description="What is done when the machine was changed behind our back: Enabled corrects, Warn reports, Disabled ignores. Default: the Provider's, else Enabled.",
    )
    ignore: (
        list[Annotated[str, StringConstraints(min_length=2, max_length=128, pattern=r"^/[^\x00-\x1f\x7f]+$")]] | None
    ) = Field(
        default=None,
        max_length=32,
        description="Paths whose drift is neither corrected nor reported, such as /tags or /tags/owner.",
        json_schema_extra=SET,
    )


class Timeouts(Words):
    create: Duration = Field(
        default="20m",
        description="A build that takes longer is given up and made again.",
        json_schema_extra=_between("1s", "24h"),
    )
    power_off: Duration = Field(
        default="3m",
        description="A soft power-off that takes longer is reported.",
        json_schema_extra=_between("1s", "24h"),
    )
    delete: Duration = Field(
        default="15m",
        description="A deletion that takes longer is reported as Stalled and tried on.",
        json_schema_extra=_between("1s", "24h"),
    )


class VirtualMachineSpec(Open):
    provider_ref: NameRef = Field(description="The Provider that runs this machine. Immutable.")
    class_ref: NameRef | None = Field(
        default=None,
        description="A MachineClass: the size. Exactly one of classRef, resources or openstack.flavor. A change waits in status.pendingChanges.",
    )
    resources: Resources | None = Field(
        default=None,
        description="An exact size instead of a class. On OpenStack: the smallest flavor that has exactly this.",
    )
    image_ref: NameRef = Field(
        description="A MachineImage. What it resolved to at creation is pinned in status.resolved; a moved image changes nothing. A change waits in status.pendingChanges."
    )
    power_state: PowerState = Field(
        default=PowerState.POWERED_ON,
        description="PoweredOn, PoweredOff, or Unmanaged (left as found). A change is made at once.",
    )
    power_off_mode: PowerOffMode = Field(
        default=PowerOffMode.TRY_SOFT, description="TrySoft asks the guest first and then switches off."
    )
    restarted_at: Token | None = Field(
        default=None,
        description="Any new value, usually the time, restarts the machine once. The value present at creation is only recorded.",
    )
    network: Network = Field(description="Host name and interfaces.")
    bootstrap: Bootstrap | None = Field(
        default=None, description="What the guest does at its first boot. Read at creation only."
    )
    tags: dict[TagKey, TagValue] | None = Field(
        default=None,
        max_length=40,
        description="Tags on the backend's machine. A change is made live. Tags that others set stay.",
    )
    update_policy: UpdatePolicy = Field(default=UpdatePolicy(), description="How heavy a change may be without asking.")
    management_policy: ManagementPolicy = Field(
        default=ManagementPolicy.MANAGED,
        description="Managed, or ObserveOnly: the machine is looked at and reported on, and never changed or deleted.",
    )
    deletion_policy: DeletionPolicy | None = Field(
        default=None,
        description="What deleting this object does: Delete (the default) removes the machine, Retain leaves it running without our marks.",
    )
    deletion_protection: bool = Field(
        default=False, description="While true the API server refuses to delete this object."
    )
    drift_detection: DriftDetection = Field(
        default=DriftDetection(), description="What is done about changes made behind our back."
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="How long each thing may take before it is reported.")


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
    path: Annotated[str, StringConstraints(max_length=128)]
    from_: Text = Field(default="", alias="from")
    to: Text = ""
    disruption: Annotated[str, StringConstraints(max_length=16)]
    waiting_for: Annotated[str, StringConstraints(max_length=32)]


class DriftRow(Words):
    path: Annotated[str, StringConstraints(max_length=128)]
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


#: Printer columns: (name, JSON path, type, priority); priority 1 shows with -o wide.
COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string", 0),
    ("Status", ".status.phase", "string", 0),
    ("Power", ".status.powerState", "string", 0),
    ("Class", ".status.resolved.class.name", "string", 0),
    ("IP", '.status.addresses[?(@.type=="InternalIP")].address', "string", 0),
    ("Provider", ".spec.providerRef.name", "string", 0),
    ("Up-To-Date", '.status.conditions[?(@.type=="UpToDate")].status', "string", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("Image", ".spec.imageRef.name", "string", 1),
    ("Zone", ".status.failureDomain", "string", 1),
    ("External-IP", '.status.addresses[?(@.type=="ExternalIP")].address', "string", 1),
    ("Provider-ID", ".status.providerID", "string", 1),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
)

#: CEL at the root of spec: (rule, message). What names `oldSelf` is an immutability rule, written at the parent so that
#: remove-then-add does not evade it.
SPEC_RULES: tuple[tuple[str, str], ...] = (
    (
        "self.providerRef == oldSelf.providerRef",
        "providerRef is immutable: delete the machine and create it on the other Provider",
    ),
    (
        "has(self.network.hostname) == has(oldSelf.network.hostname) && (!has(self.network.hostname) || self.network.hostname == oldSelf.network.hostname)",
        "network.hostname is immutable",
    ),
    (
        "self.network.interfaces.all(i, !has(i.macAddress) || self.network.interfaces.filter(j, has(j.macAddress) && j.macAddress == i.macAddress).size() == 1)",
        "two interfaces have the same macAddress",
    ),
)
#: CEL at the root of the object.
OBJECT_RULES: tuple[tuple[str, str], ...] = (
    (
        "has(self.spec.network.hostname) || (size(self.metadata.name) <= 63 && !self.metadata.name.contains('.'))",
        "metadata.name is the host name too, so it has at most 63 characters and no dots; or set spec.network.hostname",
    ),
)

#: Spec paths of the whole kind that differ from MachineShape's own paths are mapped here for messages.
Raw = dict[str, Any]

CEILING: dict[MaxDisruption, Disruption] = {MaxDisruption.NONE: Disruption.NONE, MaxDisruption.LIVE: Disruption.LIVE}
