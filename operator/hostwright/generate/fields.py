"""Walk a structural schema as a reader does: one row for each field."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from hostwright.generate.schema import INT_OR_STRING, LIST_TYPE, RULES, Schema

_BOUNDS = (
    ("minimum", "≥ {}"),
    ("maximum", "≤ {}"),
    ("minLength", "{} characters or more"),
    ("maxLength", "at most {} characters"),
    ("minItems", "{} or more"),
    ("maxItems", "at most {} of them"),
    ("maxProperties", "at most {} keys"),
    ("pattern", "`{}`"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `path` is below spec or status, `interfaces[].name`."""

    path: str
    type: str
    required: bool
    default: str
    bounds: tuple[str, ...]
    rules: tuple[str, ...]
    description: str


def fields(node: Schema, prefix: str = "") -> Iterator[Field]:
    """Every field below a node, parents first."""
    required = node.get("required", ())
    for name, each in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield _field(path, each, required=name in required)
        inner, suffix = each, ""
        while "items" in inner or "additionalProperties" in inner:
            suffix += "[]" if "items" in inner else ".*"
            inner = inner.get("items") or inner["additionalProperties"]
        yield from fields(inner, f"{path}{suffix}.")


def _field(path: str, node: Schema, *, required: bool) -> Field:
    nodes = [node]
    while "items" in nodes[-1] or "additionalProperties" in nodes[-1]:
        nodes.append(nodes[-1].get("items") or nodes[-1]["additionalProperties"])
    bounds = [words.format(each[key]) for each in nodes for key, words in _BOUNDS if key in each]
    rules = [rule["message"] for each in nodes for rule in each.get(RULES, ())]
    default = json.dumps(node["default"], ensure_ascii=False) if "default" in node else ""
    return Field(path, _type(node), required, default, tuple(bounds), tuple(rules), node.get("description", ""))


def _type(node: Schema) -> str:
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if INT_OR_STRING in node:
        return "number or percentage"
    if "items" in node:
        how = {"map": f" by `{'`, `'.join(node.get('x-kubernetes-list-map-keys', ()))}`", "set": ", no two alike"}
        return f"list of {_type(node['items'])}{how.get(node[LIST_TYPE], '')}"
    if "additionalProperties" in node:
        return f"map of {_type(node['additionalProperties'])}"
    return str(node["type"])
