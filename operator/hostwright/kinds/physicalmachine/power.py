"""Power: soft and hard are two transitions, a restart is off, seen off, on; no Reset twice for what was carried out."""

from dataclasses import replace
from datetime import timedelta

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.errors import PowerOffTimedOut
from hostwright.core.names import Condition, Reason
from hostwright.core.port import Operation, OperationType
from hostwright.core.saying import failed, stamp, working
from hostwright.kinds.physicalmachine.port import HARD, ON, SOFT, FoundServer, Power, Reset, SetPower, Step
from hostwright.kinds.physicalmachine.situation import Situation
from hostwright.kinds.physicalmachine.values import PowerOffMode

#: How long a soft power-off may take before a hard one (DESIGN section 9).
SOFT_WITHIN = timedelta(minutes=3)
#: A system that only may be asked is asked again after this.
ASK_AGAIN = timedelta(minutes=10)
#: A Reset that the BMC took and that no look begun so many seconds later shows was not carried out: a call's deadline
#: and the visibility lag (PROTOCOLS section 9).
SETTLE = 25.0

_LEADS_TO = {ON: Power.ON, SOFT: Power.OFF, HARD: Power.OFF}
_GOING = {Power.ON: Power.STARTING, Power.OFF: Power.STOPPING}


def shows(found: FoundServer, operation: Operation) -> bool:
    """Whether the operation's Reset was carried out, or is being so."""
    goal = _LEADS_TO.get(operation.expect)
    return goal is not None and found.power in {goal, _GOING[goal]}


def unseen(situation: Situation, found: FoundServer, goal: Power | None) -> bool:
    """Whether the BMC took a Reset that leads elsewhere than `goal`, and that may show any moment.

    Until it does the server is not as it looks: let go of as off, it would come up.
    """
    operation, since = situation.operation, situation.since_call
    leads_to = _LEADS_TO.get(operation.expect) if operation is not None else None
    if operation is None or leads_to in {None, goal} or situation.refused or since is None or since > SETTLE:
        return False
    halfway = operation.type is OperationType.RESTART and goal is not Power.OFF
    return not halfway and not shows(found, operation)


def under_way(situation: Situation, found: FoundServer) -> bool:
    """Whether a Reset that was sent may show any moment: forgotten, it would be sent a second time."""
    operation, since = situation.operation, situation.since_call
    if operation is None or operation.expect not in _LEADS_TO or situation.refused or shows(found, operation):
        return False
    if operation.expect == SOFT:
        return not _late(situation, operation, SOFT_WITHIN)
    return since is not None and since <= SETTLE


def change(situation: Situation, found: FoundServer) -> Decision[Step] | None:
    """The restart or the power change that is due; None: power is as it is wanted."""
    decision = _restart(situation, found)
    if decision is None and situation.wish is not None:
        kind = OperationType.POWER_ON if situation.wish is Power.ON else OperationType.POWER_OFF
        decision = toward(situation, found, situation.wish, kind)
    return decision


def toward(situation: Situation, found: FoundServer, goal: Power, kind: OperationType) -> Decision[Step] | None:
    """The next thing on the way there; None: the goal is reached.

    A Reset that leads there is on its way whatever it was sent for: half of a restart, and now it is to stay off.
    """
    if found.power is goal:
        return None
    if found.power is Power.UNKNOWN:
        return _waiting(kind, goal, "the BMC does not say whether the server is on", 10.0)
    before = situation.operation
    mine = before if before is not None and _LEADS_TO.get(before.expect) is goal else None
    reset = Reset.ON if goal is Power.ON else _off(situation, found, mine)
    if found.power in {Power.STARTING, Power.STOPPING} and not (
        reset is Reset.HARD_OFF and found.power is Power.STOPPING and mine is not None and mine.expect == SOFT
    ):
        return _waiting(kind, goal, f"the server is {found.power}")
    if mine is not None and mine.expect == reset and not _again(situation, mine):
        return _unmoved(situation, mine, kind, goal)
    return _step(situation, reset, kind, goal)


