"""Compose the CustomResourceDefinitions from the kinds' models and the backends' blocks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from hostwright.core.names import CATEGORY, GROUP, VERSION
from hostwright.generate import discover
from hostwright.generate.discover import Kind, Rule
from hostwright.generate.schema import RULES, Schema, cel_text, structural
from hostwright.kinds.provider.port import Sections

#: Where a backend's block stands: path below spec (`[]`: the elements of a list) and the part of Sections to put there.
SLOTS: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "VirtualMachine": (((), "machine"),),
    "Provider": (
        ((), "provider"),
        (("networks", "[]"), "network"),
        (("failureDomains", "[]"), "failure_domain"),
        (("storageClasses", "[]"), "storage_class"),
    ),
    "MachineClass": (((), "machine_class"),),
    "MachineImage": ((("sources", "[]"), "image"),),
}
#: A fresh object must not count as healthy before anybody has looked (kstatus compares the generations).
UNSEEN = {"observedGeneration": -1}
#: Fields of a spec that name one machine: no template has them.
_OF_ONE = frozenset({"import"})


def crd(kind: Kind, sections: Sequence[Sections]) -> dict[str, Any]:
    """One CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}, **_scale(kind)},
                    "additionalPrinterColumns": [_column(*column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": schema_of(kind, sections)},
                }
            ],
        },
    }


def _scale(kind: Kind) -> dict[str, Any]:
    if kind.scale is None:
        return {}
    wanted, found, selector = kind.scale
    return {"scale": {"specReplicasPath": wanted, "statusReplicasPath": found, "labelSelectorPath": selector}}


def _column(name: str, path: str, kind: str, priority: int) -> dict[str, Any]:
    return {"name": name, "jsonPath": path, "type": kind, **({"priority": priority} if priority else {})}


def schema_of(kind: Kind, sections: Sequence[Sections]) -> Schema:
    """The whole object's schema."""
    spec = spec_of(kind, sections)
    for field, name in kind.templates.items():
        template = spec["properties"]["template"]["properties"]
        placed = _without_history(_for_many(spec_of(discover.kind(name), sections)))
        template[field] = {**placed, "description": template[field]["description"]}
    status = without_defaults(structural(kind.status))
    status["description"] = "What is found. Written by the operator only."
    root: Schema = {
        "type": "object",
        "description": kind.summary,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": {**status, "default": dict(UNSEEN)},
        },
    }
    _add_rules(root, kind.object_rules)
    return root


def spec_of(kind: Kind, sections: Sequence[Sections]) -> Schema:
    """A spec's schema with the backends' blocks and all rules; a template's own content is not placed."""
    spec = structural(kind.spec)
    spec.setdefault("description", "What is wanted.")
    _place_blocks(kind, spec, sections)
    rules = [*kind.spec_rules, *_COMPOSED.get(kind.name, _no_rules)(sections)]
    _add_rules(spec, rules)
    if kind.source_rules:
        _add_rules(spec["properties"]["sources"]["items"], kind.source_rules)
    if kind.name == "Provider":
        _name_types(spec, sections)
    if kind.name == "MachineImage":
        _add_rules(spec["properties"]["sources"]["items"], _one_block(sections, "image", exactly=True))
    return spec


def _for_many(spec: Schema) -> Schema:
    """Without what is of one machine only."""
    properties = {name: each for name, each in spec["properties"].items() if name not in _OF_ONE}
    return {**spec, "properties": properties}


