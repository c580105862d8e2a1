"""Bad Providers, classes and images are refused by the API server itself, each with a sentence."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.generated.conftest import Api, Body

#: kind, what of its spec is changed, what the answer says.
BAD: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "type that is not there": ("Provider", {"type": "Proxmox", "simulated": None}, "supported values"),
    "block of its own type is missing": ("Provider", {"simulated": None}, "simulated is required with type Simulated"),
    "a vCenter without its address": (
        "Provider",
        {"type": "VSphere", "credentialsRef": {"name": "vc"}, "simulated": None, "vsphere": {"datacenter": "dc1"}},
        "spec.vsphere.server",
    ),
    "an address of a vCenter that is a URL": (
        "Provider",
        {
            "type": "VSphere",
            "credentialsRef": {"name": "vc"},
            "simulated": None,
            "vsphere": {"server": "https://vc", "datacenter": "dc1"},
        },
        "spec.vsphere.server",
    ),
    "storage classes of a simulated site": (
        "Provider",
        {"storageClasses": [{"name": "fast"}]},
        "storageClasses are not to be had with type Simulated",
    ),
    "a storage class without its volume type": (
        "Provider",
        {
            "type": "OpenStack",
            "credentialsRef": {"name": "os"},
            "simulated": None,
            "storageClasses": [{"name": "fast", "openstack": {}}],
        },
        "volumeType",
    ),
    "failure domains of a simulated site": (
        "Provider",
        {"failureDomains": [{"name": "az1"}]},
        "failureDomains are not to be had with type Simulated",
    ),
    "a failure domain without its zone": (
        "Provider",
        {
            "type": "OpenStack",
            "credentialsRef": {"name": "os"},
            "simulated": None,
            "failureDomains": [{"name": "az1", "openstack": {"volumeAZ": "nova"}}],
        },
        "computeAZ",
    ),
    "block of another type": ("Provider", {"openstack": {"cloudName": "x"}}, "openstack is for type OpenStack"),
    "no login": (
        "Provider",
        {"type": "OpenStack", "simulated": None},
        "credentialsRef is required with type OpenStack",
    ),
    "network's block of another type": (
        "Provider",
        {"networks": [{"name": "app", "openstack": {"network": "x"}}]},
        "a network's openstack is for type OpenStack",
    ),
    "two networks of one name": ("Provider", {"networks": [{"name": "app"}, {"name": "app"}]}, "Duplicate value"),
    "selector is missing": (
        "Provider",
        {"allowedNamespaces": {"from": "Selector"}},
        "spec.allowedNamespaces: Invalid value: selector is required with from: Selector",
    ),
    "selector beside All": (
        "Provider",
        {"allowedNamespaces": {"selector": {"matchLabels": {"tenant": "a"}}}},
        "selector is for from: Selector",
    ),
    "selector alone": (
        "MachineClass",
        {"allowedNamespaces": {"selector": {"matchLabels": {"tenant": "a"}}}},
        "spec.allowedNamespaces.from: Required value",
    ),
    "nobody is named": ("Provider", {"allowedNamespaces": None}, "spec.allowedNamespaces: Required value"),
    "endpoint is a file": (
        "Provider",
        {"simulated": {"endpoint": "file:///etc/passwd"}},
        "write an address with no login",
    ),
    "endpoint with a login": (
        "Provider",
        {"simulated": {"endpoint": "http://a:b@host"}},
        "write an address with no login",
    ),
    "endpoint with a newline": (
        "Provider",
        {"simulated": {"endpoint": "http://host\r\nX: y"}},
        "write an address with no login",
    ),
    "poll without pause": ("Provider", {"limits": {"pollInterval": "0s"}}, "write a duration between 1s and 1h"),
    "no concurrency": ("Provider", {"limits": {"maxConcurrency": 0}}, "greater than or equal to 1"),
    "257 networks": ("Provider", {"networks": [{"name": f"n{n}"} for n in range(257)]}, "at most 256 items"),
    "class without memory": ("MachineClass", {"memory": None}, "spec.memory: Required value"),
    "class without cpu": ("MachineClass", {"cpu": 0}, "greater than or equal to 1"),
    "class too small": ("MachineClass", {"memory": "1M"}, "memory is between 16Mi and 64Ti"),
    "class for a selector that is missing": (
        "MachineClass",
        {"allowedNamespaces": {"from": "Selector"}},
        "selector is required with from: Selector",
    ),
    "image without sources": ("MachineImage", {"sources": []}, "should have at least 1 items"),
    "source for nobody": (
        "MachineImage",
        {"sources": [{"name": "a", "simulated": {"image": "tiny"}}]},
        "set exactly one of providerRef and providerSelector",
    ),
    "image by name and id": (
        "MachineImage",
        {"sources": [{"name": "a", "providerRef": {"name": "os"}, "openstack": {"image": {"name": "x", "id": "y"}}}]},
        "image: Invalid value: set exactly one of name and id",
    ),
    "image by neither name nor id": (
        "MachineImage",
        {"sources": [{"name": "a", "providerRef": {"name": "os"}, "openstack": {"image": {}}}]},
        "image: Invalid value: set exactly one of name and id",
    ),
    "source without image": (
        "MachineImage",
        {"sources": [{"name": "a", "providerRef": {"name": "sim"}}]},
        "set exactly one of openstack, simulated and vsphere",
    ),
    "source of two backends": (
        "MachineImage",
        {
            "sources": [
                {
                    "name": "a",
                    "providerRef": {"name": "sim"},
                    "simulated": {"image": "tiny"},
                    "openstack": {"image": {"name": "tiny"}},
                }
            ]
        },
        "set exactly one of openstack, simulated and vsphere",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_is_refused_with_a_sentence(api: Api, good: Callable[..., Body], case: str) -> None:
    kind, change, said = BAD[case]
    reply = api.create(good(kind, {"spec": change}), dryRun="All")
    assert reply.status in (400, 422), reply
    assert said in reply.message, reply.message
