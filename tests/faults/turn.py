"""Which part of the trials `make test` plays: another with each commit."""

import os
import subprocess
from pathlib import Path

from hostwright.sandbox.openstack import lab

ROOT = Path(__file__).resolve().parents[2]
#: Beside the simulated site, whose scenarios are played each time.
OTHERS = ("openstack", "vsphere", "redfish")


def turn() -> int:
    """By `FAULTS_TURN`, else this commit's; an archive without its history has the first."""
    given = os.environ.get("FAULTS_TURN")
    if given:
        return int(given)
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(asked.stdout[:8] or "0", 16)


def sites() -> tuple[str, ...]:
    """Where the lab cannot be installed (MariaDB and memcached need root), its turn is the vCenter's."""
    other = OTHERS[turn() % len(OTHERS)]
    if other == "openstack":
        try:
            lab.ensure_installed(print)
        except lab.LabUnavailable:
            other = "vsphere"
    return ("simulated", other)
