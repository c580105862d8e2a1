"""PhysicalMachine as the platform's engineers write it, its printer columns and rules; the status stands in status.py."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.resource import Label, Name, NameRef, SecretKeyRef, SecretRef, Text, Token, Words
from hostwright.kinds.physicalmachine.status import PhysicalMachineStatus
from hostwright.kinds.physicalmachine.values import (
    BmcAddress,
    BootMode,
    DeletionPolicy,
    Locator,
    ManagementPolicy,
    PowerOffMode,
    PowerState,
    SystemId,
    TlsMode,
)

__all__ = ["PhysicalMachineSpec", "PhysicalMachineStatus"]

KIND = "PhysicalMachine"
PLURAL = "physicalmachines"
SHORT = "hpm"

Uid = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Tls(Words):
    mode: TlsMode = Field(
        default=TlsMode.VERIFY,
        description="Verify, or Insecure: the BMC's certificate is not looked at; only where the Provider allows it.",
    )
    ca_bundle_ref: SecretKeyRef | None = Field(
        default=None,
        description="Secret key with the authorities (PEM) that sign the BMC's certificate. Default: the system's.",
    )


class Bmc(Words):
    address: BmcAddress = Field(
        description="Where the BMC is, such as https://10.0.12.7. Within the Provider's allowedAddresses. May be changed: that the same server answers there is checked first."
    )
    system_id: SystemId = Field(
        default="", description="Which of the BMC's Systems is meant, such as 1. Needed only where it has several."
    )
    credentials_ref: SecretRef = Field(
        description="A Secret in the same namespace with the keys username and password. A changed one is taken up when the BMC refuses the former."
    )
    tls: Tls = Field(default=Tls(), description="How the BMC's certificate is checked.")


class Maintenance(Words):
    enabled: bool = Field(
        default=False, description="While true no power action is made, and the server cannot be claimed."
    )
    reason: Text = Field(default="", description="Why, for whoever waits for the server.")


class Requests(Words):
    """Opaque tokens: a new value is acted on once and then stands in status.handled, so they are safe in Git."""

    inspect: Token = Field(default="", description="A new value: look at the hardware anew.")
    bmc_reset: Token = Field(default="", description="A new value: restart the BMC once; the server runs on.")
    retry: Token = Field(default="", description="A new value: try a refused login again, at most twice.")
    accept_identity: Token = Field(
        default="",
        description="A new value: take the server that answers now for this one, after a change of its board.",
    )


class ClaimPolicy(Words):
    namespaces: list[Label] | None = Field(
        default=None,
        max_length=64,
        description="Namespaces whose claims may take the server. Empty: its own only.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class ClaimRef(Words):
    namespace: Label = Field(description="The claim's namespace.")
    name: Name = Field(description="The claim's name.")
    uid: Uid = Field(description="The claim's uid: a claim made anew under the same name is another one.")


class PhysicalMachineSpec(Words):
    provider_ref: NameRef = Field(
        description="A Provider of type Redfish: allowed addresses and limits for this fleet. Immutable."
    )
    bmc: Bmc = Field(description="How the server's BMC is reached.")
    management_policy: ManagementPolicy = Field(
        default=ManagementPolicy.MANAGED,
        description="Managed, or ObserveOnly: the server is looked at and reported on, and nothing is done to it.",
    )
    power_state: PowerState = Field(
        default=PowerState.UNMANAGED,
        description="PoweredOn, PoweredOff, or Unmanaged (the default): left as found. While claimed, the claim's wish counts instead.",
    )
    power_off_mode: PowerOffMode = Field(
        default=PowerOffMode.TRY_SOFT,
        description="TrySoft asks the system and switches off when it is not down after 3 minutes; Soft only asks, Hard only switches off.",
    )
    restarted_at: Token | None = Field(
        default=None,
        description="Any new value, usually the time, restarts the server once, unless it is claimed. The value present at creation is only recorded.",
    )
    boot_mode: BootMode = Field(
        default=BootMode.UNMANAGED,
        description="UEFI, Legacy, or Unmanaged (the default): left as found. In force with the next start; nothing is restarted for it.",
    )
    locator: Locator = Field(
        default=Locator.UNMANAGED,
        description="The light by which the server is found: Lit, Blinking, Dark, or Unmanaged (the default): left as found.",
    )
    maintenance: Maintenance = Field(default=Maintenance(), description="While somebody works at the server.")
    requests: Requests = Field(
        default=Requests(),
        description="One-shot requests: a new value is acted on once and then stands in status.handled.",
    )
    claim_policy: ClaimPolicy = Field(default=ClaimPolicy(), description="Who may claim the server.")
    claim_ref: ClaimRef | None = Field(
        default=None,
        description="The claim that has the server. Set by the operator alone; anyone who may write the object may remove it.",
    )
    deletion_policy: DeletionPolicy = Field(
        default=DeletionPolicy.RETAIN,
        description="What deleting this object does to the server: Retain (the default) leaves it as it is, PowerOff powers it off first.",
    )
    deletion_protection: bool = Field(
        default=False, description="While true the API server refuses to delete this object."
    )


#: Printer columns: (name, JSON path, type, priority); priority 1 shows with -o wide.
COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string", 0),
    ("Status", ".status.phase", "string", 0),
    ("Power", ".status.powerState", "string", 0),
    ("Model", ".status.identity.model", "string", 0),
    ("Claim", ".spec.claimRef.name", "string", 0),
    ("Health", ".status.health.rollup", "string", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("Serial", ".status.identity.serialNumber", "string", 1),
    ("BMC", ".spec.bmc.address", "string", 1),
    ("Firmware", ".status.identity.bmcFirmware", "string", 1),
    ("CPU", ".status.hardware.cpu", "integer", 1),
    ("Memory", ".status.hardware.memory", "string", 1),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
)

SPEC_RULES: tuple[tuple[str, str], ...] = (
    (
        "self.providerRef == oldSelf.providerRef",
        "providerRef is immutable: delete the machine and write it anew for the other Provider",
    ),
)
