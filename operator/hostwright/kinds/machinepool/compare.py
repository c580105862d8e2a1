"""Whether a member's spec is the template's, field by field, and what a difference would do to its machine.

Both sides come with every default filled in, so that a field left out equals one written as its default: a new default
or an operator upgrade is no difference, because both sides get it. Never a hash.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hostwright.core.names import Disruption
from hostwright.kinds.machinepool.situation import Change


@dataclass(frozen=True, slots=True)
class Classes:
    """What a change of each field does; a path that is not in it replaces the machine."""

    of: Mapping[str, Disruption] = field(default_factory=dict)  # path below spec (`/tags`) → class
    members_own: frozenset[str] = frozenset()  # what a member may have of its own where the template says nothing

    def of_path(self, path: str) -> Disruption:
        """By the path itself, else by the nearest one above it."""
        while path:
            known = self.of.get(path)
            if known is not None:
                return known
            path = path.rpartition("/")[0]
        return Disruption.REPLACE


def change(template: Mapping[str, Any], member: Mapping[str, Any], classes: Classes) -> Change | None:
    """None: they are the same."""
    paths = tuple(sorted(_differences("", template, member, classes.members_own)))
    if not paths:
        return None
    heaviest = max((classes.of_path(path) for path in paths), key=lambda each: each.weight)
    return Change(heaviest, paths)


def _differences(
    at: str, template: Mapping[str, Any], member: Mapping[str, Any], members_own: frozenset[str]
) -> Iterator[str]:
    for name in {*template, *member}:
        path, wanted, found = f"{at}/{name}", template.get(name), member.get(name)
        if path in members_own and _is_nothing(wanted):
            continue
        if isinstance(wanted, Mapping) and isinstance(found, Mapping):
            yield from _differences(path, wanted, found, members_own)
        elif not (_is_nothing(wanted) and _is_nothing(found)) and wanted != found:
            yield path


def _is_nothing(value: Any) -> bool:
    """Left out, or said to be nothing."""
    return value is None or value is False or value in ("", [], {})
