"""Every example is applied as its README says, and does what it says."""

import json
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.world import World, eventually

from hostwright.sandbox.redfish.lab import Bmcs

ROOT = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(ROOT.glob("*/*.yaml"))
STORIES = {
    "quickstart",
    "power",
    "cloud-init",
    "protection",
    "drift",
    "vsphere",
    "redfish",
    "pool",
    "upkeep",
    "network",
    "change",
    "replace",
    "disks",
    "import",
    "groups",
}


#: Stories of what only OpenStack has.
ON_OPENSTACK = {"network", "disks", "import", "groups"}
KINDS = {"VirtualMachine": "hvm", "PhysicalMachine": "hpm", "PhysicalMachineClaim": "hpc", "MachinePool": "hmp"}
#: In examples/redfish/machine.yaml, for the address of a BMC.
ADDRESS = "https://127.0.0.1:8443"


def _of_kind(file: Path, kind: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(file.read_text()) if each["kind"] == kind]


def _machines(file: Path) -> list[dict[str, Any]]:
    return _of_kind(file, "VirtualMachine")


def _apply(world: World, story: str) -> None:
    if story in ON_OPENSTACK and "openstack" not in world.box.sites:
        pytest.skip("the OpenStack lab cannot be installed here (MariaDB and memcached need root)")
    for file in sorted((ROOT / story).glob("*.yaml")):
        world.kubectl("apply", "--validate=strict", "-f", str(file))
        for kind, word in KINDS.items():
            for each in _of_kind(file, kind):
                world.ready(each["metadata"]["name"], 120, kind=word)


def _site(world: World, path: str, body: dict[str, Any] | None = None, *, verb: str = "") -> dict[str, Any]:
    send = None if body is None else json.dumps(body).encode()
    verb = verb or ("GET" if body is None else "PATCH")
    url = f"{world.box.sites['simulated']['endpoint']}{path}"
    request = urllib.request.Request(url, send, {"Content-Type": "application/json"}, method=verb)
    with urllib.request.urlopen(request) as answer:
        seen: dict[str, Any] = json.loads(answer.read() or "{}")
        return seen


def _server(world: World, name: str) -> str:
    rows = world.ready(name)["status"]["resources"]
    return next(str(row["id"]) for row in rows if row["name"] == "server")


def test_every_story_has_its_manifests_and_a_readme() -> None:
    assert {file.parent.name for file in FILES} == STORIES
    for file in FILES:
        text = (file.parent / "README.md").read_text()
        assert f"kubectl apply -f {file.name}" in text
        for kind, short in KINDS.items():
            told = set(re.findall(rf"{short}/([-a-z0-9]+)", text))
            there = [each for path in file.parent.glob("*.yaml") for each in yaml.safe_load_all(path.read_text())]
            assert told == {each["metadata"]["name"] for each in there if each["kind"] == kind}


def test_a_machine_is_resized_and_rebuilt_and_stays_the_same(world: World) -> None:
    """As the README of change types it."""
    _apply(world, "change")
    before = (_server(world, "grown"), world.status("grown")["addresses"])
    world.patch("grown", {"classRef": {"name": "medium"}})
    world.kubectl("wait", "--for=jsonpath={.status.resolved.class.name}=medium", "hvm/grown", "--timeout=60s")
    world.patch("grown", {"rebuildToken": "2"})
    world.kubectl("wait", "--for=jsonpath={.status.handled.rebuildToken}=2", "hvm/grown", "--timeout=60s")
    assert world.ready("grown", 30)["status"]["hardware"] == {"cpu": 2, "memory": "1Gi"}
    assert (_server(world, "grown"), world.status("grown")["addresses"]) == before
    assert _site(world, f"/v1/machines/{before[0]}")["rebuilds"] == 1


def test_a_machine_is_replaced_once_that_is_allowed(world: World) -> None:
    """As the README of replace types it."""
    _apply(world, "replace")
    former = _server(world, "renewed")
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7k3m3m3m3m3m3m3m3m3m3m3m3m you"
    assert f'"{key}"' in (ROOT / "replace/README.md").read_text()
    world.patch("renewed", {"bootstrap": {"cloudInit": {"sshAuthorizedKeys": [key]}}})
    (row,) = eventually(lambda: world.status("renewed").get("pendingChanges"), 30, "it waits")
    assert (row["disruption"], row["waitingFor"]) == ("Replace", "MaxDisruption")
    assert _server(world, "renewed") == former
    world.patch("renewed", {"updatePolicy": {"maxDisruption": "Replace"}})
    eventually(lambda: former not in json.dumps(world.status("renewed")), 60, "the former one is gone")
    world.kubectl("wait", "--for=condition=UpToDate", "hvm/renewed", "--timeout=60s")
    assert _server(world, "renewed") != former
    assert len(world.events("renewed", "Replacing")) == 1


