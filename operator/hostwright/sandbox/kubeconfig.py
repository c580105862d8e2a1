"""Kubeconfig files: who calls which server, with what."""

import base64
from pathlib import Path
from typing import Any

import yaml

from hostwright.sandbox.certificates import Pair
from hostwright.sandbox.record import write_file

CONTEXT = "hostwright-sandbox"


def _text(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def with_certificate(pair: Pair) -> dict[str, Any]:
    """The file stands for itself, so that it can be copied."""
    return {"client-certificate-data": _text(pair.certificate), "client-key-data": _text(pair.key)}


def with_token_file(file: Path) -> dict[str, Any]:
    return {"tokenFile": str(file)}


def cluster(server: str, authority: Path) -> dict[str, Any]:
    return {"server": server, "certificate-authority-data": _text(authority)}


def write(path: Path, cluster: dict[str, Any], user: dict[str, Any], namespace: str = "default") -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": user}],
        "contexts": [
            {"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}},
        ],
    }
    write_file(path, yaml.safe_dump(config, sort_keys=False))
    return path


def cluster_of(path: Path) -> dict[str, Any]:
    """The cluster entry of a file with one context."""
    entry: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["clusters"][0]["cluster"]
    return entry
