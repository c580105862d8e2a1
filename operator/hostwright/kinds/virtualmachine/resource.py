"""VirtualMachine as users write it, its printer columns and rules; the status stands in status.py."""

from pydantic import ConfigDict, Field

from hostwright.core.resource import (
    BackendName,
    Duration,
    Label,
    NameRef,
    Open,
    Quantity,
    SecretKeyRef,
    Token,
    Words,
)
from hostwright.kinds.virtualmachine.importing import Import
from hostwright.kinds.virtualmachine.placement import Placement
from hostwright.kinds.virtualmachine.readiness import Readiness
from hostwright.kinds.virtualmachine.status import VirtualMachineStatus
from hostwright.kinds.virtualmachine.storage import DISK_RULES, MOST_DISKS, DataDisk, RootDisk
from hostwright.kinds.virtualmachine.values import (
    IP,
    NEVER,
    SET,
    Address,
    DeletionPolicy,
    DriftMode,
    Hostname,
    IgnoredPath,
    LabelTag,
    Lifetime,
    Mac,
    ManagementPolicy,
    MaxDisruption,
    OnBootstrapChange,
    OnExternalDeletion,
    PowerOffMode,
    PowerState,
    SshKey,
    TagKey,
    TagValue,
    between,
)

__all__ = ["DriftMode", "Interface", "PowerOffMode", "PowerState", "VirtualMachineSpec", "VirtualMachineStatus"]

KIND = "VirtualMachine"
PLURAL = "virtualmachines"
SHORT = "hvm"


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


class FloatingIP(Words):
    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "has(self.pool) != has(self.address)", "message": "set exactly one of pool and address"}
            ]
        }
    )

    pool: BackendName | None = Field(
        default=None,
        description="Take one from this external network: a name in the Provider's catalog, else OpenStack's own name. It is deleted with the interface.",
    )
    address: IP | None = Field(
        default=None,
        description="Or one that the project has, such as 203.0.113.7. It is never deleted, and not taken from another port.",
    )


class Interface(Words):
    name: Label = Field(description="Name of the interface within the machine, such as eth0. The key of the list.")
    network_ref: NameRef = Field(
        description="A network in the Provider's catalog (its spec.networks). A change unplugs the interface and makes a new one."
    )
    addresses: list[Address] | None = Field(
        default=None,
        max_length=8,
        description="Fixed addresses with prefix length, such as 10.1.2.10/24. Empty: the network's own allocation; emptied later, those it has stay. A change is made live.",
        json_schema_extra=SET,
    )
    mac_address: Mac | None = Field(
        default=None,
        description="A fixed unicast MAC address in lower case. Empty: chosen for the machine; emptied later, the one it has stays. A change unplugs the interface and makes a new one.",
    )
    security_groups: list[BackendName] | None = Field(
        default=None,
        max_length=32,
        description="Names of security groups. Empty: the backend's default. A change is made live.",
        json_schema_extra=SET,
    )
    floating_ip: FloatingIP | None = Field(
        default=None,
        alias="floatingIP",
        description="An address of the outside world for the first fixed one, on OpenStack. A change is made live.",
    )


class Network(Words):
    hostname: Hostname | None = Field(
        default=None,
        description="Host name inside the guest, of 2 to 63 characters. Default: metadata.name. Immutable.",
    )
    interfaces: list[Interface] = Field(
        min_length=1,
        max_length=16,
        description="Network interfaces, in the guest's order at creation. Added, changed and removed live on OpenStack; elsewhere a change after creation waits in status.pendingChanges.",
        json_schema_extra={"x-list-map-key": "name"},
    )


class CloudInit(Words):
    user_data_ref: SecretKeyRef | None = Field(
        default=None,
        description="Secret key that holds cloud-init user data, passed on unread. Read when the machine is created, rebuilt or replaced; whoever names it must be allowed to get the Secret.",
    )
    ssh_authorized_keys: list[SshKey] | None = Field(
        default=None,
        max_length=64,
        description="Public keys for the image's default user, one line each. Used at creation, and at a rebuild.",
        json_schema_extra=SET,
    )


