"""What a backend must offer to run VirtualMachines: look, resolve, plan, perform, prove."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from hostwright.core.errors import Failure
from hostwright.core.names import Disruption
from hostwright.core.port import Call, Done, LedgerRow, Missing, Operation, Present, Receipt, Trace, Unsure, Wait
from hostwright.kinds.virtualmachine import placement, storage
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec

#: What a rebuild brings about. Only the first is a field of MachineShape: a look shows nothing of the others.
REBUILDS = frozenset({"/imageRef", "/rebuildToken", "/bootstrap/cloudInit"})
ROOT = storage.ROOT


class Power(StrEnum):
    ON = "PoweredOn"
    OFF = "PoweredOff"
    SUSPENDED = "Suspended"


class Life(StrEnum):
    """Where a machine is, in portable words."""

    PARTIAL = "Partial"  # ports or disks are there, no machine
    BUILDING = "Building"  # accepted, never seen active
    STEADY = "Steady"  # on or off, nothing under way
    CHANGING = "Changing"  # the backend is at work on it
    RESIZED = "Resized"  # it has a new size that waits to be confirmed
    FAILED = "Failed"  # ERROR
    DELETING = "Deleting"
    HELD = "Held"  # a state no wish of ours leads out of (shelved, rescued, locked …): told, not touched


def _at(path: str, disruption: Disruption) -> dict[str, Any]:
    return {"path": path, "disruption": disruption}


@dataclass(frozen=True, slots=True)
class InterfaceShape:
    """One interface, wanted and found. Empty values on the wanted side mean: whatever the backend chose."""

    name: str
    network: str  # the backend's network id
    addresses: tuple[str, ...] = ()  # without prefix length
    mac_address: str = ""
    security_groups: tuple[str, ...] = ()  # ids
    plugged: bool = True  # belongs to the machine
    floating_pool: str = ""  # id of the external network that one of ours is from
    floating_address: str = ""  # found: of whatever floating IP it has


@dataclass(frozen=True, slots=True)
class DiskShape:
    """One data disk, wanted (a new one by size, one that is there by id) and found (attached, with both)."""

    name: str
    size: int | None = None  # GiB
    id: str = ""


@dataclass(frozen=True, slots=True)
class MachineShape:
    """What is wanted and what is found, under the same names; each field with its path and disruption class.

    `None` (or an empty mapping) on the wanted side means: not asked for, so nothing to compare.
    """

    power: Power | None = field(default=None, metadata=_at("/powerState", Disruption.LIVE))
    tags: Mapping[str, str] = field(default_factory=dict, metadata=_at("/tags", Disruption.LIVE))
    metadata: Mapping[str, str] = field(default_factory=dict, metadata=_at("/metadata", Disruption.LIVE))
    #: The backend's id or name of the size.
    size: str | None = field(default=None, metadata=_at("/classRef", Disruption.RESTART))
    image: str | None = field(default=None, metadata=_at("/imageRef", Disruption.REBUILD))
    zone: str | None = field(default=None, metadata=_at("/zone", Disruption.REPLACE))
    key_pair: str | None = field(default=None, metadata=_at("/keyPair", Disruption.REPLACE))
    group: str | None = field(default=None, metadata=_at("/placement/group", Disruption.REPLACE))  # `<name>/<id>`
    server_group: str | None = field(default=None, metadata=_at("/serverGroupID", Disruption.REPLACE))
    hints: str | None = field(default=None, metadata=_at("/schedulerHints", Disruption.REPLACE))  # in one word
    interfaces: tuple[InterfaceShape, ...] = field(default=(), metadata=_at("/network/interfaces", Disruption.LIVE))
    root_size: int | None = field(default=None, metadata=_at("/rootDisk/size", Disruption.LIVE))  # GiB
    disks: tuple[DiskShape, ...] = field(default=(), metadata=_at("/dataDisks", Disruption.LIVE))


@dataclass(frozen=True, slots=True)
class DiskFound:
    """A disk that is the machine's by mark or ledger, plugged in or not."""

    name: str  # `root`, or the data disk's
    id: str
    size: int  # GiB
    attached: bool
    broken: bool = False  # the backend could not make it
    busy: str = ""  # what the backend is doing with it, in its words, and how that could be ended
    busy_since: datetime | None = None
    ours: bool = True  # made by us; else it was there before


@dataclass(frozen=True, slots=True)
class InterfaceFound:
    name: str
    id: str
    mac_address: str = ""
    addresses: tuple[str, ...] = ()
    bound: bool = True  # belongs to the machine and is plugged in
    floating_ip: str = ""  # id of the floating IP that it has, whoever's that is


@dataclass(frozen=True, slots=True)
class Twin:
    """One machine on the backend that bears our mark."""

    id: str
    name: str
    life: Life
    created_at: datetime | None
    ports: int = 0  # how many of our ports it owns
    namespace: str = ""  # the namespace and name recorded on it
    object_name: str = ""
    marks: tuple[str, ...] = ()  # every owner mark on it


