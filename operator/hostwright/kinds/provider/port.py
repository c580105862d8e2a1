"""What a provider folder exports: how a backend is reached, what it offers, what bears our marks there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from hostwright.core.names import Disruption
from hostwright.kinds.provider.resource import ProviderSpec


@dataclass(frozen=True, slots=True)
class Sections:
    """A backend's part of the schema: `key` is the block's name (`openstack`), `provider_type` is `OpenStack`."""

    key: str
    provider_type: str
    provider: type[BaseModel] | None = None
    provider_required: bool = False
    needs_credentials: bool = False
    serves: str = "VirtualMachine"  # the kind of machine that its sessions run
    poll_interval: str = "10s"  # where limits.pollInterval is not given
    endpoint_each: bool = False  # each machine has its own: what one answers says nothing of the Provider
    read_at_rest: bool = False  # a read answers at once, and tells what changed: a standby makes one now and then
    machine: type[BaseModel] | None = None  # VirtualMachine.spec.<key>
    machine_size_field: str | None = None  # the field of `machine` that is a third way to say the size, e.g. `flavor`
    machine_class: type[BaseModel] | None = None
    image: type[BaseModel] | None = None  # MachineImage.spec.sources[].<key>
    network: type[BaseModel] | None = None  # Provider.spec.networks[].<key>
    failure_domain: type[BaseModel] | None = None  # Provider.spec.failureDomains[].<key>; None: it has none
    storage_class: type[BaseModel] | None = None  # Provider.spec.storageClasses[].<key>; None: it has none
    machine_rules: tuple[tuple[str, str], ...] = ()  # CEL on VirtualMachine.spec.<key>
    disruption: Mapping[str, Disruption] = field(default_factory=dict)  # where it differs from MachineShape's
    shape_paths: Mapping[str, str] = field(default_factory=dict)  # path of MachineShape → path in the spec


@dataclass(frozen=True, slots=True)
class Checked:
    """What a login found: identity is recorded at first contact, and compared ever after."""

    identity: Mapping[str, str]  # {"project": …, "region": …} or {"site": …}
    api_version: str = ""
    expires_at: datetime | None = None  # of the credential, not of the token


@dataclass(frozen=True, slots=True)
class NetworkFact:
    """One network of the Provider's catalog on the backend."""

    name: str
    id: str = ""
    message: str = ""  # why it has no id
    reason: str = ""  # the same for programs: NetworkNotFound, NameAmbiguous
    create_fence: str = (
        ""  # `MACAddress` | `None`: whether creation there is fenced; empty where not known or not applicable
    )


@dataclass(frozen=True, slots=True)
class ImageFact:
    id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """A thing on the backend that bears a mark of this cluster."""

    id: str
    name: str
    kind: str  # `server`, `port`
    machine_id: str


@dataclass(frozen=True, slots=True)
class GroupFact:
    """A group of machines on the backend, whosever it is."""

    id: str
    name: str
    policy: str  # as `placement.group.policy` names it; another word: one that is not to be had here
    members: frozenset[str]  # ids of its machines


class Groups(Protocol):
    """Groups of machines that the backend keeps apart, or together. MUST raise core.errors only."""

    visibility_lag: float  # seconds that one may stay invisible after its creating call ended

    async def listed(self) -> Sequence[GroupFact]:
        """All of them, freshly."""
        ...

    async def one(self, group_id: str) -> GroupFact | None:
        """None: the backend has answered that it is not there."""
        ...

    async def make(self, name: str, policy: str, seconds: float) -> GroupFact:
        """One request. Names need not be unique there."""
        ...

    async def remove(self, group_id: str, seconds: float) -> None:
        """One request. One that is gone already is removed."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the runtime gives a session: no backend reads clocks or makes threads by itself."""

    name: str  # of the Provider
    cluster_id: str
    executor: Executor  # bounded: the Provider's own threads
    monotonic: Callable[[], float]
    wall: Callable[[], datetime]
    visibility_lag: float | None = None  # overrides the backend's default; tests of crashes shorten it
    hasten: Callable[[], None] = lambda: None  # the backend was touched: read it soon
    unfenced_networks: frozenset[str] = frozenset()  # ids learnt earlier, from Provider.status.networks[].createFence


class Session(Protocol):
    """One working login. MUST raise core.errors only."""

    quick: float  # seconds between two reads while something moves
    machines: Any  # a VirtualMachineProvider (kinds do not know each other, so the type stands in that kind's port)

    @property
    def groups(self) -> Groups | None:
        """None: it has no groups of machines."""
        ...

    async def check(self) -> Checked:
        """One cheap answered call: reachability and credentials."""
        ...

    async def load_catalog(self) -> None:
        """Refresh what `resolve` reads: networks, sizes, images, groups."""
        ...

    def networks(self) -> Sequence[NetworkFact]: ...

    def image(self, section: Mapping[str, Any]) -> ImageFact:
        """A MachineImage source on this backend, from the loaded catalog."""
        ...

    def marked(self) -> Sequence[Marked] | None:
        """Everything with a mark of this cluster; None before the first full sweep."""
        ...

    def synced(self) -> bool:
        """Whether the first full sweep is complete."""
        ...

    async def read(self) -> Sequence[str]:
        """One look at what changed, which may wait for news; whom it concerns.

        Machine ids as in the mark (without dashes), or backend ids; who is in transition is named by each read.
        """
        ...

    def moving(self) -> bool:
        """Whether the next read is due after `quick`, and not only after the Provider's poll interval."""
        ...

    async def close(self) -> None: ...


class Backend(Protocol):
    """What `providers/<folder>/__init__.py` exports as BACKEND."""

    sections: Sections

    def connect(self, spec: ProviderSpec, secret: Mapping[str, bytes] | None, context: Context) -> Awaitable[Session]:
        """Log in. Raises CredentialsMissing, CredentialsRejected, Unreachable, InvalidConfiguration."""
        ...