def _without_history(node: Schema) -> Schema:
    """Below a template, what an object may not become any more says nothing: the template has no machine."""
    bare = {key: value for key, value in node.items() if key != RULES}
    kept = [rule for rule in node.get(RULES, ()) if "oldSelf" not in rule["rule"]]
    if kept:
        bare[RULES] = kept
    if "properties" in bare:
        bare["properties"] = {name: _without_history(each) for name, each in bare["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if inner in bare:
            bare[inner] = _without_history(bare[inner])
    return bare


def without_defaults(node: Schema) -> Schema:
    """A default in status would come back as a difference to what was written, and be written again for ever."""
    bare = {key: value for key, value in node.items() if key != "default"}
    if "properties" in bare:
        bare["properties"] = {name: without_defaults(each) for name, each in bare["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if inner in bare:
            bare[inner] = without_defaults(bare[inner])
    return bare


def _place_blocks(kind: Kind, spec: Schema, sections: Sequence[Sections]) -> None:
    for path, part in SLOTS.get(kind.name, ()):
        node = at(spec, path)
        for section in _with(sections, part):
            block = structural(_model(section, part))
            block.setdefault("description", f"Settings for {section.provider_type} only.")
            if part == "machine":
                _add_rules(block, _lasting(section))
            node.setdefault("properties", {})[section.key] = block


def _lasting(section: Sections) -> tuple[Rule, ...]:
    """A rule inside an optional block that looks at oldSelf is evaded by taking the block out and putting it back."""
    evaded = [rule for rule, _ in section.machine_rules if "oldSelf" in rule]
    if evaded:
        raise ValueError(f"{section.key}: {evaded[0]!r} would be evaded by removing the block; rule it on the spec")
    return section.machine_rules


def at(spec: Schema, path: Iterable[str]) -> Schema:
    """The node at a path below spec; `[]` stands for a list's elements."""
    node = spec
    for step in path:
        node = node["items"] if step == "[]" else node["properties"][step]
    return node


def _with(sections: Sequence[Sections], part: str) -> list[Sections]:
    return [section for section in sections if getattr(section, part) is not None]


def _model(section: Sections, part: str) -> type[BaseModel]:
    model: type[BaseModel] = getattr(section, part)
    return model


def _add_rules(node: Schema, rules: Iterable[Rule]) -> None:
    written = [{"rule": rule, "message": message} for rule, message in rules]
    if written:
        node[RULES] = [*node.get(RULES, []), *written]


def _counted(tests: Sequence[str], wanted: str) -> str:
    return f"[{', '.join(tests)}].filter(x, x).size() {wanted}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _one_block(sections: Sequence[Sections], part: str, *, exactly: bool) -> list[Rule]:
    keys = [section.key for section in _with(sections, part)]
    if not keys or (len(keys) == 1 and not exactly):
        return []
    count = "== 1" if exactly else "<= 1"
    words = "exactly one" if exactly else "at most one"
    return [(_counted([f"has(self.{key})" for key in keys], count), f"set {words} of {listed(keys)}")]


def _machine_rules(sections: Sequence[Sections]) -> list[Rule]:
    sizes = {"classRef": "has(self.classRef)", "resources": "has(self.resources)"}
    for section in _with(sections, "machine"):
        if section.machine_size_field is not None:
            path = f"{section.key}.{section.machine_size_field}"
            sizes[path] = f"has(self.{section.key}) && has(self.{path})"
    return [
        (_counted(list(sizes.values()), "== 1"), f"set exactly one of {listed(list(sizes))}: it is the size"),
        *_one_block(sections, "machine", exactly=False),
    ]


def _provider_rules(sections: Sequence[Sections]) -> list[Rule]:
    rules: list[Rule] = []
    for section in sections:
        name, key = cel_text(section.provider_type), section.key
        if section.provider is not None:
            rules.append((f"self.type == {name} || !has(self.{key})", f"{key} is for type {section.provider_type}"))
            if section.provider_required:
                rules.append(
                    (f"self.type != {name} || has(self.{key})", f"{key} is required with type {section.provider_type}")
                )
        if section.needs_credentials:
            message = f"credentialsRef is required with type {section.provider_type}"
            rules.append((f"self.type != {name} || has(self.credentialsRef)", message))
        if section.endpoint_each:
            message = f"credentialsRef is not for type {section.provider_type}: each machine names its own login"
            rules.append((f"self.type != {name} || !has(self.credentialsRef)", message))
        if section.network is not None:
            rules.append(
                (
                    f"self.type == {name} || !has(self.networks) || self.networks.all(n, !has(n.{key}))",
                    f"a network's {key} is for type {section.provider_type}",
                )
            )
        else:
            message = f"networks are not to be had with type {section.provider_type}"
            rules.append((f"self.type != {name} || !has(self.networks)", message))
        if section.failure_domain is None:
            message = f"failureDomains are not to be had with type {section.provider_type}"
            rules.append((f"self.type != {name} || !has(self.failureDomains)", message))
        if section.storage_class is None:
            message = f"storageClasses are not to be had with type {section.provider_type}"
            rules.append((f"self.type != {name} || !has(self.storageClasses)", message))
    return rules


def _no_rules(_sections: Sequence[Sections]) -> list[Rule]:
    return []


_COMPOSED: Mapping[str, Callable[[Sequence[Sections]], list[Rule]]] = {
    "VirtualMachine": _machine_rules,
    "Provider": _provider_rules,
}


def _name_types(spec: Schema, sections: Sequence[Sections]) -> None:
    """`type` names a backend that is there; without any there is nothing to choose from."""
    if sections:
        spec["properties"]["type"]["enum"] = sorted(section.provider_type for section in sections)
