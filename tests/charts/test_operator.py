"""charts/hostwright on a real API server, by the real helm."""

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.charts.conftest import CHART, HOME, Cluster, Helm
from tests.charts.rights import OPERATOR, Right, asked, forbidden, rights
from tests.e2e.manifests import image, platform, secret, simulated
from tests.e2e.world import claims_pool, machine, pool

from hostwright import __version__
from hostwright.core.names import GROUP
from hostwright.generate import manifests
from hostwright.sandbox.install import identity

#: Rights that a usual life does not show, each with what it is for.
NOT_SEEN: dict[Callable[[Right], bool], str] = {
    lambda right: right.verb == "identify": "asked by the policy machine-id while the operator writes the annotation",
    lambda right: (
        (right.verb, right.group) == ("create", GROUP)
    ): "asked beside `patch` when a server-side apply makes an object, and recorded as `patch`",
    lambda right: right.verb == "claim": "asked by the policy claim-ref while the operator writes spec.claimRef",
    lambda right: right.resource.endswith(
        "/finalizers"
    ): "asked by OwnerReferencesPermissionEnforcement, on some clusters",
    lambda right: (
        (right.verb, right.group) == ("get", GROUP)
    ): "an object is read alone after a conflict, or when unseen",
}


def test_it_is_without_a_fault(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", CHART)


def test_its_version_is_the_programs() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == __version__


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("replicas=two", "at '/replicas': got string, want integer"),
        ("http.prt=1", "at '/http': additional properties 'prt' not allowed"),
        ("http.port=80", "at '/http/port': minimum: got 80, want 1,024"),
        ("log.level=loud", "at '/log/level': value must be one of"),
        ("namespaces={Team_A}", "at '/namespaces/0': 'Team_A' does not match pattern"),
        ("image.digest=latest", "at '/image/digest': 'latest' does not match pattern"),
        ("extraEnv[0].name=POD_NAMESPACE", "at '/extraEnv/0/name': 'not' failed"),
    ],
)
def test_a_bad_value_is_refused_with_its_place(helm: Helm, value: str, said: str) -> None:
    assert said in helm.run("template", "x", CHART, "--set", value, fails=True)


def test_every_value_has_its_schema_and_is_used() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(values) == set(schema["properties"]) - {"global"}
    used = "".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))
    for name, value in values.items():
        inner = schema["properties"][name].get("properties")
        assert inner is None or set(inner) == set(value), name
        for each in [f"{name}.{key}" for key in inner] if inner else [name]:
            assert f".Values.{each}" in used, each


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Without what Helm's charts add to the metadata."""
    found = deepcopy(body)
    found["metadata"] = {key: found["metadata"][key] for key in ("name", "namespace") if key in found["metadata"]}
    return found


