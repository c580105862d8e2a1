"""Everything decide may know, and the effective defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hostwright.core import backend, errors
from hostwright.core.names import Condition, Phase
from hostwright.core.port import Operation, Trace
from hostwright.core.probed import Probed
from hostwright.core.quantity import to_seconds
from hostwright.kinds.virtualmachine.port import Look, Twin, Unresolved, Wanted
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.kinds.virtualmachine.status import VirtualMachineStatus
from hostwright.kinds.virtualmachine.values import DeletionPolicy, DriftMode, ManagementPolicy


@dataclass(frozen=True, slots=True)
class Backend(backend.Backend):
    """The Provider as a machine sees it in this pass, and what of its kind concerns VirtualMachines."""

    drift_default: DriftMode = DriftMode.ENABLED
    supported: frozenset[str] = frozenset()
    shape_paths: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    spec: VirtualMachineSpec
    status: VirtualMachineStatus
    generation: int
    trace: Trace
    wanted: Wanted | Unresolved | None
    look: Look
    now: datetime
    backend: Backend = field(default_factory=Backend)
    operation: Operation | None = None
    outcome_open: bool = False  # the operation's outcome is unknown: verify
    fresh: bool = True  # the look began after our last call on the machine was answered
    proven: bool = False  # the look is an answer of the backend itself, in this pass
    nothing_made: bool = False  # the quiet time of the open operation is over and a look begun after it found nothing
    may_come: bool = False  # a fenced call whose reply nobody saw may have been carried out after the look began
    deleting_since: datetime | None = None
    probed: Probed | None = None  # None: nothing is known yet, or it is not probed
    born_at: datetime | None = None  # the object
    paused: str | None = None  # the annotation's value: why
    do_not_disrupt: bool = False  # the annotation is there: no other machine is made in its place
    tried_in_vain: bool = False  # the last call or proof for it failed, and the wish is the same still
    born_here: bool = True  # the machine id is the object's own uid, not a restored backup's
    candidates: tuple[Twin, ...] = ()  # machines that are as spec.import says, until one is bound
    candidate_of: str = ""  # another object that has the one candidate, or is about to
    never_reported: bool = False  # no status that knows of a first sight, a look or an intent: it proves nothing

    @property
    def observe_only(self) -> bool:
        return self.spec.management_policy is ManagementPolicy.OBSERVE_ONLY or self.backend.paused

    @property
    def deletion_policy(self) -> DeletionPolicy:
        theirs = self.spec.import_ is not None or self.trace.imported
        default = DeletionPolicy.RETAIN if theirs else DeletionPolicy.DELETE
        return self.spec.deletion_policy or default

    @property
    def drift_mode(self) -> DriftMode:
        return self.spec.drift_detection.mode or self.backend.drift_default

    @property
    def provisioned(self) -> bool:
        """The machine was seen active once; from then on ERROR or absence is reported, never answered with a create.

        One that was deleted since is provisioned no more, and the condition's reason keeps that it was. One that was
        there before us is nobody's to make anew.
        """
        if self.trace.imported:
            return True
        rows = (row for row in self.status.conditions or [] if row.type == Condition.PROVISIONED)
        deleted = errors.MachineDeletedExternally.__name__
        return any(row.status == "True" or row.reason == deleted for row in rows)

    @property
    def told(self) -> bool:
        """Something was said of the generation: that stays, at a start, until the Provider was seen as a whole."""
        return self.status.observed_generation == self.generation

    @property
    def reached(self) -> bool:
        """All that this generation asks, and policy allows, was seen done: UpToDate is spoken of it only then."""
        rows = (row for row in self.status.conditions or [] if row.type == Condition.UP_TO_DATE)
        return self.provisioned and any(row.observed_generation == self.generation for row in rows)

    @property
    def begun(self) -> bool:
        """Something may be there: a call was made, or is about to be."""
        return bool(self.trace.ledger) or self.operation is not None or self.provisioned

    @property
    def restart_asked(self) -> bool:
        """A value present at creation, or after a lost status, is only recorded."""
        token, handled = self.spec.restarted_at, self.status.handled
        return bool(token) and handled is not None and handled.get("restartedAt", "") != token

    @property
    def rebuild_asked(self) -> bool:
        """As a restart is; a missing key counts as the empty string."""
        token, handled = self.spec.rebuild_token, self.status.handled
        return bool(token) and handled is not None and handled.get("rebuildToken", "") != token

    @property
    def rebuild_handled(self) -> str:
        """The token last acted on, or recorded."""
        return (self.status.handled or {}).get("rebuildToken", "")

    @property
    def ready_now(self) -> bool | None:
        """What Ready says now, so that a look which learnt nothing changes nothing."""
        for row in self.status.conditions or []:
            if row.type == Condition.READY:
                return {"True": True, "False": False}.get(row.status)
        return False

    @property
    def phase(self) -> str:
        """What the status says now."""
        return self.status.phase or Phase.PENDING

    def deadline_passed(self, since: datetime | None, limit: str) -> bool:
        return since is not None and (self.now - since).total_seconds() > to_seconds(limit)
