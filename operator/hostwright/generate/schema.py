"""Translate pydantic's JSON schema of a model into a structural schema as the API server takes it.

What the API server cannot express is refused here, never dropped: a rule that is lost on the way is a rule not kept.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from hostwright.core.resource import PATTERN_WORDS

Schema = dict[str, Any]

RULES = "x-kubernetes-validations"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE = "x-kubernetes-list-type"
#: A model names the key of a list of objects under this word (json_schema_extra).
LIST_KEY = "x-list-map-key"

_KEPT = frozenset(
    {"type", "description", "enum", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "multipleOf", "default"}
    | {RULES, LIST_TYPE, INT_OR_STRING}
)
_DROPPED = frozenset({"title", "examples"})  # for other readers
_HANDLED = frozenset(
    {
        PATTERN_WORDS,
        "$defs",
        "$ref",
        "allOf",
        "anyOf",
        "const",
        "properties",
        "required",
        "items",
        "uniqueItems",
        LIST_KEY,
    }
    | {"additionalProperties", "patternProperties", "propertyNames"}
)
#: A list without a bound of its own would also have no bound in the CEL cost budget.
_BOUNDS = {"string": "maxLength", "array": "maxItems"}


class NotStructuralError(TypeError):
    """A model says something that a structural schema cannot; the message names the place."""


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model: inlined, without null, every string, list and map bounded."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _node(raw, raw.get("$defs", {}), (model.__name__,), ())


def _node(raw: Mapping[str, Any], defs: Mapping[str, Any], path: tuple[str, ...], seen: tuple[str, ...]) -> Schema:
    raw, seen = _flatten(raw, defs, path, seen)
    unknown = set(raw) - _KEPT - _DROPPED - _HANDLED
    if unknown:
        raise NotStructuralError(f"{'.'.join(path)}: {', '.join(sorted(unknown))} has no structural counterpart")
    node = {key: value for key, value in raw.items() if key in _KEPT}
    if "const" in raw:
        node["enum"] = [raw["const"]]
    _settle_default(node)
    _settle_pattern(raw, node)
    _settle_text(node)
    if node.get("type") == "integer":
        node.setdefault("format", "int64")
    if node.get("type") == "object":
        _object(raw, node, defs, path, seen)
    if node.get("type") == "array":
        _array(raw, node, defs, path, seen)
    _demand_bounds(node, path)
    return node


def _flatten(
    raw: Mapping[str, Any], defs: Mapping[str, Any], path: tuple[str, ...], seen: tuple[str, ...]
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Follow $ref, a lone allOf and `X or null` until a plain schema stands there; what is said outside wins."""
    while True:
        outside = {key: value for key, value in raw.items() if key not in ("$ref", "allOf", "anyOf")}
        if "$ref" in raw:
            name = str(raw["$ref"]).rpartition("/")[2]
            if name in seen:
                raise NotStructuralError(f"{'.'.join(path)}: {name} holds itself; structural schemas have no recursion")
            seen = (*seen, name)
            raw = _merged(defs[name], outside)
            continue
        branches = raw.get("allOf") or [each for each in raw.get("anyOf", ()) if each.get("type") != "null"]
        if not branches:
            return raw, seen
        if len(branches) > 1:
            raise NotStructuralError(f"{'.'.join(path)}: a union; write all branches as fields and a CEL rule")
        raw = _merged(branches[0], outside)


def _merged(inside: Mapping[str, Any], outside: Mapping[str, Any]) -> Schema:
    rules = [*inside.get(RULES, ()), *outside.get(RULES, ())]
    return {**inside, **outside, **({RULES: rules} if rules else {})}


def _settle_default(node: Schema) -> None:
    """A default says something: null and an object of nothing do not."""
    default = _without_null(node.pop("default", None))
    if default is not None and default != {}:
        node["default"] = default


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_null(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each is not None and each != {}}
    return value


def _settle_pattern(raw: Mapping[str, Any], node: Schema) -> None:
    """A pattern with words becomes a rule: the API server would show the pattern itself."""
    if PATTERN_WORDS in raw:
        matches = f"self.matches({cel_text(node.pop('pattern'))})"
        others = [
            {**each, "rule": f"!{matches} || ({each['rule']})"} for each in node.get(RULES, ())
        ]  # no second error
        node[RULES] = [{"rule": matches, "message": raw[PATTERN_WORDS]}, *others]


