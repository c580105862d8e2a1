"""Compare what is wanted with what is found, field by field, with each field's path and disruption class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from hostwright.core.names import Disruption


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `path` is the shape's (`/tags`), `key` the entry of a mapping (`owner`) or empty."""

    path: str
    key: str
    wanted: Any
    found: Any
    disruption: Disruption

    @property
    def full_path(self) -> str:
        return f"{self.path}/{self.key}" if self.key else self.path


def differences(wanted: Any, found: Any) -> tuple[Difference, ...]:
    """All fields of two values of one dataclass that differ. A wanted None, or empty tuple, is not compared.

    Mappings are compared by the wanted keys only: what others added is theirs.
    """
    rows: list[Difference] = []
    for item in fields(wanted):
        rows.extend(
            _compare(
                item.metadata["path"],
                item.metadata["disruption"],
                getattr(wanted, item.name),
                getattr(found, item.name),
            )
        )
    return tuple(rows)


def _compare(path: str, disruption: Disruption, wanted: Any, found: Any) -> Iterator[Difference]:
    if wanted is None or wanted == ():
        return
    if isinstance(wanted, Mapping):
        for key, value in sorted(wanted.items()):
            if found.get(key) != value:
                yield Difference(path, key, value, found.get(key), disruption)
    elif isinstance(wanted, tuple):
        yield from _compare_named(path, disruption, wanted, found)
    elif wanted != found:
        yield Difference(path, "", wanted, found, disruption)


def _compare_named(
    path: str, disruption: Disruption, wanted: tuple[Any, ...], found: tuple[Any, ...]
) -> Iterator[Difference]:
    """Tuples of dataclasses with a `name`: matched by it; an empty wanted sub-field is not compared."""
    there = {item.name: item for item in found}
    for item in wanted:
        other = there.pop(item.name, None)
        if other is None:
            yield Difference(path, item.name, "present", "absent", disruption)
            continue
        for sub in fields(item):
            value = getattr(item, sub.name)
            if value not in (None, "", ()) and _comparable(value) != _comparable(getattr(other, sub.name)):
                yield Difference(path, f"{item.name}/{sub.name}", value, getattr(other, sub.name), disruption)
    for name in sorted(there):
        yield Difference(path, name, "absent", "present", disruption)


def _comparable(value: Any) -> Any:
    return frozenset(value) if isinstance(value, tuple) else value


def table(shape: type) -> Mapping[str, Disruption]:
    """path → disruption class, of every field of a shape: the one table of DESIGN section 8."""
    return {item.metadata["path"]: item.metadata["disruption"] for item in fields(shape)}
