"""Find the kinds and the backends' parts by looking into their folders, so that a new one edits nothing here."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from pydantic import BaseModel

import hostwright.kinds
import hostwright.providers
from hostwright.core.names import GROUP
from hostwright.kinds.provider.port import Sections

#: The platform's own objects; everything else lives in a namespace (DESIGN section 2).
CLUSTER_SCOPED = frozenset({"Provider", "MachineClass", "MachineImage"})

Column = tuple[str, str, str, int]
Rule = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """One `kinds/<folder>/resource.py`."""

    name: str
    plural: str
    short: str
    summary: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    spec_rules: tuple[Rule, ...]
    object_rules: tuple[Rule, ...]
    source_rules: tuple[Rule, ...]
    templates: Mapping[str, str]  # field below spec.template → the kind whose whole spec stands there
    scale: tuple[str, str, str] | None  # paths of the scale subresource

    @property
    def namespaced(self) -> bool:
        return self.name not in CLUSTER_SCOPED

    @property
    def crd_name(self) -> str:
        return f"{self.plural}.{GROUP}"


def kinds() -> tuple[Kind, ...]:
    """Every kind, by name."""
    found = [_kind(package, resource) for package, resource in _submodules(hostwright.kinds, "resource")]
    return tuple(sorted(found, key=lambda kind: kind.name))


def kind(name: str) -> Kind:
    """The kind of this name."""
    return next(each for each in kinds() if each.name == name)


def children(found: Iterable[Kind]) -> frozenset[str]:
    """The kinds that another kind makes from a template."""
    return frozenset(name for each in found for name in each.templates.values())


def sections() -> tuple[Sections, ...]:
    """Every backend's part of the schema, by key."""
    found = [section.SECTIONS for _, section in _submodules(hostwright.providers, "section")]
    return tuple(sorted(found, key=lambda part: str(part.key)))


def _kind(package: ModuleType, resource: ModuleType) -> Kind:
    name: str = resource.KIND
    summary = (package.__doc__ or "").strip().partition(": ")[2]
    return Kind(
        name=name,
        plural=resource.PLURAL,
        short=resource.SHORT,
        summary=summary[:1].upper() + summary[1:],
        spec=getattr(resource, f"{name}Spec"),
        status=getattr(resource, f"{name}Status"),
        columns=resource.COLUMNS,
        spec_rules=resource.SPEC_RULES,
        object_rules=getattr(resource, "OBJECT_RULES", ()),
        source_rules=getattr(resource, "SOURCE_RULES", ()),
        templates=getattr(resource, "TEMPLATES", {}),
        scale=getattr(resource, "SCALE", None),
    )


def _submodules(parent: ModuleType, leaf: str) -> Iterator[tuple[ModuleType, ModuleType]]:
    """Each package under `parent` that has a module `leaf`, with that module."""
    for found in pkgutil.iter_modules(parent.__path__, f"{parent.__name__}."):
        if not found.ispkg:
            continue
        package = importlib.import_module(found.name)
        if any(module.name == leaf for module in pkgutil.iter_modules(package.__path__)):
            yield package, importlib.import_module(f"{found.name}.{leaf}")