class Bootstrap(Words):
    cloud_init: CloudInit | None = Field(default=None, description="First-boot configuration by cloud-init.")
    on_change: OnBootstrapChange = Field(
        default=OnBootstrapChange.IGNORE,
        description="What another userDataRef or sshAuthorizedKeys does to a machine that exists: Ignore, Rebuild (its root disk is made anew) or Replace (another machine is made in its place), as updatePolicy.maxDisruption allows. The Secret's content alone never does anything.",
    )


class UpdatePolicy(Words):
    max_disruption: MaxDisruption = Field(
        default=MaxDisruption.LIVE,
        description="The heaviest change made without asking: None (no change), Live (nothing the guest notices), Restart (it may go down and come up again: a resize), Rebuild (its root disk may be made anew from the image) or Replace (it may be deleted and made anew under the same name, with its interfaces, addresses and dataDisks; never for drift). Heavier changes wait in status.pendingChanges.",
    )


class DriftDetection(Words):
    mode: DriftMode | None = Field(
        default=None,
        description="What is done when the machine was changed behind our back: Enabled corrects, Warn reports, Disabled ignores. Default: the Provider's, else Enabled.",
    )
    ignore: list[IgnoredPath] | None = Field(
        default=None,
        max_length=32,
        description="Paths whose drift is neither corrected nor reported, such as /tags or /tags/owner.",
        json_schema_extra=SET,
    )


class Timeouts(Words):
    create: Duration = Field(
        default="20m",
        description="A build that takes longer is given up and made again.",
        json_schema_extra=between("1s", "24h"),
    )
    power_off: Duration = Field(
        default="3m",
        description="A soft power-off that takes longer is reported.",
        json_schema_extra=between("1s", "24h"),
    )
    resize: Duration = Field(
        default="20m",
        description="A resize, a rebuild, or what the backend does with a disk, that takes longer is reported as Stalled and waited for.",
        json_schema_extra=between("1s", "24h"),
    )
    delete: Duration = Field(
        default="15m",
        description="A deletion that takes longer is reported as Stalled and tried on.",
        json_schema_extra=between("1s", "24h"),
    )


