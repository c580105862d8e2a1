"""The simulated site: `hostwright simulated serve` on a free port."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostwright.sandbox import ports
from hostwright.sandbox.failure import Progress
from hostwright.sandbox.keeping import Keeping
from hostwright.sandbox.sites import catalog
from hostwright.sandbox.sites.site import Facts
from hostwright.sandbox.waiting import answers, until

PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Simulated:
    name: str = "simulated"
    provider: str = "sim"

    def start(self, directory: Path, keeping: Keeping, progress: Progress) -> Facts:
        (port,) = ports.free(1)
        state = directory / "sim" / "site.db"
        state.parent.mkdir(exist_ok=True)
        serve = ["simulated", "serve", "--state", str(state), "--http", f"127.0.0.1:{port}"]
        process = keeping.spawn(self.name, [sys.executable, "-m", "hostwright.cli.main", *serve])
        until("the simulated site", answers(port, "/healthz"), PATIENCE, progress, {keeping.log(self.name): process})
        return {"endpoint": f"http://127.0.0.1:{port}", "state": str(state)}

    def manifests(self, facts: Facts) -> list[dict[str, Any]]:
        networks = [{"name": network} for network in catalog.NETWORKS]
        spec = {"type": "Simulated", "simulated": {"endpoint": facts["endpoint"]}, "networks": networks}
        return [catalog.provider(self.provider, spec)]

    def image_source(self) -> dict[str, Any]:
        return {"simulated": {"image": catalog.IMAGE}}

    def stop(self, directory: Path, *, keep: bool) -> None:
        """Its state is in its file after each change."""
