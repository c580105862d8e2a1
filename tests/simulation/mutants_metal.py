"""Small faults planted in what is written for servers and claims; each must be found, as those of `mutants.py`."""

from collections.abc import Mapping

from tests.simulation.mutants import Mutant


def _mutant(module: str, right: str, wrong: str, rule: str, *faults: str) -> Mutant:
    return Mutant(f"hostwright.{module}", right, wrong, rule, frozenset({"metal", *faults}))


METAL: Mapping[str, Mutant] = {
    "reset twice": _mutant(
        "kinds.physicalmachine.power",
        "situation.since_call > SETTLE\n\n\ndef _unmoved",
        "situation.since_call > 0.0\n\n\ndef _unmoved",
        "S11",
    ),
    "take a claimed server": _mutant(
        "engine.binding",
        'for name in ("resourceVersion", "uid")}\n        self.binding.add',
        'for name in ("uid",)}\n        self.binding.add',
        "S18|9.3",
    ),
    "claim a server in maintenance": _mutant(
        "engine.servers", '    if (spec.get("maintenance") or {}).get("enabled"):\n', "    if False:\n", "9.2"
    ),
    "power a server in maintenance": _mutant(
        "kinds.physicalmachine.decide",
        "return (*quiet, _locator) if situation.spec.maintenance.enabled else",
        "return (*quiet, _locator) if False else",
        "9.2",
        "maintenance",
        "power a claim",
    ),
    "act at a paused server": _mutant(
        "kinds.physicalmachine.decide",
        "    if situation.paused is not None:\n",
        "    if False:\n",
        "S19",
        "pause a server",
        "power a server",
    ),
    "act at another server": _mutant(
        "providers.redfish.machines",
        "        if order.uuid and line.system.uuid != order.uuid:\n",
        "        if False:\n",
        "7.1",
        "swap a server",
        "power a claim",
        "claim",
    ),
    "let go of a server that runs": _mutant(
        "kinds.physicalmachine.release", "    if off is not None:\n        return off\n", "", "9.4"
    ),
    "give a promised server away": _mutant(
        "kinds.physicalmachineclaim.decide",
        "        and server.promised <= {situation.ref}\n",
        "",
        "9.3|S2",
        "claim",
        "remove a claimRef",
        "forge a claimRef",
    ),
}
