"""Disks of a machine on real Cinder and Nova: their life, and kill -9 after every kind of call on them."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.killed import FLAGS, Call, killed_when
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

DATA = {"name": "data", "size": "20Gi"}
KEPT = {"name": "kept", "size": "1Gi", "retention": {"whenDeleted": "Retain"}}


def disks(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"dataDisks": list(rows), **more}


@pytest.fixture
def theirs(cloud: Cloud) -> Iterator[Any]:
    """A volume that somebody else made."""
    volume = cloud.user.block_storage.create_volume(size=3, name="theirs", metadata={"mine": "yes"})
    yield volume
    eventually(lambda: cloud.user.block_storage.get_volume(volume.id).status == "available", 30, "free again")
    cloud.user.block_storage.delete_volume(volume.id)


def noted(world: World, name: str) -> dict[str, tuple[str, bool]]:
    return {row["name"]: (row["size"], row["attached"]) for row in world.status(name).get("disks") or []}


def bare(volume: Any) -> bool:
    return not [key for key in volume.metadata if key.startswith("hostwright.")]


def test_disks_are_made_attached_grown_detached_put_back_and_go_as_written(
    home: World, cloud: Cloud, theirs: Any
) -> None:
    home.apply(machine("disks", "os-lab", **disks(DATA, rootDisk={"size": "10Gi"}, failureDomain="az1")))
    assert home.ready("disks", 90)["status"]["failureDomain"] == "az1"
    (server,) = cloud.servers("disks")
    made = cloud.volumes("disks")
    assert {name: (row.size, row.status) for name, row in made.items()} == {
        "root": (10, "in-use"),
        "data": (20, "in-use"),
    }
    assert made["root"].is_bootable
    assert home.condition("disks", "DisksReady")["status"] == "True"
    assert home.status("disks")["resolved"]["image"]["name"] == "tiny"
    own = {"name": "own", "source": {"existing": {"id": theirs.id}}}
    going = {"name": "temp", "size": "1Gi", "retention": {"whenDetached": "Delete"}}
    home.patch("disks", disks({**DATA, "size": "25Gi"}, own, going, KEPT, rootDisk={"size": "12Gi"}))
    home.ready("disks", 90)
    assert noted(home, "disks") == {
        "root": ("12Gi", True),
        "data": ("25Gi", True),
        "own": ("3Gi", True),
        "temp": ("1Gi", True),
        "kept": ("1Gi", True),
    }
    home.patch("disks", disks(KEPT))
    home.ready("disks", 90)
    eventually(lambda: "temp" not in cloud.volumes("disks"), 30, "temp is deleted")
    eventually(lambda: set(noted(home, "disks")) == {"root", "data", "kept"}, 30)
    assert noted(home, "disks")["data"] == ("25Gi", False), "kept, as is the default, and its name brings it back"
    assert cloud.user.block_storage.get_volume(theirs.id).metadata == {"mine": "yes"}
    home.patch("disks", disks({**DATA, "size": "26Gi"}, KEPT))
    home.ready("disks", 60)
    assert cloud.volumes("disks")["data"].id == made["data"].id
    assert noted(home, "disks")["data"] == ("26Gi", True)
    assert [row.id for row in cloud.servers("disks")] == [server.id], "all of it live"
    home.delete("disks", seconds=90)
    (left,) = cloud.volumes("disks").items()
    assert left[0] == "kept"
    assert bare(left[1])
    cloud.user.block_storage.delete_volume(left[1].id)


def test_what_cannot_be_done_to_a_disk_is_told(home: World, cloud: Cloud) -> None:
    unknown = {"name": "own", "source": {"existing": {"id": "9b8a7c6d-0000-4000-8000-000000000000"}}}
    home.apply(machine("no-disk", "os-lab", **disks(DATA)), machine("no-volume", "os-lab", **disks(unknown, DATA)))
    home.apply(machine("no-class", "os-lab", **disks({**DATA, "storageClass": "gold"})))
    home.apply(machine("no-cinder", **disks(DATA)))
    home.ready("no-disk", 90)
    home.patch("no-disk", disks())
    home.ready("no-disk", 60)
    home.patch("no-disk", disks({**DATA, "size": "10Gi"}))
    for name, reason, said in (
        ("no-disk", "InvalidConfiguration", "was kept with 20Gi and does not shrink to 10Gi"),
        ("no-volume", "VolumeNotFound", "has no volume"),
        ("no-class", "StorageClassNotFound", "'gold' is not in the Provider's catalog"),
        ("no-cinder", "InvalidConfiguration", "not to be had on a simulated site"),
    ):
        stalled = eventually(lambda name=name: home.condition(name, "Stalled"), 90, name)
        assert stalled["reason"] == reason
        assert said in stalled["message"]
    eventually(
        lambda: noted(home, "no-volume").get("data") == ("20Gi", True), 60, "the other disk is there all the same"
    )
    home.delete("no-disk", "no-volume", "no-class", "no-cinder", seconds=90)
    assert cloud.volumes("no-disk") == cloud.volumes("no-volume") == {}


def test_a_disk_that_somebody_deleted_is_told_and_not_replaced_by_an_empty_one(home: World, cloud: Cloud) -> None:
    home.apply(machine("robbed", "os-lab", **disks(DATA)))
    home.ready("robbed", 90)
    (server,) = cloud.servers("robbed")
    volume = cloud.volumes("robbed")["data"]
    home.kubectl("annotate", "hvm", "robbed", "compute.hostwright.dev/paused=robbery")
    cloud.user.compute.delete(f"/servers/{server.id}/os-volume_attachments/{volume.id}")
    eventually(lambda: cloud.user.block_storage.get_volume(volume.id).status == "available", 30)
    cloud.user.block_storage.delete_volume(volume.id)
    eventually(lambda: not cloud.volumes("robbed"), 30)
    home.kubectl("annotate", "hvm", "robbed", "compute.hostwright.dev/paused-")
    stalled = eventually(lambda: home.condition("robbed", "Stalled"), 150)
    assert stalled["reason"] == "DiskDeletedExternally"
    assert cloud.volumes("robbed") == {}
    home.patch("robbed", disks())
    home.ready("robbed", 60)
    home.patch("robbed", disks(DATA))
    home.ready("robbed", 60)
    assert cloud.volumes("robbed")["data"].id != volume.id
    home.delete("robbed", seconds=90)


#: machine → the call after which the operator is killed, and the disks that bring it about.
CREATE = Call("POST", "/volumes$", "default-NAME-[0-9a-f]{5}-data")
CHANGES: dict[str, tuple[Call, dict[str, Any]]] = {
    "kill-add": (CREATE, disks({"name": "old", "size": "1Gi"}, DATA)),
    "kill-attach": (
        Call("POST", "/servers/{server}/os-volume_attachments"),
        disks({"name": "old", "size": "1Gi"}, DATA),
    ),
    "kill-grow": (Call("POST", "/volumes/{volume}/action", "os-extend"), disks({"name": "old", "size": "2Gi"})),
    "kill-detach": (Call("DELETE", "/servers/{server}/os-volume_attachments/{volume}"), disks()),
}
#: What becomes of the disk `old` when the machine goes, and the call.
LEAVES = {
    "kill-add": Call("DELETE", "/volumes/{volume}$"),
    "kill-grow": Call("DELETE", "/volumes/{volume}/metadata/hostwright.mark"),
    "kill-attach": Call("DELETE", "/volumes/{volume}/metadata/hostwright.disk"),
}


def test_killed_after_each_call_on_a_disk_there_is_one_of_each_then_none(world: World, cloud: Cloud) -> None:
    old = {"name": "old", "size": "1Gi"}
    first = {"kill-volume": disks(DATA), **{name: disks(old) for name in CHANGES}}
    with world.operator(*FLAGS) as operator:
        operator.leading()
        rules = [cloud.faults.add_first(CREATE.rule(name="kill-volume"))]
        world.apply(*(machine(name, "os-lab", **spec) for name, spec in first.items()))
        killed_when(operator, cloud, rules)
    with world.operator(*FLAGS) as operator:
        operator.leading()
        for name in first:
            world.ready(name, 150)
        assert set(cloud.volumes("kill-volume")) == {"data"}
        rules = [_rule(cloud, name, call) for name, (call, _) in CHANGES.items()]
        for name, (_, change) in CHANGES.items():
            world.patch(name, change)
        killed_when(operator, cloud, rules)
    with world.operator(*FLAGS) as operator:
        operator.leading()
        for name in CHANGES:
            world.ready(name, 90)
        assert noted(world, "kill-add") == noted(world, "kill-attach") == {"old": ("1Gi", True), "data": ("20Gi", True)}
        assert noted(world, "kill-grow") == {"old": ("2Gi", True)}
        assert noted(world, "kill-detach") == {"old": ("1Gi", False)}
        for name in CHANGES:
            assert len(cloud.servers(name)) == 1
            assert set(cloud.volumes(name)) == set(noted(world, name))
        for name in ("kill-grow", "kill-attach"):
            world.patch(
                name, {"dataDisks": [{**row, "retention": {"whenDeleted": "Retain"}} for row in _written(world, name)]}
            )
            world.ready(name, 60)
        rules = [_rule(cloud, name, call) for name, call in LEAVES.items()]
        world.kubectl("delete", "hvm", *first, "--wait=false")
        killed_when(operator, cloud, rules)
    with world.operator(*FLAGS) as operator:
        operator.leading()
        for name in first:
            world.gone(name, 90)
    left = {name: cloud.volumes(name) for name in first}
    assert {name: set(rows) for name, rows in left.items()} == {
        "kill-volume": set(),
        "kill-add": set(),
        "kill-detach": {"old"},
        "kill-grow": {"old"},
        "kill-attach": {"old", "data"},
    }
    for name, rows in left.items():
        assert cloud.servers(name) == []
        assert cloud.ports(name) == []
        assert all(bare(row) for row in rows.values()), name
        for row in rows.values():
            cloud.user.block_storage.delete_volume(row.id)
    print(f"\nbar: kill -9 after {1 + len(CHANGES) + len(LEAVES)} calls on disks: one of each, then none but the kept")


def _rule(cloud: Cloud, name: str, call: Call) -> str:
    (server,) = cloud.servers(name)
    return cloud.faults.add_first(call.rule(name=name, server=server.id, volume=cloud.volumes(name)["old"].id))


def _written(world: World, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (world.get(name) or {})["spec"]["dataDisks"]
    return rows
