"""Admission policies: what schema and CEL in a CRD cannot see, held by the API server while the operator is down.

A policy's `authorizer` asks for the rights of whoever sends the request (Kubernetes docs: CEL in Kubernetes).
Updates of /status match none of them, and what an update leaves as it is is never asked about: finalizers always go.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hostwright.core.names import ANNOTATION_MACHINE_ID, GROUP, PROJECT, VERSION, Disruption
from hostwright.engine.changes import AT_CREATION, BOOTSTRAP, MADE_WITH, REBUILD_TOKEN, SIZE, compared, heaviest
from hostwright.generate import references
from hostwright.generate.crds import schema_of
from hostwright.generate.discover import Kind
from hostwright.generate.schema import Schema, cel_text
from hostwright.kinds.provider.port import Sections

#: The verb on a kind that lets its holder say which machine an object is (PROTOCOLS 1.2).
IDENTIFY = "identify"
#: The verb on a kind that lets its holder say which claim an object follows (PROTOCOLS 9.3).
CLAIM = "claim"
#: The verb that lets its holder have an object take over a machine that is there: no namespace says whose that is.
IMPORT = "import"
_ADMISSION = "admissionregistration.k8s.io"
_WHO = "request.kind.kind + ' ' + (request.namespace == '' ? '' : request.namespace + '/')"
#: How a field's description says the same.
_SAID_AT_CREATION = "Used at creation."
#: A wish of the user's own for now, never held back.
_AT_ONCE = frozenset({"/powerState"})
#: Path in the spec → in status.resolved: what the machine was made with.
_RESOLVED: Mapping[str, str] = {SIZE: "class", "/imageRef": "image"}

#: CEL: what another bootstrap does to the machine.
_ON_CHANGE = "object.spec.?bootstrap.?onChange.orValue('Ignore')"
#: Where a machine is never replaced (kinds/virtualmachine/replaceable.py), so far as the spec alone says it.
#: `import` is a reserved word in CEL, and no field by its dot.
_UNREPLACED = {
    "dyn(object).spec[?'import'].hasValue()": "for an imported machine",
    "object.spec.?deletionProtection.orValue(false)": "while deletionProtection is true",
    "object.spec.?rootDisk.hasValue()": "for a machine with a rootDisk",
}

Manifest = dict[str, Any]


def policies(kinds: Sequence[Kind], sections: Sequence[Sections], operator_namespace: str) -> list[Manifest]:
    """Every policy, each followed by its binding."""
    found: list[Manifest] = []
    protected = [kind for kind in kinds if "deletion_protection" in kind.spec.model_fields]
    if protected:
        found += _policy("deletion-protection", protected, ["DELETE"], [_protection()])
    known = identified(kinds)
    if known:
        found += _policy("machine-id", known, ["CREATE", "UPDATE"], [_machine_id()])
    claimed = claimable(kinds)
    if claimed:
        found += _policy("claim-ref", claimed, ["CREATE", "UPDATE"], [_claim_ref()])
        found += _policy("claimed", claimed, ["DELETE"], [_claimed()])
    importing = [kind for kind in kinds if "import_" in kind.spec.model_fields]
    if importing:
        found += _policy("import", importing, ["CREATE", "UPDATE"], [_import()])
    for kind in kinds:
        paths = references.secrets(kind, sections)
        if paths:
            namespace = "request.namespace" if kind.namespaced else cel_text(operator_namespace)
            rules = [_may_read(path, namespace, _destinations(kind, sections)) for path in paths]
            found += _policy(f"secrets-{kind.plural}", [kind], ["CREATE", "UPDATE"], rules)
    for kind in kinds:
        if kind.name == "VirtualMachine":
            found += _policy("disruption", [kind], ["UPDATE"], _waits(kind, sections), action="Warn")
    return found


def identified(kinds: Sequence[Kind]) -> list[Kind]:
    """The kinds that have a machine id."""
    return [kind for kind in kinds if "machine_id" in kind.status.model_fields]


def claimable(kinds: Sequence[Kind]) -> list[Kind]:
    """The kinds that follow a claim."""
    return [kind for kind in kinds if "claim_ref" in kind.spec.model_fields]


def _policy(
    name: str, kinds: Sequence[Kind], operations: list[str], validations: list[Manifest], action: str = "Deny"
) -> list[Manifest]:
    named = {"name": f"{PROJECT}-{name}"}
    rule = {
        "apiGroups": [GROUP],
        "apiVersions": [VERSION],
        "operations": operations,
        "resources": [kind.plural for kind in kinds],
        "scope": "*",
    }
    api = {"apiVersion": f"{_ADMISSION}/v1"}
    return [
        {
            **api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": named,
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": validations,
            },
        },
        {
            **api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": named,
            "spec": {"policyName": named["name"], "validationActions": [action]},
        },
    ]


def _rule(expression: str, message: str, message_expression: str | None = None, reason: str = "Invalid") -> Manifest:
    computed = {} if message_expression is None else {"messageExpression": message_expression}
    return {"expression": expression, "message": message, **computed, "reason": reason}


def _protection() -> Manifest:
    """An object that is terminating already may be deleted again: nothing more happens to it."""
    return _rule(
        "!oldObject.spec.?deletionProtection.orValue(false) || has(oldObject.metadata.deletionTimestamp)",
        "the object is protected: set spec.deletionProtection to false first",
        f"{_WHO} + oldObject.metadata.name + ' is protected: set spec.deletionProtection to false first'",
        "Forbidden",
    )


def _machine_id() -> Manifest:
    key = cel_text(ANNOTATION_MACHINE_ID)
    new, old = (f"{side}.metadata.?annotations[?{key}]" for side in ("object", "oldObject"))
    same = f"(oldObject != null && {old} == {new})"
    said = f"the annotation {ANNOTATION_MACHINE_ID} says which machine this is; only the operator sets it. Remove it, "
    return _rule(
        f"!{new}.hasValue() || {same} || {_has_verb(IDENTIFY)}",
        f"{said}or be granted the verb {IDENTIFY} on this kind",
        f"{cel_text(f'{said}or be granted the verb {IDENTIFY} on ')} + request.resource.resource",
        "Forbidden",
    )


def _has_verb(verb: str) -> str:
    """CEL: whoever sends the request has this verb on the object."""
    # authorizer.requestResource would say the same, but the API server's own type check cannot resolve it (1.36).
    this = "resource(request.resource.resource).namespace(request.namespace).name(object.metadata.name)"
    return f"authorizer.group({cel_text(GROUP)}).{this}.check({cel_text(verb)}).allowed()"


def _claim_ref() -> Manifest:
    """Else whoever may write a server could give it to a claim that its claimPolicy does not let, or take it away."""
    new, old = "object.spec.?claimRef", "oldObject.spec.?claimRef"
    said = "spec.claimRef says which claim has the server; only the operator sets it. Leave it as it is or remove it, "
    return _rule(
        f"!{new}.hasValue() || (oldObject != null && {old} == {new}) || {_has_verb(CLAIM)}",
        f"{said}or be granted the verb {CLAIM} on this kind",
        f"{cel_text(f'{said}or be granted the verb {CLAIM} on ')} + request.resource.resource",
        "Forbidden",
    )


def _import() -> Manifest:
    """A Provider's project may hold machines of many teams, made by hand: else any of them could take all."""
    # A word that CEL reserves. A policy is checked against __import__ and run on the field's own name (1.36, tried).
    new, old = "dyn(object).spec[?'import']", "dyn(oldObject).spec[?'import']"
    said = "spec.import takes over a machine that is there already. Remove it, "
    return _rule(
        f"!{new}.hasValue() || (oldObject != null && {old} == {new}) || {_has_verb(IMPORT)}",
        f"{said}or be granted the verb {IMPORT} on this kind",
        f"{cel_text(f'{said}or be granted the verb {IMPORT} on ')} + request.resource.resource",
        "Forbidden",
    )


