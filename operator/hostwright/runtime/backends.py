"""Finds the backends: every folder of providers/ that has a section exports BACKEND; no list is kept by hand."""

import importlib
import importlib.util
import pkgutil

from hostwright import providers
from hostwright.kinds.provider.port import Backend


def discover() -> dict[str, Backend]:
    """Provider type (`OpenStack`) → its backend."""
    found: dict[str, Backend] = {}
    for info in pkgutil.iter_modules(providers.__path__):
        name = f"{providers.__name__}.{info.name}"
        if info.ispkg and importlib.util.find_spec(f"{name}.section") is not None:  # without: not in the schema yet
            module = importlib.import_module(name)
            backend: Backend = module.BACKEND
            found[backend.sections.provider_type] = backend
    return found
