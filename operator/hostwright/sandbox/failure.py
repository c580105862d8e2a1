"""The one way in which the sandbox says that something did not work, and what to do about it."""

from collections.abc import Callable

Progress = Callable[[str], None]


class SandboxError(Exception):
    """Something the reader can act on: what happened, and what to do next."""

    def __init__(self, what: str, then: str = "") -> None:
        super().__init__(f"{what}\n{then}" if then else what)
        self.what = what
        self.then = then


def silent(_line: str) -> None:
    """Progress for callers who show none."""
