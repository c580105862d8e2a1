"""Roles: what the operator may do, what the people may who view or edit machines, and what everybody may read."""

from collections.abc import Sequence
from typing import Any

from hostwright.core.names import CLUSTER_ID_CONFIGMAP, GROUP, LEASE, MACHINES_ROLE, PROJECT
from hostwright.generate.discover import Kind, children
from hostwright.generate.policies import CLAIM, IDENTIFY, claimable, identified

_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "update", "patch", "delete", "deletecollection"]

Manifest = dict[str, Any]


def roles(kinds: Sequence[Kind], operator_namespace: str) -> list[Manifest]:
    """ClusterRoles and Role of the operator, and the two that join the cluster's own view, edit and admin.

    MACHINES_ROLE is apart, so that it can be bound in some namespaces only. Nothing holds a wildcard.
    """
    return [
        _role("ClusterRole", {"name": PROJECT}, _platform([kind for kind in kinds if not kind.namespaced])),
        _role("ClusterRole", {"name": MACHINES_ROLE}, _machines([kind for kind in kinds if kind.namespaced])),
        _role("Role", {"name": PROJECT, "namespace": operator_namespace}, _at_home()),
        _role("ClusterRole", _joins("view", "view"), [_rule(GROUP, [kind.plural for kind in kinds], _READ)]),
        _role("ClusterRole", _joins("edit", "edit", "admin"), _editing(kinds)),
    ]


def catalog(kinds: Sequence[Kind]) -> list[Manifest]:
    """Who is logged in reads what belongs to the platform: a role bound in a namespace does not reach it."""
    named = {"name": f"{PROJECT}-catalog"}
    return [
        _role("ClusterRole", named, [_rule(GROUP, [kind.plural for kind in kinds if not kind.namespaced], _READ)]),
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": named,
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", **named},
            "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": "system:authenticated"}],
        },
    ]


def _platform(kinds: Sequence[Kind]) -> list[Manifest]:
    """Discovery (/api, /apis) is given to everybody by Kubernetes' own system:discovery."""
    return [*_kept(kinds), _rule("", ["namespaces"], _READ)]


def _machines(kinds: Sequence[Kind]) -> list[Manifest]:
    return [
        *_kept(kinds),
        _rule(GROUP, [kind.plural for kind in kinds if kind.name in children(kinds)], ["create", "delete"]),
        _rule(GROUP, [kind.plural for kind in identified(kinds)], [IDENTIFY]),
        *([_rule(GROUP, [kind.plural for kind in claimable(kinds)], [CLAIM])] if claimable(kinds) else []),
        _rule("", ["events"], ["create"]),
        _rule("", ["secrets"], ["get"]),
    ]


def _kept(kinds: Sequence[Kind]) -> list[Manifest]:
    """What an object is kept with."""
    plurals = [kind.plural for kind in kinds]
    return [
        _rule(GROUP, plurals, _READ),
        # What has our finalizer on it; a kind that only makes others has none.
        _rule(GROUP, [kind.plural for kind in kinds if not kind.templates], ["patch"]),
        _rule(GROUP, [f"{plural}/status" for plural in plurals], ["patch"]),
        # An owner that blocks the deletion of its owner asks for this (OwnerReferencesPermissionEnforcement).
        _rule(GROUP, [f"{plural}/finalizers" for plural in plurals], ["update"]),
    ]


def _at_home() -> list[Manifest]:
    """Creation cannot be tied to a name: the API server does not know it then."""
    lease = "coordination.k8s.io"
    return [
        _rule("", ["secrets"], ["get", "patch"]),  # the finalizer on Secrets of Providers that are in use
        _rule("", ["configmaps"], ["create"]),
        _rule("", ["configmaps"], ["get"], names=[CLUSTER_ID_CONFIGMAP]),
        _rule(lease, ["leases"], ["create"]),
        _rule(lease, ["leases"], ["get", "update"], names=[LEASE]),
    ]


def _editing(kinds: Sequence[Kind]) -> list[Manifest]:
    """What belongs to the platform (Provider, MachineClass, MachineImage) is written by cluster administrators."""
    written = [kind.plural for kind in kinds if kind.namespaced]
    scaled = [f"{kind.plural}/scale" for kind in kinds if kind.scale is not None]
    return [
        _rule(GROUP, [kind.plural for kind in kinds], _READ),
        _rule(GROUP, written, _WRITE),
        _rule(GROUP, scaled, ["get", "update", "patch"]),
    ]


def _rule(group: str, resources: list[str], verbs: list[str], names: list[str] | None = None) -> Manifest:
    tied = {} if names is None else {"resourceNames": names}
    return {"apiGroups": [group], "resources": resources, **tied, "verbs": list(verbs)}


def _role(kind: str, metadata: Manifest, rules: list[Manifest]) -> Manifest:
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, "rules": rules}


def _joins(name: str, *roles: str) -> Manifest:
    labels = {f"{_RBAC}/aggregate-to-{role}": "true" for role in roles}
    return {"name": f"{PROJECT}-{name}", "labels": labels}