@dataclass(frozen=True, slots=True)
class Found:
    """A machine as the backend has it."""

    life: Life
    shape: MachineShape = field(default_factory=MachineShape)
    id: str = ""  # empty while PARTIAL or in the making
    provider_id: str = ""
    message: str = ""  # the backend's own words about a failure or what holds it
    no_room: bool = False  # the failure is that no host can take the machine now
    code: str = ""
    request_id: str = ""  # the backend's, of what led to its state
    power_failed: str = ""  # a change of power that was accepted and came to nothing, in the backend's words
    since: datetime | None = None  # when the backend changed it last, where it says so
    zone: str = ""
    cpu: int | None = None
    memory_mib: int | None = None
    size_name: str = ""
    rebuilt: str = ""  # the word of the last rebuild, as it was written on the machine with its request
    root_gib: int | None = None  # of a root disk that its size gives it
    created_at: datetime | None = None
    internal_addresses: tuple[str, ...] = ()
    external_addresses: tuple[str, ...] = ()
    interfaces: tuple[InterfaceFound, ...] = ()
    disks: tuple[DiskFound, ...] = ()
    plugged: frozenset[str] = frozenset()  # ids of all disks that are attached to it, whosever they are
    parts: tuple[LedgerRow, ...] = ()  # everything that bears our mark or is named by the ledger and is there
    twins: tuple[Twin, ...] = ()  # every machine that bears our mark, the chosen one included; empty when none does
    unmarked: tuple[LedgerRow, ...] = ()  # the machine and its parts that bear no owner mark at all
    recorded: tuple[str, str] = ("", "")  # namespace and name on the backend's own record
    rivals: tuple[str, ...] = ()  # owner marks of others on the machine itself
    #: Of an imported machine: ports that are no interface's, named by their id; or by their MAC address and on no
    #: network, where the backend does not show them to us.
    loose: tuple[InterfaceShape, ...] = ()
    loose_disks: tuple[DiskShape, ...] = ()  # and volumes that are no disk's
    foreign: tuple[LedgerRow, ...] = ()  # rows of the ledger that name what is shown not to be ours: in nothing above

    @property
    def in_the_making(self) -> bool:
        """The backend is making it, or what may be it, and does not show it yet: nobody may say that it is missing."""
        return self.life is Life.BUILDING and not self.id


Look = Present[Found] | Missing | Unsure


@dataclass(frozen=True, slots=True)
class Wanted:
    """A spec, resolved against one Provider's catalog."""

    shape: MachineShape
    hostname: str
    size_name: str
    size_id: str
    image_name: str
    image_id: str
    display: Mapping[str, str] = field(default_factory=dict)  # shape path → what people call the wanted value
    default_groups: tuple[str, ...] = ()  # security groups of an interface that names none, as the backend gives them
    extra: Any = None  # the backend's own resolved block (ids of networks, config drive …), frozen


@dataclass(frozen=True, slots=True)
class Unresolved:
    """The spec cannot be resolved now: what is missing, and who must act."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Bindings:
    """The cluster's side of resolve: the MachineClass and MachineImage named by the spec, as the backend's blocks."""

    cpu: int | None = None  # of the class or of spec.resources
    memory_mib: int | None = None
    class_name: str = ""
    class_section: Mapping[str, Any] | None = None  # e.g. {"flavor": {"name": …}}
    image_name: str = ""
    image_section: Mapping[str, Any] | None = None  # the source for this Provider, e.g. {"image": {"name": …}}
    pinned_image: str = ""  # status.resolved.image.id when its name is still the one in the spec
    default_tags: Mapping[str, str] = field(default_factory=dict)
    label_tags: Mapping[str, str] = field(default_factory=dict)  # of the object's labels that are propagated
    hostname: str = ""
    group: placement.GroupBinding | None = None

    def tags(self, written: Mapping[str, str] | None) -> dict[str, str]:
        """The nearer to the machine, the stronger: the Provider's defaults, the labels, the tags that are written."""
        return {**self.default_tags, **self.label_tags, **(written or {})}

    def remedy(self, key: str, written: Mapping[str, str] | None) -> str:
        """What to do about a tag that a backend cannot hold, and that its user never wrote as one."""
        if key not in self.label_tags or key in (written or {}):
            return ""
        return f" It is this object's label {key!r}: change it, or take it out of propagateLabels."


@dataclass(frozen=True, slots=True)
class Create:
    """Make the machine: every pass the next missing part of it."""


@dataclass(frozen=True, slots=True)
class SetPower:
    power: Power


