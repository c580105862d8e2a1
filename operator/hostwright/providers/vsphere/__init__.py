"""vSphere: machines cloned from templates through a vCenter."""

from hostwright.kinds.provider.port import Backend
from hostwright.providers.vsphere.session import VSphere

BACKEND: Backend = VSphere()
