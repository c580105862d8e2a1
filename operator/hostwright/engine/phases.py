"""How many machines each Provider has in each phase, kept as the store changes: nobody reads all bodies to count."""

from collections import Counter
from collections.abc import Mapping

from hostwright.engine.ports import Body, Key
from hostwright.engine.store import MACHINES

#: Provider and phase.
Place = tuple[str, str]


class Phases:
    """Follows the store."""

    def __init__(self) -> None:
        self._places: dict[Key, Place] = {}
        self._counts: Counter[Place] = Counter()
        self._same: dict[Place, Place] = {}  # one tuple for all that are in the same place

    def follow(self, key: Key, body: Body | None) -> None:
        if key.kind not in MACHINES:
            return
        before = self._places.pop(key, None)
        if before is not None:
            self._counts[before] -= 1
        if body is not None:
            place = (body["spec"]["providerRef"]["name"], (body.get("status") or {}).get("phase") or "Pending")
            self._places[key] = self._same.setdefault(place, place)
            self._counts[place] += 1

    def counts(self) -> Mapping[Place, int]:
        return +self._counts
