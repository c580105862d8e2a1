"""A sandbox for end-to-end tests, with the operator in it; at its end no right may have been missing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.charts.rights import forbidden
from tests.e2e.world import World

from hostwright import sandbox
from hostwright.generate import manifests


@contextmanager
def boxed(directory: Path, sites: tuple[str, ...], **more: Any) -> Iterator[World]:
    """`more` goes to sandbox.up. The operator is there; each test says whether its shared process runs."""
    box = sandbox.up(
        directory,
        sites=sites,
        manifests=manifests.install(),
        ephemeral=True,
        owner=os.getpid(),
        progress=print,
        **more,
    )
    yield World(box)
    missing = forbidden(box.audit) if box.audit else ()
    sandbox.down(directory, wipe=True)
    assert not missing, "the operator, as the chart's ServiceAccount, had no right to this"
