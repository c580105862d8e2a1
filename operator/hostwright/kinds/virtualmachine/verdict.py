"""The verdicts that several situations share: the machine failed, or something stands in its way."""

from hostwright.core.decision import Decision
from hostwright.core.errors import Failure
from hostwright.core.names import Phase
from hostwright.kinds.virtualmachine import say
from hostwright.kinds.virtualmachine.port import Step
from hostwright.kinds.virtualmachine.situation import Situation

#: A machine that cannot move by itself is looked at this often (seconds); a change of it wakes us earlier.
SLOW = 600.0


def failed(failure: Failure, *, look_again: float) -> Decision[Step]:
    """It is the machine itself that is not as it should be."""
    return Decision(failure=failure, said=say.failed(failure), phase=Phase.FAILED, look_again=look_again)


def blocked(situation: Situation, failure: Failure, *, look_again: float) -> Decision[Step]:
    """Something else is missing or refused: a machine that was not begun is Pending, another stays what it was."""
    phase = situation.phase if situation.begun else Phase.PENDING
    return Decision(failure=failure, said=say.failed(failure), phase=phase, look_again=look_again)
