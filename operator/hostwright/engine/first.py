"""Settled machines of a Provider that was not read yet: nothing can be said of them, so they wait for that in no line.

At a start with ten thousand of them each would be looked at for nothing, again and again, while the login and the first
reading of the Provider, and what users have changed meanwhile, want the same processor.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from hostwright.engine.ports import Body, Key
from hostwright.engine.triggers import settled

#: Whose Providers tell of their first reading. A physical machine has an endpoint of its own, read by itself.
KIND = "VirtualMachine"


class FirstReading:
    """Follows the store.

    `awaited`: a Provider's first reading is on its way. That it ended, either way, is told to `over`.
    """

    def __init__(self, awaited: Callable[[str], bool]) -> None:
        self._awaited = awaited
        self._settled: dict[Key, str] = {}  # the Provider of each machine at which nothing is under way
        self._same: dict[str, str] = {}  # one word for all that are of the same Provider
        self._waiting: defaultdict[str, dict[Key, None]] = defaultdict(dict)

    def follow(self, key: Key, body: Body | None) -> None:
        """The store keeps this body now; None: the object left."""
        if key.kind != KIND:
            return
        if body is not None and settled(body):
            name = body["spec"]["providerRef"]["name"]
            self._settled[key] = self._same.setdefault(name, name)
        else:
            self._settled.pop(key, None)

    def settled(self, key: Key) -> bool:
        """Known without its body, which it takes time to unfold."""
        return key in self._settled

    def waits(self, key: Key) -> bool:
        """Whether a look at it has to wait, and does from now on, until `over`."""
        provider = self._settled.get(key)
        if provider is None or not self._awaited(provider):
            return False
        self._waiting[provider][key] = None
        return True

    def over(self, provider: str) -> Iterable[Key]:
        """Who waited for it, once it is not on its way any more."""
        return () if self._awaited(provider) else self._waiting.pop(provider, {})
