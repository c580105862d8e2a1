"""What the world must offer the engine: the cluster, the clock, the right to send, somebody who listens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from hostwright.core.decision import Note

Body = Mapping[str, Any]


class Key(NamedTuple):
    """One object; `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


class StaleBodyError(Exception):
    """409, or 422 on metadata.uid: the decision was made from an old body. Re-read and decide again."""


class ObjectGoneError(Exception):
    """404: the object is not there any more."""


class ClusterUnavailableError(Exception):
    """The API server did not answer, or answered 5xx or 429: whether the write was applied is not known."""


class WriteRefusedError(Exception):
    """The API server refuses our write (422, 403): a defect of ours, or of the roles."""


class LeaseLostError(Exception):
    """We may not send: another replica leads, or our Lease could not be renewed."""


@dataclass(frozen=True, slots=True)
class Secret:
    resource_version: str
    data: Mapping[str, bytes]
    finalizers: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Secret(resource_version={self.resource_version!r}, keys={sorted(self.data)})"


class Cluster(Protocol):
    """Writes to, and single reads from, the API server. Raises the errors above only."""

    async def patch(self, key: Key, patch: Body) -> Body:
        """JSON merge patch of the main resource; the patch carries metadata.resourceVersion and uid."""
        ...

    async def patch_status(self, key: Key, patch: Body) -> Body:
        """JSON merge patch of /status; the patch carries metadata.resourceVersion."""
        ...

    async def get(self, key: Key) -> Body | None: ...

    async def drop_finalizer(self, key: Key, body: Body, finalizer: str) -> Body | None:
        """JSON patch with `test` on the uid and on the element; None when the object went with it."""
        ...

    async def apply(self, key: Key, wanted: Body, *, force: bool) -> Body:
        """Server-side apply, as the manager of pools; what an earlier apply had and this one has not is removed."""
        ...

    async def delete(self, key: Key, uid: str, version: str = "") -> None:
        """Ask for the object's deletion; one of another uid, or of another version if one is given, is left alone."""
        ...

    async def own(self, key: Key, body: Body, owners: Sequence[Mapping[str, Any]]) -> Body:
        """The whole list of owners in place of the one in `body`: JSON patch with `test` on uid and version."""
        ...

    async def secret(self, namespace: str, name: str) -> Secret | None: ...

    async def hold_secret(self, namespace: str, name: str, finalizer: str, *, held: bool) -> None: ...

    async def event(self, body: Body, note: Note) -> None:
        """Post one Event under its deterministic name; one that is there already is no error."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, UTC."""
        ...

    def monotonic(self) -> float: ...


class Gate(Protocol):
    """The Lease, asked at the moment of sending."""

    def check(self) -> None:
        """Raises LeaseLostError when we may not send now."""
        ...

    def held(self) -> bool: ...


class Dial(Protocol):
    """A connection to a machine's own address."""

    async def __call__(self, address: str, port: int) -> str:
        """Why it does not answer, within a few seconds; empty: it does. Raises nothing."""
        ...


async def nobody_asks(address: str, port: int) -> str:
    """Of a process that cannot reach machines, as most tests' are."""
    return f"{address}:{port} is not asked"


class Telemetry(Protocol):
    """What happened, in our words."""

    def passed(self, key: Key, seconds: float, outcome: str) -> None: ...

    def called(self, provider: str, verb: str, seconds: float, outcome: str) -> None: ...

    def wrote(self, kind: str, what: str) -> None: ...

    def said(self, key: Key, reason: str, message: str) -> None: ...

    def hindered(self, key: Key, error: ClusterUnavailableError) -> None:
        """The API server was away; tried again."""
        ...

    def failed(self, key: Key, error: BaseException) -> None:
        """A defect of ours."""
        ...
