"""What the API server writes down: who changed what, and who read what, without the noise of Kubernetes itself."""

from typing import Any

_READS = ["get", "list", "watch"]

POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/openapi*", "/version", "/metrics"]},
        {"level": "None", "nonResourceURLs": ["/api*"], "verbs": ["get"]},  # discovery
        {"level": "None", "users": ["system:apiserver", "system:kube-controller-manager"], "verbs": _READS},
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"], "verbs": _READS},
        {
            "level": "None",  # heartbeats of the API server
            "users": ["system:apiserver"],
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
        },
        {"level": "Metadata"},
    ],
}