def test_a_server_is_registered_powered_claimed_and_given_back(world: World, tmp_path: Path) -> None:
    """As the README of redfish types it."""
    bmc = world.box.sites["redfish"]["bmcs"][0]
    machine = tmp_path / "machine.yaml"
    machine.write_text((ROOT / "redfish/machine.yaml").read_text().replace(ADDRESS, bmc["address"]))
    assert f"address: {bmc['address']}" in Path(world.box.sites["redfish"]["machines"]).read_text()
    world.kubectl("apply", "--validate=strict", "-f", str(machine))
    world.kubectl("wait", "--for=condition=Ready", "hpm/r12-u07", "--timeout=60s")
    status = json.loads(world.kubectl("get", "hpm", "r12-u07", "-o", "json"))["status"]
    assert (status["phase"], status["powerState"]) == ("Free", "PoweredOn")
    assert status["identity"]["uuid"] == bmc["systemId"]
    bmcs = Bmcs(world.box.sites["redfish"]["control"])
    assert bmcs.one(0)["power"] == "On"
    claim = ROOT / "redfish/claim.yaml"
    world.kubectl("apply", "--validate=strict", "-f", str(claim))
    world.kubectl("wait", "--for=condition=Ready", "hpc/web-2", "--timeout=60s")
    assert world.kubectl("get", "hpm", "r12-u07", "-o", "jsonpath={.status.phase}") == "Claimed"
    world.kubectl("delete", "-f", str(claim), "--timeout=60s")
    assert bmcs.resets(0)[:2] == ["On", "GracefulShutdown"], "it was seen off before it was free"
    eventually(lambda: bmcs.one(0)["power"] == "On", 60, "its own wish rules again")
    pool = ROOT / "redfish/pool.yaml"
    world.kubectl("apply", "--validate=strict", "-f", str(pool))
    world.kubectl("wait", "--for=condition=Ready", "hmp/racked", "--timeout=60s")
    assert world.kubectl("get", "hpc", "racked-0", "-o", "jsonpath={.status.machineRef.name}") == "r12-u07"
    world.kubectl("delete", "-f", str(pool), "--timeout=60s")
    eventually(lambda: not world.kubectl("get", "hpc", "-o", "name"), 60, "the pool's claims are gone")
    eventually(lambda: bmcs.one(0)["power"] == "On", 60, "its own wish rules again")
    world.kubectl("patch", "hpm/r12-u07", "--type=merge", "-p", '{"spec": {"requests": {"bmcReset": "once"}}}')
    eventually(lambda: bmcs.one(0)["restarts"] == 1, 60, "the BMC restarted")
    eventually(lambda: world.kubectl("get", "hpm", "r12-u07", "-o", "jsonpath={.status.phase}") == "Free", 90, "back")
    world.kubectl("delete", "-f", str(machine), "--timeout=60s")
    assert (bmcs.one(0)["power"], bmcs.one(0)["restarts"]) == ("On", 1)


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if _machines(file) and file.parent.name != "import"],  # one after the other, below
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_it_is_accepted_strictly_and_becomes_ready(world: World, file: Path) -> None:
    _apply(world, file.parent.name)
    for each in _machines(file):
        status = world.ready(each["metadata"]["name"])["status"]
        off = each["spec"].get("powerState") == "PoweredOff"
        assert (status["phase"], status["powerState"]) == (
            ("Stopped", "PoweredOff") if off else ("Running", "PoweredOn")
        )
        assert status["resolved"]["class"]["name"] == each["spec"]["classRef"]["name"]


def test_protection_is_refused_by_the_api_server_and_retain_leaves_the_machine(world: World) -> None:
    _apply(world, "protection")
    assert "is protected" in world.kubectl("delete", "hvm", "precious", fails=True)
    server = _server(world, "handed-over")
    world.kubectl("delete", "hvm", "handed-over", "--timeout=60s")
    assert _site(world, f"/v1/machines/{server}")["mark"] == ""
    world.patch("precious", {"deletionProtection": False})
    server = _server(world, "precious")
    world.kubectl("delete", "hvm", "precious", "--timeout=60s")
    assert server not in {each["id"] for each in _site(world, "/v1/machines")["machines"]}


