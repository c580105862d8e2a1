"""What every story of the demo stands on: the sandbox, its operator, and objects that are waited for."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hostwright.cli.screen import Row, Screen, row
from hostwright.core.names import Condition, Reason
from hostwright.sandbox import Sandbox, SandboxError
from hostwright.sandbox.install import Kubectl
from hostwright.sandbox.processes import Identity, handle, readable
from hostwright.sandbox.waiting import tail

T = TypeVar("T")
Seen = Mapping[str, dict[str, Any]]
PATIENCE = 180.0
"""Seconds for one turn of a story; a machine on the OpenStack lab takes some ten."""
BETWEEN = 0.3


@dataclass(frozen=True, slots=True)
class Stage:
    box: Sandbox
    operator: Identity
    log: Path
    screen: Screen
    machines: ClassVar[str]  # the resource that is shown and waited for

    def watch(self) -> None:
        """Shows the machines until the reader ends it, or the operator ends."""
        while True:
            self.until("", lambda _seen: False, seconds=None)

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.box.kubectl, self.box.kubeconfig)

    def patch(self, name: str, spec: Mapping[str, Any]) -> None:
        self.kubectl.run("patch", self.machines, name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def repaired(self, name: str, phase: str, disturb: Callable[[], None]) -> None:
        """Until an Event tells of the drift and the machine is again as it was, told."""
        old = {each["metadata"]["uid"] for each in self._events(name)}
        disturb()

        def told(seen: Seen) -> list[dict[str, Any]]:
            """Its new Events, of the drift and of its end; what is seen may be older than they are."""
            new = [each for each in self._events(name) if each["metadata"]["uid"] not in old]
            whole = {Reason.DRIFT_DETECTED, Condition.READY} <= {each["reason"] for each in new}
            return new if whole and is_in(seen.get(name), phase) else []

        for event in self.until(f"{name} is {phase} again and an Event tells so", told):
            self.screen.tell(f"Event about {name}: {event['type']} {event['reason']}: {event['message']}")

    def until(self, what: str, look: Callable[[Seen], T], seconds: float | None = PATIENCE) -> T:
        """Shows the machines until the look at them is true."""
        begin = time.monotonic()
        with handle(self.operator) as fd:
            while True:
                bodies = json.loads(self.kubectl.run("get", self.machines, "-o", "json"))["items"]
                rows: list[Row] = [row(each) for each in bodies]
                self.screen.show(rows)
                if seen := look({each["metadata"]["name"]: each for each in bodies}):
                    return seen
                if fd is None or readable([fd], BETWEEN):
                    raise SandboxError("the operator ended", tail(self.log))
                if seconds is not None and time.monotonic() - begin > seconds:
                    states = ", ".join(f"{each.name} is {each.status}" for each in rows)
                    raise SandboxError(f"{seconds:.0f} s passed before {what}: {states}", tail(self.log))

    def _events(self, name: str) -> list[dict[str, Any]]:
        about = f"--field-selector=involvedObject.name={name}"
        items: list[dict[str, Any]] = json.loads(self.kubectl.run("get", "events", about, "-o", "json"))["items"]
        # kubectl's order is that of their names, and a time has whole seconds: a repair may take less than one.
        return sorted(items, key=lambda each: (str(each["firstTimestamp"]), int(each["metadata"]["resourceVersion"])))


def is_in(body: Mapping[str, Any] | None, phase: str) -> bool:
    """Of the spec as it is now."""
    status = (body or {}).get("status") or {}
    if body is None or status.get("observedGeneration") != body["metadata"]["generation"]:
        return False
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())
    return ready and status.get("phase") == phase
