"""What every test may ask for, which tests share a worker, and the bars at the end."""

from pathlib import PurePath

import pytest

pytest_plugins = ["tests.fixtures_openstack"]

#: With several workers (`-n`), tests of one group run on one of them and share what is expensive to start: a lab, a
#: control plane. The longest first, so that none is left for the end. End-to-end files each have their own world.
LONGEST_FIRST = ("e2e", "contract", "examples", "sandbox", "generated", "sandbox_openstack")
OWN_WORLD = ("e2e", "examples")


def _room(item: pytest.Item) -> tuple[str, str]:
    """(top folder below tests/, group)."""
    parts = PurePath(item.nodeid.partition("::")[0]).parts[1:]
    room = parts[0] if len(parts) > 1 else ""
    group = "/".join(parts) if room in OWN_WORLD else "/".join(parts[:-1])
    return room, group


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The group stands before xdist reads it, so this hook goes first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_room(item)[1]))
    weight = {room: number for number, room in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: weight.get(_room(item)[0], len(weight)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every line that a test printed as `bar: …`."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, ())]
    bars = [line for report in reports for line in report.capstdout.splitlines() if line.startswith("bar: ")]
    if bars:
        terminalreporter.section("bars")
        for line in bars:
            terminalreporter.write_line(line)
