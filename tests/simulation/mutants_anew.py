"""Small faults planted in what makes another machine in the place of one."""

from collections.abc import Mapping

from tests.simulation.mutants import Mutant


def _mutant(module: str, right: str, wrong: str, rule: str, *faults: str) -> Mutant:
    return Mutant(f"hostwright.{module}", right, wrong, rule, frozenset({"anew", "give other keys", *faults}))


ANEW: Mapping[str, Mutant] = {
    "take our own deletion for somebody else's": _mutant(
        "kinds.virtualmachine.absent",
        "        return replacing.gone(situation) or lost(situation)\n",
        "        return lost(situation)\n",
        "R2",
    ),
    "replace without a word": _mutant(
        "kinds.virtualmachine.replacing",
        '        expect=f"{_EXPECT}{row.id}",\n',
        "",
        "S10|R2|2.6",
    ),
}
