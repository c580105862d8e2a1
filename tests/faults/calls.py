"""What a request is called in the table, without what is another in every run: ids, names and versions."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

KUBE = "kube"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
#: What a list asks for anew each time: an older answer of the same list is one that was asked with other ones.
MOVING = frozenset({"since", "changes-since"})
#: Not one object's: the Lease, what may be done, logins.
NOBODYS = re.compile(r"/leases|/selfsubject|/configmaps|SessionService|/auth/tokens")
#: The method of a SOAP request, and those that change nothing that is anybody's.
SOAP = re.compile(rb"Body[^>]*>\s*<(?:\w+:)?(\w+)")
SOAP_READS = frozenset(
    {
        *(
            "RetrieveServiceContent",
            "RetrievePropertiesEx",
            "ContinueRetrievePropertiesEx",
            "Fetch",
            "WaitForUpdatesEx",
        ),
        *("Login", "Logout", "FindByInventoryPath", "CreateContainerView", "DestroyView", "CreateFilter"),
        *("CreatePropertyCollector", "CurrentTime"),
    }
)


@dataclass(frozen=True)
class Asked:
    """A request as it came in. `side` is who it is for; `path` has its query."""

    side: str
    method: str
    path: str
    body: bytes = b""
    content: str = ""

    def says(self, token: str) -> bool:
        return token in self.path or token.encode() in self.body

    @property
    def watches(self) -> bool:
        return self.side == KUBE and "watch=true" in self.path

    @property
    def waits(self) -> bool:
        """Asks what is new: as a watch, it may lag, and what it says is said once."""
        return self.soap == "WaitForUpdatesEx"

    @property
    def soap(self) -> str:
        found = SOAP.search(self.body) if self.path == "/sdk" else None
        return found.group(1).decode() if found else ""

    @property
    def reads(self) -> bool:
        return self.method in {"GET", "HEAD"} or self.soap in SOAP_READS

    @property
    def same(self) -> str:
        """Equal for two reads of the same thing; of a vCenter, what is asked for stands in the body."""
        parts = urlsplit(self.path)
        asked = [(name, "*" if name in MOVING else value) for name, value in parse_qsl(parts.query)]
        return f"{self.method} {parts.path}?{urlencode(asked)} {self.body.decode(errors='replace')}"


def named(asked: Asked) -> str:
    """Empty: it changes nothing, or is no object's own."""
    if asked.reads or NOBODYS.search(asked.path):
        return ""
    if asked.soap:
        return asked.soap
    path = urlsplit(asked.path).path
    return _kubernetes(asked, path) if asked.side == KUBE else f"{asked.method} {_plain(path)}{_said(asked)}"


def _plain(path: str) -> str:
    """`servers/*/tags/*`: the version goes as well, and a project's id after it."""
    path = UUID.sub("*", re.sub(r"^/(redfish/)?v[\d.]+/([0-9a-f]{32}/)?", "", path))
    return re.sub(r"/(tags|metadata)/.+", r"/\1/*", path)


def _said(asked: Asked) -> str:
    """Which of the actions that share a path."""
    body = _json(asked)
    if asked.path.endswith("/action"):
        return f" {next(iter(body), '')}"
    return f" {body['ResetType']}" if "ResetType" in body else ""


def _kubernetes(asked: Asked, path: str) -> str:
    parts = path.split("/")
    plural, *rest = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else parts[4:]
    body = _json(asked)
    if plural == "events":
        return f"Event {body.get('reason')}"
    below = "/status" if rest[-1:] == ["status"] else ""
    how = "APPLY" if "apply-patch" in asked.content else asked.method
    return f"{how} {plural}{below}{_of_status(body.get('status')) if below else _of_metadata(body)}"


def _of_status(status: Any) -> str:
    """A patch by what it is written for: the intent, the ledger, or what is told."""
    if not isinstance(status, dict):
        return ""
    operation = status.get("operation")
    if isinstance(operation, dict) and "expect" in operation:
        return " intent"
    if "resources" in status:
        return " ledger"
    return ""


def _of_metadata(body: Any) -> str:
    if isinstance(body, list):
        return " finalizer goes" if any(step.get("op") == "remove" for step in body) else " owner"
    return " finalizer" if (body.get("metadata") or {}).get("finalizers") else ""


def _json(asked: Asked) -> Any:
    try:
        return json.loads(asked.body or b"{}")
    except ValueError:
        return {}
