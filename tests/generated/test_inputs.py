"""Bad inputs are refused by the API server itself, each with a sentence; those of machines."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.generated.conftest import Api, Body

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000"
ETH0 = {"name": "eth0", "networkRef": {"name": "app"}}


def eth0(**more: Any) -> Body:
    return {"network": {"interfaces": [{**ETH0, **more}]}}


def address(text: str) -> Body:
    return eth0(addresses=[text])


#: kind, what of its spec is changed, what the answer says.
BAD: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "unknown field": ("VirtualMachine", {"colour": "red"}, 'unknown field "spec.colour"'),
    "unknown field below": ("VirtualMachine", {"network": {"dns": "x"}}, 'unknown field "spec.network.dns"'),
    "Secret of another namespace": (
        "VirtualMachine",
        {"bootstrap": {"cloudInit": {"userDataRef": {"name": "a", "key": "b", "namespace": "kube-system"}}}},
        'unknown field "spec.bootstrap.cloudInit.userDataRef.namespace"',
    ),
    "a label with a prefix": (
        "VirtualMachine",
        {"propagateLabels": ["app.kubernetes.io/name"]},
        "without a prefix before a '/'",
    ),
    "a label twice": ("VirtualMachine", {"propagateLabels": ["app", "app"]}, "Duplicate value"),
    "17 labels": ("VirtualMachine", {"propagateLabels": [f"l{number}" for number in range(17)]}, "at most 16 items"),
    "a probe of nothing": ("VirtualMachine", {"readiness": {"probe": {}}}, "tcpSocket: Required value"),
    "a probe of port 0": (
        "VirtualMachine",
        {"readiness": {"probe": {"tcpSocket": {"port": 0}}}},
        "greater than or equal",
    ),
    "a probe of no port": (
        "VirtualMachine",
        {"readiness": {"probe": {"tcpSocket": {"port": 65536}}}},
        "less than or equal to 65535",
    ),
    "a probe of another host": (
        "VirtualMachine",
        {"readiness": {"probe": {"tcpSocket": {"port": 22, "host": "10.96.0.1"}}}},
        "unknown field",
    ),
    "a probe all the time": (
        "VirtualMachine",
        {"readiness": {"probe": {"tcpSocket": {"port": 22}, "periodSeconds": 0}}},
        "greater than or equal to 1",
    ),
    "ready in the past": ("VirtualMachine", {"readiness": {"minReadySeconds": -1}}, "greater than or equal to 0"),
    "expires in no time": ("VirtualMachine", {"expireAfter": "59s"}, "between 1m and 8760h"),
    "expires in years": ("VirtualMachine", {"expireAfter": "8761h"}, "between 1m and 8760h"),
    "expires in days": ("VirtualMachine", {"expireAfter": "7d"}, "write Never, or a duration"),
    "expires never, misspelt": ("VirtualMachine", {"expireAfter": "never"}, "write Never, or a duration"),
    "expires without saying when": ("VirtualMachine", {"expireAfter": ""}, "expireAfter"),
    "made again by another word": (
        "VirtualMachine",
        {"onExternalDeletion": "Replace"},
        'supported values: "Report", "Recreate"',
    ),
    "field of a later version": ("VirtualMachine", {"updatePolicy": {"windowRef": {"name": "x"}}}, "unknown field"),
    "a disk with neither size nor source": (
        "VirtualMachine",
        {"dataDisks": [{"name": "a"}]},
        "set exactly one of size",
    ),
    "a disk with both": (
        "VirtualMachine",
        {"dataDisks": [{"name": "a", "size": "1Gi", "source": {"existing": {"id": "v"}}}]},
        "set exactly one of size",
    ),
    "a storage class for a disk that is there": (
        "VirtualMachine",
        {"dataDisks": [{"name": "a", "storageClass": "fast", "source": {"existing": {"id": "v"}}}]},
        "storageClass is for a new disk",
    ),
    "a data disk called root": (
        "VirtualMachine",
        {"dataDisks": [{"name": "root", "size": "1Gi"}]},
        "the root disk's name",
    ),
    "two disks of one name": (
        "VirtualMachine",
        {"dataDisks": [{"name": "a", "size": "1Gi"}, {"name": "a", "size": "2Gi"}]},
        "Duplicate value",
    ),
    "17 disks": (
        "VirtualMachine",
        {"dataDisks": [{"name": f"d{at}", "size": "1Gi"} for at in range(17)]},
        "at most 16",
    ),
    "a disk without a unit": ("VirtualMachine", {"rootDisk": {"size": "40"}}, "with its unit"),
    "a disk kept by another word": (
        "VirtualMachine",
        {"rootDisk": {"size": "4Gi", "retention": {"whenDeleted": "Keep"}}},
        'supported values: "Delete", "Retain"',
    ),
    "no size": ("VirtualMachine", {"classRef": None}, "set exactly one of classRef, resources and openstack.flavor"),
    "class and resources": (
        "VirtualMachine",
        {"resources": {"cpu": 1, "memory": "1Gi"}},
        "set exactly one of classRef, resources and openstack.flavor",
    ),
    "class and flavor": (
        "VirtualMachine",
        {"openstack": {"flavor": {"name": "m1"}}},
        "set exactly one of classRef, resources and openstack.flavor",
    ),
    "all three sizes": (
        "VirtualMachine",
        {"resources": {"cpu": 1, "memory": "1Gi"}, "openstack": {"flavor": {"name": "m1"}}},
        "set exactly one of",
    ),
    "a block without a flavor is no size": (
        "VirtualMachine",
        {"classRef": None, "openstack": {"keyPair": "ops"}},
        "set exactly one of",
    ),
    "no cpu": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 0, "memory": "1Gi"}},
        "greater than or equal to 1",
    ),
    "negative cpu": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": -1, "memory": "1Gi"}},
        "greater than or",
    ),
    "half a cpu": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 0.5, "memory": "1Gi"}},
        "must be of type integer",
    ),
    "absurd cpu": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 2**31, "memory": "1Gi"}},
        "less than or equal",
    ),
    "no memory": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 1, "memory": "0Gi"}},
        "write a whole number with its unit",
    ),
    "negative memory": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 1, "memory": "-1Gi"}},
        "write a whole number with its unit",
    ),
    "memory without unit": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 1, "memory": "5"}},
        "write a whole number with its unit",
    ),
    "memory as a number": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 1, "memory": 5}},
        "must be of type string",
    ),
    "memory of a thousand bytes": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 1, "memory": "1k"}},
        "memory is between 16Mi and 64Ti",
    ),
    "absurd memory": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 1, "memory": "999999999Ti"}},
        "memory is between 16Mi and 64Ti",
    ),
    "exponent": (
        "VirtualMachine",
        {"classRef": None, "resources": {"cpu": 1, "memory": "1e400"}},
        "write a whole number with its unit",
    ),
    "no provider": ("VirtualMachine", {"providerRef": None}, "spec.providerRef: Required value"),
    "provider without a name": ("VirtualMachine", {"providerRef": {"name": ""}}, "spec.providerRef.name"),
    "provider's name is a regex": ("VirtualMachine", {"providerRef": {"name": "a.*"}}, "a name has lower-case letters"),
    "no interface": ("VirtualMachine", {"network": {"interfaces": []}}, "should have at least 1 items"),
    "interface without network": (
        "VirtualMachine",
        {"network": {"interfaces": [{"name": "eth0"}]}},
        "networkRef: Required",
    ),
    "two interfaces of one name": ("VirtualMachine", {"network": {"interfaces": [ETH0, ETH0]}}, "Duplicate value"),
    "interface without name": (
        "VirtualMachine",
        {"network": {"interfaces": [{"networkRef": {"name": "app"}}]}},
        "name: Required value",
    ),
    "two interfaces of one MAC": (
        "VirtualMachine",
        {
            "network": {
                "interfaces": [
                    {**ETH0, "macAddress": "02:00:00:00:00:01"},
                    {**ETH0, "name": "eth1", "macAddress": "02:00:00:00:00:01"},
                ]
            }
        },
        "two interfaces have the same macAddress",
    ),
    "17 interfaces": (
        "VirtualMachine",
        {"network": {"interfaces": [{**ETH0, "name": f"eth{number}"} for number in range(17)]}},
        "must have at most 16 items",
    ),
    "hostname of one character": ("VirtualMachine", {"network": {"hostname": "a"}}, "should be at least 2 chars long"),
    "hostname with a newline": ("VirtualMachine", {"network": {"hostname": "x\nruncmd: []"}}, "a host name has"),
    "hostname with a newline at its end": ("VirtualMachine", {"network": {"hostname": "web\n"}}, "a host name has"),
    "hostname in upper case": ("VirtualMachine", {"network": {"hostname": "Web"}}, "a host name has"),
    "hostname with a trailing dash": ("VirtualMachine", {"network": {"hostname": "web-"}}, "a host name has"),
    "hostname of 64 characters": ("VirtualMachine", {"network": {"hostname": "a" * 64}}, "may not be more than 63"),
    "hostname with a right-to-left mark": (
        "VirtualMachine",
        {"network": {"hostname": "web\u202e1"}},
        "a host name has",
    ),
    "floating IP from nowhere": ("VirtualMachine", eth0(floatingIP={}), "set exactly one of pool and address"),
    "floating IP from two places": (
        "VirtualMachine",
        eth0(floatingIP={"pool": "public", "address": "203.0.113.7"}),
        "set exactly one of pool and address",
    ),
    "floating IP with a prefix length": (
        "VirtualMachine",
        eth0(floatingIP={"address": "203.0.113.7/24"}),
        "write a unicast address without prefix length",
    ),
    "floating IP of the host itself": (
        "VirtualMachine",
        eth0(floatingIP={"address": "127.0.0.1"}),
        "write a unicast address without prefix length",
    ),
    "floating IP in a long form": (
        "VirtualMachine",
        eth0(floatingIP={"address": "2001:0DB8::7"}),
        "write a unicast address without prefix length",
    ),
    "multicast MAC": ("VirtualMachine", eth0(macAddress="01:00:5e:00:00:01"), "write a unicast MAC address"),
    "MAC of zeros": (
        "VirtualMachine",
        eth0(macAddress="00:00:00:00:00:00"),
        "the MAC address of zeros belongs to nobody",
    ),
    "MAC of all ones": ("VirtualMachine", eth0(macAddress="ff:ff:ff:ff:ff:ff"), "write a unicast MAC address"),
    "MAC in upper case": ("VirtualMachine", eth0(macAddress="02:AA:00:00:00:01"), "write a unicast MAC address"),
    "MAC with dashes": ("VirtualMachine", eth0(macAddress="02-00-00-00-00-01"), "write a unicast MAC address"),
    "address without prefix": (
        "VirtualMachine",
        address("10.1.2.10"),
        "write a unicast address with its prefix length",
    ),
    "address with a leading zero": ("VirtualMachine", address("010.0.0.1/24"), "write a unicast address"),
    "the network itself": ("VirtualMachine", address("10.1.2.0/24"), "this is the network itself"),
    "prefix of nothing": ("VirtualMachine", address("10.1.2.10/0"), "this is the network itself"),
    "unspecified": ("VirtualMachine", address("0.0.0.0/24"), "write a unicast address"),
    "multicast": ("VirtualMachine", address("224.0.0.5/24"), "write a unicast address"),
    "loopback": ("VirtualMachine", address("127.0.0.1/8"), "write a unicast address"),
    "link-local": ("VirtualMachine", address("169.254.169.254/16"), "write a unicast address"),
    "zone id": ("VirtualMachine", address("fe80::1%eth0/64"), "write a unicast address"),
    "IPv6 multicast": ("VirtualMachine", address("ff02::1/64"), "write a unicast address"),
    "IPv6 in a longer form": ("VirtualMachine", address("fd00:0::10/64"), "in the shortest form"),
    "IPv6 in upper case": ("VirtualMachine", address("FD00::10/64"), "in the shortest form"),
    "IPv4 in IPv6": ("VirtualMachine", address("::ffff:10.1.2.10/120"), "write a unicast address"),
    "the same address twice": ("VirtualMachine", eth0(addresses=["10.1.2.10/24", "10.1.2.10/24"]), "Duplicate value"),
    "33 security groups": ("VirtualMachine", eth0(securityGroups=[f"g{n}" for n in range(33)]), "at most 32 items"),
    "security group with NUL": ("VirtualMachine", eth0(securityGroups=["a\0b"]), "no control characters"),
    "power": (
        "VirtualMachine",
        {"powerState": "On"},
        'supported values: "PoweredOn", "PoweredOff", "Suspended", "Unmanaged"',
    ),
    "power as YAML 1.1 reads On": ("VirtualMachine", {"powerState": True}, "must be of type string"),
    "disruption that nobody knows": (
        "VirtualMachine",
        {"updatePolicy": {"maxDisruption": "Recreate"}},
        "supported values",
    ),
    "bootstrap that restarts": ("VirtualMachine", {"bootstrap": {"onChange": "Restart"}}, "supported values"),
    "rebuild token of 65 characters": ("VirtualMachine", {"rebuildToken": "t" * 65}, "may not be more than 64"),
    "resize that may take no time": ("VirtualMachine", {"timeouts": {"resize": "0s"}}, "write a duration between"),
    "tag key with a space": ("VirtualMachine", {"tags": {"a b": "c"}}, "a tag's key has letters"),
    "tag key of 33 characters": ("VirtualMachine", {"tags": {"k" * 33: "c"}}, "a key has from 1 to 32 characters"),
    "empty tag key": ("VirtualMachine", {"tags": {"": "c"}}, "a key has from 1 to 32 characters"),
    "tag value of 28 characters": ("VirtualMachine", {"tags": {"a": "v" * 28}}, "may not be more than 27"),
    "41 tags": ("VirtualMachine", {"tags": {f"k{n}": "v" for n in range(41)}}, "must have at most 40 items"),
    "SSH key with a newline": (
        "VirtualMachine",
        {"bootstrap": {"cloudInit": {"sshAuthorizedKeys": [f"{KEY}\nssh-rsa AAAA"]}}},
        "write a public key as OpenSSH does",
    ),
    "SSH key with options": (
        "VirtualMachine",
        {"bootstrap": {"cloudInit": {"sshAuthorizedKeys": [f'command="sh" {KEY}']}}},
        "write a public key as OpenSSH does",
    ),
    "SSH key of a megabyte": (
        "VirtualMachine",
        {"bootstrap": {"cloudInit": {"sshAuthorizedKeys": [f"ssh-rsa {'A' * 1_000_000}"]}}},
        "may not be more than 8192",
    ),
    "user data without key": (
        "VirtualMachine",
        {"bootstrap": {"cloudInit": {"userDataRef": {"name": "a"}}}},
        "userDataRef.key: Required value",
    ),
    "timeout of nothing": ("VirtualMachine", {"timeouts": {"create": "0s"}}, "write a duration between 1s and 24h"),
    "timeout of ever": ("VirtualMachine", {"timeouts": {"create": "99999h"}}, "write a duration between 1s and 24h"),
    "timeout without unit": ("VirtualMachine", {"timeouts": {"delete": "10"}}, "write a duration with its units"),
    "drift path without slash": (
        "VirtualMachine",
        {"driftDetection": {"ignore": ["tags"]}},
        "write the path of a field",
    ),
    "metadata value of 256": (
        "VirtualMachine",
        {"openstack": {"metadata": {"a": "v" * 256}}},
        "may not be more than 255",
    ),
    "metadata key of ours": (
        "VirtualMachine",
        {"openstack": {"metadata": {"hostwright.namespace": "other"}}},
        "metadata keys that begin with hostwright. are written by Hostwright itself",
    ),
    "an option that is ours": (
        "VirtualMachine",
        {"vsphere": {"extraConfig": {"hostwright.mark": "x"}}},
        "written by Hostwright itself",
    ),
    "an option for the guest": (
        "VirtualMachine",
        {"vsphere": {"extraConfig": {"guestinfo.userdata": "x"}}},
        "written by Hostwright itself",
    ),
    "two backends' blocks": (
        "VirtualMachine",
        {"vsphere": {"folder": "x"}, "openstack": {"keyPair": "x"}},
        "set at most one of openstack and vsphere",
    ),
    "a failure domain that is no name": ("VirtualMachine", {"failureDomain": "AZ 1"}, "a name here has lower-case"),
    "an unknown way to power off": ("VirtualMachine", {"powerOffMode": "Rude"}, "supported values"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_is_refused_with_a_sentence(api: Api, good: Callable[..., Body], case: str) -> None:
    kind, change, said = BAD[case]
    reply = api.create(good(kind, {"spec": change}), dryRun="All")
    assert reply.status in (400, 422), reply
    assert said in reply.message, reply.message


@pytest.mark.parametrize("kind", ["VirtualMachine", "Provider", "MachineClass", "MachineImage", "PhysicalMachine"])
@pytest.mark.parametrize(("spec", "said"), [({}, "Required value"), (None, "spec: Required value")])
def test_an_empty_spec_is_refused(api: Api, good: Callable[..., Body], kind: str, spec: Any, said: str) -> None:
    body = good(kind)
    body["spec"] = spec
    if spec is None:
        del body["spec"]
    reply = api.create(body, dryRun="All")
    assert reply.status == 422
    assert said in reply.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("web-", "Invalid value"),
        ("Web", "Invalid value"),
        ("a.*", "Invalid value"),
        ("a" * 254, "Invalid value"),
        ("a" * 64, "metadata.name is the host name too"),
        ("a", "metadata.name is the host name too, so it has 2 to 63 characters"),
        ("web.1", "metadata.name is the host name too"),
    ],
)
def test_a_bad_name_is_refused(api: Api, good: Callable[..., Body], name: str, said: str) -> None:
    reply = api.create(good("VirtualMachine", name=name), dryRun="All")
    assert reply.status == 422
    assert said in reply.message


def test_a_spec_of_more_than_a_megabyte_is_refused(api: Api, good: Callable[..., Body]) -> None:
    keys = [f"ssh-rsa {'A' * 8000}{number:04d}" for number in range(500)]
    reply = api.create(good("VirtualMachine", {"spec": {"bootstrap": {"cloudInit": {"sshAuthorizedKeys": keys}}}}))
    assert reply.status in (413, 422), reply


def test_without_strict_validation_an_unknown_field_is_dropped_and_told(api: Api, good: Callable[..., Body]) -> None:
    body = good("VirtualMachine", {"spec": {"colour": "red"}})
    reply = api.create(body, dryRun="All", fieldValidation="Warn")
    assert "colour" not in api.must(reply)["spec"]
    assert reply.warnings == ('unknown field \\"spec.colour\\"',)