def _settle_text(node: Schema) -> None:
    if "description" in node:
        node["description"] = " ".join(node["description"].split())
    for edge, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if edge in node and node[edge] is not True:
            node[limit], node[edge] = node[edge], True  # JSON schema draft 4, as OpenAPI 3.0 has it


def _object(
    raw: Mapping[str, Any], node: Schema, defs: Mapping[str, Any], path: tuple[str, ...], seen: tuple[str, ...]
) -> None:
    if "properties" in raw:
        node["properties"] = {name: _node(each, defs, (*path, name), seen) for name, each in raw["properties"].items()}
        if raw.get("required"):
            node["required"] = list(raw["required"])
        return  # additionalProperties must not stand beside properties; unknown fields are pruned
    if "patternProperties" in raw:
        if len(raw["patternProperties"]) != 1:
            raise NotStructuralError(f"{'.'.join(path)}: a map has one pattern for its keys")
        ((pattern, values),) = raw["patternProperties"].items()
        keys = {"pattern": pattern, **raw.get("propertyNames", {})}
    elif isinstance(raw.get("additionalProperties"), Mapping):
        values, keys = raw["additionalProperties"], raw.get("propertyNames", {})
    else:
        node["properties"] = {}  # an empty model, to be filled by the backends' blocks
        return
    node["additionalProperties"] = _node(values, defs, (*path, "*"), seen)
    rules = _key_rules(keys, path)
    if rules:
        node[RULES] = [*node.get(RULES, []), *rules]


def _key_rules(keys: Mapping[str, Any], path: tuple[str, ...]) -> list[Schema]:
    """Structural schemas have no propertyNames: what is asked of a map's keys becomes CEL."""
    asked = {key: value for key, value in keys.items() if key not in ("type", "title", "description")}
    unknown = set(asked) - {"minLength", "maxLength", "pattern", PATTERN_WORDS}
    if unknown:
        raise NotStructuralError(f"{'.'.join(path)}: {', '.join(sorted(unknown))} on a map's keys")
    rules = []
    least, most = asked.get("minLength", 0), asked.get("maxLength")
    if most is not None:
        cel, words = f"size(k) >= {least} && size(k) <= {most}", f"from {least} to {most}"
        rules.append({"rule": f"self.all(k, {cel})", "message": f"a key has {words} characters"})
    elif least:
        rules.append({"rule": f"self.all(k, size(k) >= {least})", "message": f"a key has at least {least} characters"})
    if "pattern" in asked:
        cel = f"k.matches({cel_text(asked['pattern'])})"
        rules.append(
            {
                "rule": f"self.all(k, {cel})",
                "message": asked.get(PATTERN_WORDS) or f"a key must match {asked['pattern']}",
            }
        )
    return rules


def _array(
    raw: Mapping[str, Any], node: Schema, defs: Mapping[str, Any], path: tuple[str, ...], seen: tuple[str, ...]
) -> None:
    if "items" not in raw:
        raise NotStructuralError(f"{'.'.join(path)}: a list must say what is in it")
    items = node["items"] = _node(raw["items"], defs, (*path, "[]"), seen)
    key = raw.get(LIST_KEY)
    if key is not None:
        if key not in items.get("properties", {}):
            raise NotStructuralError(f"{'.'.join(path)}: {key} is no field of its elements")
        node[LIST_TYPE] = "map"
        node["x-kubernetes-list-map-keys"] = [key]
        items["required"] = list(dict.fromkeys([key, *items.get("required", [])]))
        items["properties"][key].pop("default", None)  # a key that defaults would collide
    elif raw.get("uniqueItems"):
        node[LIST_TYPE] = "set"
    else:
        node.setdefault(LIST_TYPE, "atomic")


def _demand_bounds(node: Schema, path: tuple[str, ...]) -> None:
    bound = _BOUNDS.get(node.get("type", ""))
    if "additionalProperties" in node:
        bound = "maxProperties"
    if bound is not None and bound not in node and "enum" not in node:
        raise NotStructuralError(f"{'.'.join(path)}: has no {bound}")
    if not node.get("type") and INT_OR_STRING not in node:
        raise NotStructuralError(f"{'.'.join(path)}: has no type")


def cel_text(text: str) -> str:
    """A CEL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
