"""Resized, rebuilt and suspended on a real OpenStack: a fault at each call, a crash half-way, and each story whole."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.e2e.manifests import platform
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

#: Seconds; the visibility lag is shortened for these tests (`--visibility-lag`).
FLAGS = ("--visibility-lag", "1")
#: Call → what its body holds.
CALLS = {"resize": '"resize"', "confirm": "confirmResize", "rebuild": '"rebuild"'}
#: Nova has done it, and: the answer is kept back until the operator is killed; it is lost; it is a 500.
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "killed": {"do": "late", "seconds": 25},
    "lost": {"do": "lose"},
    "failed": {"do": "error_after", "status": 500},
}
MEDIUM = {"classRef": {"name": "medium"}}
RESTART, REBUILD = ({"updatePolicy": {"maxDisruption": word}} for word in ("Restart", "Rebuild"))
KEYS = {"sshAuthorizedKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7k3m3m3m3m3m3m3m3m3m3m3m3m me"]}
COMPUTE = {"microversion": "2.90"}
#: Sizes of one root disk: Nova leads from each to each. And one that no host has.
FLAVORS = {"even-a": (1, 512), "even-b": (2, 512), "even-vast": (4000, 512)}
#: A second image, and one that no host can run.
IMAGES: Mapping[str, Mapping[str, Any]] = {"even-image": {}, "even-alien": {"hw_architecture": "ppc64le"}}


@pytest.fixture(scope="module")
def lab(world: World, cloud: Cloud) -> Iterator[World]:
    """With the sizes above, and a second image."""
    cloud.faults.clear()
    made = [
        cloud.admin.compute.create_flavor(name=name, vcpus=cpu, ram=memory, disk=5)
        for name, (cpu, memory) in FLAVORS.items()
    ]
    images = [
        cloud.admin.image.create_image(
            name, data=b"two", container_format="bare", disk_format="raw", visibility="public", **more
        )
        for name, more in IMAGES.items()
    ]
    for name, (cpu, memory) in FLAVORS.items():
        size = {"cpu": min(cpu, 64), "memory": f"{memory}Mi", "openstack": {"flavor": {"name": name}}}
        world.apply(platform("MachineClass", name, allowedNamespaces={"from": "All"}, **size))
    for name in IMAGES:
        source = {"name": "lab", "providerRef": {"name": "os-lab"}, "openstack": {"image": {"name": name}}}
        world.apply(platform("MachineImage", name, allowedNamespaces={"from": "All"}, sources=[source]))
    yield world
    world.kubectl("delete", "hmc", *FLAVORS, "--ignore-not-found", "--wait=false")
    world.kubectl("delete", "hmi", *IMAGES, "--ignore-not-found", "--wait=false")
    for image in images:
        cloud.admin.image.delete_image(image.id)
    for flavor in made:
        cloud.admin.compute.delete_flavor(flavor.id)


@pytest.fixture(scope="module")
def running(lab: World) -> Iterator[World]:
    with lab.operator(*FLAGS) as operator:
        operator.leading()
        yield lab


def test_at_each_call_and_fault_the_change_is_made_once(lab: World, cloud: Cloud) -> None:
    names = {f"chg-{call}-{fault}": (call, fault) for call in CALLS for fault in FAULTS}
    before: dict[str, tuple[str, list[str]]] = {}
    killing: list[str] = []
    with lab.operator(*FLAGS) as first:
        first.leading()
        lab.apply(*(machine(name, "os-lab", **REBUILD) for name in names))
        for name, (call, fault) in names.items():
            lab.ready(name, 120)
            before[name] = _identity(cloud, name)
            at = {"method": "POST", "path": f"/servers/{before[name][0]}/action", "body": CALLS[call], "count": 1}
            rule = cloud.faults.add_first({**at, **FAULTS[fault]})
            killing += [rule] if fault == "killed" else []
        for name, (call, _) in names.items():
            lab.patch(name, {"rebuildToken": "1"} if call == "rebuild" else MEDIUM)
        eventually(lambda: set(killing) <= {hit["id"] for hit in cloud.faults.hits()}, 90, "every call was made")
        first.kill()
    cloud.faults.clear()
    with lab.operator(*FLAGS) as second:
        second.leading()
        for name, (call, _) in names.items():
            status = lab.ready(name, 120)["status"]
            server = _server(cloud, name)
            assert _identity(cloud, name) == before[name], name
            assert server["status"] == "ACTIVE"
            made = _actions(cloud, server["id"])
            if call == "rebuild":
                assert made == ["create", "rebuild"], name
                assert status["handled"]["rebuildToken"] == "1"
            else:
                assert (server["flavor"]["original_name"], made.count("resize")) == ("medium", 1), name
                assert status["resolved"]["class"]["name"] == "medium"
                assert status["hardware"] == {"cpu": 2, "memory": "1Gi"}
            assert "operation" not in status
        print(f"\nbar: resize, confirm and rebuild, each killed after, lost and failed after: {len(names)} once each")
        lab.delete(*names, seconds=120)
    for name in names:
        assert cloud.servers(name) == []
        assert cloud.ports(name) == []


def test_a_resize_that_is_wished_back_half_way_is_confirmed_and_then_made_back(running: World, cloud: Cloud) -> None:
    running.apply(machine("chg-back", "os-lab", **RESTART, classRef={"name": "even-a"}, powerState="PoweredOff"))
    running.ready("chg-back", 60)
    running.patch("chg-back", {"classRef": {"name": "even-b"}})
    eventually(lambda: _expect(running, "chg-back") == "size/even-b", 30, "the resize was sent")
    running.patch("chg-back", {"classRef": {"name": "even-a"}})
    status = running.ready("chg-back", 90)["status"]
    server = _server(cloud, "chg-back")
    assert (server["status"], server["flavor"]["original_name"]) == ("SHUTOFF", "even-a")
    resized = ["resize", "confirmResize"]
    assert _actions(cloud, server["id"]) == ["create", "stop", *resized, *resized]
    assert status["resolved"]["class"]["name"] == "even-a"
    assert not running.events("chg-back", "DriftDetected"), "the way back is no drift"
    running.delete("chg-back")


def test_a_resize_of_somebody_elses_is_told_and_left_alone(running: World, cloud: Cloud) -> None:
    running.apply(
        machine("chg-other", "os-lab", **RESTART, classRef={"name": "even-a"}, driftDetection={"mode": "Warn"})
    )
    running.ready("chg-other", 60)
    server = _server(cloud, "chg-other")["id"]
    flavor = cloud.admin.compute.find_flavor("even-b").id
    _act(cloud, server, {"resize": {"flavorRef": flavor}})
    told = eventually(lambda: _reason(running, "chg-other", "MachineHeld"), 60, "told")
    assert f"openstack server resize confirm {server}" in told
    assert _server(cloud, "chg-other")["status"] == "VERIFY_RESIZE"
    _act(cloud, server, {"revertResize": None})
    running.ready("chg-other", 60)
    running.delete("chg-other")


def test_no_room_for_a_resize_is_told_and_the_machine_runs_on(running: World, cloud: Cloud) -> None:
    running.apply(machine("chg-vast", "os-lab", **RESTART, classRef={"name": "even-a"}))
    running.ready("chg-vast", 60)
    running.patch("chg-vast", {"classRef": {"name": "even-vast"}})
    told = eventually(lambda: _reason(running, "chg-vast", "NoValidHost"), 60, "told")
    assert "The platform team must act" in told
    status = running.status("chg-vast")
    assert (status["phase"], status["hardware"]["cpu"]) == ("Running", 1)
    assert status["lastError"]["requestID"].startswith("req-")
    assert status["operation"]["nextRetryAt"]
    running.patch("chg-vast", {"classRef": {"name": "even-a"}})
    assert "operation" not in running.ready("chg-vast", 30)["status"]
    assert _actions(cloud, _server(cloud, "chg-vast")["id"]) == ["create", "resize"]
    running.delete("chg-vast")


def test_a_rebuild_takes_another_image_and_keeps_all_else(running: World, cloud: Cloud) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "chg-ud", "namespace": "default"}}
    running.apply({**secret, "stringData": {"userData": "#cloud-config\n{}\n"}})
    asked = {"tags": {"team": "a"}, "openstack": {"metadata": {"rack": "r1"}}, "rebuildToken": "0", **REBUILD}
    running.apply(machine("chg-image", "os-lab", **asked))
    status = running.ready("chg-image", 60)["status"]
    assert status["handled"]["rebuildToken"] == "0"
    before, server = _identity(cloud, "chg-image"), _server(cloud, "chg-image")
    running.patch("chg-image", {"imageRef": {"name": "even-image"}})
    status = running.ready("chg-image", 60)["status"]
    image = cloud.admin.image.find_image("even-image").id
    after = _server(cloud, "chg-image")
    assert (after["image"]["id"], status["resolved"]["image"]) == (image, {"name": "even-image", "id": image})
    assert _identity(cloud, "chg-image") == before
    kept = {key: value for key, value in after["metadata"].items() if key != "hostwright.rebuild"}
    assert (kept, after["tags"], after["name"], after["addresses"]) == (
        *(server["metadata"], server["tags"], server["name"], server["addresses"]),
    )
    reference = {"userDataRef": {"name": "chg-ud", "key": "userData"}}
    running.patch("chg-image", {"bootstrap": {"onChange": "Rebuild", "cloudInit": {**reference, **KEYS}}})
    eventually(lambda: len(running.events("chg-image", "Rebuilt")) == 2, 60, "rebuilt with other user data")
    running.ready("chg-image", 30)
    assert cloud.admin.compute.get(f"/servers/{server['id']}", **COMPUTE).json()["server"]["OS-EXT-SRV-ATTR:user_data"]
    assert _actions(cloud, server["id"]) == ["create", "rebuild", "rebuild"]
    running.delete("chg-image")


def test_a_rebuild_that_fails_is_told_in_novas_words_and_another_token_mends_it(running: World, cloud: Cloud) -> None:
    running.apply(machine("chg-alien", "os-lab", **REBUILD))
    running.ready("chg-alien", 60)
    before = _identity(cloud, "chg-alien")
    running.patch("chg-alien", {"imageRef": {"name": "even-alien"}})
    told = eventually(lambda: _reason(running, "chg-alien", "MachineFailed"), 60, "told")
    assert "No valid host was found" in told
    assert _server(cloud, "chg-alien")["status"] == "ERROR"
    running.patch("chg-alien", {"imageRef": {"name": "tiny"}, "rebuildToken": "mend"})
    status = running.ready("chg-alien", 60)["status"]
    assert (status["handled"]["rebuildToken"], status["resolved"]["image"]["name"]) == ("mend", "tiny")
    assert _identity(cloud, "chg-alien") == before
    assert _actions(cloud, before[0]) == ["create", "rebuild", "rebuild"]
    running.delete("chg-alien")


def test_a_retained_machine_keeps_no_word_of_its_rebuild(running: World, cloud: Cloud) -> None:
    running.apply(machine("chg-kept", "os-lab", **REBUILD, deletionPolicy="Retain"))
    running.ready("chg-kept", 60)
    running.patch("chg-kept", {"rebuildToken": "1"})
    running.ready("chg-kept", 60)
    assert "hostwright.rebuild" in _server(cloud, "chg-kept")["metadata"]
    running.delete("chg-kept")
    assert not [key for key in _server(cloud, "chg-kept")["metadata"] if key.startswith("hostwright.")]
    for server in cloud.servers("chg-kept"):
        cloud.user.compute.delete_server(server.id)
    eventually(lambda: not cloud.servers("chg-kept"), 30)
    for port in cloud.ports("chg-kept"):
        cloud.user.network.delete_port(port.id)


def test_suspended_and_back_and_resumed_when_somebody_else_suspends_it(running: World, cloud: Cloud) -> None:
    running.apply(machine("chg-asleep", "os-lab"))
    running.ready("chg-asleep", 60)
    server = _server(cloud, "chg-asleep")["id"]
    for wish, status in (("Suspended", "SUSPENDED"), ("PoweredOff", "SHUTOFF"), ("PoweredOn", "ACTIVE")):
        running.patch("chg-asleep", {"powerState": wish})
        assert running.ready("chg-asleep", 60)["status"]["powerState"] == wish
        assert _server(cloud, "chg-asleep")["status"] == status
    _act(cloud, server, {"suspend": None})
    eventually(lambda: running.events("chg-asleep", "DriftDetected"), 60, "seen")
    running.ready("chg-asleep", 60)
    assert _server(cloud, "chg-asleep")["status"] == "ACTIVE"
    running.delete("chg-asleep")


def _server(cloud: Cloud, name: str) -> dict[str, Any]:
    """The one and only, as Nova shows it."""
    (server,) = cloud.servers(name)
    row: dict[str, Any] = cloud.user.compute.get(f"/servers/{server.id}", **COMPUTE).json()["server"]
    return row


def _identity(cloud: Cloud, name: str) -> tuple[str, list[str]]:
    """The server's id, and those of its ports that it holds."""
    server = _server(cloud, name)["id"]
    return server, sorted(port.id for port in cloud.ports(name) if port.device_id == server)


def _actions(cloud: Cloud, server: str) -> list[str]:
    """What Nova did with it, oldest first."""
    rows = cloud.user.compute.get(f"/servers/{server}/os-instance-actions").json()["instanceActions"]
    return [row["action"] for row in reversed(rows)]


def _act(cloud: Cloud, server: str, body: dict[str, Any]) -> None:
    answer = cloud.user.compute.post(f"/servers/{server}/action", json=body, **COMPUTE)
    assert answer.status_code < 300, answer.text


def _expect(world: World, name: str) -> str:
    return str((world.status(name).get("operation") or {}).get("expect", ""))


def _reason(world: World, name: str, reason: str) -> str:
    """The Ready message, once it is told for this reason."""
    ready = world.condition(name, "Ready")
    return str(ready["message"]) if ready.get("reason") == reason else ""
