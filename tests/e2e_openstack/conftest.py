"""A VirtualMachine on OpenStack in depth, in a sandbox of its own."""

from tests.e2e.both_sites import cloud, home, provider, world

__all__ = ["cloud", "home", "provider", "world"]
