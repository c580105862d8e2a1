"""Every example is applied as its README says, and does what it says."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.world import World, eventually

ROOT = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(ROOT.glob("*/*.yaml"))
SHORT = {"hvm": "VirtualMachine", "hmp": "MachinePool"}
STORIES = {"quickstart", "power", "cloud-init", "protection", "drift", "vsphere", "pool"}


def _of_kind(file: Path, kind: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(file.read_text()) if each["kind"] == kind]


def _machines(file: Path) -> list[dict[str, Any]]:
    return _of_kind(file, "VirtualMachine")


def _apply(world: World, story: str) -> None:
    for file in sorted((ROOT / story).glob("*.yaml")):
        world.kubectl("apply", "--validate=strict", "-f", str(file))
        for word, kind in SHORT.items():
            for each in _of_kind(file, kind):
                world.ready(each["metadata"]["name"], 60, kind=word)


def _site(world: World, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    send = None if body is None else json.dumps(body).encode()
    verb = "GET" if body is None else "PATCH"
    url = f"{world.box.sites['simulated']['endpoint']}{path}"
    request = urllib.request.Request(url, send, {"Content-Type": "application/json"}, method=verb)
    with urllib.request.urlopen(request) as answer:
        seen: dict[str, Any] = json.loads(answer.read())
        return seen


def _server(world: World, name: str) -> str:
    rows = world.ready(name)["status"]["resources"]
    return next(str(row["id"]) for row in rows if row["name"] == "server")


def test_every_story_has_its_manifests_and_a_readme() -> None:
    assert {file.parent.name for file in FILES} == STORIES
    for file in FILES:
        text = (file.parent / "README.md").read_text()
        assert f"kubectl apply -f {file.name}" in text
        for word, kind in SHORT.items():
            told = set(re.findall(rf"{word}/([-a-z0-9]+)", text))
            assert told == {each["metadata"]["name"] for each in _of_kind(file, kind)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
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
