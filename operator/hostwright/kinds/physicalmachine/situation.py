"""Everything decide may know of a PhysicalMachine, and what follows from it at once."""

from dataclasses import dataclass, field
from datetime import datetime

from hostwright.core.backend import Backend
from hostwright.core.errors import Failure
from hostwright.core.names import Condition
from hostwright.core.port import Operation, OperationType
from hostwright.kinds.physicalmachine.port import Look, Power
from hostwright.kinds.physicalmachine.resource import PhysicalMachineSpec
from hostwright.kinds.physicalmachine.status import PhysicalMachineStatus
from hostwright.kinds.physicalmachine.values import ManagementPolicy, PowerState

#: In status.handled: the restart of a claim, and the claim that it was of.
CLAIM_RESTART, CLAIM_UID = "claim.restartedAt", "claim.uid"


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim that claimRef names, as the store has it."""

    there: bool = True  # under the uid of claimRef
    leaving: bool = False  # it is being deleted
    elsewhere: str = ""  # the other machine that its status names
    power: Power = Power.ON
    restarted_at: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    spec: PhysicalMachineSpec
    status: PhysicalMachineStatus
    namespace: str
    name: str
    machine_id: str
    generation: int
    look: Look
    now: datetime
    backend: Backend = field(default_factory=Backend)
    credentials: Failure | None = None  # why there is no login to try
    secret_version: str = ""  # resourceVersion of the Secret in use
    operation: Operation | None = None
    outcome_open: bool = False  # the operation's outcome is unknown: verify
    proven: bool = False  # the look is an answer of the BMC itself, in this pass
    nothing_made: bool = False  # the quiet time of the open operation is over and a look begun after it shows nothing
    answered: bool = False  # the operation's call was answered, or may have been taken, in this process
    since_call: float | None = None  # seconds from that answer to the look; None: none is known
    refused: bool = False  # the operation's call was definitely refused, or not sent, and nothing is wished since
    deleting_since: datetime | None = None
    paused: str | None = None  # the annotation's value: why
    never_reported: bool = False
    claim: Claim | None = None  # None: no claimRef
    rival: str = ""  # namespace/name of the older object that stands for the same server

    @property
    def observe_only(self) -> bool:
        return self.spec.management_policy is ManagementPolicy.OBSERVE_ONLY or self.backend.paused

    @property
    def told(self) -> bool:
        """Something was said of this generation."""
        return self.status.observed_generation == self.generation

    @property
    def uuid(self) -> str:
        """The recorded one."""
        return (self.status.identity.uuid or "") if self.status.identity is not None else ""

    @property
    def ready_now(self) -> bool | None:
        """What Ready says now."""
        row = self.condition(Condition.READY)
        return {"True": True, "False": False}.get(row[0]) if row is not None else False

    def condition(self, kind: Condition) -> tuple[str, str, str] | None:
        """Status, reason and message of a condition as it stands."""
        rows = [row for row in self.status.conditions or () if row.type == kind]
        return (rows[0].status, rows[0].reason, rows[0].message) if rows else None

    @property
    def releasing(self) -> bool:
        """The claim is going or gone: the server is powered off before anybody else has it."""
        return self.claim is not None and (not self.claim.there or self.claim.leaving)

    @property
    def held(self) -> str:
        """Why nothing is done although a claim has it; empty: it is not so."""
        claim, ref = self.claim, self.spec.claim_ref
        if claim is None or ref is None or self.releasing:
            return ""
        allowed = self.spec.claim_policy.namespaces or [self.namespace]
        if ref.namespace not in allowed:
            return f"claim {ref.namespace}/{ref.name} may not have this server: its namespace is not in claimPolicy"
        if claim.elsewhere:
            return f"claim {ref.namespace}/{ref.name} has another server: {claim.elsewhere}"
        return ""

    @property
    def bound(self) -> bool:
        """A live claim has the server, and may."""
        return self.claim is not None and not self.releasing and not self.held

    @property
    def wish(self) -> Power | None:
        """The power that is wanted; None: it is left as it is."""
        if self.releasing:
            return Power.OFF
        if self.claim is not None:
            return self.claim.power
        wanted = self.spec.power_state
        return None if wanted is PowerState.UNMANAGED else Power(wanted.value)

    @property
    def restart_asked(self) -> bool:
        """What is there at first sight, or when the claim is bound, is only recorded."""
        handled = self.status.handled
        if handled is None:
            return False
        if self.claim is not None:
            known = handled.get(CLAIM_UID) == (self.spec.claim_ref.uid if self.spec.claim_ref else "")
            token = self.claim.restarted_at
            return known and bool(token) and handled.get(CLAIM_RESTART, "") != token
        token = self.spec.restarted_at or ""
        return bool(token) and handled.get("restartedAt", "") != token

    def asked(self, key: str, token: str) -> bool:
        """Whether a request of this key is new; one that is there at first sight is only recorded."""
        handled = self.status.handled
        return bool(token) and handled is not None and handled.get(key, "") != token

    def at_work_on(self, *kinds: OperationType) -> Operation | None:
        """The operation under way, if it is one of these."""
        operation = self.operation
        return operation if operation is not None and operation.type in kinds else None
