"""Good inputs are taken as they are written, and what is immutable stays."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.generated.conftest import Api, Body, changed, path_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000"
ETH0 = {"name": "eth0", "networkRef": {"name": "app"}}


def eth0(**more: Any) -> Body:
    return {"network": {"interfaces": [{**ETH0, **more}]}}


GOOD_SPECS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "as small as can be": ("VirtualMachine", {}),
    "exact size": ("VirtualMachine", {"classRef": None, "resources": {"cpu": 4, "memory": "16Gi"}}),
    "the smallest memory": ("VirtualMachine", {"classRef": None, "resources": {"cpu": 1, "memory": "16Mi"}}),
    "the most memory": ("VirtualMachine", {"classRef": None, "resources": {"cpu": 1024, "memory": "64Ti"}}),
    "flavor": ("VirtualMachine", {"classRef": None, "openstack": {"flavor": {"name": "m1.small"}}}),
    "OpenStack's own": (
        "VirtualMachine",
        {"openstack": {"keyPair": "ops", "configDrive": True, "availabilityZone": "az1", "metadata": {"a": "b c"}}},
    ),
    "a group": ("VirtualMachine", {"placement": {"group": {"name": "web", "policy": "SoftAntiAffinity"}}}),
    "a group of somebody's, and hints": (
        "VirtualMachine",
        {
            "openstack": {
                "serverGroupID": "6a4ecf6b-3b6e-4a3e-a8a1-d1a4cdd5b0a1",
                "schedulerHints": {"different_host": ["a", "b"], "build_near_host_ip": ["10.0.0.1"]},
            }
        },
    ),
    "fixed addresses": (
        "VirtualMachine",
        eth0(addresses=["10.1.2.10/24", "fd00::10/64", "10.9.9.9/32"], macAddress="02:16:3e:00:00:01"),
    ),
    "a floating IP from a pool": ("VirtualMachine", eth0(floatingIP={"pool": "public"})),
    "a floating IP by its address": ("VirtualMachine", eth0(floatingIP={"address": "203.0.113.7"})),
    "a floating IP of IPv6": ("VirtualMachine", eth0(floatingIP={"address": "2001:db8::7"})),
    "16 interfaces": (
        "VirtualMachine",
        {"network": {"interfaces": [{**ETH0, "name": f"eth{number}"} for number in range(16)]}},
    ),
    "host name": ("VirtualMachine", {"network": {"hostname": "web"}}),
    "host name of two characters": ("VirtualMachine", {"network": {"hostname": "4u"}}),
    "words of templates are words": (
        "VirtualMachine",
        {"restartedAt": "${x} {{y}} %s {0.__class__}", "tags": {"a": "v:1@x y_z"}},
    ),
    "bootstrap": (
        "VirtualMachine",
        {"bootstrap": {"cloudInit": {"userDataRef": {"name": "ud", "key": "userData"}, "sshAuthorizedKeys": [KEY]}}},
    ),
    "resized and rebuilt": (
        "VirtualMachine",
        {
            "rebuildToken": "t" * 64,
            "bootstrap": {"onChange": "Rebuild"},
            "updatePolicy": {"maxDisruption": "Rebuild"},
            "timeouts": {"resize": "2h"},
        },
    ),
    "replaced": (
        "VirtualMachine",
        {"bootstrap": {"onChange": "Replace"}, "updatePolicy": {"maxDisruption": "Replace"}},
    ),
    "resized only, and asleep": (
        "VirtualMachine",
        {"updatePolicy": {"maxDisruption": "Restart"}, "powerState": "Suspended", "bootstrap": {"onChange": "Ignore"}},
    ),
    "labels that are tags": ("VirtualMachine", {"propagateLabels": ["team", "App_1.x"]}),
    "probed": (
        "VirtualMachine",
        {"readiness": {"probe": {"tcpSocket": {"port": 65535}, "periodSeconds": 1}, "minReadySeconds": 86400}},
    ),
    "ready for long enough": ("VirtualMachine", {"readiness": {"minReadySeconds": 1}}),
    "made again": ("VirtualMachine", {"onExternalDeletion": "Recreate"}),
    "expires in a minute": ("VirtualMachine", {"expireAfter": "1m"}),
    "expires in a year": ("VirtualMachine", {"expireAfter": "8760h"}),
    "expires in an hour and a half": ("VirtualMachine", {"expireAfter": "1h30m"}),
    "expires never": ("VirtualMachine", {"expireAfter": "Never"}),
    "everything held": (
        "VirtualMachine",
        {
            "powerState": "Unmanaged",
            "managementPolicy": "ObserveOnly",
            "deletionPolicy": "Retain",
            "deletionProtection": True,
            "driftDetection": {"mode": "Warn", "ignore": ["/tags"]},
            "updatePolicy": {"maxDisruption": "None"},
            "timeouts": {"create": "1h30m"},
        },
    ),
    "vSphere's own": (
        "VirtualMachine",
        {
            "powerOffMode": "Hard",
            "failureDomain": "az1",
            "vsphere": {
                "folder": "/dc1/vm/web",
                "resourcePool": "prod",
                "cluster": "c1",
                "datastore": "ds1",
                "extraConfig": {"disk.EnableUUID": "TRUE"},
            },
        },
    ),
    "vSphere": (
        "Provider",
        {
            "type": "VSphere",
            "simulated": None,
            "credentialsRef": {"name": "vc"},
            "vsphere": {
                "server": "vc.example.com:8443",
                "datacenter": "dc1",
                "thumbprint": ":".join(["AB"] * 32),
                "insecure": False,
                "folder": "machines",
                "resourcePool": "prod",
                "cluster": "c1",
                "datastore": "ds1",
            },
            "networks": [{"name": "app", "vsphere": {"portGroup": "app-100"}}],
            "failureDomains": [
                {"name": "az1"},
                {
                    "name": "az2",
                    "vsphere": {"cluster": "c2", "resourcePool": "prod", "datastore": "ds2", "folder": "machines"},
                },
            ],
        },
    ),
    "Redfish": (
        "Provider",
        {
            "type": "Redfish",
            "simulated": None,
            "networks": None,
            "redfish": {"allowedAddresses": ["10.0.12.0/24", "192.0.2.7", "fd00:1::/64"], "allowInsecureTLS": True},
            "limits": {"pollInterval": "60s"},
        },
    ),
    "simulated with a login": ("Provider", {"credentialsRef": {"name": "sim"}}),
    "OpenStack": (
        "Provider",
        {
            "type": "OpenStack",
            "simulated": None,
            "credentialsRef": {"name": "os"},
            "openstack": {"cloudName": "lab", "region": "RegionOne"},
            "networks": [{"name": "app", "openstack": {"network": "app", "subnet": "app-v4"}}],
        },
    ),
    "OpenStack by its defaults": (
        "Provider",
        {"type": "OpenStack", "simulated": None, "credentialsRef": {"name": "os"}},
    ),
    "for some namespaces": (
        "Provider",
        {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"tenant": "a"}}}},
    ),
    "class with a flavor": ("MachineClass", {"openstack": {"flavor": {"name": "m1.small"}}}),
    "image on two Providers": (
        "MachineImage",
        {
            "sources": [
                {"name": "a", "providerRef": {"name": "sim"}, "simulated": {"image": "tiny"}},
                {
                    "name": "b",
                    "providerSelector": {"matchLabels": {"site": "dc1"}},
                    "openstack": {"image": {"name": "tiny"}},
                },
            ]
        },
    ),
    "server as small as can be": ("PhysicalMachine", {}),
    "BMC by name and port": ("PhysicalMachine", {"bmc": {"address": "https://r12-u07.bmc.example.com:8443/"}}),
    "BMC by IPv6": ("PhysicalMachine", {"bmc": {"address": "https://[fd00::7]"}}),
    "server with all that is said": (
        "PhysicalMachine",
        {
            "bmc": {
                "systemId": "System.Embedded.1",
                "tls": {"mode": "Verify", "caBundleRef": {"name": "bmc-ca", "key": "ca.crt"}},
            },
            "managementPolicy": "ObserveOnly",
            "powerState": "PoweredOff",
            "powerOffMode": "Hard",
            "restartedAt": "2026-11-24T10:00:00Z",
            "bootMode": "Legacy",
            "locator": "Blinking",
            "maintenance": {"enabled": True, "reason": "disk"},
            "requests": {"inspect": "1", "bmcReset": "2", "retry": "3", "acceptIdentity": "4"},
            "claimPolicy": {"namespaces": ["team-a", "team-b"]},
            "deletionPolicy": "PowerOff",
            "deletionProtection": True,
        },
    ),
    "claim of any server": ("PhysicalMachineClaim", {"selector": None, "minimum": None}),
    "claim of all that is said": (
        "PhysicalMachineClaim",
        {
            "selector": {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["web", "db"]}]},
            "minimum": {"cpu": 65536, "memory": "24Ti"},
            "powerState": "PoweredOff",
            "restartedAt": "2026-11-24T10:00:00Z",
        },
    ),
}


@pytest.mark.parametrize("case", GOOD_SPECS)
def test_a_good_spec_is_accepted_without_a_warning(api: Api, good: Callable[..., Body], case: str) -> None:
    kind, change = GOOD_SPECS[case]
    reply = api.create(good(kind, {"spec": change}), dryRun="All")
    assert (reply.status, reply.warnings) == (201, ()), reply.message


def test_a_long_name_is_accepted_with_a_host_name(api: Api, good: Callable[..., Body]) -> None:
    body = good("VirtualMachine", {"spec": {"network": {"hostname": "web"}}}, name="web.1." + "a" * 100)
    api.must(api.create(body, dryRun="All"))


def test_a_uuid_is_a_name_as_any_other(api: Api, good: Callable[..., Body]) -> None:
    api.must(api.create(good("VirtualMachine", name="5f0c8d3e-0000-4000-8000-000000000000"), dryRun="All"))


#: kind, the spec there is, the change, what the answer says.
IMMUTABLE: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any], str]] = {
    "provider": ("VirtualMachine", {}, {"providerRef": {"name": "other"}}, "providerRef is immutable"),
    "hostname": (
        "VirtualMachine",
        {"network": {"hostname": "a1"}},
        {"network": {"hostname": "b1"}},
        "hostname is immutable",
    ),
    "hostname removed": (
        "VirtualMachine",
        {"network": {"hostname": "a1"}},
        {"network": {"hostname": None}},
        "hostname is imm",
    ),
    "hostname added": ("VirtualMachine", {}, {"network": {"hostname": "a1"}}, "hostname is immutable"),
    "a disk made smaller": (
        "VirtualMachine",
        {"dataDisks": [{"name": "a", "size": "2Gi"}]},
        {"dataDisks": [{"name": "a", "size": "2047Mi"}]},
        "a disk only grows",
    ),
    "a disk's storage class": (
        "VirtualMachine",
        {"dataDisks": [{"name": "a", "size": "2Gi", "storageClass": "fast"}]},
        {"dataDisks": [{"name": "a", "size": "2Gi"}]},
        "storageClass is immutable",
    ),
    "a disk's source": (
        "VirtualMachine",
        {"dataDisks": [{"name": "a", "source": {"existing": {"id": "v1"}}}]},
        {"dataDisks": [{"name": "a", "source": {"existing": {"id": "v2"}}}]},
        "a disk's source is immutable",
    ),
    "the root disk made smaller": (
        "VirtualMachine",
        {"rootDisk": {"size": "2Gi"}},
        {"rootDisk": {"size": "1Gi"}},
        "a disk only grows",
    ),
    "the root disk's storage class": (
        "VirtualMachine",
        {"rootDisk": {"size": "2Gi", "storageClass": "fast"}},
        {"rootDisk": {"size": "2Gi", "storageClass": "slow"}},
        "storageClass is immutable",
    ),
    "a root disk added": ("VirtualMachine", {}, {"rootDisk": {"size": "2Gi"}}, "is decided at its creation"),
    "a root disk removed": (
        "VirtualMachine",
        {"rootDisk": {"size": "2Gi"}},
        {"rootDisk": None},
        "is decided at its creation",
    ),
    "server's provider": ("PhysicalMachine", {}, {"providerRef": {"name": "other"}}, "providerRef is immutable"),
    "class's cpu": ("MachineClass", {}, {"cpu": 2}, "cpu and memory are immutable"),
    "class's memory": ("MachineClass", {}, {"memory": "1Gi"}, "cpu and memory are immutable"),
    "type": (
        "Provider",
        {},
        {"type": "OpenStack", "simulated": None, "credentialsRef": {"name": "os"}},
        "type is immutable",
    ),
}


@pytest.mark.parametrize("case", IMMUTABLE)
def test_what_is_immutable_cannot_be_changed_nor_removed_and_put_back(
    api: Api, good: Callable[..., Body], made: Callable[[Body], Body], case: str
) -> None:
    kind, before, change, said = IMMUTABLE[case]
    body = made(good(kind, {"spec": before}, name="immutable"))
    reply = api.patch(body, {"spec": change})
    assert reply.status == 422, reply
    assert said in reply.message
    assert api.patch(body, {"spec": None}).status == 422
    current = api.send("GET", path_of(body)).body["metadata"]
    whole = {**changed(body, {"spec": change}), "metadata": current}
    assert api.send("PUT", path_of(body), whole).status == 422
