"""What the operator and the people may do, asked of the real API server."""

from collections.abc import Callable

import pytest
from tests.generated.conftest import Api, Body, collection, path_of

from hostwright.core.names import CLUSTER_ID_CONFIGMAP, LEASE

Bind = Callable[..., str]
#: verb, group, resource, namespace, name.
Asked = tuple[str, str, str, str, str]
OPERATOR = "system:serviceaccount:hostwright-system:hostwright"
HOME, ELSEWHERE, CLUSTER = "hostwright-system", "default", ""
OURS = "compute.hostwright.dev"
LEASES = "coordination.k8s.io"
NAMESPACED = ("virtualmachines", "physicalmachines", "physicalmachineclaims", "machinepools")
CATALOG = ("providers", "machineclasses", "machineimages")
KINDS = (*NAMESPACED, *CATALOG)
#: What a pool makes and removes.
CHILDREN = ("virtualmachines", "physicalmachineclaims")
#: What bears no finalizer of ours.
BARE = ("machinepools",)


def can(api: Api, user: str, asked: Asked) -> bool:
    """SubjectAccessReview: what `kubectl auth can-i` asks."""
    verb, group, path, namespace, name = asked
    resource, _, subresource = path.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": user,
            "groups": _groups(user),
            "resourceAttributes": {**attributes, "namespace": namespace, "name": name},
        },
    }
    reply = api.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(api.must(reply)["status"]["allowed"])


def _groups(user: str) -> list[str]:
    if user != OPERATOR:
        return ["system:authenticated"]
    return ["system:serviceaccounts", f"system:serviceaccounts:{HOME}", "system:authenticated"]


