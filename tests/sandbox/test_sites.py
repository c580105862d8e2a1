"""A sandbox in a cluster that is there already, as in kind, with a simulated site beside it."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostwright import sandbox
from hostwright.generate.manifests import install
from hostwright.sandbox.install import Kubectl

OURS = "providers,machineclasses,machineimages"


@pytest.fixture
def in_kind(box: sandbox.Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """The user's kubeconfig: a context that kind made, and another one that is current."""
    config = yaml.safe_load(box.kubeconfig.read_text())
    context = config["contexts"][0]["context"]
    elsewhere = {"name": "elsewhere", "cluster": {"server": "https://127.0.0.1:1"}}
    config["clusters"].append(elsewhere)
    config["contexts"] = [
        {"name": "kind-x", "context": context},
        {"name": "kind-dead", "context": {**context, "cluster": "elsewhere"}},
        {"name": "elsewhere", "context": {**context, "cluster": "elsewhere"}},
    ]
    config["current-context"] = "elsewhere"
    file = tmp_path / "users-kubeconfig"
    file.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(file))
    return Kubectl(box.kubectl, box.kubeconfig)


def call(endpoint: str, path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(endpoint + path, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


@pytest.fixture
def started(folder: Path, in_kind: Kubectl) -> Iterator[sandbox.Sandbox]:
    yield sandbox.up(folder, kind_cluster="x", manifests=install(), owner=os.getpid())
    sandbox.down(folder)


def test_a_site_comes_with_its_provider_and_the_catalog(started: sandbox.Sandbox, in_kind: Kubectl) -> None:
    endpoint = started.sites["simulated"]["endpoint"]
    provider = json.loads(in_kind.run("get", "provider/sim", "-o", "json"))
    assert provider["spec"]["simulated"] == {"endpoint": endpoint}
    catalog = call(endpoint, "/v1/catalog")
    assert {network["name"] for network in provider["spec"]["networks"]} <= {
        each["name"] for each in catalog["networks"]
    }
    image = json.loads(in_kind.run("get", "machineimage/tiny", "-o", "json"))
    (source,) = image["spec"]["sources"]
    assert source["providerRef"] == {"name": "sim"}
    assert source["simulated"]["image"] in {each["name"] for each in catalog["images"]}
    classes = json.loads(in_kind.run("get", "machineclasses", "-o", "json"))["items"]
    wanted = {(each["metadata"]["name"], each["spec"]["cpu"]) for each in classes}
    assert wanted == {("small", 1), ("medium", 2), ("large", 4)}


def test_in_kind_only_the_sites_are_ours(started: sandbox.Sandbox, folder: Path, in_kind: Kubectl, eyes: Any) -> None:
    assert set(started.pids) == {"keeper", "simulated"}
    assert (started.binaries, started.audit) == (None, None)
    config = yaml.safe_load(started.kubeconfig.read_text())
    assert [context["name"] for context in config["contexts"]] == ["kind-x"]
    who = Kubectl(started.kubectl, started.operator_kubeconfig).run("auth", "whoami", "-o", "name")
    assert "selfsubjectreview" in who
    in_kind.run("create", "configmap", "users-own")
    sandbox.down(folder)
    assert eyes.processes_of(folder) == {}
    assert in_kind.run("get", OURS, "-o", "name") == ""
    assert "providers.compute.hostwright.dev" in in_kind.run("get", "crds", "-o", "name"), "machines may be there"
    assert in_kind.run("get", "configmap/users-own", "-o", "name") == "configmap/users-own\n"
    in_kind.run("delete", "configmap/users-own")


def test_the_operator_may_read_what_it_must(started: sandbox.Sandbox) -> None:
    operator = Kubectl(started.kubectl, started.operator_kubeconfig)
    assert operator.run("get", "providers", "-o", "name") == "provider.compute.hostwright.dev/sim\n"
    with pytest.raises(sandbox.SandboxError, match="Forbidden"):
        operator.run("delete", "provider/sim")


def test_the_sites_machines_are_there_again_and_its_objects_too(
    started: sandbox.Sandbox, folder: Path, in_kind: Kubectl
) -> None:
    endpoint = started.sites["simulated"]["endpoint"]
    image = call(endpoint, "/v1/catalog")["images"][0]["id"]
    call(endpoint, "/v1/machines", {"name": "old-one", "image": image, "cpu": 1, "memoryMiB": 512})
    os.kill(started.pids["keeper"], signal.SIGKILL)
    again = sandbox.up(folder, kind_cluster="x", manifests=install(), owner=os.getpid())
    endpoint = again.sites["simulated"]["endpoint"]
    assert call(endpoint, "/v1/machines/old-one")["name"] == "old-one"
    provider = json.loads(in_kind.run("get", "provider/sim", "-o", "json"))
    assert provider["spec"]["simulated"]["endpoint"] == endpoint


def test_an_unknown_or_dead_kind_cluster_is_said(folder: Path, in_kind: Kubectl, eyes: Any) -> None:
    with pytest.raises(sandbox.SandboxError, match=r"no context kind-y(.|\n)*kind create cluster --name y"):
        sandbox.up(folder, kind_cluster="y")
    with pytest.raises(sandbox.SandboxError, match="kind-dead does not answer"):
        sandbox.up(folder, kind_cluster="dead")
    assert eyes.processes_of(folder) == {}


def test_down_does_not_need_the_kind_cluster(started: sandbox.Sandbox, folder: Path, eyes: Any) -> None:
    config = started.kubeconfig.read_text()
    started.kubeconfig.write_text(config.replace("https://127.0.0.1:", "https://127.0.0.1:1"))  # no such port
    told: list[str] = []
    assert sandbox.down(folder, progress=told.append)
    assert eyes.processes_of(folder) == {}
    assert "could not remove the sites' objects" in told[0]


def test_an_unknown_site_is_said_before_anything_starts(folder: Path) -> None:
    with pytest.raises(sandbox.SandboxError, match=r"no site is called moon\nThere are: simulated, openstack, vsphere"):
        sandbox.up(folder, sites=("moon",))
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(sandbox.SandboxError, match="cannot be made"):
        sandbox.up(tmp_path / "file/box")
