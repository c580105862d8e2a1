"""What a probe of a machine says, and for how long it has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probed:
    passing: bool
    seconds: float = 0.0  # for so long on end, as far as this process knows
    message: str = ""  # why it does not pass; stays the same until it does
