"""MachinePool as users write it and as we report it; what stands below the template's field is the child's own."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hostwright.core.access import LabelKey, LabelValue
from hostwright.core.resource import ConditionModel, Open, Words
from hostwright.kinds.machinepool.values import InPlace, NamingTemplate, Order, Portion, Strategy

KIND = "MachinePool"
PLURAL = "machinepools"
SHORT = "hmp"
#: Field below spec.template → the kind whose whole spec stands there: the generator places its schema.
TEMPLATES = {"virtualMachine": "VirtualMachine", "physicalMachine": "PhysicalMachineClaim"}
#: Paths of the scale subresource: replicas wanted, replicas found, the selector as text.
SCALE = (".spec.replicas", ".status.replicas", ".status.selector")

#: More members than this are better several pools.
MOST = 10_000

AnnotationValue = Annotated[str, StringConstraints(max_length=4096)]


class Selector(Words):
    match_labels: dict[LabelKey, LabelValue] = Field(
        min_length=1, max_length=16, description="All must be on a member. The template must have them too."
    )


class Naming(Words):
    template: NamingTemplate = Field(
        default="{pool}-{ordinal}",
        description="How members are called: {pool} is the pool's name, {ordinal} the smallest free number, {random} five characters. A change names new members only.",
    )


class Limits(Words):
    replicas: int | None = Field(
        default=None,
        ge=0,
        le=MOST,
        description="The most members there may be at any time, with those that a rollout adds and those that are going. Default: no limit.",
    )


class RollingUpdate(Words):
    max_surge: Portion = Field(
        default=1,
        description="So many members more than replicas during a rollout, or a percentage (rounded up). Default: 1.",
    )
    max_unavailable: Portion = Field(
        default=0,
        description="So many members less than replicas may be ready during a rollout, or a percentage (rounded down). Default: 0.",
    )


class RolloutStrategy(Words):
    type: Strategy = Field(
        default=Strategy.ROLLING_UPDATE,
        description="RollingUpdate replaces members within its bounds; OnDelete leaves them until you delete them.",
    )
    rolling_update: RollingUpdate = Field(default=RollingUpdate(), description="The bounds of a rollout.")


class Rollout(Words):
    strategy: RolloutStrategy = Field(default=RolloutStrategy(), description="How members come to a new template.")
    in_place: InPlace = Field(
        default=InPlace.PREFER,
        description="Prefer: what the template's updatePolicy.maxDisruption allows is changed on the member, all else replaces it. Require: nothing is replaced. Never: everything is, but labels and annotations.",
    )


class Deletion(Words):
    order: Order = Field(
        default=Order.NEWEST,
        description="Who goes first when the pool shrinks, among equals: Newest, Oldest, Random, or Ordinal (the highest number). The annotation compute.hostwright.dev/delete-machine goes before, do-not-disrupt last.",
    )


class TemplateMetadata(Words):
    labels: dict[LabelKey, LabelValue] = Field(
        min_length=1, max_length=32, description="Labels of members. A change is made on members at once."
    )
    annotations: dict[LabelKey, AnnotationValue] | None = Field(
        default=None, max_length=32, description="Annotations of members. A change is made on members at once."
    )


class Whole(Open):
    """A whole spec of another kind; kinds do not know each other."""


class Template(Words):
    metadata: TemplateMetadata = Field(description="Labels and annotations of members.")
    virtual_machine: Whole | None = Field(
        default=None, description="A whole VirtualMachine.spec: members are VirtualMachines."
    )
    physical_machine: Whole | None = Field(
        default=None,
        description="A whole PhysicalMachineClaim.spec: members are PhysicalMachineClaims, each bound to a server.",
    )


class MachinePoolSpec(Words):
    replicas: int = Field(
        default=1,
        ge=0,
        le=MOST,
        description="Number of members. Leave it out of what you apply where an autoscaler sets it.",
    )
    selector: Selector = Field(
        description="Which machines are members. One that has these labels and no other owner is taken in, one that loses them is let go. Immutable."
    )
    min_ready_seconds: int = Field(
        default=0, ge=0, le=86_400, description="A member counts as available after so many seconds of being ready."
    )
    paused: bool = Field(default=False, description="true: members are left as they are; the pool still scales.")
    naming: Naming = Field(default=Naming(), description="How members are called.")
    limits: Limits | None = Field(default=None, description="Bounds of the pool.")
    rollout: Rollout = Field(default=Rollout(), description="How members come to a new template.")
    deletion: Deletion = Field(default=Deletion(), description="Who goes first when the pool shrinks.")
    template: Template = Field(
        description="What members are made from. A change is rolled out; of several changes the last one counts."
    )


class MachinePoolStatus(Words):
    observed_generation: int = Field(
        default=-1, description="The generation this status speaks of; -1: never looked at."
    )
    births: int | None = Field(default=None, ge=0, description="How many members were ever announced.")
    selector: Annotated[str, StringConstraints(max_length=8192)] | None = Field(
        default=None, description="The selector as text, for autoscalers."
    )
    member_kind: Annotated[str, StringConstraints(max_length=63)] | None = Field(
        default=None, description="What its members are: VirtualMachine or PhysicalMachineClaim."
    )
    replicas: int | None = Field(default=None, description="Members there are, without those that are being deleted.")
    ready_replicas: int | None = Field(default=None, description="Those that are ready.")
    available_replicas: int | None = Field(default=None, description="Those that are ready for minReadySeconds.")
    up_to_date_replicas: int | None = Field(default=None, description="Those that are as the template says.")
    update_revision: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        default=None, description="A label of the template for people: no member is judged by it."
    )
    conditions: list[ConditionModel] | None = Field(
        default=None, max_length=32, description="Conditions.", json_schema_extra={"x-list-map-key": "type"}
    )


#: Printer columns: (name, JSON path, type, priority); priority 1 shows with -o wide.
COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Desired", ".spec.replicas", "integer", 0),
    ("Current", ".status.replicas", "integer", 0),
    ("Ready", ".status.readyReplicas", "integer", 0),
    ("Available", ".status.availableReplicas", "integer", 0),
    ("Up-To-Date", ".status.upToDateReplicas", "integer", 0),
    ("Status", '.status.conditions[?(@.type=="Ready")].status', "string", 0),
    ("Age", ".metadata.creationTimestamp", "date", 0),
    ("Paused", ".spec.paused", "boolean", 1),
    ("Kind", ".status.memberKind", "string", 1),
    ("Revision", ".status.updateRevision", "string", 1),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
)

_ZERO = "['0', '0%']"
SPEC_RULES: tuple[tuple[str, str], ...] = (
    ("self.selector == oldSelf.selector", "selector is immutable: make another pool"),
    (
        "self.selector.matchLabels.all(k, k in self.template.metadata.labels && self.template.metadata.labels[k] == self.selector.matchLabels[k])",
        "the labels of template.metadata must have those of selector.matchLabels",
    ),
    (
        "has(self.template.virtualMachine) != has(self.template.physicalMachine)",
        "set exactly one of template.virtualMachine and template.physicalMachine",
    ),
    (
        "has(self.template.virtualMachine) == has(oldSelf.template.virtualMachine)",
        "the kind of the members is immutable: make another pool",
    ),
    (
        f"!(string(self.rollout.strategy.rollingUpdate.maxSurge) in {_ZERO} && string(self.rollout.strategy.rollingUpdate.maxUnavailable) in {_ZERO})",
        "maxSurge and maxUnavailable cannot both be 0: no member could ever be replaced",
    ),
)
OBJECT_RULES: tuple[tuple[str, str], ...] = (
    (
        "!self.metadata.name.contains('.') && size(self.spec.naming.template.replace('{pool}', self.metadata.name)) <= 63",
        "members are called after the pool and have at most 63 characters and no dots: shorten metadata.name or naming.template",
    ),
)
