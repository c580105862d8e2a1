"""Merge what a pass says into `status.conditions`, keeping lastTransitionTime and the conditions of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hostwright.core.names import ONLY_WHILE_TRUE, Condition

#: The schema's bound of a message.
MESSAGE_LIMIT = 1024
_OURS = frozenset(str(kind) for kind in Condition)


@dataclass(frozen=True, slots=True)
class Said:
    """One condition as a pass says it. `status` is True, False or None for Unknown."""

    type: Condition
    status: bool | None
    reason: str
    message: str = ""

    @property
    def word(self) -> str:
        return {True: "True", False: "False", None: "Unknown"}[self.status]


def find(conditions: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    """The condition of this type, or None."""
    return next((condition for condition in conditions if condition.get("type") == kind), None)


def is_true(conditions: Sequence[Mapping[str, Any]], kind: str) -> bool:
    """Whether the condition is there with the status True."""
    condition = find(conditions, kind)
    return condition is not None and condition.get("status") == "True"


def merge(
    present: Sequence[Mapping[str, Any]],
    said: Sequence[Said],
    *,
    generation: int,
    now: str,
    drop: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """The whole new list.

    What is said replaces ours of that type; an only-while-true condition that is not said True, and every type in
    `drop`, leaves; conditions that are not ours are copied; lastTransitionTime moves with the status only.
    """
    old = {condition["type"]: dict(condition) for condition in present}
    merged: dict[str, dict[str, Any]] = {}
    spoken = {str(item.type): item for item in said}
    for kind, condition in old.items():
        if kind in drop or (kind in ONLY_WHILE_TRUE and (kind not in spoken or spoken[kind].status is not True)):
            continue
        if kind not in _OURS or kind not in spoken:
            merged[kind] = condition
    for kind, item in spoken.items():
        if kind in drop or (item.type in ONLY_WHILE_TRUE and item.status is not True):
            continue
        before = old.get(kind)
        moved = before is None or before.get("status") != item.word
        message = item.message if len(item.message) <= MESSAGE_LIMIT else item.message[: MESSAGE_LIMIT - 1] + "…"
        merged[kind] = {
            "type": kind,
            "status": item.word,
            "reason": item.reason,
            "message": message,
            "lastTransitionTime": now if moved or before is None else before["lastTransitionTime"],
            "observedGeneration": generation,
        }
    return sorted(merged.values(), key=lambda condition: condition["type"])