@dataclass(frozen=True, slots=True)
class Update:
    """Bring live fields to what is wanted; keys to drop were ours and are wanted no more, all others stay as found.

    `paths` are of MachineShape: a mapping with all its entries (`/tags`), or one entry of it (`/tags/owner`).
    """

    paths: tuple[str, ...]
    drop_tags: tuple[str, ...] = ()
    drop_metadata: tuple[str, ...] = ()

    def names(self, path: str, key: str) -> bool:
        """Whether this entry of the mapping at `path` is to be brought to what is wanted."""
        return path in self.paths or f"{path}/{key}" in self.paths

    @property
    def roots(self) -> tuple[str, ...]:
        """The mappings that are touched."""
        named = {f"/{path.split('/')[1]}" for path in self.paths}
        return tuple(
            sorted(named | ({"/tags"} if self.drop_tags else set()) | ({"/metadata"} if self.drop_metadata else set()))
        )


@dataclass(frozen=True, slots=True)
class Resize:
    size: str  # as MachineShape has it


@dataclass(frozen=True, slots=True)
class ConfirmResize:
    """The new size is kept; until then the backend holds what it needs to go back."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The root disk made anew from an image, at most once for each word, which is written on the machine with it."""

    image: str  # the backend's id
    word: str
    keeps_user_data: bool = False  # what whoever made the machine gave it, where nothing is written


@dataclass(frozen=True, slots=True)
class Inquire:
    """What became of a change that was sent, and that the machine does not show: its call ends in a Failure."""

    action: str  # resize | rebuild


@dataclass(frozen=True, slots=True)
class Rewire:
    """Bring interfaces to what is wanted.

    Each key is one as a whole (`eth1`: made, or removed), or one field of its shape (`eth0/security_groups`).
    """

    keys: tuple[str, ...]

    def names(self, interface: str, *fields: str) -> bool:
        """Whether one of these things of the interface is to be changed; with none, the interface as a whole."""
        return any(f"{interface}/{item}" in self.keys for item in fields) if fields else interface in self.keys


@dataclass(frozen=True, slots=True)
class Mark:
    """Put our mark back on one thing, by its id: somebody took it off."""

    row: LedgerRow


@dataclass(frozen=True, slots=True)
class BringDisks:
    """Bring these disks to what is wanted: made, attached, grown; or detached, and those in `delete` removed."""

    names: tuple[str, ...]
    delete: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove everything in the ledger, what holds others first. `keep`: ids of disks that stay, without our mark."""

    keep: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Discard:
    """Remove one machine by id, its ports kept: a failed build, an extra of ours, or one that is to be replaced."""

    row: LedgerRow
    anew: bool = False  # it ran, and another is made in its place because its user asks for that


@dataclass(frozen=True, slots=True)
class Release:
    """Take our marks off, leave the machine. `spare`: machines that bear our mark and are not ours, left untouched."""

    spare: frozenset[str] = frozenset()


Step = (
    Create
    | SetPower
    | Update
    | Rewire
    | BringDisks
    | Resize
    | ConfirmResize
    | Rebuild
    | Inquire
    | Mark
    | Delete
    | Discard
    | Release
)


@dataclass(frozen=True, slots=True)
class Memory:
    """What plan may know beside the look: the open operation and when each row was last changed by us."""

    operation: Operation | None = None
    receipts: Mapping[str, float] = field(default_factory=dict)  # ledger name → monotonic end of its last receipt


class VirtualMachineProvider(Protocol):
    """What a backend MUST keep.

    `look`, `resolve` and `plan` do no I/O. `perform` sends exactly one mutating request, without a retry, and raises
    core.errors only. `Missing` is only ever said by `prove`, or by an inventory that has seen the deletion.
    """

    visibility_lag: float  # seconds a thing may stay invisible after its creating call ended
    supported: frozenset[str]  # paths of MachineShape whose change is carried out now
    #: Path of MachineShape → path in this backend's spec, e.g. /zone → /openstack/availabilityZone.
    shape_paths: Mapping[str, str]

    def look(self, trace: Trace) -> Look: ...

    def away(self, trace: Trace, spec: VirtualMachineSpec) -> tuple[Failure, float] | None:
        """A part of the backend that this machine needs and that does not answer, and since when (monotonic seconds).

        The machines that do without it go on.
        """
        ...

    def namesakes(self, trace: Trace) -> tuple[Twin, ...]:
        """Machines of this cluster id and this namespace/name under another machine id, from the inventory."""
        ...

    def matching(self, trace: Trace) -> tuple[Twin, ...]:
        """Machines that are as `trace.sought` says, whosever they are, from the inventory; `prove` reads them anew."""
        ...

    def resolve(self, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted | Unresolved: ...

    def plan(
        self, step: Step, trace: Trace, wanted: Wanted | None, look: Look, memory: Memory
    ) -> Call | Wait | Done | Failure:
        """`wanted` is None for Delete, Discard and Release: nothing is resolved to take something away.

        A Failure: the step cannot be made, and why.
        """
        ...

    async def perform(self, call: Call, user_data: bytes | None) -> Receipt: ...

    async def prove(self, trace: Trace) -> Look: ...
