"""Whether a machine can be used: powered on, and answering where it is asked, for as long as is wished."""

from dataclasses import dataclass, replace
from datetime import datetime

from hostwright.core.conditions import Said
from hostwright.core.decision import Decision, Note
from hostwright.core.names import Condition, Reason
from hostwright.core.port import Present, Unsure
from hostwright.core.resource import ConditionModel
from hostwright.core.saying import stamp
from hostwright.kinds.virtualmachine.port import Found, Life, Power, Step
from hostwright.kinds.virtualmachine.situation import Situation

#: The guest may serve while the backend is at work on its machine, or holds it.
_MAY_SERVE = frozenset({Life.STEADY, Life.CHANGING, Life.HELD})
_OFF = {Power.OFF: "powered off", Power.SUSPENDED: "suspended"}


@dataclass(frozen=True, slots=True)
class _Verdict:
    said: Said
    look_again: float | None = None  # seconds until minReadySeconds are over


def with_available(situation: Situation, decision: Decision[Step]) -> Decision[Step]:
    """Told beside Ready, in the same patch. Where Ready is not known or not spoken of, Available stays as it was."""
    ready = next((item for item in decision.said if item.type is Condition.READY), None)
    verdict = _verdict(situation, ready) if ready is not None and ready.status is not None else None
    if verdict is None:
        return decision
    soon = [each for each in (decision.look_again, verdict.look_again) if each is not None]
    return replace(
        decision,
        said=(*decision.said, verdict.said),
        look_again=min(soon, default=None),
        notes=(*decision.notes, *_turned(situation, verdict.said)),
    )


def _verdict(situation: Situation, ready: Said) -> _Verdict | None:
    """None: nothing is known that would change it."""
    found = situation.look.found if isinstance(situation.look, Present) else None
    if found is not None and found.life in _MAY_SERVE and found.shape.power in _OFF:
        return _no(Reason.POWERED_OFF, _OFF[found.shape.power])
    if situation.spec.readiness.probe is None:
        if not ready.status:
            return _no(ready.reason)
        return _for_long(situation, _ready_since(situation), "ready")
    if isinstance(situation.look, Unsure):
        return None
    if found is None or found.life not in _MAY_SERVE:
        return _no(ready.reason)
    return _by_probe(situation, situation.spec.readiness.probe.tcp_socket.port, found)


def _by_probe(situation: Situation, port: int, found: Found) -> _Verdict | None:
    """A new process knows nothing before its first answers: until then, what was told stays."""
    probed, before = situation.probed, _told(situation)
    was = before is not None and before.status == "True"
    if not (found.internal_addresses or found.external_addresses):
        return _no(Reason.WAITING, f"it has no address at which TCP port {port} could answer")
    if probed is None:
        known = was or (before is not None and before.reason == Reason.PROBE_FAILED)
        return None if known else _no(Reason.WAITING, f"waiting for a first answer of TCP port {port}")
    if not probed.passing:
        return _no(Reason.PROBE_FAILED, f"TCP port {port} does not answer: {probed.message}")
    if was:
        return _yes(f"TCP port {port} answers")
    return _for_long(situation, probed.seconds, f"TCP port {port} answers")


def _for_long(situation: Situation, seconds: float, what: str) -> _Verdict:
    least = situation.spec.readiness.min_ready_seconds
    if seconds >= least:
        return _yes(what)
    text = f"{what}, and is available once that was so for {least} s"
    return _Verdict(Said(Condition.AVAILABLE, False, Reason.WAITING, text), least - seconds)


def _ready_since(situation: Situation) -> float:
    """Seconds; what turns ready just now is so for none."""
    rows = [row for row in situation.status.conditions or [] if row.type == Condition.READY and row.status == "True"]
    return (situation.now - datetime.fromisoformat(rows[0].last_transition_time)).total_seconds() if rows else 0.0


def _yes(text: str) -> _Verdict:
    return _Verdict(Said(Condition.AVAILABLE, True, Reason.AVAILABLE, text))


def _no(reason: str, text: str = "") -> _Verdict:
    return _Verdict(Said(Condition.AVAILABLE, False, reason, text))


def _told(situation: Situation) -> ConditionModel | None:
    return next((row for row in situation.status.conditions or [] if row.type == Condition.AVAILABLE), None)


def _turned(situation: Situation, said: Said) -> tuple[Note, ...]:
    """An Event when the guest stops answering, and when it answers again: nothing else shows these."""
    before = _told(situation)
    if before is None or before.status == said.word:
        return ()
    failed, again = said.reason == Reason.PROBE_FAILED, before.reason == Reason.PROBE_FAILED
    if not failed and not (again and said.status):
        return ()
    return (Note(said.reason, said.message, stamp(situation.now), warning=failed),)
