"""The words between a kind and a backend: how a machine is recognised, what a look says, what a call is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

F = TypeVar("F")

#: The backend's clock and ours may differ by this much (PROTOCOLS section 4).
CLOCK_TOLERANCE = timedelta(seconds=60)


class RowState(StrEnum):
    """`Deleting`: its deletion was sent; the row leaves when the thing is proven gone."""

    CREATED = "Created"
    DELETING = "Deleting"


class Ownership(StrEnum):
    """Created (by us, or adopted by verify), Adopted (by import), Referenced (never deleted)."""

    CREATED = "Created"
    ADOPTED = "Adopted"
    REFERENCED = "Referenced"


@dataclass(frozen=True, slots=True)
class Window:
    """From the first attempt's intent to the last attempt's end, wall clock: what was made inside may be ours."""

    start: datetime
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        return self.start - CLOCK_TOLERANCE <= moment and (self.end is None or moment <= self.end + CLOCK_TOLERANCE)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One thing we made, or referenced, on the backend: `status.resources[]`."""

    name: str  # `server`, `port/eth0`, `extra/<id>`
    id: str
    state: RowState = RowState.CREATED
    ownership: Ownership = Ownership.CREATED
    window: Window | None = None

    @property
    def says_ours(self) -> bool:
        """Whether it says that we made the thing: nothing but a server is imported, and none is only referenced."""
        if self.name == "server":
            return self.ownership is not Ownership.ADOPTED
        return self.ownership is not Ownership.REFERENCED


@dataclass(frozen=True, slots=True)
class Sought:
    """What tells a machine that was there before us: its id, or its name and tags (all of what is given)."""

    id: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """How a machine is recognised on the backend."""

    machine_id: str
    mark: str  # the owner mark, see names.owner_mark
    mark_prefix: str  # what every mark of this cluster begins with
    name: str  # deterministic name on the provider
    namespace: str
    object_name: str
    provider_id: str | None = None  # the backend's id of the machine, from the ledger
    ledger: tuple[LedgerRow, ...] = ()
    windows: tuple[Window, ...] = ()  # of the ledger's rows and of the open operation
    beside: tuple[Window, ...] = ()  # of these, that of an open operation which makes no machine, but a part of one
    task: str = ""  # the backend's own, by which it makes the machine: of a creation that was not refused
    place: str = ""  # where that creation was announced to make it, where the backend fences by the place
    making: str = ""  # the part that an open operation was to make
    sought: Sought | None = None  # a machine that is to be imported, until one is bound

    @property
    def imported(self) -> bool:
        """Its machine was there before us."""
        row = self.row("server")
        return row is not None and row.ownership is Ownership.ADOPTED

    def made_here(self, created_at: datetime | None) -> bool:
        """Whether something created then was created inside one of our operation windows (60 s of tolerance)."""
        return created_at is not None and any(window.holds(created_at) for window in self.windows)

    def row(self, name: str) -> LedgerRow | None:
        return next((row for row in self.ledger if row.name == name), None)

    def disowned(self, item: str, mark: str, name: str) -> LedgerRow | None:
        """The row that names this thing as made by us, where the thing itself says otherwise; else None.

        A status can be written by hand. The thing bears another owner mark; or none, and no name of ours either: then
        nothing tells it from a stranger's. `mark` is empty where it bears none. A server that was imported was there
        before us: whose it is besides is asked by itself.
        """
        row = next((row for row in self.ledger if row.id == item and row.says_ours), None)
        if row is None or mark == self.mark:
            return None
        return row if mark or not (name == self.name or name.startswith(f"{self.name}-")) else None

    def without(self, rows: tuple[LedgerRow, ...]) -> "Trace":
        """Led by nothing of these."""
        return replace(self, ledger=tuple(row for row in self.ledger if row not in rows)) if rows else self


@dataclass(frozen=True, slots=True)
class Present(Generic[F]):
    """The machine, or a part of it (a port without a server), is there."""

    found: F
    as_of: float  # monotonic seconds: the later of the start of the last complete read and of the row's own receipt


@dataclass(frozen=True, slots=True)
class Missing:
    """Proven: an answered, complete look, or a GET of each id that says 404, found nothing of it."""

    as_of: float


@dataclass(frozen=True, slots=True)
class Unsure:
    """Not seen, which proves nothing: `why` is for people."""

    why: str
    as_of: float = float("-inf")


class Repeat(StrEnum):
    """What a second sending of the same call would do."""

    READ = "Read"  # it changes nothing on the backend, the first sending included
    FENCED = "Fenced"  # the backend itself refuses the second
    IDEMPOTENT = "Idempotent"  # the second changes nothing
    INTENT = "Intent"  # it would do harm: needs an intent first, and a verify after an unknown outcome


@dataclass(frozen=True, slots=True)
class Call:
    """The one mutating request that comes next."""

    verb: str  # `create_port`, `create_server` …: bounded set, metric label
    expect: str  # ledger name of what it makes or changes: `port/eth0`, `server`
    repeat: Repeat
    arguments: Any = None  # the backend's own frozen value
    deadline: float = 20.0  # seconds, absolute for the whole call
    destructive: bool = False  # needs a proven look first
    message: str = ""  # for the Ready condition: "creating port eth0"
    row: LedgerRow | None = None  # enters the ledger before the call is sent (an extra, before it is deleted)
    place: str = ""  # the full path of what it makes, where the backend fences by that: then the intent expects it


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send until something moves on the backend."""

    message: str
    look_again: float = 1.0  # seconds; the inventory requeues earlier when the row moves


@dataclass(frozen=True, slots=True)
class Done:
    """The step is reached."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an answered call left: the rows to write into the ledger, those that are gone, and the backend's task.

    A task without a row goes on by itself: it is asked what came of it.
    """

    made: tuple[LedgerRow, ...] = ()
    gone: tuple[str, ...] = ()  # ledger names proven gone (a DELETE that answered 404)
    task: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)  # e.g. createFence learnt from a refusal


class OperationType(StrEnum):
    """`status.operation.type`."""

    CREATE = "Create"
    POWER = "SetPower"
    RESTART = "Restart"
    UPDATE = "Update"
    RESIZE = "Resize"
    REBUILD = "Rebuild"
    REPLACE = "Replace"
    DELETE = "Delete"
    POWER_ON = "PowerOn"
    POWER_OFF = "PowerOff"
    RESET_BMC = "ResetBMC"
    INSPECT = "Inspect"


@dataclass(frozen=True, slots=True)
class Operation:
    """`status.operation`: the intent of the call that is about to be made, or whose outcome is being verified.

    `attempt` counts tries of the same `expect`. Times are wall clock and for people and windows; waiting is counted
    on the process's own monotonic clock from the first sight of (`id`, `attempt`, `expect`).
    """

    id: str
    type: OperationType
    expect: str
    attempt: int = 1
    started_at: datetime | None = None
    deadline: datetime | None = None
    window_start: datetime | None = None  # the first attempt's intent
    task: str = ""
    next_retry_at: datetime | None = None

    @property
    def key(self) -> str:
        return f"{self.id}/{self.expect}/{self.attempt}"

    @property
    def place(self) -> str:
        """The full path of the machine that is to come, on a backend that fences by it."""
        return self.expect if self.expect.startswith("/") else ""

    @property
    def makes(self) -> bool:
        """Whether something is to come of it: the machine, or a part for one that is there."""
        return self.type is OperationType.CREATE or (self.type is OperationType.UPDATE and self.part != "server")

    @property
    def part(self) -> str:
        """The ledger name of what is to come."""
        return "server" if self.place else self.expect
