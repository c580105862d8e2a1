"""What a backend must lend to the contract suite: a place to run, hands behind our back, and the truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from hostwright.core.errors import Failure
from hostwright.core.port import Trace
from hostwright.kinds.provider.port import Session
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec


class Need(StrEnum):
    """What a case asks of a harness beside the bare backend; `cannot` says which it does not have, and why."""

    REPLY_FAULTS = "lose or spoil the answer to a call"
    THROTTLING = "answer that it is asked too much"
    LIST_FAULTS = "end a list early while saying it is whole"
    OUTAGE = "stop answering for a while"
    QUOTA = "limit the number of machines"
    BUILD_FAILURES = "let a build fail"
    STALE_LISTS = "show lists as they were some seconds ago"
    SHORT_PAGES = "make pages of lists short"
    NEW_IMAGES = "add an image while a session is open"
    BAD_LOGIN = "refuse a login"
    ANOTHER_IDENTITY = "answer as another site at the same address"
    NO_ROOM = "have a size that no host has room for"


class Fault(StrEnum):
    """What happens to the next call of a verb."""

    LOSE_REPLY = "done, and the connection is cut before the answer"
    APPLY_THEN_FAIL = "done, and answered with 500"
    FAIL = "not done, and answered with 500"
    THROTTLE = "not done, and answered with 429, Retry-After 7"


@dataclass(frozen=True, slots=True)
class Truth:
    """A machine as the backend has it, read around the provider."""

    id: str
    name: str
    mark: str
    namespace: str
    object_name: str
    powered_on: bool
    tags: Mapping[str, str]
    metadata: Mapping[str, str]
    whole: str  # all of it that does not change by itself, in one text: to be compared byte by byte


class Harness(Protocol):
    name: str
    cannot: Mapping[Need, str]
    patience: float  # seconds that any one step may take
    poll: float  # interval given to the session's watch
    visibility_lag: float  # given to the session's context
    address: str  # free on the network `app`, with its prefix length
    own: Mapping[str, Mapping[str, Any]]  # the block of a machine that only this backend has; empty: there is none

    def start(self) -> None: ...

    def stop(self) -> None: ...

    async def reset(self) -> None:
        """No machine, no fault, no limit is left from the case before."""
        ...

    async def session(self, *, hasten: Callable[[], None] = lambda: None, bad_login: bool = False) -> Session:
        """A new login, with the networks `app` and `db` in the Provider's catalog."""
        ...

    def spec(self, interface: Mapping[str, Any] | None = None, **more: Any) -> VirtualMachineSpec:
        """A machine with one interface eth0 on `app`, as a user writes it; tags {team: a}.

        `interface`: more of eth0. `more`: other fields of the spec.
        """
        ...

    def bindings(self) -> Bindings:
        """The cluster's side of it: class small, image tiny, hostname web."""
        ...

    def unresolved(self, failure: type[Failure]) -> tuple[VirtualMachineSpec, Bindings, str] | str:
        """A machine that cannot be resolved, for this reason, and the name its message has to contain; or why not."""
        ...

    async def truth(self) -> Mapping[str, Truth]:
        """Every machine there is, by id."""
        ...

    async def stranger(self, trace: Trace, *, name: str, mark: str) -> str:
        """A machine made by somebody else under this name, with this mark (or none) and the trace's record; its id."""
        ...

    async def power_off(self, machine_id: str) -> None: ...

    async def set_tag(self, machine_id: str, key: str, value: str) -> None: ...

    async def set_metadata(self, machine_id: str, key: str, value: str) -> None: ...

    async def unmark(self, machine_id: str) -> None:
        """Our mark taken off by somebody else, off the machine and off all that belongs to it."""
        ...

    async def vanish(self, machine_id: str) -> None:
        """Deleted by somebody else; returns when it is gone."""
        ...

    async def own_of(self, machine_id: str) -> set[tuple[str, str]]:
        """Key and value of each field of `own`, flat, as the machine has them."""
        ...

    async def left(self) -> Sequence[str]:
        """Whatever bears a mark of ours and is no machine."""
        ...

    # The rest is asked for only where the backend claims what it is for, or by cases that say that they need it.

    async def floating_ips(self) -> Sequence[Mapping[str, Any]]: ...

    async def new_floating_ip(self) -> Mapping[str, Any]:
        """The project's own, made by somebody else."""
        ...

    async def new_disk(self) -> str:
        """Made by somebody else, free; its id."""
        ...

    async def disk(self, item: str) -> Mapping[str, Any]:
        """Once it is free; empty: there is none."""
        ...

    def vast(self) -> Bindings:
        """As `bindings`, of a size that no host has room for."""
        ...

    async def fault(self, verb: str, fault: Fault) -> None:
        """`verb` is that of the provider's Call; the next one is hit, once."""
        ...

    async def cut_lists(self, count: int) -> None: ...

    async def outage(self, *, on: bool) -> None: ...

    async def quota(self, machines: int) -> None: ...

    async def fail_builds(self, count: int, message: str) -> None: ...

    async def lag(self, seconds: float) -> None: ...

    async def page_size(self, rows: int) -> None: ...

    async def add_image(self, name: str) -> None: ...

    async def other_identity(self) -> None: ...


def small(provider: str, interface: Mapping[str, Any] | None, more: Mapping[str, Any]) -> VirtualMachineSpec:
    """A machine of the Provider, as `Harness.spec` says."""
    return VirtualMachineSpec.model_validate(
        {
            "providerRef": {"name": provider},
            "classRef": {"name": "small"},
            "imageRef": {"name": "tiny"},
            "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, **(interface or {})}]},
            "tags": {"team": "a"},
            **more,
        }
    )
