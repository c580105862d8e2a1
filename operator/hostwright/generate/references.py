"""Find every field of a model that names a Secret."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from hostwright.core.resource import SecretKeyRef, SecretRef
from hostwright.generate import discover
from hostwright.generate.crds import SLOTS
from hostwright.generate.discover import Kind
from hostwright.kinds.provider.port import Sections

Path = tuple[str, ...]


def secrets(kind: Kind, sections: Sequence[Sections]) -> tuple[Path, ...]:
    """Paths below spec, the backends' blocks included."""
    found = list(_walk(kind.spec))
    for slot, part in SLOTS.get(kind.name, ()):
        for section in sections:
            model = getattr(section, part)
            if model is not None:
                found += [(*slot, section.key, *path) for path in _walk(model)]
    for field, name in kind.templates.items():
        found += [("template", field, *path) for path in secrets(discover.kind(name), sections)]
    in_lists = [path for path in found if "[]" in path]
    if in_lists:
        raise ValueError(f"{kind.name}.spec.{'.'.join(in_lists[0])}: no policy guards a Secret named in a list yet")
    return tuple(found)


def _walk(model: type[BaseModel]) -> Iterator[Path]:
    for name, field in model.model_fields.items():
        word = field.alias or name
        for inner, in_list in _models(field.annotation):
            step: Path = (word, "[]") if in_list else (word,)
            if issubclass(inner, SecretRef | SecretKeyRef):
                yield step
            else:
                yield from ((*step, *rest) for rest in _walk(inner))


def _models(annotation: Any, *, in_list: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """The models named by a type: itself, or inside Optional, Annotated, list and dict."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, in_list
        return
    inside = in_list or get_origin(annotation) in (list, dict, tuple)
    for argument in get_args(annotation):
        yield from _models(argument, in_list=inside)
