"""`make faults`: every call of every scenario meets every fault; a table of each, 0 only without a violation."""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
from tests.faults.kept import counted, keep
from tests.faults.plan import Fault
from tests.faults.stand import SITES, Stand, stand
from tests.faults.table import table
from tests.faults.trial import NOT_MET, Verdict, learn, plans_of, play, waves

WORDS = [fault.name.lower().replace("_", "-") for fault in Fault]


@click.command()
@click.option("--site", "sites", multiple=True, type=click.Choice(list(SITES)), help="Only here; may be repeated.")
@click.option("--fault", "words", multiple=True, type=click.Choice(WORDS), help="Only this one; may be repeated.")
@click.option(
    "--scenario",
    "only",
    multiple=True,
    help="Only those with this in their name, such as MachinePool; may be repeated.",
)
@click.option("--call", default="", help="Only calls whose name has this in it, such as 'intent' or 'delete:'.")
@click.option(
    "--keep", "kept", type=click.Path(path_type=Path), help="Add the verdicts to this file, and count all in it."
)
def faults(sites: Sequence[str], words: Sequence[str], only: Sequence[str], call: str, kept: Path | None) -> None:
    r"""Try each fault at each call, and judge by what the backends themselves have.

    \b
    Example:
      make faults SITE=simulated ARGS="--fault lost --call intent"
    """
    began = time.monotonic()
    wanted = [fault for fault, word in zip(Fault, WORDS, strict=True) if not words or word in words]
    wrong: list[str] = []
    tried = missed = 0
    for site in sites or SITES:  # a sandbox for each, so that one's faults are nobody else's
        with tempfile.TemporaryDirectory() as folder, stand(Path(folder) / "box", (site,)) as here:
            for played in here.scenarios:
                if only and not any(word in played.name for word in only):
                    continue
                calls = [each for each in learn(here.theatre, played) if call in str(each)]
                verdicts: list[Verdict] = []
                broken = len(here.theatre.broken)
                for fault in wanted:
                    for wave in waves(plans_of(calls, [fault]), played.width):
                        judged = play(here.theatre, played, wave)
                        _tell(began, f"{played.name}, {fault}: {len(judged)} trials")
                        for each in judged:
                            if each.violation:
                                _tell(began, f"VIOLATION {played.name}, {each.plan}: {each.wrong}")
                        verdicts += judged
                        if kept is not None:
                            keep(kept, played.name, judged, here.theatre.broken[broken:])
                        broken = len(here.theatre.broken)
                print(f"\n{table(played.name, verdicts)}\n", flush=True)
                wrong += [f"{played.name}, {each.plan}: {each.wrong}" for each in verdicts if each.violation]
                tried, missed = tried + len(verdicts), missed + sum(each.wrong == NOT_MET for each in verdicts)
            wrong += _besides(here)
    if kept is not None:
        print(f"{counted(kept)}\n")
    print("\n".join(f"VIOLATION {line}" for line in wrong))
    print(f"{tried} trials, {len(wrong)} violations, {missed} not met, {time.monotonic() - began:.0f} s")
    sys.exit(1 if wrong else 0)


def _besides(here: Stand) -> list[str]:
    return [*here.theatre.broken, *(f"{name}: what is not ours was changed" for name in here.touched())]


def _tell(began: float, line: str) -> None:
    print(f"{time.monotonic() - began:6.0f} s  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    faults()
