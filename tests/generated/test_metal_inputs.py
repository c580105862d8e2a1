"""Bad inputs of servers and claims are refused by the API server itself, each with a sentence."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.generated.conftest import Api, Body

REDFISH = {"type": "Redfish", "simulated": None, "networks": None, "redfish": {"allowedAddresses": ["10.0.12.0/24"]}}
#: kind, what of its spec is changed, what the answer says.
BAD: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "BMCs anywhere": ("Provider", {**REDFISH, "redfish": {}}, "spec.redfish.allowedAddresses: Required value"),
    "BMCs nowhere": ("Provider", {**REDFISH, "redfish": {"allowedAddresses": []}}, "at least 1 items"),
    "BMCs by name": (
        "Provider",
        {**REDFISH, "redfish": {"allowedAddresses": ["bmc.example.com"]}},
        "write an address or a range, such as 10.0.12.0/24",
    ),
    "one login for all BMCs": (
        "Provider",
        {**REDFISH, "credentialsRef": {"name": "all"}},
        "credentialsRef is not for type Redfish: each machine names its own login",
    ),
    "networks of Redfish": (
        "Provider",
        {**REDFISH, "networks": [{"name": "app"}]},
        "networks are not to be had with type Redfish",
    ),
    "failure domains of Redfish": (
        "Provider",
        {**REDFISH, "failureDomains": [{"name": "az1"}]},
        "failureDomains are not to be had with type Redfish",
    ),
    "claim for too few processors": ("PhysicalMachineClaim", {"minimum": {"cpu": 0}}, "greater than or equal to 1"),
    "claim for memory without a unit": (
        "PhysicalMachineClaim",
        {"minimum": {"memory": "256"}},
        "write a whole number with its unit",
    ),
    "claim that leaves the power": ("PhysicalMachineClaim", {"powerState": "Unmanaged"}, "supported values"),
    "claim by an unknown operator": (
        "PhysicalMachineClaim",
        {"selector": {"matchExpressions": [{"key": "pool", "operator": "Gt", "values": ["1"]}]}},
        "supported values",
    ),
    "server without a login": ("PhysicalMachine", {"bmc": {"credentialsRef": None}}, "Required value"),
    "server without an address": ("PhysicalMachine", {"bmc": {"address": ""}}, "at least 9 chars long"),
    "BMC by another scheme": ("PhysicalMachine", {"bmc": {"address": "ipmi://10.0.12.7"}}, "write https://HOST"),
    "BMC with a path": ("PhysicalMachine", {"bmc": {"address": "https://10.0.12.7/redfish/v1"}}, "write https://HOST"),
    "BMC with a login in its address": (
        "PhysicalMachine",
        {"bmc": {"address": "https://admin:x@10.0.12.7"}},
        "write https://HOST",
    ),
    "BMC's Secret of another namespace": (
        "PhysicalMachine",
        {"bmc": {"credentialsRef": {"name": "a", "namespace": "kube-system"}}},
        'unknown field "spec.bmc.credentialsRef.namespace"',
    ),
    "pinned certificate, which comes later": ("PhysicalMachine", {"bmc": {"tls": {"mode": "Pin"}}}, "supported values"),
    "power by a word of YAML 1.1": ("PhysicalMachine", {"powerState": "On"}, "supported values"),
    "server suspended": ("PhysicalMachine", {"powerState": "Suspended"}, "supported values"),
    "boot mode in small letters": ("PhysicalMachine", {"bootMode": "uefi"}, "supported values"),
    "locator off": ("PhysicalMachine", {"locator": "Off"}, "supported values"),
    "server sanitized, which comes later": ("PhysicalMachine", {"deletionPolicy": "Sanitize"}, "supported values"),
    "server installed, which comes later": ("PhysicalMachine", {"install": {"type": "LiveISO"}}, "unknown field"),
    "unknown request": ("PhysicalMachine", {"requests": {"nmi": "1"}}, 'unknown field "spec.requests.nmi"'),
    "token without end": ("PhysicalMachine", {"requests": {"inspect": "a" * 65}}, "may not be more than 64"),
    "two namespaces of one name": (
        "PhysicalMachine",
        {"claimPolicy": {"namespaces": ["team-a", "team-a"]}},
        "Duplicate value",
    ),
    "claim of a server by its name": ("PhysicalMachineClaim", {"machineRef": {"name": "r1"}}, "unknown field"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_is_refused_with_a_sentence(api: Api, good: Callable[..., Body], case: str) -> None:
    kind, change, said = BAD[case]
    reply = api.create(good(kind, {"spec": change}), dryRun="All")
    assert reply.status in (400, 422), reply
    assert said in reply.message, reply.message
