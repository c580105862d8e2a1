"""Things found by a word: most words lead to one thing, which is kept without a set of its own around it."""

from collections.abc import Hashable
from typing import Generic, TypeVar

W = TypeVar("W", bound=Hashable)
T = TypeVar("T", bound=Hashable)


class Index(Generic[W, T]):
    """Of things that are no sets."""

    def __init__(self) -> None:
        self._things: dict[W, T | set[T]] = {}

    def add(self, word: W, thing: T) -> None:
        known = self._things.get(word)
        if known is None:
            self._things[word] = thing
        elif isinstance(known, set):
            known.add(thing)
        elif known != thing:
            self._things[word] = {known, thing}

    def discard(self, word: W, thing: T) -> None:
        known = self._things.get(word)
        if isinstance(known, set):
            known.discard(thing)
            if not known:
                del self._things[word]
        elif known == thing:
            del self._things[word]

    def under(self, word: W) -> frozenset[T]:
        known = self._things.get(word)
        if known is None:
            return frozenset()
        return frozenset(known) if isinstance(known, set) else frozenset((known,))

    def count(self, word: W) -> int:
        known = self._things.get(word)
        if known is None:
            return 0
        return len(known) if isinstance(known, set) else 1
