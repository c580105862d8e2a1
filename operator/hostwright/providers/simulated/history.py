"""What a list shows while changes are not yet visible: the rows of a moment ago."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from hostwright.providers.simulated.rows import Machine


@dataclass(frozen=True, slots=True)
class View:
    machines: dict[str, Machine]
    revision: int


class History:
    """The changes of the last moments, to be undone; empty on a site without a visibility lag."""

    def __init__(self) -> None:
        self._changes: deque[tuple[float, int, str, Machine | None]] = deque()

    def note(self, horizon: float, now: float, revision: int, machine_id: str, before: Mapping[str, Machine]) -> None:
        """What the row was before the change that is about to be made; what lies before the horizon is dropped."""
        self._drop(horizon)
        if horizon < now:
            self._changes.append((now, revision, machine_id, before.get(machine_id)))

    def view(self, machines: dict[str, Machine], revision: int, moment: float) -> View:
        """The site as it was at that moment."""
        self._drop(moment)
        if not self._changes:
            return View(machines, revision)
        shown: dict[str, Machine] = dict(machines)
        for _, before_revision, machine_id, before in reversed(self._changes):
            revision = before_revision
            if before is None:
                shown.pop(machine_id, None)
            else:
                shown[machine_id] = before
        return View(dict(sorted(shown.items(), key=lambda item: item[1].number)), revision)

    def _drop(self, horizon: float) -> None:
        while self._changes and self._changes[0][0] <= horizon:
            self._changes.popleft()
