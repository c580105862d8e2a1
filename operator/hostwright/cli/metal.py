"""The demo's story on bare metal: servers are registered, one is powered, repaired, claimed and given back."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from hostwright.cli.stage import Seen, Stage, is_in
from hostwright.core.names import GROUP
from hostwright.sandbox import SandboxError
from hostwright.sandbox.redfish.lab import Bmcs

SERVERS = 5
CLAIMS = f"physicalmachineclaims.{GROUP}"


@dataclass(frozen=True, slots=True)
class MetalStory(Stage):
    machines: ClassVar[str] = f"physicalmachines.{GROUP}"

    def tell(self, example: Path, provider: str) -> None:
        """`example` is a claim; the servers are those of the sandbox's rack."""
        site = self.box.sites["redfish"]
        bodies = list(yaml.safe_load_all(Path(site["machines"]).read_text(encoding="utf-8")))[:SERVERS]
        names = [str(each["metadata"]["name"]) for each in bodies]
        self.screen.step(f"Apply a PhysicalMachine for each of {SERVERS} BMCs on Provider {provider}")
        self.kubectl.apply(bodies)
        self.until("all servers are Free", lambda seen: all(is_in(seen.get(name), "Free") for name in names))
        self._power_on(names[-1])
        self.screen.step(f"Switch {names[-1]} off at the server, behind the operator's back")
        self.repaired(names[-1], "Free", lambda: Bmcs(site["control"]).switch(SERVERS - 1, "Off"))
        claim = yaml.safe_load(example.read_text(encoding="utf-8"))
        claim["spec"]["selector"] = {"matchLabels": bodies[0]["metadata"]["labels"]}
        self._give_back(claim["metadata"]["name"], self._claim(claim), site["bmcs"], names)

    def _power_on(self, name: str) -> None:
        self.screen.step(f"Power on {name}: its spec.powerState becomes PoweredOn")
        self.patch(name, {"powerState": "PoweredOn"})
        self.until(f"{name} is on", lambda seen: is_in(seen.get(name), "Free") and _power(seen, name) == "PoweredOn")

    def _claim(self, claim: dict[str, Any]) -> str:
        """The server that it has."""
        name = claim["metadata"]["name"]
        self.screen.step(f"Claim a server for a team: {name}, with at least {claim['spec']['minimum']['cpu']} CPUs")
        self.kubectl.apply([claim])
        taken = self.until(f"{name} is bound and its server runs", lambda seen: _claimed(seen, name))
        text = self.kubectl.run("get", CLAIMS, name, "-o", "json")
        bound = json.loads(text).get("status", {}).get("machineRef", {}).get("name")
        if bound != taken:
            raise SandboxError(f"claim {name} says {bound}, and {taken} says that it has it", f"Read {self.log}.")
        self.screen.tell(f"{taken} is claimed by {name}, and powered on")
        return taken

    def _give_back(self, claim: str, server: str, bmcs: list[dict[str, str]], names: list[str]) -> None:
        self.screen.step(f"Delete the claim {claim}: its server is powered off before anybody else has it")
        self.kubectl.run("delete", CLAIMS, claim, "--wait=false")
        self.until(f"{server} is free", lambda seen: is_in(seen.get(server), "Free"))
        number = names.index(server)
        power = Bmcs(self.box.sites["redfish"]["control"]).one(number)["power"]
        if power != "Off":
            raise SandboxError(f"{server} is free, and its server at {bmcs[number]['address']} is {power}")
        self.screen.tell(f"{server} is free again, and off")


def _power(seen: Seen, name: str) -> str:
    return str((seen[name].get("status") or {}).get("powerState", ""))


def _claimed(seen: Seen, claim: str) -> str:
    """The running server of this claim; empty: there is none yet."""
    for name, body in seen.items():
        ours = (body["spec"].get("claimRef") or {}).get("name") == claim
        if ours and is_in(body, "Claimed") and _power(seen, name) == "PoweredOn":
            return name
    return ""