MUST: list[Asked] = [
    *((verb, OURS, kind, ELSEWHERE, "") for kind in KINDS for verb in ("get", "list", "watch")),
    *(("patch", OURS, kind, ELSEWHERE, "") for kind in KINDS if kind not in BARE),
    *(("patch", OURS, f"{kind}/status", ELSEWHERE, "") for kind in KINDS),
    *(("update", OURS, f"{kind}/finalizers", ELSEWHERE, "") for kind in KINDS),
    *((verb, OURS, kind, ELSEWHERE, "") for kind in CHILDREN for verb in ("create", "delete")),
    ("list", OURS, "virtualmachines", CLUSTER, ""),
    ("identify", OURS, "virtualmachines", ELSEWHERE, "web-1"),
    ("identify", OURS, "physicalmachines", ELSEWHERE, "r12-u07"),
    ("claim", OURS, "physicalmachines", ELSEWHERE, "r12-u07"),
    ("create", "", "events", ELSEWHERE, ""),
    ("get", "", "secrets", ELSEWHERE, "web-ud"),
    ("get", "", "secrets", HOME, "os-prod"),
    ("patch", "", "secrets", HOME, "os-prod"),
    *((verb, "", "namespaces", CLUSTER, "") for verb in ("get", "list", "watch")),
    ("get", "", "configmaps", HOME, CLUSTER_ID_CONFIGMAP),
    ("create", "", "configmaps", HOME, ""),
    ("get", LEASES, "leases", HOME, LEASE),
    ("update", LEASES, "leases", HOME, LEASE),
    ("create", LEASES, "leases", HOME, ""),
]
MUST_NOT: list[Asked] = [
    *(("patch", OURS, kind, ELSEWHERE, "") for kind in BARE),
    *(
        (verb, OURS, kind, ELSEWHERE, "")
        for kind in KINDS
        for verb in ("create", "update", "delete", "deletecollection")
        if kind not in CHILDREN or verb not in {"create", "delete"}
    ),
    *((verb, "", "secrets", ELSEWHERE, "") for verb in ("list", "watch", "patch", "update", "create", "delete")),
    *((verb, "", "secrets", HOME, "") for verb in ("list", "watch", "update", "create", "delete")),
    *((verb, "", "namespaces", CLUSTER, "") for verb in ("create", "update", "patch", "delete")),
    *((verb, "", "configmaps", HOME, "other") for verb in ("get", "list", "update", "patch", "delete")),
    ("get", "", "configmaps", ELSEWHERE, CLUSTER_ID_CONFIGMAP),
    *((verb, LEASES, "leases", HOME, "other") for verb in ("get", "list", "update", "patch", "delete")),
    ("update", LEASES, "leases", ELSEWHERE, LEASE),
    ("update", LEASES, "leases", "kube-system", LEASE),
    *((verb, "", "pods", HOME, "") for verb in ("get", "list", "create")),
    ("create", "", "serviceaccounts/token", HOME, "hostwright"),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions", CLUSTER, ""),
    ("bind", "rbac.authorization.k8s.io", "clusterroles", CLUSTER, "cluster-admin"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles", CLUSTER, ""),
    ("impersonate", "", "users", CLUSTER, ""),
    ("update", "admissionregistration.k8s.io", "validatingadmissionpolicies", CLUSTER, ""),
    *((verb, "", "events", ELSEWHERE, "") for verb in ("get", "list", "watch", "patch", "delete")),
    ("identify", OURS, "machineclasses", CLUSTER, ""),
    ("claim", OURS, "virtualmachines", ELSEWHERE, ""),
]


@pytest.mark.parametrize("asked", MUST, ids=" ".join)
def test_the_operator_may(api: Api, asked: Asked) -> None:
    assert can(api, OPERATOR, asked)


@pytest.mark.parametrize("asked", MUST_NOT, ids=" ".join)
def test_the_operator_may_not(api: Api, asked: Asked) -> None:
    assert not can(api, OPERATOR, asked)


def test_the_operators_own_token_discovers_lists_and_is_stopped(operator: Api, api: Api) -> None:
    """What kopf asks at its start: discovery is open to whoever is logged in."""
    for path in ("/version", "/api", "/apis", "/api/v1", f"/apis/{OURS}/v1alpha1"):
        operator.must(operator.send("GET", path))
    for kind in KINDS:
        operator.must(operator.send("GET", f"/apis/{OURS}/v1alpha1/{kind}", limit="1"))
    assert operator.send("GET", "/api/v1/secrets").status == 403


@pytest.mark.parametrize("role", ["hostwright-edit", "edit", "admin"])
def test_who_edits_writes_machines_and_nothing_of_the_platform(
    api: Api, bound: Bind, eventually: Callable[..., bool], role: str
) -> None:
    user = bound(role)
    eventually(lambda: can(api, user, ("create", OURS, "virtualmachines", ELSEWHERE, "")))
    for verb in ("get", "list", "watch", "update", "patch", "delete", "deletecollection"):
        assert can(api, user, (verb, OURS, "virtualmachines", ELSEWHERE, "")), verb
    for verb in ("patch", "update"):
        assert not can(api, user, (verb, OURS, "virtualmachines/status", ELSEWHERE, "")), verb
    assert not can(api, user, ("identify", OURS, "virtualmachines", ELSEWHERE, ""))
    assert not can(api, user, ("create", OURS, "virtualmachines", "kube-system", ""))
    for kind in CATALOG:
        assert not can(api, user, ("update", OURS, kind, CLUSTER, "")), kind


@pytest.mark.parametrize("role", ["hostwright-view", "view"])
def test_who_views_reads_and_writes_nothing(api: Api, bound: Bind, eventually: Callable[..., bool], role: str) -> None:
    user = bound(role)
    eventually(lambda: can(api, user, ("list", OURS, "virtualmachines", ELSEWHERE, "")))
    for verb in ("create", "update", "patch", "delete", "deletecollection", "identify"):
        assert not can(api, user, (verb, OURS, "virtualmachines", ELSEWHERE, "")), verb


def test_who_has_no_role_has_no_machines(api: Api, bound: Bind) -> None:
    assert not can(api, bound(), ("get", OURS, "virtualmachines", ELSEWHERE, ""))


@pytest.mark.parametrize("kind", ["Provider", "MachineClass", "MachineImage"])
def test_who_edits_a_namespace_reads_the_catalog_and_cannot_write_it(
    api: Api, bound: Bind, made: Callable[[Body], Body], good: Callable[..., Body], kind: str
) -> None:
    user, name = bound("edit"), f"catalog-{kind.lower()}"
    there = made(good(kind, name=name))
    assert api.must(api.send("GET", path_of(there), user=user))["metadata"]["name"] == name
    listed = api.must(api.send("GET", collection(there), user=user))
    assert name in [item["metadata"]["name"] for item in listed["items"]]
    change = {"metadata": {"labels": {"by": user}}}
    assert api.patch(there, change, user=user).status == 403
    assert api.patch(there, {"status": {}}, subresource="/status", user=user).status == 403
    assert api.delete(there, user=user).status == 403
    assert api.create(good(kind, name=f"{name}-2"), user=user).status == 403


def test_who_is_not_logged_in_reads_no_catalog(api: Api) -> None:
    for kind in CATALOG:
        assert api.send("GET", f"/apis/{OURS}/v1alpha1/{kind}", user="system:anonymous").status == 403, kind


def test_no_role_holds_a_wildcard(api: Api) -> None:
    roles: list[Body] = []
    for path in ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "/apis/rbac.authorization.k8s.io/v1/roles"):
        roles += [
            item for item in api.send("GET", path).body["items"] if item["metadata"]["name"].startswith("hostwright")
        ]
    assert len(roles) == 6
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], role["metadata"]["name"]
