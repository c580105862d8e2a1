"""A watch that stays open and says nothing any more: what it misses is found by a list, and made good."""

import json
from pathlib import Path

from tests.e2e.deaf import way
from tests.e2e.world import Running, World, eventually, machine

EVERY = 5.0  # seconds between two comparisons; the default is ten minutes


def test_what_a_deaf_watch_misses_is_found_by_the_comparison(world: World, tmp_path: Path) -> None:
    with (
        way(world.box.operator_kubeconfig, tmp_path) as (line, over),
        world.operator("--kubeconfig", str(over), "--compare-every", str(EVERY)) as running,
    ):
        running.leading()
        world.apply(machine("deaf-edited"), machine("deaf-leaving"))
        for name in ("deaf-edited", "deaf-leaving"):
            world.ready(name)
        assert line.watches >= 5  # four kinds of ours, and the namespaces
        line.deaf = True
        world.patch("deaf-edited", {"tags": {"team": "a"}})
        world.kubectl("delete", "hvm", "deaf-leaving", "--wait=false")
        world.apply(machine("deaf-new"))
        world.nudged("namespace", "default")
        world.ready("deaf-new", 30)
        eventually(lambda: world.sim.machine("deaf-edited")["tags"] == {"team": "a"}, 20, "the edit")
        world.ready("deaf-edited")
        world.gone("deaf-leaving", 20)
        missed = {("VirtualMachine", name) for name in ("deaf-edited", "deaf-leaving", "deaf-new")}
        missed.add(("Namespace", "default"))
        eventually(lambda: missed <= _missed(running), 20, "each is told")
        assert line.swallowed > 0
        assert world.sim.machines("deaf-leaving") == []
        world.delete("deaf-edited", "deaf-new")
        assert running.process.poll() is None


def _missed(running: Running) -> set[tuple[str, str]]:
    """(kind, name) of what the operator says that its watches missed."""
    rows = [json.loads(row) for row in running.text().splitlines() if '"watch missed a change"' in row]
    return {(row["kind"], row["name"]) for row in rows}