class VirtualMachineSpec(Open):
    provider_ref: NameRef = Field(description="The Provider that runs this machine. Immutable.")
    failure_domain: Label | None = Field(
        default=None,
        description="A failure domain of the Provider (its spec.failureDomains), on OpenStack and vSphere. Default: where the Provider says, or the backend's scheduler. A change is of class Replace: on OpenStack another machine is made in the place of this one where updatePolicy.maxDisruption allows it; elsewhere it waits in status.pendingChanges.",
    )
    class_ref: NameRef | None = Field(
        default=None,
        description="A MachineClass: the size. Exactly one of classRef, resources or openstack.flavor. A change is a resize, of class Restart: it waits in status.pendingChanges until updatePolicy.maxDisruption allows it.",
    )
    resources: Resources | None = Field(
        default=None,
        description="An exact size instead of a class. On OpenStack: the smallest flavor that has exactly this.",
    )
    image_ref: NameRef = Field(
        description="A MachineImage. What it resolved to at creation, or at the last rebuild, is pinned in status.resolved; a moved image changes nothing. A change is a rebuild: it waits in status.pendingChanges until updatePolicy.maxDisruption allows it."
    )
    power_state: PowerState = Field(
        default=PowerState.POWERED_ON,
        description="PoweredOn, PoweredOff, Suspended (on OpenStack: off, with its memory kept), or Unmanaged (left as found). A change is made at once.",
    )
    power_off_mode: PowerOffMode = Field(
        default=PowerOffMode.TRY_SOFT,
        description="TrySoft asks the guest, and switches off when it is not down after timeouts.powerOff. Soft only asks, Hard only switches off: both on vSphere only.",
    )
    restarted_at: Token | None = Field(
        default=None,
        description="Any new value, usually the time, restarts the machine once. The value present at creation is only recorded.",
    )
    rebuild_token: Token | None = Field(
        default=None,
        description="Any new value makes the root disk anew from the image that status.resolved names, once; name, addresses and all else stay. Of class Rebuild. The value present at creation is only recorded.",
    )
    root_disk: RootDisk | None = Field(
        default=None,
        description="The root disk as a volume of its own, made from the image. Default: the backend's own disk, as large as the size says.",
    )
    data_disks: list[DataDisk] | None = Field(
        default=None,
        max_length=MOST_DISKS,
        description="More disks, in order. Added, grown and removed live.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    network: Network = Field(description="Host name and interfaces.")
    placement: Placement | None = Field(default=None, description="Where the machine stands to others.")
    bootstrap: Bootstrap | None = Field(
        default=None, description="What the guest does at its first boot. Read at creation, and at a rebuild."
    )
    tags: dict[TagKey, TagValue] | None = Field(
        default=None,
        max_length=40,
        description="Tags on the backend's machine. A change is made live. Tags that others set stay.",
    )
    propagate_labels: list[LabelTag] | None = Field(
        default=None,
        max_length=16,
        description="Keys of this object's labels that the machine bears as tags, such as team. A change of a label, or of this list, is made live. Where tags has the key too, tags counts.",
        json_schema_extra=SET,
    )
    update_policy: UpdatePolicy = Field(default=UpdatePolicy(), description="How heavy a change may be without asking.")
    management_policy: ManagementPolicy = Field(
        default=ManagementPolicy.MANAGED,
        description="Managed, or ObserveOnly: the machine is looked at and reported on, and never changed or deleted.",
    )
    import_: Import | None = Field(
        default=None,
        alias="import",
        description="A machine that is there already and becomes this object's, on OpenStack. Immutable once it is bound. Whoever writes it needs the verb import on virtualmachines.",
    )
    deletion_policy: DeletionPolicy | None = Field(
        default=None,
        description="What deleting this object does: Delete removes the machine, Retain leaves it running without our marks. Default: Delete, and Retain with import.",
    )
    deletion_protection: bool = Field(
        default=False,
        description="While true the API server refuses to delete this object, and no other machine is made in the place of its one.",
    )
    drift_detection: DriftDetection = Field(
        default=DriftDetection(), description="What is done about changes made behind our back."
    )
    on_external_deletion: OnExternalDeletion = Field(
        default=OnExternalDeletion.REPORT,
        description="What is done when somebody else deleted the machine on the backend: Report (the default) tells it, Recreate makes it again under the same identity, once the backend has confirmed that it is gone. Ports and disks that are left are used again; a root disk that went with the machine is new, from the image as its name resolves then.",
    )
    readiness: Readiness = Field(
        default=Readiness(), description="When the machine counts as available (the condition Available)."
    )
    expire_after: Lifetime = Field(
        default=NEVER,
        description="How long after its creation this object is deleted by itself, such as 8h: between 1m and 8760h, or Never (the default). deletionPolicy says what becomes of the machine. While deletionProtection is true, or the machine or its Provider is paused, it is kept. A change counts from the creation, too; when that is stands in status.expiresAt.",
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="How long each thing may take before it is reported.")


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
    *DISK_RULES,
)
#: CEL at the root of the object.
OBJECT_RULES: tuple[tuple[str, str], ...] = (
    (
        "has(self.spec.network.hostname) || (size(self.metadata.name) >= 2 && size(self.metadata.name) <= 63 && !self.metadata.name.contains('.'))",
        "metadata.name is the host name too, so it has 2 to 63 characters and no dots; or set spec.network.hostname",
    ),
    # `import` is a reserved word in CEL, and written __import__.
    (
        "!has(oldSelf.status) || !(has(oldSelf.status.providerID) || (has(oldSelf.status.handled) && 'import' in oldSelf.status.handled)) || (has(self.spec.__import__) == has(oldSelf.spec.__import__) && (!has(self.spec.__import__) || self.spec.__import__ == oldSelf.spec.__import__))",
        "import is immutable once a machine is bound: delete this object, which keeps the machine under deletionPolicy Retain, and write another",
    ),
)
