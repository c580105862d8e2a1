"""The API server takes everything that is generated, without a warning, and shows it well."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from tests.generated.conftest import Api, Body, path_of

from hostwright import sandbox
from hostwright.core.names import API_VERSION
from hostwright.generate.manifests import install

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def kubectl(box: sandbox.Sandbox, *arguments: str, send: str | None = None) -> str:
    argv = [str(box.kubectl), f"--kubeconfig={box.kubeconfig}", f"--cache-dir={box.directory}/cache", *arguments]
    done = subprocess.run(argv, input=send, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("manifest", install(), ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_each_is_accepted_strictly_and_without_a_warning(api: Api, manifest: Body) -> None:
    reply = api.send("APPLY", path_of(manifest), manifest, fieldManager="test", force="true", dryRun="All")
    assert (reply.status, reply.warnings) == (200, ()), reply.message


def test_every_kind_is_established_and_structural(api: Api) -> None:
    for item in api.send("GET", CRDS).body["items"]:
        conditions = {each["type"]: each["status"] for each in item["status"]["conditions"]}
        assert conditions["Established"] == conditions["NamesAccepted"] == "True", item["metadata"]["name"]
        assert conditions.get("NonStructuralSchema", "False") == "False"


def test_every_kind_is_found_by_its_short_name_and_by_the_category(generated_box: sandbox.Sandbox) -> None:
    found = kubectl(generated_box, "api-resources", "--api-group=compute.hostwright.dev", "--categories=hostwright")
    for short, kind in (
        ("hvm", "VirtualMachine"),
        ("hpr", "Provider"),
        ("hmc", "MachineClass"),
        ("hmi", "MachineImage"),
        ("hpm", "PhysicalMachine"),
        ("hpc", "PhysicalMachineClaim"),
    ):
        assert re.search(rf"{short} .* {kind}\b", found), found


def test_no_policy_has_a_type_error(api: Api, eventually: Callable[..., Any]) -> None:
    """The controller checks each expression against the kinds' schemas and says so in status."""

    def checked() -> list[Body] | None:
        items = api.send("GET", POLICIES).body["items"]
        done = [each["status"].get("observedGeneration") == each["metadata"]["generation"] for each in items]
        return items if items and all(done) else None

    for policy in eventually(checked):
        warnings = policy["status"].get("typeChecking", {}).get("expressionWarnings", [])
        assert warnings == [], policy["metadata"]["name"]
        assert policy["spec"]["failurePolicy"] == "Fail"


def test_explain_reads_well(generated_box: sandbox.Sandbox) -> None:
    everything = kubectl(generated_box, "explain", "virtualmachine", "--recursive")
    for field in ("userDataRef", "maxDisruption", "flavor", "pendingChanges", "macAddress"):
        assert re.search(rf"^ +{field}\s+<", everything, re.MULTILINE), field
    assert "A server on a Provider" in everything
    one = kubectl(generated_box, "explain", "virtualmachine.spec.updatePolicy.maxDisruption")
    assert "ENUM: None Live" in " ".join(one.split()), one
    assert "status.pendingChanges" in one
    for kind in ("provider", "machineclass", "machineimage"):
        assert "FIELDS:" in kubectl(generated_box, "explain", f"{kind}.spec")


def test_get_shows_the_columns(generated_box: sandbox.Sandbox, made: Callable[[Body], Body], good: Any) -> None:
    made(good("VirtualMachine", name="shown"))
    lines = kubectl(generated_box, "get", "hvm", "shown").splitlines()
    assert lines[0].split() == ["NAME", "READY", "STATUS", "POWER", "CLASS", "IP", "PROVIDER", "UP-TO-DATE", "AGE"]
    wide = kubectl(generated_box, "get", "hvm", "shown", "-o", "wide").splitlines()[0].split()
    assert wide[-5:] == ["IMAGE", "ZONE", "EXTERNAL-IP", "PROVIDER-ID", "MESSAGE"]


