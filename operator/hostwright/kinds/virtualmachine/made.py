"""What only another machine can have, and what this one was made with of it: no machine is replaced for drift.

A machine that was moved or evacuated is not as it is wished, and nobody has wished anything new. So a wish is compared
with what `status.resolved` has recorded of the wish before, never with what the backend shows.
"""

from collections.abc import Collection
from dataclasses import fields

from hostwright.core.names import Disruption
from hostwright.kinds.virtualmachine.port import MachineShape, Wanted
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.kinds.virtualmachine.situation import Situation

_FIELDS = {
    item.metadata["path"]: item.name
    for item in fields(MachineShape)
    if item.metadata["disruption"] is Disruption.REPLACE
}
PATHS = frozenset(_FIELDS)
ZONE, GROUP = "/zone", "/placement/group"
#: Recorded of what differed already when the record began.
UNKNOWN = ""


def wishes(spec: VirtualMachineSpec, wanted: Wanted) -> dict[str, str]:
    """By path of MachineShape, in the user's words; of a place and a group with what these mean on the backend."""
    words = {path: getattr(wanted.shape, name) for path, name in _FIELDS.items()}
    found = {path: str(word) for path, word in words.items() if word is not None}
    if ZONE in found:
        found[ZONE] = f"{spec.failure_domain or found[ZONE]}/{found[ZONE]}"
    return found


def known(situation: Situation, path: str) -> bool:
    """Whether it is recorded what the machine was made with."""
    resolved = situation.status.resolved
    return resolved is not None and resolved.made_with is not None and resolved.made_with.get(path) != UNKNOWN


def changed(situation: Situation, wanted: Wanted, path: str) -> bool:
    """Whether the spec asks for another one than was recorded."""
    resolved = situation.status.resolved
    before = (resolved.made_with or {}).get(path) if resolved is not None else None
    now = wishes(situation.spec, wanted).get(path)
    if before is None or now is None or path not in {ZONE, GROUP}:
        return before != now
    (name, _, meant), (other, _, means) = before.partition("/"), now.partition("/")
    return name != other and meant != means  # a place that means another zone now, a group made anew: nobody's wish


def recorded(situation: Situation, wanted: Wanted, held: Collection[str]) -> dict[str, str]:
    """At rest. What is pending stays as it was; of what was so before there was a record nobody knows."""
    resolved, now = situation.status.resolved, wishes(situation.spec, wanted)
    before = resolved.made_with if resolved is not None else None
    if before is None:
        return {path: UNKNOWN if path in held else word for path, word in now.items()}
    return {**before, **{path: word for path, word in now.items() if path not in held}}
