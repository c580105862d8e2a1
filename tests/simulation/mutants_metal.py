"""Small faults planted in what is written for servers and claims; each must be found, as those of `mutants.py`."""

from collections.abc import Mapping

from tests.simulation.mutants import Mutant


def _mutant(module: str, right: str, wrong: str, *faults: str) -> Mutant:
    return Mutant(f"hostwright.{module}", right, wrong, frozenset({"metal", *faults}))


METAL: Mapping[str, Mutant] = {
    "reset twice": _mutant(
        "kinds.physicalmachine.power",
        "situation.since_call > SETTLE\n\n\ndef _unmoved",
        "situation.since_call > 0.0\n\n\ndef _unmoved",
    ),
    "take a claimed server": _mutant("engine.servers", 'holder=_holder(spec.get("claimRef")),', "holder=None,"),
    "claim a server in maintenance": _mutant(
        "engine.servers", '    if (spec.get("maintenance") or {}).get("enabled"):\n', "    if False:\n"
    ),
    "power a server in maintenance": _mutant(
        "kinds.physicalmachine.decide",
        "return (*quiet, _locator) if situation.spec.maintenance.enabled else",
        "return (*quiet, _locator) if False else",
    ),
    "act at a paused server": _mutant(
        "kinds.physicalmachine.decide", "    if situation.paused is not None:\n", "    if False:\n"
    ),
    "act at another server": _mutant(
        "providers.redfish.machines",
        "        if order.uuid and line.system.uuid != order.uuid:\n",
        "        if False:\n",
    ),
    "let go of a server that runs": _mutant(
        "kinds.physicalmachine.release", "    if off is not None:\n        return off\n", ""
    ),
    "give a promised server away": _mutant(
        "kinds.physicalmachineclaim.decide", "        and server.promised <= {situation.ref}\n", ""
    ),
}
