"""The outcome of the last call is unknown: what the BMC shows counts, else the quiet time is waited out."""

from hostwright.core.decision import Decision
from hostwright.core.names import Reason
from hostwright.core.saying import working
from hostwright.kinds.physicalmachine.port import BOOT, INSPECTION, LOCATOR, FoundServer, Power, Step
from hostwright.kinds.physicalmachine.power import shows, unseen
from hostwright.kinds.physicalmachine.situation import Situation

#: A second sending of these changes nothing.
_HARMLESS = frozenset({INSPECTION, LOCATOR, BOOT})


def verify(situation: Situation, found: FoundServer) -> Decision[Step] | None:
    """None: the outcome is known, or does not matter."""
    return verify_towards(situation, found, situation.wish)


def verify_towards(situation: Situation, found: FoundServer, goal: Power | None) -> Decision[Step] | None:
    """The same, where another power than the wish is wanted."""
    operation = situation.operation
    if not situation.outcome_open and unseen(situation, found, goal):
        return Decision(
            said=working(Reason.WAITING, "the BMC took a request; its effect is not seen yet"), look_again=1.0
        )
    if operation is None or not situation.outcome_open or situation.nothing_made or operation.expect in _HARMLESS:
        return None
    words = working(Reason.VERIFYING, "verifying the outcome of the last call", ready=situation.ready_now)
    if not situation.proven:
        return Decision(needs_proof="the outcome of the last call is unknown", said=words)
    if shows(found, operation):
        return None
    return Decision(said=words, look_again=1.0)
