"""What roles allow, what was asked by the API server's own record, and the two compared."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = {"hostwright", "hostwright-machines"}
OPERATOR = "system:serviceaccount:hostwright-system:hostwright"


@dataclass(frozen=True, order=True)
class Request:
    verb: str
    group: str
    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource; a namespace of "" is every one, a name of "" is every one."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def covers(self, request: Request) -> bool:
        mine, its = (self.verb, self.group, self.resource), (request.verb, request.group, request.resource)
        return mine == its and self.namespace in ("", request.namespace) and self.name in ("", request.name)


def rights(manifests: Iterable[dict[str, Any]]) -> set[Right]:
    """Those of the operator's ClusterRoles and Role."""
    return {
        Right(verb, group, resource, role["metadata"].get("namespace", ""), name)
        for role in manifests
        if role["kind"] in {"ClusterRole", "Role"} and role["metadata"]["name"] in NAMES
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
    }


def _of_operator(audit: Path) -> Iterator[dict[str, Any]]:
    for line in audit.read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] == OPERATOR and "objectRef" in event:
            yield event


def _request(event: dict[str, Any]) -> Request:
    ref = event["objectRef"]
    resource = "/".join(part for part in (ref["resource"], ref.get("subresource")) if part)
    return Request(event["verb"], ref.get("apiGroup", ""), resource, ref.get("namespace", ""), ref.get("name", ""))


def asked(audit: Path) -> set[Request]:
    """What the operator asked for and was not refused."""
    return {_request(event) for event in _of_operator(audit) if _code(event) != 403}


def forbidden(audit: Path) -> set[Request]:
    """What it asked for and had no right to, by RBAC; an admission policy refuses in other words."""
    return {
        _request(event)
        for event in _of_operator(audit)
        if _code(event) == 403 and event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
    }


def _code(event: dict[str, Any]) -> int:
    return int((event.get("responseStatus") or {}).get("code") or 0)
