"""Every decision of a story: drawn from its seed, or given as lists; all are kept, so that it can be told again."""

import random
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
#: What was decided, by what it was about: a number of seconds, 0 or 1, the place in a list, or a name.
Decisions = Mapping[str, Sequence[float | str]]


class Dice:
    """As random.Random, and what each throw is about is told with it.

    Given decisions are taken in their order, each kind by itself, so that one request more shifts only those about
    requests; where there are no more of a kind, the calmest outcome is taken.
    """

    def __init__(self, seed: int, given: Decisions | None = None) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - a seed is to be played again
        self._given = None if given is None else {what: deque(values) for what, values in given.items()}
        self.taken: dict[str, list[float | str]] = defaultdict(list)

    def chance(self, probability: float, what: str = "chance") -> bool:
        came = self._rng.random() < probability if self._given is None else bool(self._next(what))
        self.taken[what].append(int(came))
        return came

    def uniform(self, low: float, high: float, what: str = "seconds") -> float:
        if self._given is None:
            thrown = self._rng.uniform(low, high)
        else:
            thrown = min(max(float(self._next(what) or low), low), high)
        self.taken[what].append(round(thrown, 4))
        return thrown

    def choice(self, options: Sequence[T], what: str = "which") -> T:
        drawn = self._given is None
        place = self._rng.randrange(len(options)) if drawn else int(self._next(what) or 0) % len(options)
        self.taken[what].append(place)
        return options[place]

    def named(self, options: Sequence[tuple[str, T]], what: str) -> tuple[str, T | None]:
        """By name, which stays what it is when the list grows; None: no such thing is there any more."""
        if self._given is None:
            name, option = options[self._rng.randrange(len(options))]
        else:
            name = str(self._next(what) or "nothing")
            option = dict(options).get(name)
        self.taken[what].append(name)
        return name, option

    def _next(self, what: str) -> float | str | None:
        left = (self._given or {}).get(what)
        return left.popleft() if left else None
