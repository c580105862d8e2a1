"""Provider as administrators write it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hostwright.core.access import AllowedNamespaces
from hostwright.core.resource import ConditionModel, Duration, Label, Open, SecretRef, Text, Token, Words

KIND = "Provider"
PLURAL = "providers"
SHORT = "hpr"
#: So many groups are kept of one Provider; the schema's bound.
MOST_GROUPS = 256

Short = Annotated[str, StringConstraints(max_length=64)]
Id = Annotated[str, StringConstraints(max_length=255)]


class CatalogNetwork(Open):
    name: Label = Field(description="The name users write in networkRef. The key of the list.")


class FailureDomain(Open):
    name: Label = Field(description="The name users write in failureDomain. The key of the list.")


class StorageClass(Open):
    name: Label = Field(description="The name users write in storageClass. The key of the list.")


class DriftDefault(Words):
    mode: Literal["Enabled", "Warn", "Disabled"] | None = Field(
        default=None,
        description="For machines that say nothing themselves: Enabled, Warn or Disabled. Default: Enabled.",
    )


class Defaults(Words):
    drift_detection: DriftDefault = Field(default=DriftDefault(), description="Default of a machine's driftDetection.")
    tags: (
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=32)],
            Annotated[str, StringConstraints(max_length=27)],
        ]
        | None
    ) = Field(default=None, max_length=8, description="Tags for every machine; the machine's own win.")


class Limits(Words):
    poll_interval: Duration | None = Field(
        default=None,
        description=(
            "How often the backend's machines are listed when nothing is under way, from 1s to 1h. "
            "Default: 10s; Redfish 60s."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "duration(self) >= duration('1s') && duration(self) <= duration('1h')",
                    "message": "write a duration between 1s and 1h, such as 10s",
                }
            ]
        },
    )
    max_concurrency: int = Field(default=64, ge=1, le=256, description="The most calls in flight at once.")
    max_destructive_per_hour: int | None = Field(
        default=None,
        ge=0,
        le=100000,
        description="The most deletions and rebuilds of machines and disks within an hour, whatever the reason. The next one freezes them all until destructiveAcknowledged is changed. Default: no limit.",
    )
    destructive_acknowledged: Token = Field(
        default="",
        description="Any new value lets deletions and rebuilds go on after maxDestructivePerHour was reached, and counts anew.",
    )
    requests_per_second: int | None = Field(
        default=None, ge=1, le=10000, description="The most mutating calls a second. Default: no limit."
    )


class ProviderSpec(Open):
    type: Annotated[str, StringConstraints(max_length=32)] = Field(description="The kind of backend. Immutable.")
    credentials_ref: SecretRef | None = Field(
        default=None,
        description="A Secret in the operator's namespace with the login. A changed Secret is taken up live.",
    )
    allowed_namespaces: AllowedNamespaces = Field(description="The namespaces that may use this Provider.")
    paused: bool = Field(default=False, description="While true, every machine of this Provider is only observed.")
    networks: list[CatalogNetwork] = Field(
        default_factory=list,
        max_length=256,
        description="The networks users may name.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    failure_domains: list[FailureDomain] | None = Field(
        default=None,
        max_length=64,
        description="The failure domains users may name, on OpenStack and vSphere.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    storage_classes: list[StorageClass] | None = Field(
        default=None,
        max_length=64,
        description="The storage classes users may name for their disks, on OpenStack.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    defaults: Defaults = Field(default=Defaults(), description="Defaults for machines of this Provider.")
    limits: Limits = Field(default=Limits(), description="How hard the backend is worked.")


class Identity(Words):
    project: Id | None = Field(default=None, description="OpenStack: the project's id.")
    region: Id | None = Field(default=None, description="OpenStack: the region.")
    site: Id | None = Field(default=None, description="Simulated: the site's id.")
    instance_uuid: Id | None = Field(
        default=None, alias="instanceUUID", description="vSphere: the vCenter's own instance UUID."
    )


class NetworkStatus(Words):
    name: Annotated[str, StringConstraints(max_length=63)] = Field(description="Its name in spec.networks.")
    id: Id | None = Field(default=None, description="Its id on the backend; missing while it is not found there.")
    create_fence: Short | None = Field(
        default=None,
        description="What keeps a repeated creation from making a second port: MACAddress, or None where MACs may not be chosen.",
    )
    message: Text = Field(default="", description="Why it has no id.")


class Orphan(Words):
    name: Id = Field(description="Its name on the backend.")
    id: Id = Field(description="Its id on the backend.")
    kind: Short = Field(description="What it is, such as server or port.")
    machine_id: Short | None = Field(
        default=None, alias="machineID", description="The machine id in its mark, without dashes."
    )
    since: Short = Field(description="When it was first seen without an object.")


class GroupStatus(Words):
    """The ledger of one group, and the intent of its creation."""

    name: Annotated[str, StringConstraints(max_length=127)] = Field(
        description="Namespace and name, as team-a/web: of the machines of that namespace that name it in placement.group."
    )
    policy: Short = Field(description="The policy that it is made with; it cannot be changed.")
    state: Short = Field(description="Creating, Created, or Deleting: its deletion was announced.")
    id: Id | None = Field(default=None, description="Its id on the backend; missing while it is being made.")
    title: Id | None = Field(default=None, description="Its name on the backend, of which there is no second one.")
    attempt: int | None = Field(default=None, description="How often its creation was tried.")
    started_at: Short | None = Field(default=None, description="When this attempt was announced, just before its call.")
    deadline: Short | None = Field(default=None, description="When the call is given up.")
    next_retry_at: Short | None = Field(default=None, description="The next attempt is not made before.")
    reason: Short | None = Field(default=None, description="Why it could not be made, or is kept, in one word.")
    message: Text = Field(default="", description="The same in a sentence, in the backend's own words.")


class CredentialsStatus(Words):
    name: Id | None = Field(
        default=None, description="The Secret that is kept from deletion while this Provider names it."
    )
    resource_version: Short | None = Field(default=None, description="resourceVersion of the Secret.")
    expires_at: Short | None = Field(default=None, description="When the credential itself ends, where it does.")


class BreakerStatus(Words):
    state: Short | None = Field(default=None, description="Closed or Open.")


class ProviderStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    api_version: Short | None = Field(default=None, description="The backend's API version in use.")
    identity: Identity | None = Field(
        default=None, description="Where the login leads; recorded at first contact and never changed."
    )
    networks: list[NetworkStatus] | None = Field(
        default=None,
        max_length=256,
        description="The catalog's networks on the backend.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    orphans: list[Orphan] | None = Field(
        default=None,
        max_length=100,
        description="Things with our mark that no object claims. Never deleted by the operator. The first 100.",
        json_schema_extra={"x-list-map-key": "id"},
    )
    groups: list[GroupStatus] | None = Field(
        default=None,
        max_length=MOST_GROUPS,
        description="The groups that were made for placement.group: each goes with the last machine that names it.",
        json_schema_extra={"x-list-map-key": "name"},
    )
    credentials: CredentialsStatus | None = Field(default=None, description="The Secret in use.")
    handled: dict[Short, Token] | None = Field(
        default=None, max_length=4, description="The acknowledgement that was acted on."
    )
    breaker: BreakerStatus | None = Field(
        default=None,
        description="Closed, or Open while calls are held back: all of them in an outage, deletions and rebuilds where DestructiveOperationsAllowed is False.",
    )
    conditions: list[ConditionModel] | None = Field(
        default=None, max_length=16, description="Conditions.", json_schema_extra={"x-list-map-key": "type"}
    )


COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Type", ".spec.type", "string", 0),
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "string", 0),
    ("Reachable", '.status.conditions[?(@.type=="Reachable")].status', "string", 0),
    ("Credentials", '.status.conditions[?(@.type=="CredentialsValid")].status', "string", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("API", ".status.apiVersion", "string", 1),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
)
SPEC_RULES: tuple[tuple[str, str], ...] = (("self.type == oldSelf.type", "type is immutable: make a new Provider"),)
