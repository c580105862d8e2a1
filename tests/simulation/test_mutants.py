"""Each small fault planted in our own code is found, by the faults that should show it: the simulation can fail."""

from pathlib import Path

import pytest
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.mutants_anew import ANEW
from tests.simulation.mutants_cloud import CLOUD
from tests.simulation.mutants_metal import METAL
from tests.simulation.mutants_pools import POOLS
from tests.simulation.test_simulation import ROOT, simulate

ALL = {**MUTANTS, **POOLS, **METAL, **ANEW, **CLOUD}


def test_what_is_to_be_planted_stands_in_our_code() -> None:
    """Said at once and for all of them, where a change of our code takes a fragment away."""
    found = {name: _source(mutant).count(mutant.right) for name, mutant in ALL.items()}
    assert {name: count for name, count in found.items() if count != 1} == {}


def _source(mutant: Mutant) -> str:
    return (ROOT / "operator" / Path(*mutant.module.split("."))).with_suffix(".py").read_text()


@pytest.mark.parametrize("mutant", sorted(ALL))
def test_a_planted_fault_is_found(mutant: str) -> None:
    hunted = simulate("--mutant", mutant, "--seeds", str(ALL[mutant].seeds), "--seconds", "1.5")
    print(f"bar: {hunted.stdout.strip()}")
    assert hunted.returncode == 0, hunted.stdout + hunted.stderr
