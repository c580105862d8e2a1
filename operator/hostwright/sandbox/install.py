"""What is put into the cluster: manifests handed in, the operator's identity, and its kubeconfig."""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE, MACHINES_ROLE, PROJECT
from hostwright.sandbox import kubeconfig
from hostwright.sandbox.failure import SandboxError
from hostwright.sandbox.record import write_file

Manifest = dict[str, Any]

TOKEN_LIFETIME = "87600h"  # noqa: S105 - ten years: a sandbox' operator does not have to renew it
FIELD_MANAGER = "hostwright-sandbox"
_RBAC = "rbac.authorization.k8s.io"
_SUBJECT = {"kind": "ServiceAccount", "name": PROJECT, "namespace": DEFAULT_OPERATOR_NAMESPACE}


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl as the administrator of one cluster."""

    program: Path
    kubeconfig: Path

    def run(self, *arguments: str, send: str | None = None) -> str:
        # Its cache is keyed by address and port, and another sandbox had other kinds there.
        cache = self.kubeconfig.parent / "kubectl-cache"
        argv = [str(self.program), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={cache}", *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
        done = subprocess.run(argv, input=send, capture_output=True, text=True, check=False, env=environment)
        if done.returncode != 0:
            raise SandboxError(f"kubectl {' '.join(arguments)} failed: {done.stderr.strip()[:2000]}")
        return done.stdout

    def apply(self, manifests: Sequence[Manifest]) -> None:
        """Server-side, definitions first, and those established before anything of their kinds is sent."""
        definitions = [each for each in manifests if each["kind"] == "CustomResourceDefinition"]
        namespaces = [each for each in manifests if each["kind"] == "Namespace"]
        first = [*namespaces, *definitions]
        self._apply(first)
        if definitions:
            names = [f"crd/{each['metadata']['name']}" for each in definitions]
            self.run("wait", "--for=condition=Established", "--timeout=60s", *names)
        self._apply([each for each in manifests if each not in first])

    def _apply(self, manifests: Sequence[Manifest]) -> None:
        if manifests:
            how = ("--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}")
            self.run("apply", *how, "-f", "-", send=_listed(manifests))

    def delete(self, manifests: Sequence[Manifest]) -> None:
        """Without waiting: a finalizer may need an operator that does not run any more."""
        if manifests:
            self.run("delete", "--ignore-not-found", "--wait=false", "-f", "-", send=_listed(manifests))


def _listed(manifests: Iterable[Manifest]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


def identity() -> list[Manifest]:
    """The operator's namespace and service account, bound to the roles that the installed manifests bring."""
    here = {"name": PROJECT, "namespace": DEFAULT_OPERATOR_NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DEFAULT_OPERATOR_NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here},
        *(
            {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
                "subjects": [_SUBJECT],
            }
            for name in (PROJECT, MACHINES_ROLE)
        ),
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": here,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": PROJECT},
            "subjects": [_SUBJECT],
        },
    ]


def operator_kubeconfig(kubectl: Kubectl, directory: Path) -> Path:
    """The operator as its service account, by a bound token in a file of its own."""
    token = kubectl.run(
        *("create", "token", PROJECT), f"--namespace={DEFAULT_OPERATOR_NAMESPACE}", f"--duration={TOKEN_LIFETIME}"
    )
    file = directory / "operator.token"
    write_file(file, token.strip())
    cluster = kubeconfig.cluster_of(kubectl.kubeconfig)
    user = kubeconfig.with_token_file(file)
    return kubeconfig.write(directory / "operator.kubeconfig", cluster, user, DEFAULT_OPERATOR_NAMESPACE)
