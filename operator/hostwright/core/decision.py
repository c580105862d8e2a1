"""What a kind decided: the next step, and what is to be said about the object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from hostwright.core.conditions import Said
from hostwright.core.errors import Failure
from hostwright.core.port import LedgerRow, OperationType

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Note:
    """An Event: one for each transition.

    `transition` tells two occurrences of one reason apart, and makes a restart repeat none: the name of the Event is
    made from the object's uid, the reason and it.
    """

    reason: str
    message: str
    transition: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """The outcome of one pure decide."""

    step: S | None = None
    operation: OperationType | None = None  # what the step is called in status.operation
    expect: str = ""  # where the step itself names what is to come (a restart's `power/off`), else the plan's Call does
    needs_proof: str = ""  # why the backend itself must be asked before anything else; empty: not needed
    release: bool = False  # the finalizer may go
    remove: bool = False  # the object itself is to be deleted, as its user would do it
    said: tuple[Said, ...] = ()
    phase: str = ""
    failure: Failure | None = None  # what stands in status.lastError
    status: Mapping[str, Any] = field(default_factory=dict)  # whole new values of top-level status fields
    adopt: tuple[LedgerRow, ...] = ()  # enters the ledger with the next patch
    forget: tuple[str, ...] = ()  # ledger names proven gone
    close_operation: bool = False
    notes: tuple[Note, ...] = ()
    look_again: float | None = None  # seconds; None: when something moves
    observed: bool = True  # False: observedGeneration does not advance (paused)