def test_a_fresh_object_is_not_healthy(generated_box: sandbox.Sandbox, made: Callable[[Body], Body], good: Any) -> None:
    made(good("VirtualMachine", name="fresh"))
    seen = json.loads(kubectl(generated_box, "get", "hvm", "fresh", "-o", "json"))
    assert seen["status"] == {"observedGeneration": -1}
    assert seen["apiVersion"] == API_VERSION


def test_what_is_applied_twice_is_unchanged(generated_box: sandbox.Sandbox, good: Any) -> None:
    body = json.dumps(good("VirtualMachine", name="twice"))
    assert "created" in kubectl(generated_box, "apply", "-f", "-", send=body)
    assert "unchanged" in kubectl(generated_box, "apply", "-f", "-", send=body)
    assert "(server dry run)" in kubectl(generated_box, "apply", "--dry-run=server", "-f", "-", send=body)
    kubectl(generated_box, "delete", "-f", "-", send=body)


RESOLVED: Body = {
    "provider": "os",
    "class": {"name": "std", "id": "1"},
    "image": {"name": "u", "id": "2"},
    "interfaces": [
        {
            "name": "eth0",
            "network": "n",
            "addresses": ["10.1.2.10"],
            "macAddress": "02:00:00:00:00:01",
            "securityGroups": ["g"],
            "floatingPool": "p",
            "floatingAddress": "2001:db8:1111:2222:3333:4444:5555:6666",
        }
    ],
}


def test_a_whole_status_comes_back_as_it_was_written(api: Api, made: Callable[[Body], Body], good: Any) -> None:
    """A default or a pruned field would be seen as a difference for ever."""
    body = made(good("VirtualMachine", name="whole"))
    now = "2026-08-24T10:00:00Z"
    status = {
        "observedGeneration": 1,
        "machineID": "3f0e",
        "phase": "Running",
        "powerState": "PoweredOn",
        "providerID": "openstack:///RegionOne/5f0c",
        "addresses": [{"type": "InternalIP", "address": "10.1.2.10"}],
        "failureDomain": "az1",
        "hardware": {"cpu": 4, "memory": "16Gi"},
        "resolved": RESOLVED,
        "interfaces": [{"name": "eth0", "id": "p", "macAddress": "02:00:00:00:00:01", "addresses": ["10.1.2.10"]}],
        "pendingChanges": [
            {
                "path": "/classRef",
                "from": "a",
                "to": "b",
                "disruption": "Restart",
                "waitingFor": "MaxDisruption",
            }
        ],
        "drift": [{"path": "/tags/owner", "wanted": "a", "found": "b", "since": now}],
        "resources": [
            {
                "name": "port/eth0",
                "id": "p",
                "state": "Created",
                "ownership": "Created",
                "window": {"from": now, "to": now},
            },
            {"name": "server", "id": "s"},
        ],
        "operation": {"id": "op", "type": "Create", "startedAt": now, "deadline": now, "expect": "server"},
        "handled": {"restartedAt": ""},
        "lastError": {"reason": "QuotaExceeded", "code": "403", "message": "m", "actor": "Platform", "at": now},
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "reason": "Creating",
                "message": "",
                "lastTransitionTime": now,
                "observedGeneration": 1,
            }
        ],
    }
    reply = api.must(api.patch(body, {"status": status}, subresource="/status"))
    assert reply["status"] == status
    assert reply["metadata"]["generation"] == 1


def test_a_backends_own_words_never_stick(api: Api, made: Callable[[Body], Body], good: Any) -> None:
    """Values that come from a backend have a length and nothing else: no 422 on our own write."""
    body = made(good("VirtualMachine", name="words"))
    odd = "§ \n\u202e" + "x" * 200
    status = {"observedGeneration": 1, "failureDomain": odd, "resolved": {"image": {"name": odd, "id": odd}}}
    assert api.must(api.patch(body, {"status": status}, subresource="/status"))["status"] == status
