"""What the pass is told of a kind of machine: how its objects are read, decided on and acted for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hostwright.core.decision import Decision, Note
from hostwright.core.port import Call, Done, Receipt, Trace, Wait
from hostwright.core.resource import NameRef

if TYPE_CHECKING:
    from hostwright.core.errors import Failure
    from hostwright.engine.ports import Body
    from hostwright.engine.recall import Recall
    from hostwright.engine.view import Tools, View


class Spec(Protocol):
    """What the pass itself reads of a spec."""

    @property
    def provider_ref(self) -> NameRef: ...


@dataclass(frozen=True, slots=True)
class Reached:
    """What it means that a step has nothing left to send."""

    release: tuple[Note, ...] | None = None  # the finalizer may go, with these Events
    prove_gone: bool = False  # the backend itself is asked whether all is gone


@dataclass(frozen=True, slots=True)
class Seen:
    """One look, and what it proves."""

    look: Any
    proven: bool = False  # an answer of the backend itself, in this pass
    nothing_made: bool = False  # the quiet time of the open operation is over, and it shows nothing of it
    began: float | None = None  # monotonic; None: now


class Kind(Protocol):
    """Without state: what is remembered of an object stands in its Recall."""

    name: str
    makes_machines: bool  # its machines are made by us: whether anything was ever made must be known

    def read(self, body: "Body") -> Spec: ...

    def one_shots(self, spec: Spec) -> Mapping[str, str]:
        """The requests that are there at first sight: recorded as handled, never acted on."""
        ...

    def recorded(self, machines: Any, trace: Trace) -> tuple[str, str]:
        """Namespace and name on the backend's own record of the machine."""
        ...

    def namesake(self, machines: Any, trace: Trace) -> str:
        """The id of a machine of this namespace and name under another machine id; empty: there is none."""
        ...

    async def prepared(self, tools: "Tools", view: "View", recall: "Recall") -> "View":
        """Before the look: what it needs."""
        ...

    def forgotten(self, tools: "Tools", recall: "Recall") -> None:
        """The object is gone."""
        ...

    def decide(self, tools: "Tools", view: "View", recall: "Recall", seen: Seen) -> Decision[Any]: ...

    def shows(self, view: "View", look: Any) -> bool:
        """Whether what the open operation was to bring about is there."""
        ...

    def in_the_making(self, look: Any) -> bool:
        """Whether something is under way at the backend of which the look cannot tell yet what it will be."""
        ...

    def plan(
        self, view: "View", step: Any, look: Any, receipts: Mapping[str, float]
    ) -> "Call | Wait | Done | Failure": ...

    def creates(self, step: Any) -> bool:
        """Whether it is tried again by Capacity's back-off, counted in the operation."""
        ...

    def gives_up(self, decision: Decision[Any]) -> bool:
        """Whether its step takes away what failed to be made, which is made again later."""
        ...

    def reached(self, tools: "Tools", view: "View", recall: "Recall", step: Any) -> Reached: ...

    async def baggage(self, tools: "Tools", view: "View", step: Any) -> bytes | None:
        """What goes with the call and is never kept: user data. Raises the user's Failure where it is not there."""
        ...

    async def perform(self, machines: Any, call: Call, baggage: bytes | None) -> Receipt: ...
