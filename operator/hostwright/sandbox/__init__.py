"""A local control plane and local sites, for the demo and the tests."""

from hostwright.sandbox.failure import SandboxError
from hostwright.sandbox.layout import Sandbox, read
from hostwright.sandbox.lifecycle import down, up

__all__ = ["Sandbox", "SandboxError", "down", "read", "up"]
