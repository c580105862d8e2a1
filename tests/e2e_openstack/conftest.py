"""A VirtualMachine on OpenStack in depth, in a sandbox of its own."""

from tests.e2e.both_sites import cloud, home, provider, world
from tests.e2e_openstack.by_hand import by_hand

__all__ = ["by_hand", "cloud", "home", "provider", "world"]