def test_warned_drift_is_told_and_left(world: World) -> None:
    _apply(world, "drift")
    watched = _server(world, "watched")
    _site(world, f"/control/machines/{watched}", {"tags": {"owner": "intruder"}})
    drift = eventually(lambda: world.ready("watched")["status"].get("drift"), 60, "the drift told")
    assert [(row["path"], row["wanted"], row["found"]) for row in drift] == [("/tags/owner", "web", "intruder")]
    assert world.condition("watched", "Drifted")["status"] == "True"
    assert _site(world, f"/v1/machines/{watched}")["tags"]["owner"] == "intruder"


def test_an_ignored_tag_is_left_while_the_one_beside_it_is_put_right(world: World) -> None:
    _apply(world, "drift")
    shared = _server(world, "shared")
    _site(world, f"/control/machines/{shared}", {"tags": {"owner": "other-team", "tier": "back"}})
    eventually(lambda: _site(world, f"/v1/machines/{shared}")["tags"]["tier"] == "front", 60, "tier put right")
    assert _site(world, f"/v1/machines/{shared}")["tags"]["owner"] == "other-team"


def test_interfaces_and_a_floating_ip_go_while_the_machine_runs(world: World) -> None:
    _apply(world, "network")
    status = world.ready("gateway")["status"]
    assert {row["type"] for row in status["addresses"]} == {"InternalIP", "ExternalIP"}
    assert {row["name"] for row in status["resources"]} == {"server", "port/eth0", "port/eth1", "floatingip/eth0"}
    world.patch("gateway", {"network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]}})
    status = world.ready("gateway", 120)["status"]
    assert {row["name"] for row in status["resources"]} == {"server", "port/eth0"}
    assert {row["type"] for row in status["addresses"]} == {"InternalIP"}
    world.delete("gateway", seconds=120)


def test_a_disk_grows_one_goes_and_one_stays_after_the_machine(world: World) -> None:
    _apply(world, "disks")
    assert _disks(world) == {"root": "10Gi", "books": "20Gi", "scratch": "5Gi"}
    books = {"name": "books", "size": "30Gi", "storageClass": "standard", "retention": {"whenDeleted": "Retain"}}
    world.patch("ledger", {"dataDisks": [books]})
    world.ready("ledger", 120)
    eventually(lambda: _disks(world) == {"root": "10Gi", "books": "30Gi"}, 60, "scratch is gone")
    world.delete("ledger", seconds=120)
    (left,) = world.cloud.volumes("ledger").items()
    assert (left[0], left[1].size) == ("books", 30)
    world.cloud.user.block_storage.delete_volume(left[1].id)


def test_a_server_that_is_there_is_observed_managed_and_goes_with_its_object(world: World) -> None:
    if "openstack" not in world.box.sites:
        pytest.skip("the OpenStack lab cannot be installed here (MariaDB and memcached need root)")
    world.kubectl("apply", "--validate=strict", "-f", str(ROOT / "import" / "before.yaml"))
    world.ready("legacy", 120)
    server = _server(world, "legacy")
    world.delete("legacy", seconds=120)
    world.kubectl("apply", "--validate=strict", "-f", str(ROOT / "import" / "machine.yaml"))
    world.ready("shop", 120)
    assert _server(world, "shop") == server
    assert {row["path"] for row in world.status("shop")["drift"]} == {"/tags/app", "/tags/stage"}
    world.patch("shop", {"managementPolicy": "Managed"})
    world.ready("shop", 120)
    assert "app=shop" in world.cloud.user.compute.get(f"/servers/{server}/tags", microversion="2.90").json()["tags"]
    world.patch("shop", {"deletionPolicy": "Delete"})
    world.delete("shop", seconds=120)
    assert world.cloud.user.compute.get(f"/servers/{server}").status_code == 404


def test_machines_of_a_group_are_apart_and_it_goes_with_the_last(world: World) -> None:
    _apply(world, "groups")
    servers = [world.cloud.servers(name)[0].id for name in ("left", "right")]
    hosts = {world.cloud.admin.compute.get_server(item).compute_host for item in servers}
    assert len(hosts) == len(servers)
    path = "jsonpath={range .status.groups[*]}{.name}{' '}{.policy}{' '}{.id}{'\\n'}{end}"
    name, policy, group = world.kubectl("get", "provider", "os-lab", "-o", path).split()
    assert (name, policy) == ("default/pair", "AntiAffinity")
    assert set(world.cloud.user.compute.get_server_group(group).member_ids) == set(servers)
    world.kubectl("delete", "-f", str(ROOT / "groups/machines.yaml"), "--timeout=120s")
    eventually(lambda: not world.status("os-lab", "hpr", "").get("groups"), 60, "the group is gone")


def _disks(world: World) -> dict[str, str]:
    rows = world.status("ledger").get("disks") or []
    assert all(row["attached"] for row in rows if row["name"] != "scratch")
    return {row["name"]: row["size"] for row in rows}


def test_a_pool_scales_rolls_member_by_member_and_changes_tags_in_place(world: World) -> None:
    _apply(world, "pool")
    world.kubectl("scale", "hmp/front", "--replicas=5")
    assert world.ready("front", 60, kind="hmp")["status"]["readyReplicas"] == 5
    world.kubectl("scale", "hmp/front", "--replicas=3")
    world.ready("front", 60, kind="hmp")
    before = {each["metadata"]["uid"] for each in world.eyes.members("front")}
    for machine in ({"tags": {"team": "b"}}, {"classRef": {"name": "medium"}}):
        change = json.dumps({"spec": {"template": {"virtualMachine": machine}}})
        world.kubectl("patch", "hmp", "front", "--type=merge", "-p", change)
        world.ready("front", 90, kind="hmp")
        after = {each["metadata"]["uid"] for each in world.eyes.members("front")}
        assert (after == before) == ("tags" in machine)
    world.kubectl("delete", "hmp", "front", "--cascade=foreground", "--timeout=60s")
    assert world.eyes.members("front") == []


def test_a_machine_deleted_at_the_site_is_made_again(world: World) -> None:
    _apply(world, "upkeep")
    former = _server(world, "kept")
    _site(world, f"/control/machines/{former}", verb="DELETE")
    eventually(lambda: former not in json.dumps(world.status("kept")), 60, "the former one is not spoken of any more")
    assert _server(world, "kept") in {each["id"] for each in _site(world, "/v1/machines")["machines"]}
    assert world.events("kept", "Recreating")


def test_a_machine_whose_time_is_over_goes(world: World) -> None:
    _apply(world, "upkeep")
    body = world.ready("dev-box")
    born = datetime.fromisoformat(body["metadata"]["creationTimestamp"])
    assert datetime.fromisoformat(body["status"]["expiresAt"]) == born + timedelta(hours=8)
    assert body["status"]["expiresAt"] in world.kubectl("get", "hvm", "dev-box", "-o", "wide")
    world.patch("dev-box", {"expireAfter": "1m"})
    world.gone("dev-box", 90)
    assert datetime.now(UTC) - born >= timedelta(minutes=1)


def test_labels_are_tags_and_follow_their_changes(world: World) -> None:
    _apply(world, "upkeep")
    server = _server(world, "billed")
    assert _site(world, f"/v1/machines/{server}")["tags"] == {"team": "shop", "stage": "test"}
    world.kubectl("label", "hvm", "billed", "--overwrite", "team=stock", "stage-")
    eventually(
        lambda: _site(world, f"/v1/machines/{server}")["tags"] == {"team": "stock"}, 30, "the labels as they are"
    )
    eventually(lambda: world.status("billed")["resolved"]["tags"] == {"team": "stock"}, 30, "told")


def test_a_probe_is_told_whatever_comes_of_it(world: World) -> None:
    """No guest runs at the simulated site; but some networks answer in the name of everybody."""
    _apply(world, "upkeep")
    world.kubectl("wait", "--for=condition=Available", "hvm/billed", "--timeout=30s")
    told = eventually(lambda: _probed(world, "probed"), 90, "an answer, or none")
    assert told["message"].startswith(("TCP port 22 does not answer: 10.64.", "TCP port 22 answers"))
    world.ready("probed")


def _probed(world: World, name: str) -> dict[str, Any]:
    told = world.condition(name, "Available")
    return told if told.get("reason") in {"Available", "ProbeFailed"} else {}
