"""Finds the backends: every folder of providers/ exports BACKEND; no list is kept by hand."""

import importlib
import pkgutil

from hostwright import providers
from hostwright.kinds.provider.port import Backend


def discover() -> dict[str, Backend]:
    """Provider type (`OpenStack`) → its backend."""
    found: dict[str, Backend] = {}
    for info in pkgutil.iter_modules(providers.__path__):
        if info.ispkg:
            module = importlib.import_module(f"{providers.__name__}.{info.name}")
            backend: Backend = module.BACKEND
            found[backend.sections.provider_type] = backend
    return found
