"""OpenStack: servers of Nova with ports of Neutron."""

from hostwright.kinds.provider.port import Backend
from hostwright.providers.openstack.session import OpenStack

BACKEND: Backend = OpenStack()
