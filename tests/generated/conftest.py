"""The real API server, with everything that is generated installed, and a client that shows its warnings."""

import base64
import http.client
import json
import os
import select
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostwright import sandbox
from hostwright.core.names import API_VERSION, GROUP, VERSION
from hostwright.generate.manifests import install

Body = dict[str, Any]
PLURALS = {
    "VirtualMachine": "virtualmachines",
    "MachinePool": "machinepools",
    "Provider": "providers",
    "MachineClass": "machineclasses",
    "MachineImage": "machineimages",
    "PhysicalMachine": "physicalmachines",
    "PhysicalMachineClaim": "physicalmachineclaims",
}


@dataclass(frozen=True)
class Reply:
    status: int
    body: Body
    warnings: tuple[str, ...]

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


class Api:
    """Plain requests, so that status, message and Warning headers are seen as they are."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = cluster["server"].removeprefix("https://")
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=authority)
        self._headers = {"Accept": "application/json"}
        if "tokenFile" in user:
            self._headers["Authorization"] = f"Bearer {Path(user['tokenFile']).read_text().strip()}"
        else:
            pair = folder / "pair.pem"
            pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
            self._tls.load_cert_chain(pair)

    def send(self, method: str, path: str, body: Body | None = None, *, user: str = "", **query: str) -> Reply:
        kinds = {"PATCH": "application/merge-patch+json", "APPLY": "application/apply-patch+yaml"}
        headers = {**self._headers, "Content-Type": kinds.get(method, "application/json")}
        if user:
            headers["Impersonate-User"] = user
        if method != "GET":
            query.setdefault("fieldValidation", "Strict")
        connection = http.client.HTTPSConnection(self.address, context=self._tls, timeout=30)
        with closing(connection):
            connection.request(
                "PATCH" if method == "APPLY" else method,
                f"{path}?{urllib.parse.urlencode(query)}",
                body=None if body is None else json.dumps(body),
                headers=headers,
            )
            answer = connection.getresponse()
            warnings = answer.headers.get_all("Warning") or []
            said = tuple(each.partition(' "')[2].removesuffix('"') for each in warnings)
            return Reply(answer.status, json.loads(answer.read()), said)

    def create(self, body: Body, **options: Any) -> Reply:
        return self.send("POST", collection(body), body, **options)

    def patch(self, body: Body, change: Body, *, subresource: str = "", **options: Any) -> Reply:
        return self.send("PATCH", path_of(body) + subresource, change, **options)

    def delete(self, body: Body, **options: Any) -> Reply:
        return self.send("DELETE", path_of(body), **options)

    def must(self, reply: Reply) -> Body:
        assert reply.status in (200, 201), reply
        return reply.body


def collection(body: Body) -> str:
    if body["apiVersion"] == API_VERSION:
        base, plural = f"/apis/{GROUP}/{VERSION}", PLURALS[body["kind"]]
    else:
        base = "/api/v1" if body["apiVersion"] == "v1" else f"/apis/{body['apiVersion']}"
        plural = body["kind"].lower() + ("ies" if body["kind"].endswith("y") else "s")
        plural = plural.replace("yies", "ies")
    namespace = body["metadata"].get("namespace")
    return f"{base}/namespaces/{namespace}/{plural}" if namespace else f"{base}/{plural}"


def path_of(body: Body) -> str:
    return f"{collection(body)}/{body['metadata']['name']}"


def changed(body: Body, change: Mapping[str, Any]) -> Body:
    """A JSON merge patch (RFC 7396), on a copy."""
    found = deepcopy(body)
    for key, value in change.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping):
            found[key] = changed(found.get(key) if isinstance(found.get(key), dict) else {}, value)
        else:
            found[key] = value
    return found


GOOD: Mapping[str, Body] = {
    "VirtualMachine": {
        "apiVersion": API_VERSION,
        "kind": "VirtualMachine",
        "metadata": {"name": "web-1", "namespace": "default"},
        "spec": {
            "providerRef": {"name": "sim"},
            "classRef": {"name": "small"},
            "imageRef": {"name": "tiny"},
            "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
        },
    },
    "MachinePool": {
        "apiVersion": API_VERSION,
        "kind": "MachinePool",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "virtualMachine": {
                    "providerRef": {"name": "sim"},
                    "classRef": {"name": "small"},
                    "imageRef": {"name": "tiny"},
                    "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
                },
            },
        },
    },
    "Provider": {
        "apiVersion": API_VERSION,
        "kind": "Provider",
        "metadata": {"name": "sim"},
        "spec": {
            "type": "Simulated",
            "allowedNamespaces": {"from": "All"},
            "simulated": {"endpoint": "http://127.0.0.1:9191"},
            "networks": [{"name": "app"}, {"name": "db"}],
        },
    },
    "MachineClass": {
        "apiVersion": API_VERSION,
        "kind": "MachineClass",
        "metadata": {"name": "small"},
        "spec": {"cpu": 1, "memory": "512Mi"},
    },
    "MachineImage": {
        "apiVersion": API_VERSION,
        "kind": "MachineImage",
        "metadata": {"name": "tiny"},
        "spec": {"sources": [{"name": "sim", "providerRef": {"name": "sim"}, "simulated": {"image": "tiny"}}]},
    },
    "PhysicalMachine": {
        "apiVersion": API_VERSION,
        "kind": "PhysicalMachine",
        "metadata": {"name": "r12-u07", "namespace": "default"},
        "spec": {
            "providerRef": {"name": "bmc-lab"},
            "bmc": {"address": "https://10.0.12.7", "credentialsRef": {"name": "r12-u07-bmc"}},
        },
    },
    "PhysicalMachineClaim": {
        "apiVersion": API_VERSION,
        "kind": "PhysicalMachineClaim",
        "metadata": {"name": "web-2", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"pool": "web"}}, "minimum": {"cpu": 32, "memory": "256Gi"}},
    },
}


@pytest.fixture(scope="session")
def good() -> Callable[..., Body]:
    """A good object of a kind, with a change merged in."""

    def make(kind: str, change: Mapping[str, Any] | None = None, name: str = "") -> Body:
        named = {"metadata": {"name": name}} if name else {}
        return changed(changed(GOOD[kind], named), change or {})

    return make


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """The first true answer of a look."""

    def wait(look: Callable[[], Any], seconds: float = 20) -> Any:
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            assert time.monotonic() < deadline, f"never came true; the last look saw {seen!r}"
            select.select([], [], [], 0.05)
        return seen

    return wait


@pytest.fixture(scope="session")
def generated_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandbox.Sandbox]:
    directory = tmp_path_factory.mktemp("generated") / "box"
    yield sandbox.up(directory, sites=(), manifests=install(), ephemeral=True, owner=os.getpid())
    sandbox.down(directory, wipe=True)


@pytest.fixture(scope="session")
def api(generated_box: sandbox.Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """The administrator."""
    return Api(generated_box.kubeconfig, tmp_path_factory.mktemp("admin"))


@pytest.fixture(scope="session")
def operator(generated_box: sandbox.Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """The operator's ServiceAccount."""
    return Api(generated_box.operator_kubeconfig, tmp_path_factory.mktemp("operator"))


