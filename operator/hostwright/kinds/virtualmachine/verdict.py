"""The verdict that several situations share: somebody else must act, or it is tried again later."""

from hostwright.core.decision import Decision
from hostwright.core.errors import Failure
from hostwright.core.names import Phase
from hostwright.kinds.virtualmachine import say
from hostwright.kinds.virtualmachine.port import Step

#: A machine that cannot move by itself is looked at this often (seconds); a change of it wakes us earlier.
SLOW = 600.0


def failed(failure: Failure, *, look_again: float) -> Decision[Step]:
    return Decision(
        failure=failure,
        said=say.failed(failure),
        phase=Phase.FAILED if say.stalls(failure) else Phase.PENDING,
        look_again=look_again,
    )
