"""Another machine in the place of this one, as its user asked: deleted, proven gone, and made under the same identity.

The operation names the machine that goes. From its deletion on there is no way back; until then the wish may be taken
back, once it is known that no deletion is on its way.
"""

from dataclasses import replace

from hostwright.core.decision import Decision, Note
from hostwright.core.errors import DeleteTimedOut, NotBound
from hostwright.core.names import Phase, Reason
from hostwright.core.port import OperationType, Ownership, RowState
from hostwright.kinds.virtualmachine import say
from hostwright.kinds.virtualmachine.lost import made_again
from hostwright.kinds.virtualmachine.port import Discard, Found, Life, Step, Wanted
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.steady import Gap, assess
from hostwright.kinds.virtualmachine.verdict import SLOW, blocked

_EXPECT = "replace/"
_TEXT = "replacing the machine: it is deleted, and made anew"


def standing(situation: Situation) -> str:
    """The id of the machine that is being replaced; empty: none is. Never of one that was there before us."""
    operation, row = situation.operation, situation.trace.row("server")
    if operation is None or operation.type is not OperationType.REPLACE:
        return ""
    item = operation.expect.removeprefix(_EXPECT)
    return item if row is None or (row.id, row.ownership) == (item, Ownership.CREATED) else ""


def begin(situation: Situation, found: Found, gap: Gap) -> Decision[Step]:
    """Announced before anything is deleted; only the machine that the ledger names."""
    row = situation.trace.row("server")
    if row is None or row.id != found.id:
        return Decision(phase=situation.phase, look_again=0.0)
    text = f"{row.id} is deleted and another machine is made in its place, for {', '.join(gap.replace)}"
    return Decision(
        step=Discard(row, anew=True),
        operation=OperationType.REPLACE,
        expect=f"{_EXPECT}{row.id}",
        said=(*say.working(Reason.REPLACING, _TEXT), *say.present(found)),
        phase=Phase.UPDATING,
        notes=(Note(Reason.REPLACING, text, row.id),),
    )


def on_its_way(situation: Situation, found: Found) -> Decision[Step] | None:
    """What was accepted is gone on with, whatever is wished since: some backends keep a machine, or fail to delete it.

    None: it is judged as any other.
    """
    row = situation.trace.row("server")
    if row is None or not found.id or standing(situation) != found.id:
        return None
    waiting: Decision[Step] = Decision(
        said=say.working(Reason.REPLACING, _TEXT), phase=Phase.UPDATING, look_again=2.0, operation=OperationType.REPLACE
    )
    if found.life is not Life.DELETING:
        if situation.observe_only or not (row.state is RowState.DELETING or _failed_at_it(situation, found)):
            return None
        expect = f"{_EXPECT}{row.id}"
        waiting = replace(waiting, step=Discard(row, anew=True), expect=expect, look_again=None)
    operation, limit = situation.operation, situation.spec.timeouts.delete
    if operation is None or not situation.deadline_passed(operation.started_at, limit):
        return waiting
    words = found.message or "the provider does not say why"
    late = DeleteTimedOut(f"{found.id} is to be replaced, and its deletion takes longer than {limit}: {words}")
    return replace(waiting, failure=late, said=say.failed(late))


def _failed_at_it(situation: Situation, found: Found) -> bool:
    """In ERROR after its deletion was announced, and still to be replaced."""
    wanted = situation.wanted
    asked = isinstance(wanted, Wanted) and bool(assess(situation, wanted, found).replace)
    return found.life is Life.FAILED and asked


def taken_back(situation: Situation) -> Decision[Step] | None:
    """No longer asked for, and the machine is there: a deletion that was sent may still be carried out."""
    if not standing(situation) or not situation.outcome_open or situation.nothing_made:
        return None
    words = say.working(Reason.VERIFYING, "verifying the outcome of the last call", ready=situation.ready_now)
    why = "" if situation.proven else "the outcome of the last call is unknown"
    return Decision(needs_proof=why, said=words, phase=situation.phase, look_again=1.0)


def gone(situation: Situation) -> Decision[Step] | None:
    """By our own deletion: made again. None: it is not seen for another reason."""
    item = standing(situation)
    if not item:
        return None
    if situation.observe_only:
        later = "Another is made once the machine, or its Provider, is not only observed."
        return blocked(situation, NotBound(f"{item} was deleted to be replaced. {later}"), look_again=SLOW)
    if not situation.proven:
        return Decision(needs_proof="whether the machine that is replaced is gone", phase=situation.phase)
    return made_again(situation, Reason.REPLACING, _TEXT)
