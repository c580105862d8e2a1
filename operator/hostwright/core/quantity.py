"""Kubernetes quantities and durations as written in a spec, to bytes, counts and seconds."""

import re
from decimal import Decimal

_BINARY = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_QUANTITY = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$")
_DURATION = re.compile(r"^(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?$")

#: As the schema states it: a positive quantity of memory or disk, written as a string.
QUANTITY_PATTERN = r"^[1-9][0-9]{0,8}(Ki|Mi|Gi|Ti|k|M|G|T)$"
DURATION_PATTERN = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$"


def to_bytes(text: str) -> int:
    """`512Mi` → bytes. Raises ValueError for anything that is no quantity."""
    match = _QUANTITY.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a quantity such as 512Mi")
    number, unit = match.groups(default="")
    return int(Decimal(number) * (_BINARY.get(unit) or _DECIMAL[unit]))


def to_mebibytes(text: str) -> int:
    """`1Gi` → 1024, rounded up."""
    return -(-to_bytes(text) // (1 << 20))


def from_mebibytes(mebibytes: int) -> str:
    """1024 → `1Gi`, 512 → `512Mi`."""
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"


def to_seconds(text: str) -> float:
    """`1h30m` → 5400.0. Raises ValueError for anything that is no duration."""
    match = _DURATION.match(text)
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is not a duration such as 90s or 10m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
