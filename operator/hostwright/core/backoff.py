"""attempt → delay, arithmetic only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from `first` to `cap` seconds; `jitter` in [0, 1) shortens by up to that share."""

    first: float
    cap: float

    def delay(self, attempt: int, jitter: float = 0.0) -> float:
        """Seconds to wait after the `attempt`-th failure in a row (1 = the first)."""
        exponent = min(max(attempt, 1) - 1, 32)
        return min(self.first * (1 << exponent), self.cap) * (1.0 - jitter)


TRANSIENT = Backoff(1.0, 300.0)
CAPACITY = Backoff(60.0, 900.0)
REJECTED = Backoff(600.0, 600.0)
VERIFY = Backoff(1.0, 16.0)