def _restart(situation: Situation, found: FoundServer) -> Decision[Step] | None:
    operation = situation.at_work_on(OperationType.RESTART)
    if situation.wish is Power.OFF:
        return None  # off is half of the way already, and recorded when it is reached
    if operation is None:
        if not situation.restart_asked or found.power is not Power.ON:
            return None
        return toward(situation, found, Power.OFF, OperationType.RESTART)
    if operation.expect != ON:
        halfway = toward(situation, found, Power.OFF, OperationType.RESTART)
        if halfway is not None:
            return halfway
    return toward(situation, found, Power.ON, OperationType.RESTART)


def _off(situation: Situation, found: FoundServer, mine: Operation | None) -> Reset:
    """Soft first, hard after its time; once hard, always hard."""
    mode = situation.spec.power_off_mode
    if mode is PowerOffMode.HARD or (mine is not None and mine.expect == HARD):
        return Reset.HARD_OFF
    late = _late(situation, mine, SOFT_WITHIN) and not situation.refused  # who was not asked had no time
    if mode is PowerOffMode.TRY_SOFT and (not found.soft_off or late):
        return Reset.HARD_OFF
    return Reset.SOFT_OFF


def _late(situation: Situation, operation: Operation | None, most: timedelta) -> bool:
    began = operation.started_at if operation is not None else None
    return began is not None and situation.now - began >= most


def _again(situation: Situation, mine: Operation) -> bool:
    """Whether the same Reset may be sent again. The outcome of the one before is known here, or nothing came of it.

    A system that was asked to go down may be at it for minutes without a sign: it is not asked twice.
    """
    if situation.refused:
        return True
    if mine.expect == SOFT:
        return situation.spec.power_off_mode is PowerOffMode.SOFT and _late(situation, mine, ASK_AGAIN)
    return situation.since_call is None or situation.since_call > SETTLE


def _unmoved(situation: Situation, mine: Operation, kind: OperationType, goal: Power) -> Decision[Step]:
    """It was asked for, and is not seen yet."""
    soft = mine.expect == SOFT
    words = "waiting for the system to go down" if soft else "the BMC took the request; its effect is not seen yet"
    decision = _waiting(kind, goal, words)
    if soft and _late(situation, mine, SOFT_WITHIN):
        late = PowerOffTimedOut(
            "the system has not gone down within 3 minutes: shut it down, or set spec.powerOffMode to TrySoft or Hard"
        )
        return replace(decision, failure=late, said=(*failed(late), *decision.said[2:]), look_again=30.0)
    return decision


def _waiting(kind: OperationType, goal: Power, words: str, look_again: float = 1.0) -> Decision[Step]:
    return Decision(operation=kind, said=_said(kind, goal, words), look_again=look_again)


def _step(situation: Situation, reset: Reset, kind: OperationType, goal: Power) -> Decision[Step]:
    words = {
        Reset.ON: "powering on",
        Reset.SOFT_OFF: "asking the system to go down",
        Reset.HARD_OFF: "powering off",
    }[reset]
    return Decision(
        step=SetPower(reset),
        operation=kind,
        expect=reset,
        said=_said(kind, goal, words),
        notes=_drifted(situation, kind, goal),
    )


def _said(kind: OperationType, goal: Power, words: str) -> tuple[Said, ...]:
    reason = Reason.STARTING if goal is Power.ON else Reason.STOPPING
    if kind is OperationType.RESTART:
        reason = Reason.RESTARTING
    return (*working(reason, words), Said(Condition.POWER_STATE_SYNCED, False, reason, words))


def _drifted(situation: Situation, kind: OperationType, goal: Power) -> tuple[Note, ...]:
    """Power that was as wanted and is so no more, with the same wish, was changed by somebody else."""
    synced = situation.condition(Condition.POWER_STATE_SYNCED)
    same_wish = situation.told and situation.claim is None and kind is not OperationType.RESTART
    if not same_wish or synced is None or synced[:2] != ("True", Reason.IN_SYNC) or situation.operation is not None:
        return ()
    was, to = ("off", "on") if goal is Power.ON else ("on", "off")
    text = f"was powered {was} by somebody else; powering {to} again"
    return (Note(Reason.DRIFT_DETECTED, text, stamp(situation.now), warning=True),)
