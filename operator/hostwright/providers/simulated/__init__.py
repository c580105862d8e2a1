"""The simulated site: a backend whose machines are only remembered."""

from hostwright.kinds.provider.port import Backend
from hostwright.providers.simulated.session import Simulated

BACKEND: Backend = Simulated()
