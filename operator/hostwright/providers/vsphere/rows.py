"""What is read from a vCenter and what is asked of it, as frozen rows; and what may come instead of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

#: Our own record in a machine's extraConfig, which the guest cannot read; not shown as the user's options.
OURS = "hostwright."
MARK, RECORD_NAMESPACE, RECORD_NAME = "hostwright.mark", "hostwright.namespace", "hostwright.name"
TEMPLATE, INTERFACES = "hostwright.template", "hostwright.interfaces"
FAILURE_DOMAIN = "hostwright.failureDomain"
ADDRESSES = "hostwright.addresses."  # and the interface: those that were fixed at creation
GUESTINFO = "guestinfo."
ON, OFF, SUSPENDED = "poweredOn", "poweredOff", "suspended"


@dataclass(frozen=True, slots=True)
class Nic:
    key: int
    mac: str
    network: str  # the port group's reference
    kind: str  # the device's type, such as VirtualVmxnet3


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine or a template. What is not readable yet is empty."""

    id: str  # `vm-12`
    name: str = ""
    parent: str = ""  # the folder's reference
    template: bool = False
    configured: bool = False  # its config can be read: a machine in the making has none
    instance_uuid: str = ""
    options: Mapping[str, str] = field(default_factory=dict)  # extraConfig
    attributes: Mapping[str, str] = field(default_factory=dict)  # custom attributes that have a value, by name
    cpu: int = 0
    memory_mib: int = 0
    created: datetime | None = None
    power: str = ""
    connection: str = ""
    tools: bool = False  # VMware Tools run
    nics: tuple[Nic, ...] = ()
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the guest, by MAC

    @property
    def mark(self) -> str:
        return self.options.get(MARK, "")

    @property
    def record(self) -> tuple[str, str]:
        return self.options.get(RECORD_NAMESPACE, ""), self.options.get(RECORD_NAME, "")


@dataclass(frozen=True, slots=True)
class Updates:
    """`whole`: all machines there are, else what changed since the last answer."""

    machines: tuple[Machine, ...] = ()
    left: tuple[str, ...] = ()  # not in sight any more, which is no proof that they are gone
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A thing of the inventory by its path: a folder, a datastore, a cluster, a pool, a network, a template."""

    id: str
    name: str
    path: str
    owner: str = ""  # pool: the cluster's reference; cluster: its own pool; distributed port group: its switch's UUID
    nics: tuple[Nic, ...] = ()  # template: what a clone would have


@dataclass(frozen=True, slots=True)
class Catalog:
    folders: tuple[Place, ...] = ()
    pools: tuple[Place, ...] = ()
    clusters: tuple[Place, ...] = ()
    datastores: tuple[Place, ...] = ()
    networks: tuple[Place, ...] = ()
    templates: tuple[Place, ...] = ()
    root: str = ""  # the datacenter's own folder of machines


@dataclass(frozen=True, slots=True)
class Login:
    instance: str  # the vCenter's own UUID
    version: str


@dataclass(frozen=True, slots=True)
class NewNic:
    network: str
    switch: str  # UUID of a distributed port group's switch; empty for a network of the hosts' own
    mac: str = ""  # empty: vCenter chooses


@dataclass(frozen=True, slots=True)
class Clone:
    """CloneVM_Task: all of the machine in one request, its owner mark included."""

    template: str
    name: str
    folder: str
    pool: str
    datastore: str
    cpu: int
    memory_mib: int
    options: Mapping[str, str]
    nics: tuple[NewNic, ...]
    drop: tuple[Nic, ...] = ()  # the template's own


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """ReconfigVM_Task: these options, all others as they are; an empty value removes one."""

    id: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Act:
    """A method without arguments: PowerOn, PowerOff, ShutdownGuest, Destroy."""

    id: str
    method: str


@dataclass(frozen=True, slots=True)
class SetAttribute:
    """SetField; an empty value takes the attribute off the machine."""

    id: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class DefineAttribute:
    """AddCustomFieldDef: once for each name and vCenter."""

    id: str  # the machine that wants it
    name: str


Request = Clone | Reconfigure | Act | SetAttribute | DefineAttribute


@dataclass(frozen=True, slots=True)
class Task:
    """`state` as vCenter writes it: queued, running, success, error."""

    id: str
    state: str
    progress: int = 0  # per cent
    result: str = ""  # reference of what it made
    fault: "Fault | None" = None

    @property
    def ended(self) -> bool:
        return self.state in {"success", "error"}


class Fault(Exception):  # noqa: N818 - the vCenter's word for a refusal
    """A refusal in the vCenter's words: of a method, or of the task that it began."""

    def __init__(self, name: str, text: str, *, item: str = "", runtime: bool = False) -> None:
        super().__init__(f"{name}: {text}")
        self.name, self.text = name, text
        self.item = item  # reference of the object that it names
        self.runtime = runtime  # the vCenter's own trouble, which says nothing of what was done


class LoginRefused(Exception):  # noqa: N818 - what happened, not an error of ours
    """The user or password is wrong."""


class Untrusted(Exception):  # noqa: N818 - what happened, not an error of ours
    """The certificate is not one that we may trust: nothing was sent."""


class NotSent(Exception):  # noqa: N818 - what happened, not an error of ours
    """No connection: nothing reached the vCenter."""


class Unanswered(Exception):  # noqa: N818 - what happened, not an error of ours
    """The request may have reached the vCenter; no whole answer came back."""
