"""The hand behind a vCenter's back: what happens there that its users did not ask for, and what they called."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Does = Literal["fault", "taskFault", "drop", "lose", "slow", "slowReply"]


class ControlError(Exception):
    """The order cannot be carried out, and why."""


@dataclass(frozen=True, slots=True)
class Control:
    """The control endpoint. A machine is named by its reference (`vm-12`), its path, or a name that is the only one."""

    url: str

    def calls(self, after: int = 0, method: str = "") -> list[Json]:
        """What was received after call number so-and-so, in order; every call has an outcome."""
        calls: list[Json] = self._ask("GET", f"/v1/calls?after={after}&method={method}")["calls"]
        return calls

    def last_call(self) -> int:
        calls = self.calls()
        return int(calls[-1]["number"]) if calls else 0

    def machines(self) -> dict[str, Json]:
        """All machines, templates included, by their paths."""
        return {machine["path"]: machine for machine in self._ask("GET", "/v1/machines")["machines"]}

    def sessions(self) -> list[Json]:
        sessions: list[Json] = self._ask("GET", "/v1/sessions")["sessions"]
        return sessions

    def end_sessions(self) -> int:
        """Ends all logins, and whatever waits for updates in them."""
        return int(self._ask("POST", "/v1/sessions/end")["ended"])

    def rule(
        self,
        method: str,
        does: Does,
        *,
        fault: str = "",
        message: str = "",
        seconds: float = 0,
        times: int = 1,
        machine: str = "",
    ) -> int:
        """Does something to the next calls of a method (`times` negative: to all), or of those to one machine's name.

        `fault` refuses the call, `taskFault` accepts it and lets its task fail, `drop` cuts the connection before
        anything was done, `lose` after it was done; `slow` and `slowReply` wait before and after it is done.
        """
        rule = {"method": method, "do": does, "fault": fault, "message": message, "seconds": seconds, "times": times}
        return int(self._ask("POST", "/v1/rules", {**rule, "object": machine})["id"])

    def rules(self) -> list[Json]:
        """All rules, with how often each was used (`hits`)."""
        rules: list[Json] = self._ask("GET", "/v1/rules")["rules"]
        return rules

    def clear_rules(self) -> None:
        self._ask("DELETE", "/v1/rules")

    def times(
        self,
        *,
        clone: float | None = None,
        bare: float | None = None,
        boot: float | None = None,
        shutdown: float | None = None,
    ) -> None:
        """How many seconds a clone, a guest's boot and its shutdown take; for running ones too.

        `bare`: how long the clone stands there already while its config cannot be read.
        """
        wanted = {"clone": clone, "bare": bare, "boot": boot, "shutdown": shutdown}
        self._ask("POST", "/v1/times", {name: value for name, value in wanted.items() if value is not None})

    def power(self, machine: str, state: Literal["on", "off", "suspended"]) -> None:
        self._act("power", machine, state=state)

    def rename(self, machine: str, to: str) -> None:
        self._act("rename", machine, to=to)

    def clone(self, machine: str, to: str, folder: str = "") -> None:
        """As a person does in the vSphere client: extraConfig is copied, marks and all."""
        self._act("clone", machine, to=to, folder=folder)

    def destroy(self, machine: str) -> None:
        self._act("destroy", machine)

    def configure(
        self,
        machine: str,
        *,
        cpu: int = 0,
        memory_mib: int = 0,
        extra_config: Mapping[str, str] | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Changes it though it runs; an empty value removes a key of extraConfig."""
        change = {
            "cpu": cpu,
            "memoryMiB": memory_mib,
            "extraConfig": extra_config or {},
            "attributes": attributes or {},
        }
        self._act("configure", machine, **change)

    def guest(
        self,
        machine: str,
        *,
        tools: bool | None = None,
        deaf: bool | None = None,
        addresses: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Whether its VMware Tools run, whether it heeds no shutdown, and its addresses by MAC."""
        self._act("guest", machine, tools=tools, deaf=deaf, addresses=addresses or {})

    def _act(self, action: str, machine: str, **order: Any) -> None:
        self._ask("POST", f"/v1/machines/{action}", {"machine": machine, **order})

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 - ours, on loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                read: Json = json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            raise ControlError(json.loads(refused.read())["error"]) from None
        return read
