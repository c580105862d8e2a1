"""Many seeds, and what they covered; or one, with its trace; or a fault in our code that is to be found."""

# ruff: noqa: PLC0415 - what is ours is imported once it is known which fault is planted in it

import argparse
import gc
import logging
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import structlog
from tests.simulation.mutants import MUTANTS, plant
from tests.simulation.mutants_anew import ANEW
from tests.simulation.mutants_cloud import CLOUD
from tests.simulation.mutants_metal import METAL
from tests.simulation.mutants_pools import POOLS

if TYPE_CHECKING:
    from tests.simulation.tally import Tally

PLANTED = {**MUTANTS, **POOLS, **METAL, **ANEW, **CLOUD}
#: Directed seeds in which a mutant dies before others are tried.
ENOUGH = 2
#: Turns of the loop in a hunt: of a thousand seeds without a fault none took nine thousand. A mutant that goes round in
#: circles dies of nothing of its own by them, and would only cost time.
HUNTED = 15_000
#: New objects between two looks for what can be thrown away: a seed makes many, and few go in circles.
SELDOM = 100_000
#: Seeds that a worker plays before it tells what came of them.
CHUNK = 50


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--workers", type=int, default=1, help="processes that share them")
    parser.add_argument("--branches", type=int, default=0, help="in how many of them our branches are counted")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument(
        "--keep", metavar="WHY", help="with --seed: its decisions, as few as still fail, for corpus.txt"
    )
    parser.add_argument("--corpus", action="store_true", help="those that failed once")
    parser.add_argument("--trace", action="store_true", help="with everything that happened")
    parser.add_argument("--mutant", choices=sorted(PLANTED), help="with this fault in our code, until it is found")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="for its directed seeds, and again for the drawn ones"
    )
    parser.add_argument("--directed", action="store_true", help="with the mutant's own faults alone")
    parser.add_argument("--faults", help="these alone, by commas, and what people do often")
    return parser.parse_args()


def main() -> int:
    wanted = _wishes()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of a set is not to be another each time
        again = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606 - ourselves
    gc.set_threshold(SELDOM)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    directed = frozenset(wanted.faults.split(",")) if wanted.faults is not None else None
    if wanted.mutant is not None:
        plant(PLANTED[wanted.mutant])
        directed = PLANTED[wanted.mutant].faults if wanted.directed else directed
    if wanted.corpus:
        return _corpus(trace=wanted.trace)
    if wanted.seed is not None and wanted.keep:
        return _keep(wanted.seed, wanted.keep, directed)
    if wanted.seed is not None:
        return _one(wanted.seed, directed, trace=wanted.trace)
    if wanted.mutant is not None:
        return _hunt(wanted.mutant, range(wanted.start, wanted.start + wanted.seeds), wanted.seconds)
    return _many(range(wanted.start, wanted.start + wanted.seeds), wanted.branches, wanted.workers)


def _hunt(mutant: str, seeds: range, seconds: float) -> int:
    """0: it was found. By the faults that should show it first, until it was twice; then by any seeds for a while.

    It dies by its own rule, or not at all, and in no seed in which our code dies without it.
    """
    from tests.simulation.play import play

    planted, counts, why, beside = PLANTED[mutant], [], "", Counter[str]()
    for how, directed in (("directed", planted.faults), ("drawn", None)):
        began, died, tried = time.process_time(), 0, 0
        for seed in seeds:
            late = time.process_time() - began > seconds
            if why and (late or (directed is not None and died == ENOUGH)):
                break
            violation = play(seed, directed, HUNTED).violation
            mine = planted.shows(violation) and (bool(why) or _holds_without(seed, directed))
            tried, died, why = tried + 1, died + mine, why or (f"{how} seed {seed}: {violation}" if mine else "")
            beside.update([violation.partition(":")[0]] if violation and not mine else [])
        counts.append(f"{died} of {tried} {how} seeds")
    others = f" (and of {', '.join(f'{rule} in {count}' for rule, count in beside.items())})" if beside else ""
    print(f"{mutant}: {'died in ' + ' and '.join(counts) if why else 'SURVIVED'}{others}: {why[:140]}")
    return 0 if why else 1


def _holds_without(seed: int, directed: frozenset[str] | None) -> bool:
    """The control: the same story, with our code as it is."""
    faults = ["--faults", ",".join(sorted(directed))] if directed is not None else []
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), *faults]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _one(seed: int, directed: frozenset[str] | None, *, trace: bool) -> int:
    from tests.simulation.play import play

    outcome = play(seed, directed)
    if trace:
        print("\n".join(outcome.trace))
    print(f"seed {seed}: {outcome.violation or 'all held'}")
    return 1 if outcome.violation else 0


def _corpus(*, trace: bool) -> int:
    from tests.simulation.corpus import cases
    from tests.simulation.play import tell

    broken = 0
    for case in cases():
        outcome = tell(case.drawn, case.decisions)
        broken += bool(outcome.violation)
        if trace and outcome.violation:
            print("\n".join(outcome.trace))
        print(f"{case.why}: {outcome.violation or 'all held'}")
    return 1 if broken else 0


def _keep(seed: int, why: str, directed: frozenset[str] | None) -> int:
    """A line for corpus.txt, of a seed that fails."""
    from tests.simulation.corpus import Case, shrunk
    from tests.simulation.draw import draw
    from tests.simulation.play import play, tell

    def rule(violation: str) -> str:
        return violation.partition(":")[0]

    first = play(seed, directed)
    case = Case(why, draw(seed, directed), first.decisions)

    def fails(smaller: Case) -> bool:
        return rule(tell(smaller.drawn, smaller.decisions).violation) == rule(first.violation)

    if not first.violation or not fails(case):
        print(f"seed {seed}: {first.violation or 'all held'}: nothing to keep")
        return 1
    print(shrunk(case, fails).line())
    return 0


def _many(seeds: range, branches: int, workers: int) -> int:
    from tests.simulation.tally import Branches, Progress, Tally

    began, tally, progress = time.perf_counter(), Tally(), Progress(len(seeds))
    measured = seeds[: min(branches, len(seeds))]
    covered = Branches(len(measured))
    rest = seeds[len(measured) :]
    parts = [rest[place : place + CHUNK] for place in range(0, len(rest), CHUNK)]

    def played(part: "Tally") -> None:
        _told(tally, part)
        if line := progress.line(tally, time.perf_counter() - began):
            print(line, file=sys.stderr, flush=True)

    for seed in measured:
        played(_part(range(seed, seed + 1)))
        covered.played()
    if workers > 1 and parts:
        with multiprocessing.Pool(workers) as pool:
            for part in pool.imap_unordered(_part, parts):
                played(part)
    else:
        for seeds_of_part in parts:
            played(_part(seeds_of_part))
    for line in (*covered.lines(), *tally.lines(time.perf_counter() - began)):
        print(line)
    return 1 if tally.failed else 0


def _part(seeds: range) -> "Tally":
    from tests.simulation.play import play
    from tests.simulation.tally import Tally

    tally = Tally()
    for seed in seeds:
        tally.add(play(seed))
    return tally


def _told(tally: "Tally", part: "Tally") -> None:
    tally.join(part)
    for seed, violation in part.failed:
        print(f"seed {seed}: {violation}\n  again: python -m tests.simulation --seed {seed} --trace", flush=True)


if __name__ == "__main__":
    sys.exit(main())
