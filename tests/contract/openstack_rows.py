"""The requests that OpenStack's calls are, the faults that they meet, and a server as its own truth."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.contract.harness import Fault, Truth

#: Verb of a call → the request that it is.
REQUESTS: Mapping[str, Mapping[str, str]] = {
    "create_port": {"method": "POST", "path": "/ports$"},
    "create_server": {"method": "POST", "path": "/servers$"},
    "start": {"method": "POST", "path": "/action$"},
    "stop": {"method": "POST", "path": "/action$"},
    "resize": {"method": "POST", "path": "/action$"},
    "rebuild": {"method": "POST", "path": "/action$"},
    "delete_server": {"method": "DELETE", "path": "/servers/[^/]+$"},
    "delete_port": {"method": "DELETE", "path": "/ports/[^/]+$"},
    "update_port": {"method": "PUT", "path": "/ports/[^/]+$", "body": "fixed_ips|security_groups"},  # not Nova's own
    "create_floating_ip": {"method": "POST", "path": "/floatingips$"},
    "associate": {"method": "PUT", "path": "/floatingips/[^/]+$", "body": '"port_id": "'},
    "disassociate": {"method": "PUT", "path": "/floatingips/[^/]+$", "body": '"port_id": null'},
    "delete_floating_ip": {"method": "DELETE", "path": "/floatingips/[^/]+$"},
    "attach_port": {"method": "POST", "path": "/os-interface$"},
    "detach_port": {"method": "DELETE", "path": "/os-interface/[^/]+$"},
    "create_volume": {"method": "POST", "path": "/volumes$"},
    "attach_volume": {"method": "POST", "path": "/os-volume_attachments$"},
    "extend_volume": {"method": "POST", "path": "/volumes/[^/]+/action$", "body": "os-extend"},
    "detach_volume": {"method": "DELETE", "path": "/os-volume_attachments/[^/]+$"},
    "delete_volume": {"method": "DELETE", "path": "/volumes/[^/]+$"},
    "create_group": {"method": "POST", "path": "/os-server-groups$"},
    "delete_group": {"method": "DELETE", "path": "/os-server-groups/[^/]+$"},
}
FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.LOSE_REPLY: {"do": "lose"},
    Fault.APPLY_THEN_FAIL: {"do": "error_after", "status": 500},
    Fault.FAIL: {"do": "error", "status": 500},
    Fault.THROTTLE: {"do": "error", "status": 429, "retry_after": 7},
}
#: What does not change by itself of a server that rests.
LASTING = ("id", "name", "status", "tags", "metadata", "addresses", "flavor", "image", "created", "key_name", "locked")


def truth_of(row: dict[str, Any], ports: Sequence[dict[str, Any]]) -> Truth:
    record = {"hostwright.namespace", "hostwright.name"}
    return Truth(
        id=row["id"],
        name=row["name"],
        mark=next((tag for tag in row["tags"] if tag.startswith("hw:")), ""),
        namespace=row["metadata"].get("hostwright.namespace", ""),
        object_name=row["metadata"].get("hostwright.name", ""),
        powered_on=row["status"] == "ACTIVE",
        tags=dict(tag.split("=", 1) for tag in row["tags"] if "=" in tag),
        metadata={key: value for key, value in row["metadata"].items() if key not in record},
        whole=json.dumps([{key: row.get(key) for key in LASTING}, ports], sort_keys=True),
    )
