"""The Lease as a pass sees it: ours without a break since the pass began, or not ours.

A process that was stopped for a minute loses the Lease, and may have it back before a pass of before goes on. What that
pass decided by, and an intent that it wrote, may be another leader's past by now.
"""

from contextvars import ContextVar

from hostwright.engine.ports import Gate, LeaseLostError

_BEGAN: ContextVar[int] = ContextVar("the term in which this pass began")


class Terms:
    """Implements engine.ports.Gate, on another one."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._term = gate, 0

    def lost(self) -> None:
        """The Lease is not ours any more, or was not for a while."""
        self._term += 1

    def begin(self) -> None:
        """A pass, with all that it starts: asyncio's tasks inherit it."""
        _BEGAN.set(self._term)

    def held(self) -> bool:
        return self._gate.held()

    def check(self) -> None:
        self._gate.check()
        if _BEGAN.get(self._term) != self._term:
            raise LeaseLostError("the Lease was lost since this pass began")
