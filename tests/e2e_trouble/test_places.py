"""Several regions and projects in one operator, a service that moves, and a cloud that is too old."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.e2e.world import World, eventually, machine
from tests.e2e_trouble.stage import LAB, Stage
from tests.providers.openstack.older import older

TWO = "RegionTwo"


@pytest.fixture(scope="module")
def stage(world: World) -> Iterator[Stage]:
    with world.operator() as running:
        running.leading()
        made = Stage(world, world.cloud)
        yield made
        for kind in ("hpr", "hmi"):
            world.kubectl("delete", kind, *made.projects, "--timeout=60s")


def _host(url: str) -> str:
    there = urlsplit(url)
    return f"{there.scheme}://{there.netloc}"


def make_region(stage: Stage, nova: str) -> Any:
    """A region of the same services, its Nova behind another address; the endpoint of that one."""
    identity = stage.cloud.admin.identity
    identity.create_region(id=TWO)
    moving: Any = None
    for row in list(identity.endpoints(interface="public")):
        if row.region_id == TWO:
            continue
        is_nova = identity.get_service(row.service_id).type == "compute"
        url = f"{nova}{urlsplit(row.url).path}" if is_nova else row.url
        made = identity.create_endpoint(service_id=row.service_id, region_id=TWO, interface="public", url=url)
        moving = made if is_nova else moving
    return moving


def test_two_regions_and_projects_are_run_side_by_side_and_a_service_that_moves_is_found(
    stage: Stage,
) -> None:
    world, real = stage.world, _host(stage.cloud.user.compute.get_endpoint())
    with older(real, (2, 104)) as before:
        endpoint = make_region(stage, before.url)
        stage.make_project("os-two", region=TWO)
        world.apply(machine("here", LAB), machine("there", "os-two", imageRef={"name": "os-two"}))
        ids = {name: world.ready(name, 90)["status"]["providerID"] for name in ("here", "there")}
        assert before.changes, "it is reached by its region's address"
    assert [ids[name].split("/")[3] for name in ("here", "there")] == ["RegionOne", TWO]
    places = {name: world.status(name, "hpr")["identity"] for name in (LAB, "os-two")}
    assert places["os-two"] == {"project": stage.projects["os-two"], "region": TWO}
    assert places[LAB]["project"] == stage.cloud.user.current_project_id
    assert [row.id for row in stage.cloud.servers("here")] == [ids["here"].rpartition("/")[2]]
    assert stage.cloud.servers("there") == [], "not in the other's project"
    # nobody listens any more where Nova of the second region was
    path = urlsplit(endpoint.url).path
    stage.cloud.admin.identity.update_endpoint(endpoint, url=f"{real}{path}")
    world.patch("there", {"tags": {"moved": "yes"}})
    eventually(lambda: _tags(stage, ids["there"]) >= {"moved=yes"}, 60, "the change arrives at the new place")
    world.ready("there", 30)
    assert world.status("there")["providerID"] == ids["there"]
    assert not any(world.status(name, "hpr").get("orphans") for name in (LAB, "os-two"))
    world.delete("here", "there", seconds=90)


def _tags(stage: Stage, provider_id: str) -> set[str]:
    item = provider_id.rpartition("/")[2]
    return set(stage.cloud.admin.compute.get(f"/servers/{item}/tags", microversion="2.90").json()["tags"])


def test_a_region_that_is_not_there_is_told_by_its_name(stage: Stage) -> None:
    stage.make_project("os-nowhere", region="Nowhere")
    told = eventually(lambda: stage.world.condition("os-nowhere", "Stalled", "hpr"), 30, "told")
    assert told["reason"] == "InvalidConfiguration"
    assert "Nowhere" in told["message"]
    assert "Correct the Provider's spec.openstack" in told["message"]


def test_a_nova_below_the_floor_is_told_and_left_alone_until_it_is_newer(stage: Stage) -> None:
    world, name = stage.world, "os-old"
    with older(_host(stage.cloud.user.compute.get_endpoint()), (2, 60)) as nova:
        stage.make_project(name, compute_endpoint_override=f"{nova.url}/v2.1")
        world.apply(machine("aged", name, imageRef={"name": name}))
        told = eventually(lambda: world.condition(name, "Stalled", "hpr"), 30, "told")
        assert told["reason"] == "BackendTooOld"
        assert told["message"] == (
            "Nova's newest microversion is 2.60, and the oldest that is enough is 2.72 (Stein): upgrade the cloud. "
            "Nothing is done there until then."
        )
        held = eventually(lambda: world.condition("aged", "Stalled"), 30, "told on its machine")
        assert held["reason"] == "BackendTooOld"
        assert held["message"].endswith("The platform team must act.")
        assert nova.asked == []
        nova.newest = (2, 79)  # upgraded; looked at within 15 minutes, or at once when the Provider is edited
        world.kubectl(
            "patch", "hpr", name, "--type=merge", "-p", json.dumps({"spec": {"limits": {"pollInterval": "9s"}}})
        )
        world.ready(name, 30, kind="hpr")
        assert world.status(name, "hpr")["apiVersion"] == "compute 2.79"
        world.ready("aged", 90)
        world.delete("aged", seconds=90)
        assert {version for _, _, version in nova.asked} == {(2, 79)}
