"""An operator killed while its calls hang: the backend does the work and keeps the answers back."""

from dataclasses import dataclass
from typing import Any

from tests.e2e.sites import Cloud
from tests.e2e.world import Running, eventually

#: Seconds; the visibility lag is shortened for these tests (`--visibility-lag`).
FLAGS = ("--visibility-lag", "1")
#: An answer is kept back for this long, in seconds: until the kill.
LATE = 25


@dataclass(frozen=True)
class Call:
    """A request to be killed after. What stands in braces is an id, `NAME` in the body is the object's."""

    method: str
    path: str
    body: str = ""

    def rule(self, **ids: str) -> dict[str, Any]:
        rule = {"method": self.method, "path": self.path.format(**ids), "do": "late", "seconds": LATE, "count": 1}
        return {**rule, "body": self.body.replace("NAME", ids["name"])} if self.body else rule


def killed_when(operator: Running, cloud: Cloud, rules: list[str]) -> None:
    """SIGKILL as soon as all these rules have struck."""
    left = set(rules)

    def struck() -> bool:
        left.difference_update(hit["id"] for hit in cloud.faults.hits())
        return not left

    eventually(struck, 90, "every call was made")
    operator.kill()
    for rule in rules:
        cloud.faults.remove(rule)
