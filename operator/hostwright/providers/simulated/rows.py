"""What goes over the wire: frozen rows, requests and refusals, shared by the site, its model and the client."""

from enum import StrEnum
from http import HTTPStatus

import msgspec


class Row(msgspec.Struct, frozen=True, rename="camel"):
    """Outside camelCase, inside snake_case."""


class State(StrEnum):
    BUILDING = "Building"
    ACTIVE = "Active"
    ERROR = "Error"
    DELETING = "Deleting"


class Task(StrEnum):
    """What the site is at work on, with an ACTIVE machine."""

    NONE = ""
    STARTING = "Starting"
    STOPPING = "Stopping"


class Table(StrEnum):
    """The two maps of a machine."""

    TAGS = "tags"
    METADATA = "metadata"


class Nic(Row, frozen=True, kw_only=True):
    name: str
    network: str  # id
    addresses: tuple[str, ...]  # without prefix length
    mac: str


class Machine(Row, frozen=True, kw_only=True):
    """A machine as the site has it. `revision` grows with every change on the site, so two rows of one id compare."""

    id: str
    number: int  # grows with each creation: the order of lists
    name: str  # unique on the site: the fence
    mark: str
    namespace: str  # the record of who it was made for
    object_name: str
    hostname: str
    image: str  # id
    cpu: int
    memory_mib: int = msgspec.field(name="memoryMiB")
    interfaces: tuple[Nic, ...]
    state: State
    powered_on: bool
    task: Task = Task.NONE
    message: str = ""  # why it is in Error
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    ssh_keys: tuple[str, ...] = ()
    user_data_size: int = 0
    user_data_sha256: str = ""
    rebuilt: str = ""  # the word of the last rebuild
    rebuilds: int = 0
    created_at: float  # seconds since 1970
    revision: int
    due: float | None = None  # when the work under way ends; None: nothing is under way, or it hangs

    @property
    def moving(self) -> bool:
        """Whether it will change by itself."""
        return self.state in (State.BUILDING, State.DELETING) or self.task is not Task.NONE


class Gone(Row, frozen=True, kw_only=True):
    """A machine that was deleted."""

    id: str
    name: str
    mark: str
    revision: int


class Page(Row, frozen=True, kw_only=True):
    """One page of a list; the list goes on while `more` is not 0, however short the page."""

    machines: tuple[Machine, ...]
    gone: tuple[Gone, ...] = ()  # with `since`: what was deleted after that revision, on the first page
    revision: int  # of the site, as this list shows it: the next `since`
    more: int = 0  # the next `after`


class Size(Row, frozen=True, kw_only=True):
    name: str
    cpu: int
    memory_mib: int = msgspec.field(name="memoryMiB")


class Image(Row, frozen=True, kw_only=True):
    id: str
    name: str


class Network(Row, frozen=True, kw_only=True):
    id: str
    name: str
    cidr: str


class Catalog(Row, frozen=True, kw_only=True):
    sizes: tuple[Size, ...]
    images: tuple[Image, ...]
    networks: tuple[Network, ...]


class Site(Row, frozen=True, kw_only=True):
    """Who answers. `id` stays with the state file."""

    id: str
    version: str
    revision: int


class NicRequest(Row, frozen=True, kw_only=True):
    name: str
    network: str
    addresses: tuple[str, ...] = ()
    mac: str = ""


class MachineRequest(Row, frozen=True, kw_only=True):
    name: str
    image: str
    cpu: int
    memory_mib: int = msgspec.field(name="memoryMiB")
    mark: str = ""
    namespace: str = ""
    object_name: str = ""
    hostname: str = ""
    interfaces: tuple[NicRequest, ...] = ()
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    ssh_keys: tuple[str, ...] = ()
    user_data: bytes = b""  # base64 on the wire; only its size and hash are kept


class Entry(Row, frozen=True, kw_only=True):
    """One entry of a machine's tags or metadata."""

    key: str
    value: str = ""


class Hardware(Row, frozen=True, kw_only=True):
    """A machine's size."""

    cpu: int
    memory_mib: int = msgspec.field(name="memoryMiB")


class Remake(Row, frozen=True, kw_only=True):
    """The disk made anew from an image; the word says which making this is."""

    image: str
    word: str
    ssh_keys: tuple[str, ...] = ()
    user_data: bytes = b""


class Owner(Row, frozen=True, kw_only=True):
    """Whose a machine is: the mark, and the record of who it was made for."""

    mark: str
    namespace: str = ""
    object_name: str = ""


class Code(StrEnum):
    """Why the site refuses, for programs."""

    INVALID = "Invalid"
    UNAUTHORIZED = "Unauthorized"
    NOT_FOUND = "NotFound"
    NAME_TAKEN = "NameTaken"
    ADDRESS_IN_USE = "AddressInUse"
    BUSY = "Busy"  # the machine is in another state, or something is under way
    MARKED = "Marked"  # the machine bears another mark
    QUOTA_EXCEEDED = "QuotaExceeded"
    NO_CAPACITY = "NoCapacity"
    TOO_OLD = "TooOld"  # `since` lies before what the site remembers
    TOO_MANY_REQUESTS = "TooManyRequests"
    FAILED = "Failed"  # the site itself failed


class Problem(Row, frozen=True, kw_only=True):
    """The body of every answer that is not 2xx."""

    code: str
    message: str
    holder: str = ""  # with NameTaken: the id of the machine that has the name


class Refused(Exception):  # noqa: N818 - it is an answer
    """The site answered, and not with 2xx."""

    def __init__(self, status: int, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {problem.code}: {problem.message}")
        self.status = status
        self.problem = problem
        self.retry_after = retry_after

    @property
    def not_found(self) -> bool:
        """In the site's own words: a 404 of a proxy proves nothing."""
        return self.status == HTTPStatus.NOT_FOUND and self.problem.code == Code.NOT_FOUND


def refused(status: int, code: Code, message: str, *, holder: str = "") -> Refused:
    return Refused(status, Problem(code=code, message=message, holder=holder))