@pytest.fixture
def made(api: Api) -> Iterator[Callable[[Body], Body]]:
    """Creates an object as the administrator, and takes it away after the test."""
    there: list[Body] = []

    def make(body: Body) -> Body:
        api.must(api.create(body))
        there.append(body)
        return body

    yield make
    for body in reversed(there):
        if body["kind"] in {"VirtualMachine", "PhysicalMachine"}:
            held = {"claimRef": None} if body["kind"] == "PhysicalMachine" else {}
            api.patch(body, {"metadata": {"finalizers": None}, "spec": {"deletionProtection": False, **held}})
        api.delete(body)


def _may(api: Api, user: str, rule: Body) -> bool:
    """Whether the first verb of the first resource of a rule is granted by now."""
    resource, _, part = rule["resources"][0].partition("/")
    asked = {
        "namespace": "default",
        "group": rule["apiGroups"][0],
        "resource": resource,
        "subresource": part,
        "verb": rule["verbs"][0],
        "name": rule.get("resourceNames", [""])[0],
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {"user": user, "resourceAttributes": asked},
    }
    return bool(api.must(api.create(review))["status"]["allowed"])


@pytest.fixture(scope="session")
def bound(api: Api, eventually: Callable[..., Any]) -> Callable[..., str]:
    """A new user with a ClusterRole in the namespace default; the user's name."""
    count = iter(range(1000))

    def bind(*cluster_roles: str) -> str:
        user = f"user-{next(count)}"
        for role in cluster_roles:
            binding = {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": f"{user}-{role}", "namespace": "default"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            }
            api.must(api.create(binding))
            rules = api.must(api.send("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}"))["rules"]
            eventually(lambda rules=rules: all(_may(api, user, rule) for rule in rules))
        return user

    return bind


@pytest.fixture(scope="module")
def role(api: Api) -> Callable[[str, list[Body]], str]:
    """A ClusterRole with these rules."""

    def make(name: str, rules: list[Body]) -> str:
        metadata = {"name": name}
        body = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": rules,
        }
        api.must(api.send("APPLY", path_of(body), body, fieldManager="test"))
        return name

    return make


@pytest.fixture(scope="module")
def secret_reader(role: Callable[[str, list[Body]], str]) -> str:
    """May get one Secret, by name."""
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["web-ud"], "verbs": ["get"]}
    return role("reads-web-ud", [rule])
