"""Redfish: physical machines, each through its own BMC."""

from hostwright.kinds.provider.port import Backend
from hostwright.providers.redfish.session import Redfish

BACKEND: Backend = Redfish()
