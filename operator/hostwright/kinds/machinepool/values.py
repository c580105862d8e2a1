"""The words a MachinePool is written in: its closed lists, and numbers that may be percentages."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import StringConstraints

from hostwright.core.resource import Said


@dataclass(frozen=True, slots=True)
class _NumberOrPercentage:
    """As `maxSurge` of a Deployment: a number of members, or a part of all."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {
            "x-kubernetes-int-or-string": True,
            "maxLength": 4,
            "x-kubernetes-validations": [
                {
                    "rule": "type(self) == int ? self >= 0 && self <= 10000 : string(self).matches('^(100|[1-9]?[0-9])%$')",
                    "message": "write a number of members such as 1, or a percentage from 0% to 100%",
                }
            ],
        }


Portion = Annotated[int | str, _NumberOrPercentage()]
NamingTemplate = Annotated[
    str,
    StringConstraints(
        min_length=8,
        max_length=63,
        pattern=r"^(\{pool\}|[a-z0-9])(\{pool\}|[-a-z0-9])*\{(ordinal|random)\}((\{pool\}|[-a-z0-9])*(\{pool\}|[a-z0-9]))?$",
    ),
    Said("write lower-case letters, digits, '-', {pool} and one of {ordinal} and {random}, such as {pool}-{ordinal}"),
]


class Strategy(StrEnum):
    ROLLING_UPDATE = "RollingUpdate"
    ON_DELETE = "OnDelete"


class InPlace(StrEnum):
    PREFER = "Prefer"
    REQUIRE = "Require"
    NEVER = "Never"


class Order(StrEnum):
    NEWEST = "Newest"
    OLDEST = "Oldest"
    RANDOM = "Random"
    ORDINAL = "Ordinal"


def portion(value: int | str, of: int, *, up: bool) -> int:
    """`2` → 2; `25%` of 10 → 3 rounded up, 2 rounded down."""
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    part = int(text[:-1]) * of
    return -(-part // 100) if up else part // 100
