"""What a site is to the sandbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from hostwright.sandbox.failure import Progress
from hostwright.sandbox.keeping import Keeping

Facts = Mapping[str, Any]
"""What `sandbox.json` says of a site, so that anyone can look at the backend itself and compare."""


class Site(Protocol):
    @property
    def name(self) -> str:
        """As in `--with`, and in `sandbox.json`."""
        ...

    @property
    def provider(self) -> str:
        """The name of its Provider."""
        ...

    def start(self, directory: Path, keeping: Keeping, progress: Progress) -> Facts:
        """Returns when the site answers."""
        ...

    def manifests(self, facts: Facts) -> list[dict[str, Any]]:
        """Its Provider, and the Secret that names."""
        ...

    def image_source(self) -> dict[str, Any]:
        """Where the image `tiny` is here; empty: machines are not made from images."""
        ...

    def stop(self, directory: Path, *, keep: bool) -> None:
        """What is to be done before its processes end; with `keep`, its data is there when it starts again."""
        ...
