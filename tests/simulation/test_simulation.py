"""Seeds: those that failed once, then many new ones; the same seed is the same story."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.simulation.tally import Progress, Tally

ROOT = Path(__file__).parents[2]
#: In parts that several workers share: a hundred seconds of two cores. `make simulate` plays more.
PARTS, SEEDS = 20, 150


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: with the hash seed that makes a story the same each time."""
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900)


def test_what_failed_once_holds() -> None:
    played = simulate("--corpus", "--trace")
    assert played.returncode == 0, played.stdout
    assert played.stdout.count("all held") >= 12


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_that_may_happen_breaks_a_promise(part: int) -> None:
    played = simulate("--seeds", str(SEEDS), "--start", str(80_000 + part * SEEDS))
    print(played.stdout)
    assert played.returncode == 0, played.stdout
    assert f"{SEEDS} seeds, 0 violations" in played.stdout
    print("bar: simulation,", played.stdout.splitlines()[-1])


def test_a_seed_is_the_same_story_each_time() -> None:
    stories = {simulate("--seed", "41", "--trace").stdout for _ in range(2)}
    assert len(stories) == 1
    assert len(next(iter(stories)).splitlines()) > 50


def test_a_long_run_says_each_thousand_seeds_how_far_it_is() -> None:
    progress = Progress(3000)
    assert progress.line(Tally(seeds=950), 95.0) == ""
    told = progress.line(Tally(seeds=1050, failed=[(7, "S1: two")]), 105.0)
    assert told == "1050 of 3000 seeds, 1 violations, 10.0 seeds/s, 3 min left"
    assert progress.line(Tally(seeds=1950), 195.0) == ""
    assert progress.line(Tally(seeds=2000), 200.0) != ""
