"""What every OpenStack's harness needs: requests and their faults, a user's wishes, and rows as their own truth."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.contract.driver import CLUSTER
from tests.contract.harness import Fault, Truth, small

from hostwright.core import errors
from hostwright.core.errors import Failure
from hostwright.core.names import MARK
from hostwright.kinds.provider.port import Context
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.openstack.rows import VOLUME_MARK

#: A flavor whose size is no host's.
VAST = "m4.vast"

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


def own_block(*, zone: str) -> Mapping[str, Mapping[str, Any]]:
    return {"openstack": {"keyPair": "key", "configDrive": True, "availabilityZone": zone, "metadata": {"rack": "r1"}}}


def own_of(row: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Of a server, as `own_block` has it."""
    metadata = {key: value for key, value in row["metadata"].items() if not key.startswith("hostwright.")}
    return {
        ("keyPair", str(row["key_name"])),
        ("configDrive", str(row["config_drive"] == "True")),
        ("availabilityZone", str(row["OS-EXT-AZ:availability_zone"])),
        ("metadata", str(metadata)),
    }


def left_of(*parts: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Of ports, floating IPs and volumes: those that bear a mark of ours."""
    rows = [row for part in parts for row in part]
    marked = [row for row in rows if MARK in (row.get("description") or "") or VOLUME_MARK in row.get("metadata", {})]
    return [f"{row.get('name') or row.get('floating_ip_address')} ({row['id']})" for row in marked]


def disk_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: row[key] for key in ("id", "name", "size", "status", "metadata")} if row else {}


def provider_of(name: str, cloud: str, *, zone: str) -> ProviderSpec:
    """`zone`: of the failure domain az1."""
    return ProviderSpec.model_validate(
        {
            "type": "OpenStack",
            "allowedNamespaces": {"from": "All"},
            "credentialsRef": {"name": name},
            "openstack": {"cloudName": cloud},
            "failureDomains": [{"name": "az1", "openstack": {"computeAZ": zone, "volumeAZ": zone}}],
            "networks": [
                {"name": word, "openstack": {"network": network}}
                for word, network in (("app", "app"), ("db", "db"), ("twice", "twice"), ("lost", "no-such"))
            ],
        }
    )


def context_of(name: str, executor: Executor, visibility_lag: float, hasten: Callable[[], None]) -> Context:
    return Context(
        name=name,
        cluster_id=CLUSTER,
        executor=executor,
        monotonic=time.monotonic,
        wall=lambda: datetime.now(UTC),
        visibility_lag=visibility_lag,
        hasten=hasten,
    )


class Asked:
    """What a user asks of the Provider, and the cluster's side of it."""

    provider: str

    def spec(self, interface: Mapping[str, Any] | None = None, **more: Any) -> VirtualMachineSpec:
        return small(self.provider, interface, more)

    def bindings(self, image: str = "tiny") -> Bindings:
        return Bindings(
            cpu=1,
            memory_mib=512,
            class_name="small",
            image_name=image,
            image_section={"image": {"name": image}},
            hostname="web",
        )

    def vast(self) -> Bindings:
        return replace(self.bindings(), class_name="vast", class_section={"flavor": {"name": VAST}})

    def unresolved(self, failure: type[Failure]) -> tuple[VirtualMachineSpec, Bindings, str] | str:
        asked: Mapping[type[Failure], tuple[VirtualMachineSpec, Bindings, str]] = {
            errors.NetworkNotFound: (self.spec({"networkRef": {"name": "nowhere"}}), self.bindings(), "nowhere"),
            errors.NameAmbiguous: (self.spec({"networkRef": {"name": "twice"}}), self.bindings(), "twice"),
            errors.ImageNotResolved: (self.spec(), self.bindings("no-such-image"), "no-such-image"),
            errors.SecurityGroupNotFound: (self.spec({"securityGroups": ["shut"]}), self.bindings(), "shut"),
            errors.FlavorNotFound: (
                self.spec(openstack={"flavor": {"name": "m9.vast"}}, classRef=None),
                self.bindings(),
                "m9.vast",
            ),
            errors.KeyPairNotFound: (self.spec(openstack={"keyPair": "lost-key"}), self.bindings(), "lost-key"),
        }
        return asked[failure]
