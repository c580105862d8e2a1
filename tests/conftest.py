"""What every test may ask for, which tests share a worker, and the bars at the end."""

from pathlib import PurePath

import pytest

pytest_plugins = ["tests.fixtures_openstack"]

#: With several workers (`-n`), the tests of one group run on one of them, so that what is dear to start (a lab, a
#: control plane) is started once. Longest first. A folder that is not named is a group of its own.
GROUPS = {
    "lab": ("contract", "providers/openstack", "sandbox_openstack"),
    "e2e": ("e2e",),
    "box": ("examples", "sandbox", "generated"),
}


def _group(item: pytest.Item) -> str:
    folder = PurePath(item.nodeid.partition("::")[0]).parent.as_posix().removeprefix("tests/")
    return next((group for group, folders in GROUPS.items() if folder in folders), folder)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The group stands before xdist reads it, so this hook goes first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    rank = {group: number for number, group in enumerate(GROUPS)}
    items.sort(key=lambda item: rank.get(_group(item), len(rank)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every line that a test printed as `bar: …`."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, ())]
    bars = [line for report in reports for line in report.capstdout.splitlines() if line.startswith("bar: ")]
    if bars:
        terminalreporter.section("bars")
        for line in bars:
            terminalreporter.write_line(line)