def _shipped(rendered: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    process = {"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"}
    return {(each["kind"], each["metadata"]["name"]): _plain(each) for each in rendered if each["kind"] not in process}


def test_it_brings_exactly_what_every_sandbox_has_and_so_every_end_to_end_test(helm: Helm) -> None:
    sandboxes = [*identity(), *manifests.install(HOME)]
    wanted = {(each["kind"], each["metadata"]["name"]): _plain(each) for each in sandboxes}
    del wanted["Namespace", HOME]
    assert _shipped(helm.template(CHART)) == wanted


def test_in_another_namespace_nothing_names_the_usual_one(helm: Helm) -> None:
    text = helm.run("template", "hostwright", CHART, "--namespace", "platform")
    assert HOME not in text
    assert "namespace(''platform'')" in text


def test_values_reach_the_process(helm: Helm) -> None:
    words = "clusterId=abc,namespaces={a,b},log.level=debug,http.port=9000,extraArgs={--identity=me},replicas=3"
    (deployment,) = (each for each in helm.template(CHART, "--set", words) if each["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 3
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "operator",
        "--http=0.0.0.0:9000",
        "--log-level=debug",
        "--log-format=json",
        "--cluster-id=abc",
        "--namespace=a",
        "--namespace=b",
        "--identity=me",
    ]
    assert container["ports"] == [{"name": "http", "containerPort": 9000}]


def test_the_service_monitor_finds_the_service(helm: Helm) -> None:
    rendered = {each["kind"]: each for each in helm.template(CHART, "--set", "serviceMonitor.enabled=true")}
    wanted = rendered["ServiceMonitor"]["spec"]
    labels = rendered["Service"]["metadata"]["labels"]
    assert wanted["selector"]["matchLabels"].items() <= labels.items()
    assert {each["port"] for each in wanted["endpoints"]} == {"http"}


def test_the_api_server_takes_all_of_it_without_a_warning_and_the_pod_is_restricted(cluster: Cluster) -> None:
    world = cluster.world
    full = ("podAnnotations.a=b", "priorityClassName=any", "networkPolicy.egress[0].to[0].ipBlock.cidr=10.0.0.0/8")
    rendered = cluster.helm.template(CHART, "--set", ",".join(full))
    dry = ("apply", "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-")
    assert "arning" not in world.kubectl(*dry, stdin=yaml.safe_dump_all(rendered))
    (deployment,) = (each for each in rendered if each["kind"] == "Deployment")
    strict = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    world.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": strict}})
    spec = {**deployment["spec"]["template"]["spec"], "serviceAccountName": "default"}
    spec.pop("priorityClassName")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it", "namespace": "strict"}, "spec": spec}
    create = ("create", "--dry-run=server", "-f", "-")
    assert "arning" not in world.kubectl(*create, stdin=yaml.safe_dump(pod))
    spec["containers"][0]["securityContext"]["capabilities"] = {"add": ["NET_ADMIN"]}
    assert "violates PodSecurity" in world.kubectl(*create, stdin=yaml.safe_dump(pod), fails=True)


def _life(cluster: Cluster) -> None:
    """A short life of everything, from the first start of the first operator on."""
    world = cluster.world
    world.kubectl("delete", "configmap", "-n", HOME, "hostwright-cluster-id", "--ignore-not-found")
    with world.operator() as running:
        running.leading()
        site = world.box.sites["simulated"]["endpoint"]
        world.apply(secret("login", token="x"), simulated("second", site, secret="login"))
        world.apply(platform("MachineClass", "brief", cpu=1, memory="512Mi"), image("brief", "second"))
        world.apply(secret("brief-data", "default", userData="#cloud-config\n{}\n"))
        data = {"cloudInit": {"userDataRef": {"name": "brief-data", "key": "userData"}}}
        names = {"classRef": {"name": "brief"}, "imageRef": {"name": "brief"}}
        world.apply(machine("brief", "second", bootstrap=data, **names))
        world.ready("brief")
        world.patch("brief", {"powerState": "PoweredOff"})
        world.ready("brief")
        world.delete("brief")
        world.apply(pool("brief", 1, "second", machine=names))
        world.ready("brief", kind="hmp")
        world.kubectl("scale", "hmp/brief", "--replicas=0")
        world.ready("brief", kind="hmp")
        world.kubectl("delete", "hmp/brief", "--timeout=30s")
        world.kubectl("apply", "-f", world.box.sites["redfish"]["machines"])
        world.apply(claims_pool("racked", 1, {}))
        world.ready("racked", 60, "hmp")
        world.kubectl("scale", "hmp/racked", "--replicas=0")
        world.ready("racked", 60, "hmp")
        world.kubectl("delete", "hmp/racked", "--timeout=30s")
        world.kubectl("wait", "hpm", "--all", "--for=jsonpath={.status.phase}=Free", "--timeout=60s")
        world.kubectl("delete", "hpm", "--all", "--timeout=60s")
        world.kubectl("delete", "hpr/second", "hmc/brief", "hmi/brief", "--timeout=30s")
        world.kubectl("delete", "secret", "-n", HOME, "login", "--timeout=30s")
        running.process.terminate()  # the Lease is given away
        running.process.wait(30)


def test_in_a_life_of_everything_no_right_is_missing_and_none_is_there_for_nothing(cluster: Cluster) -> None:
    _life(cluster)
    audit = cluster.world.box.audit
    assert audit is not None
    assert not forbidden(audit)
    requests = asked(audit)
    assert len(requests) > 20, "the audit log could not be read"

    def known(right: Right) -> bool:
        return any(right.covers(request) for request in requests) or any(rare(right) for rare in NOT_SEEN)

    given = rights(cluster.helm.template(CHART))
    assert [f"{each.verb} {each.resource} {each.namespace}" for each in sorted(given) if not known(each)] == []


def test_what_is_beyond_its_rights_is_noticed(cluster: Cluster, tmp_path: Path) -> None:
    """The other test would else pass on an empty record."""
    event = {
        "user": {"username": OPERATOR},
        "verb": "list",
        "objectRef": {"resource": "secrets"},
        "responseStatus": {"code": 403},
        "annotations": {"authorization.k8s.io/decision": "forbid"},
    }
    (tmp_path / "audit.log").write_text(json.dumps(event))
    assert forbidden(tmp_path / "audit.log")
    extra = Right("delete", GROUP, "providers")
    assert not any(extra.covers(request) for request in asked(cluster.world.box.audit or Path()))


def test_an_upgrade_brings_changed_kinds_and_policies_and_touches_no_machine(cluster: Cluster, tmp_path: Path) -> None:
    world = cluster.world
    world.apply(machine("through-upgrade"))
    before = world.kubectl("get", "hvm", "through-upgrade", "-o", "jsonpath={.metadata.uid} {.metadata.generation}")
    newer = shutil.copytree(CHART, tmp_path / "hostwright")
    kind = newer / "templates/generated/virtualmachines.yaml"
    kind.write_text(kind.read_text().replace("    - hvm\n", "    - hvm\n    - newer\n"))
    cluster.helm.run("upgrade", "hostwright", newer, "--namespace", HOME, "--reset-then-reuse-values")
    assert "newer" in world.kubectl("get", "crd", f"virtualmachines.{GROUP}", "-o", "jsonpath={.spec.names.shortNames}")
    cluster.helm.run("upgrade", "hostwright", CHART, "--namespace", HOME)
    after = world.kubectl("get", "hvm", "through-upgrade", "-o", "jsonpath={.metadata.uid} {.metadata.generation}")
    assert before == after
    world.delete("through-upgrade")


def test_an_uninstall_keeps_kinds_and_machines_and_the_next_install_goes_on_with_them(cluster: Cluster) -> None:
    world = cluster.world
    with world.operator() as running:
        running.leading()
        world.apply(machine("stays"))
        server = world.ready("stays")["status"]["resources"]
    kinds = {name for name in cluster.names("crd") if GROUP in name}
    said = cluster.uninstall()
    assert "kept due to the resource policy" in said
    assert {name for name in cluster.names("crd") if GROUP in name} == kinds
    assert world.status("stays")["resources"] == server
    assert not any("hostwright" in name for name in cluster.names("validatingadmissionpolicies,deployments"))
    cluster.install()
    with world.operator() as running:
        running.leading()
        assert world.ready("stays")["status"]["resources"] == server
        world.delete("stays")


def test_with_namespaces_it_has_rights_on_machines_and_secrets_there_only(cluster: Cluster) -> None:
    world = cluster.world
    world.kubectl("create", "namespace", "team-a")
    cluster.helm.run("upgrade", "hostwright", CHART, "--namespace", HOME, "--set", "namespaces={team-a}")
    for verb, what in (
        ("list", f"virtualmachines.{GROUP}"),
        ("get", "secrets"),
        ("create", f"virtualmachines.{GROUP}"),
    ):
        asked = ("auth", "can-i", verb, what, f"--as={OPERATOR}")
        assert world.kubectl(*asked, "-n", "team-a").strip() == "yes", what
        assert world.kubectl(*asked, "-n", "default", fails=True).strip() == "no", what
    with world.operator("--namespace=team-a") as running:
        running.leading()
        there = (machine("narrow"), pool("narrow-pool", 1))
        for each in there:
            each["metadata"]["namespace"] = "team-a"
        world.apply(*there)
        world.ready("narrow", namespace="team-a")
        world.ready("narrow-pool", kind="hmp", namespace="team-a")
        world.kubectl("delete", "hvm/narrow", "hmp/narrow-pool", "-n", "team-a", "--timeout=60s")
    assert cluster.world.box.audit is not None
    assert not forbidden(cluster.world.box.audit)
    cluster.helm.run("upgrade", "hostwright", CHART, "--namespace", HOME, "--set", "namespaces=null")


def test_the_notes_say_what_stays(helm: Helm, cluster: Cluster) -> None:
    said = cluster.helm.run("get", "notes", "hostwright", "--namespace", HOME)
    assert "`helm uninstall` leaves the kinds" in said
