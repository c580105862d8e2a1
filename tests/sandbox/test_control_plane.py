"""What a sandbox that is up is like."""

import json
import ssl
import stat
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from hostwright import sandbox
from hostwright.sandbox.install import Kubectl


@pytest.fixture(scope="module")
def kubectl(box: sandbox.Sandbox) -> Kubectl:
    return Kubectl(box.kubectl, box.kubeconfig)


def refused(kubectl: Kubectl, *arguments: str) -> str:
    with pytest.raises(sandbox.SandboxError) as caught:
        kubectl.run(*arguments)
    return str(caught.value)


def test_the_administrator_may_do_everything_and_the_operator_only_what_roles_give(
    box: sandbox.Sandbox, kubectl: Kubectl
) -> None:
    operator = Kubectl(box.kubectl, box.operator_kubeconfig)
    assert kubectl.run("auth", "can-i", "*", "*", "--all-namespaces").strip() == "yes"
    who = json.loads(operator.run("auth", "whoami", "-o", "json"))
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:hostwright-system:hostwright"
    assert "Forbidden" in refused(operator, "get", "secrets", "--namespace=hostwright-system")


def test_everything_listens_on_loopback_only(box: sandbox.Sandbox, eyes: Any) -> None:
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        addresses = eyes.listeners(box.pids[name])
        assert addresses, name
        assert {address for address, _port in addresses} == {"127.0.0.1"}, name


def test_nobody_without_its_certificate_reads_etcd(box: sandbox.Sandbox, eyes: Any) -> None:
    naked = ssl.create_default_context(cafile=str(box.directory / "pki" / "ca.crt"))
    for _address, port in eyes.listeners(box.pids["etcd"]):
        with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            urllib.request.urlopen(f"https://127.0.0.1:{port}/version", context=naked, timeout=5).read()


def test_the_server_says_a_version_that_tools_can_read(kubectl: Kubectl) -> None:
    versions = json.loads(kubectl.run("version", "-o", "json"))
    assert versions["serverVersion"]["gitVersion"].startswith("v1.")
    assert int(versions["serverVersion"]["minor"]) >= 31


def test_garbage_is_collected_and_namespaces_are_emptied(kubectl: Kubectl, eyes: Any) -> None:
    owner = json.loads(kubectl.run("create", "configmap", "owner", "-o", "json"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "owned", "namespace": "default", "ownerReferences": [reference]},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short-lived"}}
    kubectl.apply([owned, namespace])
    kubectl.run("delete", "configmap/owner")
    kubectl.run("delete", "namespace/short-lived", "--timeout=30s")
    eyes.eventually(lambda: "NotFound" in try_to_get(kubectl, "configmap/owned"))


def try_to_get(kubectl: Kubectl, name: str) -> str:
    try:
        return kubectl.run("get", name)
    except sandbox.SandboxError as error:
        return str(error)


def test_a_kind_can_be_used_as_soon_as_it_is_applied(kubectl: Kubectl) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Cluster",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    thing = {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "one"}}
    kubectl.apply([thing, definition])
    assert kubectl.run("get", "things", "-o", "name") == "thing.example.org/one\n"


def test_the_audit_log_says_who_wrote_what_and_leaves_out_what_kubernetes_reads(
    box: sandbox.Sandbox, kubectl: Kubectl, eyes: Any
) -> None:
    kubectl.run("create", "configmap", "seen")
    kubectl.run("patch", "namespace/default", "--subresource=status", "--type=merge", "--patch={}")

    def entries() -> list[dict[str, Any]]:
        return [json.loads(line) for line in box.audit.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def wrote(verb: str, resource: str, subresource: str | None = None) -> bool:
        return any(
            each["verb"] == verb
            and each["user"]["username"] == "hostwright-sandbox-admin"
            and each["objectRef"]["resource"] == resource
            and each["objectRef"].get("subresource") == subresource
            for each in entries()
        )

    eyes.eventually(lambda: wrote("create", "configmaps") and wrote("patch", "namespaces", "status"))
    seen = entries()
    system = [each for each in seen if each["user"]["username"].startswith("system:")]
    assert system, "writes of the system are there"
    assert not [
        each
        for each in system
        if each["verb"] in {"get", "list", "watch"} and ":kube-system:" in each["user"]["username"]
    ]
    assert {each["level"] for each in seen} == {"Metadata"}


def test_what_opens_doors_is_for_the_owner_alone(box: sandbox.Sandbox) -> None:
    assert stat.S_IMODE(box.directory.stat().st_mode) == 0o700
    for path in [box.kubeconfig, box.operator_kubeconfig, box.directory / "operator.token", box.audit]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_sandbox_json_says_what_runs(box: sandbox.Sandbox) -> None:
    facts = json.loads((box.directory / "sandbox.json").read_text())
    assert {"kubeconfig", "pids", "sites", "binaries", "audit", "operatorKubeconfig"} <= set(facts)
    assert set(facts["pids"]) == {"keeper", "etcd", "kube-apiserver", "kube-controller-manager"}
    for name, pid in facts["pids"].items():
        assert name in Path(f"/proc/{pid}/cmdline").read_text().replace("_", "-"), name
    assert sandbox.read(box.directory) == box