def _claimed() -> Manifest:
    """One that is terminating already waits for the release."""
    claim = "oldObject.spec.claimRef.namespace + '/' + oldObject.spec.claimRef.name"
    way = "delete that claim first, or remove spec.claimRef if it is gone"
    return _rule(
        "!has(oldObject.spec.claimRef) || has(oldObject.metadata.deletionTimestamp)",
        f"a claim has the machine: {way}",
        f"{_WHO} + oldObject.metadata.name + ' is claimed by ' + {claim} + {cel_text(f': {way}')}",
        "Forbidden",
    )


def _destinations(kind: Kind, sections: Sequence[Sections]) -> list[str]:
    """Where the login is sent: to change that is as good as to read it."""
    if kind.name == "PhysicalMachine":
        return ["bmc"]
    if kind.name != "Provider":
        return []
    return [section.key for section in sections if section.provider is not None]


def _may_read(path: references.Path, namespace: str, destinations: Sequence[str]) -> Manifest:
    """Else whoever may write the object could have the operator hand any Secret to a machine or host of theirs."""
    reference = "".join(f".?{step}" for step in path)
    new, old = f"object.spec{reference}", f"oldObject.spec{reference}"
    moved = "".join(f" && oldObject.spec.?{key} == object.spec.?{key}" for key in destinations)
    name = f"{new}.?name.orValue('')"
    may = f"authorizer.group('').resource('secrets').namespace({namespace}).name({name}).check('get').allowed()"
    field = f"spec.{'.'.join(path)}"
    return _rule(
        f"!{new}.hasValue() || (oldObject != null && {old} == {new}{moved}) || {may}",
        f"{field} names a Secret that you may not get",
        f"{cel_text(field + ' names the Secret ')} + {namespace} + '/' + {name} + "
        f"', which you may not get: ask for that right, or name another Secret'",
        "Forbidden",
    )


