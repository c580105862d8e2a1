"""The Redfish site: servers that are only remembered, each behind a BMC of its own on a port of its own."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hostwright.core.names import API_VERSION, GROUP
from hostwright.sandbox import certificates, ports
from hostwright.sandbox.failure import Progress
from hostwright.sandbox.keeping import Keeping
from hostwright.sandbox.record import write_file
from hostwright.sandbox.sites import catalog
from hostwright.sandbox.sites.site import Facts
from hostwright.sandbox.waiting import answers, until

PATIENCE = 60.0
BMCS = 20
LOOPBACK = "127.0.0.0/8"
#: Where the Secret with all BMCs' account is: with the machines, unlike a Provider's.
NAMESPACE = "default"
#: Written into the sandbox's folder: a PhysicalMachine for each BMC, ready to be applied.
MACHINES = "machines.yaml"
#: So that what is done behind the operator's back shows soon; 60s is usual for real ones.
POLL = "5s"
RACK = 10


@dataclass(frozen=True, slots=True)
class Redfish:
    bmcs: int = BMCS
    name: str = "redfish"
    provider: str = "bmc-lab"

    def start(self, directory: Path, keeping: Keeping, progress: Progress) -> Facts:
        from hostwright.sandbox.redfish.bmc import PASSWORD, USERNAME  # noqa: PLC0415 - few sandboxes need it
        from hostwright.sandbox.redfish.lab import Bmcs  # noqa: PLC0415 - as above

        folder = directory / self.name
        folder.mkdir(mode=0o700, exist_ok=True)
        served = certificates.loopback(folder / "pki")
        (control,), listening = ports.free(1), ports.free(self.bmcs, ports.MANY)
        setup = {
            "state": str(folder / "servers.json"),
            "certificate": str(served.server.certificate),
            "key": str(served.server.key),
            "control": control,
            "ports": listening,
        }
        write_file(folder / "setup.json", json.dumps(setup))
        serve = [sys.executable, "-m", "hostwright.sandbox.redfish.serve", str(folder / "setup.json")]
        process = keeping.spawn(self.name, serve)
        until("the Redfish site", answers(control, "/bmcs"), PATIENCE, progress, {keeping.log(self.name): process})
        shown = Bmcs(f"http://127.0.0.1:{control}").all()
        bmcs = [{"address": each["address"], "systemId": each["uuid"]} for each in shown]
        machines = folder / MACHINES
        write_file(machines, yaml.safe_dump_all([self.machine(*each) for each in enumerate(bmcs)], sort_keys=False))
        return {
            "bmcs": bmcs,
            "machines": str(machines),
            "username": USERNAME,
            "password": PASSWORD,
            "ca": str(served.authority),
            "control": f"http://127.0.0.1:{control}",
        }

    def manifests(self, facts: Facts) -> list[dict[str, Any]]:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self.provider, "namespace": NAMESPACE},
            "stringData": {
                "username": facts["username"],
                "password": facts["password"],
                "ca.crt": Path(facts["ca"]).read_text(encoding="utf-8"),
            },
        }
        spec = {
            "type": "Redfish",
            "redfish": {"allowedAddresses": [LOOPBACK]},
            "limits": {"pollInterval": POLL},
        }
        return [secret, catalog.provider(self.provider, spec)]

    def machine(self, number: int, bmc: Mapping[str, str]) -> dict[str, Any]:
        """Its server as the platform's engineers write it: ten in a rack, every other rack in another zone."""
        rack, place = number // RACK + 1, number % RACK + 1
        labels = {
            "topology.kubernetes.io/zone": f"az{(rack - 1) % 2 + 1}",
            f"{GROUP}/rack": f"r{rack}",
        }
        return {
            "apiVersion": API_VERSION,
            "kind": "PhysicalMachine",
            "metadata": {"name": f"r{rack}-u{place:02d}", "namespace": NAMESPACE, "labels": labels},
            "spec": {
                "providerRef": {"name": self.provider},
                "bmc": {
                    "address": bmc["address"],
                    "credentialsRef": {"name": self.provider},
                    "tls": {"caBundleRef": {"name": self.provider, "key": "ca.crt"}},
                },
            },
        }

    def image_source(self) -> dict[str, Any]:
        """A server in a rack is claimed, not made from an image."""
        return {}

    def stop(self, directory: Path, *, keep: bool) -> None:
        """Its servers are in their file after each change."""
