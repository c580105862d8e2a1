"""What every test may ask for, which tests share a worker, and the bars at the end."""

import signal
from pathlib import PurePath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["tests.fixtures_openstack", "tests.fixtures_redfish", "tests.fixtures_vsphere"]

#: A shell without job control starts `make test &` with Ctrl-C ignored, and whoever is ignored at birth stays so: the
#: programs that these tests interrupt would never notice.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: With several workers (`-n`), the tests of one group run on one of them, so that what is dear to start (a lab, a
#: control plane) is started once. Longest first. A folder that is not named is a group of its own; so is each test of
#: the simulation (they share nothing, and compute), and each backend of the contract that needs no lab.
GROUPS = {
    "lab": ("contract", "providers/openstack", "sandbox_openstack", "e2e_trouble"),
    "depth": ("e2e_openstack",),
    "e2e": ("e2e",),
    "box": ("examples", "sandbox", "generated", "charts"),
    "rack": ("sandbox_redfish", "providers/redfish"),
}
#: As the contract's cases name them.
LABLESS = ("simulated", "vsphere", "model")


def _group(nodeid: str) -> str:
    folder = PurePath(nodeid.partition("::")[0]).parent.as_posix().removeprefix("tests/")
    harness = nodeid.partition("[")[2].partition("-")[0].rstrip("]")
    if folder == "simulation":
        return nodeid
    if folder == "contract" and harness in LABLESS:
        return f"contract {harness}"
    return next((group for group, folders in GROUPS.items() if folder in folders), folder)


class _ByGroup(LoadScopeScheduling):
    """xdist's own `--dist loadgroup` writes the group into the node id, which pytest 9.2 does not read back."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {group: number for number, group in enumerate(GROUPS)}
    items.sort(key=lambda item: rank.get(_group(item.nodeid), len(rank)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Every line that a test printed as `bar: …`."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, ())]
    bars = [line for report in reports for line in report.capstdout.splitlines() if line.startswith("bar: ")]
    if bars:
        terminalreporter.section("bars")
        for line in bars:
            terminalreporter.write_line(line)