def _waits(kind: Kind, sections: Sequence[Sections]) -> list[Manifest]:
    """One warning for each field whose change is held back on a machine that exists."""
    spec = schema_of(kind, sections)["properties"]["spec"]
    rows = [_held(path, disruption) for path, disruption in disruptions(spec, sections).items() if path not in _AT_ONCE]
    rows += [_held(path, Disruption.REBUILD) for path in (REBUILD_TOKEN, BOOTSTRAP)]
    rows += [_held(BOOTSTRAP, Disruption.REPLACE)]
    replaced = [path for path, disruption in disruptions(spec, sections).items() if disruption is Disruption.REPLACE]
    rows += [_forbidden(path) for path in (*replaced, BOOTSTRAP)]
    return [*rows, *(_unmade(path, becomes) for path, becomes in at_creation(spec, sections).items())]


def at_creation(spec: Schema, sections: Sequence[Sections]) -> dict[str, str]:
    """Path in the spec → what becomes of a change; a backend's own fields say it in their description."""
    found = {path: becomes for path, becomes in AT_CREATION.items() if has(spec, path)}
    compared = disruptions(spec, sections)
    for section in sections:
        block = spec["properties"].get(section.key, {}).get("properties", {})
        for name, node in block.items():
            path = f"/{section.key}/{name}"
            if path not in compared and node.get("description", "").endswith(_SAID_AT_CREATION):
                found[path] = MADE_WITH
    return found


def disruptions(spec: Schema, sections: Sequence[Sections]) -> dict[str, Disruption]:
    """Path in the spec → class, from the shape's table and where a backend says otherwise; the heavier counts."""
    return heaviest((path, disruption) for path, _, disruption in compared(sections) if has(spec, path))


def has(spec: Schema, path: str) -> bool:
    """Whether the schema has a field at this path."""
    node: Schema | None = spec
    for step in path.strip("/").split("/"):
        node = (node or {}).get("properties", {}).get(step)
    return node is not None


def _changed(path: str) -> tuple[str, str, str]:
    """CEL that is true where nothing changed or nothing is made yet; the field's name; its steps."""
    steps = path.strip("/").split("/")
    reference = "".join(f".?{step}" for step in steps)
    nothing_made = "oldObject.?status.?resources.orValue([]).size() == 0"
    return f"object.spec{reference} == oldObject.spec{reference} || {nothing_made}", ".".join(steps), reference


def _held(path: str, disruption: Disruption) -> Manifest:
    same, field, _ = _changed(path)
    ceiling = "object.spec.?updatePolicy.?maxDisruption.orValue('Live')"
    allowed = [str(each) for each in Disruption if each.weight >= disruption.weight]
    said = f"a change of {field} is of class {disruption}, and updatePolicy.maxDisruption is "
    rest = ": it waits in status.pendingChanges, and the machine stays as it is"
    as_it_is = f" || {_ON_CHANGE} != '{disruption}'" if path == BOOTSTRAP else _as_it_is(path)
    return _rule(
        f"{same} || {ceiling} in {allowed}{as_it_is}",
        f"a change of {field} is of class {disruption}: it waits in status.pendingChanges",
        f"{cel_text(said)} + {ceiling} + {cel_text(rest)}",
    )


def _forbidden(path: str) -> Manifest:
    """What `updatePolicy.maxDisruption` allows and something else in the spec does not: told before it is refused."""
    same, field, _ = _changed(path)
    asked = "object.spec.?updatePolicy.?maxDisruption.orValue('Live') == 'Replace'"
    asked += f" && {_ON_CHANGE} == 'Replace'" if path == BOOTSTRAP else ""
    why = " : ".join(f"{there} ? {cel_text(words)}" for there, words in _UNREPLACED.items())
    text = f"a change of {field} makes another machine in the place of this one, which is refused"
    return _rule(
        f"{same} || !({asked}) || !({' || '.join(_UNREPLACED)})",
        text,
        f"{cel_text(f'{text} ')} + ({why} : '') + {cel_text(': the machine stays as it is')}",
    )


def _as_it_is(path: str) -> str:
    """A way back, before the change that waits was made, is no change of the machine."""
    if path not in _RESOLVED:
        return ""
    name = f"object.spec.?{path.strip('/')}.?name"
    return f" || ({name}.hasValue() && {name} == oldObject.?status.?resolved.?{_RESOLVED[path]}.?name)"


def _unmade(path: str, becomes: str) -> Manifest:
    same, field, _ = _changed(path)
    same += f" || {_ON_CHANGE} != 'Ignore'" if path == BOOTSTRAP else ""
    return _rule(same, f"a change of {field} {becomes}")
