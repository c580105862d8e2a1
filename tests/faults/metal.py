"""Physical servers switched on, off and restarted while their requests meet faults: one Reset for each transition."""

import json
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from tests.e2e.world import World
from tests.e2e_redfish.conftest import machine, number
from tests.faults.life import Scenario, Step
from tests.faults.proxy import Side
from tests.faults.way import Ways

from hostwright.sandbox import certificates
from hostwright.sandbox.redfish.lab import Bmcs

#: Servers of the first rack; the last of them is nobody's.
SERVERS = 10
#: What a step's transition takes, in Resets. A soft power-off that may have been asked for is not asked for again: when
#: the server is on for three minutes more, it is powered off.
RESETS = {
    "on": (["On"],),
    "off": (["GracefulShutdown"], ["ForceOff"]),
    "restart": (["ForceOff", "On"],),
}
#: Seconds: those three minutes, and what else a transition takes.
REST = 260.0


class Metal:
    provider = "bmc-lab"

    def __init__(self, ways: Ways) -> None:
        world, facts = ways.world, ways.world.box.sites["redfish"]
        self.bmcs = Bmcs(facts["control"])
        served = certificates.loopback(world.box.directory / "redfish" / "pki").server
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(served.certificate, served.key)
        upstream = ssl.create_default_context(cafile=facts["ca"])
        machines = list(yaml.safe_load_all(Path(facts["machines"]).read_text()))[:SERVERS]
        for body, bmc in zip(machines, facts["bmcs"], strict=False):
            name, address = body["metadata"]["name"], bmc["address"]
            port = ways.proxy.open(Side("bmc", address, upstream), tls)
            body["spec"]["bmc"]["address"] = f"https://127.0.0.1:{port}"
            ways.stage.learn(name, bmc["systemId"])
        world.apply(*machines)

    def foreign(self) -> Any:
        """The last server of the rack, which nobody asked for anything."""
        return self.bmcs.resets(SERVERS - 1), self.bmcs.one(SERVERS - 1)["power"]


def metal(site: Metal) -> Scenario:
    def wishing(**spec: Any) -> Callable[[World, Sequence[str]], None]:
        def wish(world: World, names: Sequence[str]) -> None:
            site.bmcs.forget()
            for name in names:
                world.kubectl("patch", "hpm", name, "--type=merge", "-p", json.dumps({"spec": spec}))

        return wish

    def only(step: str, power: str) -> Callable[[World, str], str]:
        return lambda world, name: _wrong(site, world, name, step, power)

    def step(name: str, power: str, **spec: Any) -> Step:
        return Step(name, wishing(**spec), lambda world, of: _lacks(world, of, power, spec), only(name, power))

    def tidy(world: World, names: Sequence[str]) -> None:
        nothing = dict.fromkeys(("powerState", "restartedAt"))
        for name in names:
            world.kubectl("patch", "hpm", name, "--type=merge", "-p", json.dumps({"spec": nothing}))
            site.bmcs.switch(number(name), "Off")

    def registered(world: World, name: str) -> str:
        status = world.status(name, "hpm")
        return "" if status.get("phase") == "Free" and not status.get("operation") else f"{status.get('phase')}"

    steps = (
        Step("registered", lambda *_: None, registered, lambda *_: "", tried=False),
        step("on", "On", powerState="PoweredOn"),
        step("restart", "On", restartedAt="once", powerOffMode="Hard"),
        step("off", "Off", powerState="PoweredOff", powerOffMode="TrySoft"),
    )
    return Scenario(
        "PhysicalMachine", steps, names=lambda _, count: [machine(at) for at in range(count)], tidy=tidy, rest=REST
    )


def _lacks(world: World, name: str, power: str, spec: dict[str, Any]) -> str:
    body = world.get(name, "hpm") or {}
    status = body.get("status") or {}
    if status.get("observedGeneration") != body["metadata"]["generation"]:
        return "the generation is not seen"
    if status.get("phase") != "Free" or status.get("powerState") != f"Powered{power}":
        return f"{status.get('phase')}, {status.get('powerState')}, {status.get('operation')}"
    handled = (status.get("handled") or {}).get("restartedAt")
    return "" if "restartedAt" not in spec or handled == spec["restartedAt"] else f"restart handled: {handled}"


def _wrong(site: Metal, world: World, name: str, step: str, power: str) -> str:
    resets, found = site.bmcs.resets(number(name)), site.bmcs.one(number(name))["power"]
    if resets not in RESETS[step]:
        return f"Resets: {resets}"
    return "" if found == power else f"the server is {found}"
