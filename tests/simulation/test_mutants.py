"""Each small fault planted in our own code is found, by the faults that should show it: the simulation can fail."""

import pytest
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutants_metal import METAL
from tests.simulation.mutants_pools import POOLS
from tests.simulation.test_simulation import simulate


@pytest.mark.parametrize("mutant", sorted({**MUTANTS, **POOLS, **METAL}))
def test_a_planted_fault_is_found(mutant: str) -> None:
    hunted = simulate("--mutant", mutant, "--seeds", "80", "--seconds", "2")
    print(f"bar: {hunted.stdout.strip()}")
    assert hunted.returncode == 0, hunted.stdout + hunted.stderr
