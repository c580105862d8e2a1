"""Whose machine it is: names, copies, forged ids, backups and lost Providers."""

import json
from typing import Any

import pytest
import yaml
from tests.e2e.manifests import image, simulated
from tests.e2e.world import PLURAL, World, eventually, machine

MACHINE_ID = "compute.hostwright.dev/machine-id"
FINALIZER = "compute.hostwright.dev/finalizer"


def strip_finalizer(world: World, name: str) -> None:
    """What a desperate user does to an object that will not go."""
    patch = '{"metadata":{"finalizers":null}}'
    world.kubectl("patch", PLURAL, name, "--type=merge", "-p", patch)


def id_of(world: World, name: str) -> str:
    return str(eventually(lambda: world.status(name).get("machineID"), 15))


def test_a_namesake_of_a_machine_that_is_left_is_told_and_not_made(home: World) -> None:
    home.apply(machine("own-name"))
    home.ready("own-name", 30)
    left = home.sim.machine("own-name")
    old = id_of(home, "own-name")
    home.kubectl("annotate", "hvm", "own-name", "compute.hostwright.dev/paused=surgery")
    eventually(lambda: home.condition("own-name", "Paused"), 10)
    home.kubectl("delete", "hvm", "own-name", "--wait=false")
    strip_finalizer(home, "own-name")
    home.gone("own-name")
    home.apply(machine("own-name"))
    told = eventually(lambda: home.condition("own-name", "Stalled"), 15)
    assert told["reason"] == "MachineExists"
    assert left["id"] in told["message"]
    assert "`identify`" in told["message"]
    assert [row["id"] for row in home.sim.machines("own-name")] == [left["id"]]
    body = home.get("own-name") or {}
    assert body["metadata"]["annotations"][MACHINE_ID] != old
    assert "machineID" not in body["status"], "nothing contradicts the id that it is told to take"
    # the way the message names: the old id, by somebody who may (the sandbox's admin)
    home.kubectl("delete", "hvm", "own-name", "--timeout=30s")
    assert home.sim.by_id(left["id"])["mark"] == left["mark"]  # let go without a call
    home.apply({**machine("own-name"), "metadata": {"name": "own-name", "annotations": {MACHINE_ID: old}}})
    body = home.ready("own-name", 30)
    assert {row["name"]: row["id"] for row in body["status"]["resources"]} == {"server": left["id"]}
    assert [row["id"] for row in home.sim.machines("own-name")] == [left["id"]]
    home.delete("own-name")
    assert home.sim.machines("own-name") == []


def test_the_other_way_out_is_to_remove_the_machine(home: World) -> None:
    home.apply(machine("own-mended"))
    home.ready("own-mended", 30)
    left = home.sim.machine("own-mended")["id"]
    home.kubectl("annotate", "hvm", "own-mended", "compute.hostwright.dev/paused=surgery")
    eventually(lambda: home.condition("own-mended", "Paused"), 10)
    home.kubectl("delete", "hvm", "own-mended", "--wait=false")
    strip_finalizer(home, "own-mended")
    home.gone("own-mended")
    home.apply(machine("own-mended"))
    eventually(lambda: home.condition("own-mended", "Stalled").get("reason") == "MachineExists", 15)
    home.sim.lose(left)
    eventually(lambda: home.nudged("hvm", "own-mended") and not home.condition("own-mended", "Stalled"), 20)
    home.ready("own-mended", 30)
    assert home.sim.machine("own-mended")["id"] != left
    home.delete("own-mended")


def test_a_forged_machine_id_is_refused_with_a_sentence(home: World) -> None:
    home.apply(machine("own-victim"))
    home.ready("own-victim", 30)
    victim = id_of(home, "own-victim")
    home.kubectl("create", "serviceaccount", "mallory")
    home.kubectl(
        "create", "rolebinding", "mallory", "--clusterrole=hostwright-edit", "--serviceaccount=default:mallory"
    )
    thief = {**machine("own-thief"), "metadata": {"name": "own-thief", "annotations": {MACHINE_ID: victim}}}
    as_mallory = "--as=system:serviceaccount:default:mallory"
    said = home.kubectl("apply", as_mallory, "-f", "-", stdin=yaml.safe_dump(thief), fails=True)
    assert "only the operator sets it" in said
    home.kubectl("apply", as_mallory, "-f", "-", stdin=yaml.safe_dump(machine("own-thief")))
    home.ready("own-thief", 30)
    said = home.kubectl("annotate", as_mallory, "--overwrite", "hvm", "own-thief", f"{MACHINE_ID}={victim}", fails=True)
    assert "only the operator sets it" in said
    # removing it is allowed, and it comes back
    home.kubectl("annotate", as_mallory, "hvm", "own-thief", f"{MACHINE_ID}-")
    mine = id_of(home, "own-thief")
    eventually(lambda: (home.get("own-thief") or {})["metadata"]["annotations"].get(MACHINE_ID) == mine, 15)
    home.delete("own-victim", "own-thief")
    assert home.sim.machines("own-victim") == home.sim.machines("own-thief") == []


def test_a_forged_id_by_one_who_may_makes_no_call_and_takes_nothing_along(home: World) -> None:
    home.apply(machine("own-first"))
    home.ready("own-first", 30)
    before = home.sim.machine("own-first")
    annotations = {MACHINE_ID: id_of(home, "own-first")}
    home.apply({**machine("own-copy"), "metadata": {"name": "own-copy", "annotations": annotations}})
    told = eventually(lambda: home.condition("own-copy", "Stalled"), 15)
    assert told["reason"] == "OwnershipConflict"
    assert "VirtualMachine/default/own-first has the same machine id" in told["message"]
    assert home.condition("own-first", "Ready")["status"] == "True"
    home.delete("own-copy")
    assert home.sim.by_id(before["id"]) == before
    # an id that differs from the status is told on the object itself
    home.kubectl("annotate", "--overwrite", "hvm", "own-first", f"{MACHINE_ID}=forged")
    eventually(lambda: home.condition("own-first", "Stalled").get("reason") == "OwnershipConflict", 15)
    home.kubectl("annotate", "hvm", "own-first", f"{MACHINE_ID}-")  # as the message says
    home.ready("own-first", 30)
    assert home.sim.by_id(before["id"]) == before
    home.delete("own-first")


def test_the_same_manifest_in_another_namespace_makes_its_own_machine(home: World) -> None:
    home.kubectl("create", "namespace", "own-other")
    home.apply(machine("own-shared"))
    home.ready("own-shared", 30)
    exported = json.loads(home.kubectl("get", "hvm", "own-shared", "-o", "json"))
    exported["metadata"] = {
        "name": "own-shared",
        "namespace": "own-other",
    }  # as `kubectl get -o yaml`, edited, is applied
    home.kubectl("apply", "-f", "-", stdin=json.dumps(exported))
    home.kubectl("wait", "-n", "own-other", "--for=condition=Ready", "hvm/own-shared", "--timeout=30s")
    here, there = home.sim.machine("own-shared"), home.sim.machine("own-shared", "own-other")
    assert here["id"] != there["id"]
    assert here["mark"] != there["mark"]
    home.kubectl("delete", "namespace", "own-other", "--wait=false")
    eventually(lambda: home.sim.machines("own-shared", "own-other") == [], 40, "the namespace takes its machine along")
    assert home.sim.by_id(here["id"]) == here
    home.delete("own-shared")


def test_a_backup_restored_over_a_live_machine_finds_it_again(home: World) -> None:
    """Spec and metadata come back, the status does not: a look comes before anything else."""
    home.apply(machine("own-backup", tags={"team": "a"}, restartedAt="once"))
    home.ready("own-backup", 30)
    before = home.sim.machine("own-backup")
    saved = home.get("own-backup")
    assert saved is not None
    kept = {key: saved["metadata"][key] for key in ("name", "namespace", "annotations", "finalizers")}
    backup = {**saved, "metadata": kept, "status": {}}
    home.kubectl("annotate", "hvm", "own-backup", "compute.hostwright.dev/paused=restore")
    eventually(lambda: home.condition("own-backup", "Paused"), 10)
    home.kubectl("delete", "hvm", "own-backup", "--wait=false")
    strip_finalizer(home, "own-backup")
    home.gone("own-backup")
    home.kubectl("create", "-f", "-", stdin=json.dumps(backup))
    body = home.ready("own-backup", 30)
    assert body["metadata"]["uid"] != saved["metadata"]["uid"]
    assert body["status"]["machineID"] == saved["metadata"]["uid"]
    assert {row["id"] for row in body["status"]["resources"]} == {before["id"]}
    assert home.sim.machines("own-backup") == [before]  # nothing was done to it: no restart, no second machine
    home.delete("own-backup")
    assert home.sim.machines("own-backup") == []


def test_a_replaced_object_keeps_its_machine(home: World) -> None:
    home.apply(machine("own-replaced"))
    home.ready("own-replaced", 30)
    before = home.sim.machine("own-replaced")
    home.kubectl("replace", "-f", "-", stdin=json.dumps(machine("own-replaced", tags={"team": "a"})))
    body = eventually(lambda: _whole(home.get("own-replaced")), 15, "finalizer and machine id are put back")
    assert body["metadata"]["annotations"][MACHINE_ID] == body["status"]["machineID"]
    eventually(lambda: home.sim.machine("own-replaced")["tags"] == {"team": "a"}, 15)
    assert home.sim.machine("own-replaced")["id"] == before["id"]
    home.delete("own-replaced")


def _whole(body: dict[str, Any] | None) -> dict[str, Any] | None:
    metadata = (body or {}).get("metadata") or {}
    whole = FINALIZER in (metadata.get("finalizers") or ()) and MACHINE_ID in (metadata.get("annotations") or {})
    return body if whole else None


@pytest.mark.parametrize("when", ["before", "after"])
def test_retain_lets_go_of_a_machine_whose_provider_is_gone(home: World, when: str) -> None:
    """Set before the deletion, or on the terminating object: no Provider is needed for it."""
    name, provider = f"own-lost-{when}", f"own-sim-{when}"
    home.apply(
        simulated(provider, home.sim.endpoint),
        image(provider, provider),
        machine(name, provider, imageRef={"name": provider}),
    )
    home.ready(name, 30)
    left = home.sim.machine(name)
    home.kubectl("delete", "hpr", provider, "--wait=false")
    home.kubectl("patch", "hpr", provider, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    eventually(lambda: home.condition(name, "Stalled").get("reason") == "ProviderNotFound", 15, "told while it lives")
    if when == "before":
        home.patch(name, {"deletionPolicy": "Retain"})
    home.kubectl("delete", "hvm", name, "--wait=false")
    if when == "after":
        eventually(lambda: home.condition(name, "Deleting").get("reason") == "ProviderDeleted", 15)
        assert "spec.deletionPolicy: Retain" in home.condition(name, "Deleting")["message"]
        home.patch(name, {"deletionPolicy": "Retain"})
    home.gone(name, 20)
    (event,) = home.events(name, "Released")
    assert f"server={left['id']}" in event["message"]
    assert home.sim.by_id(left["id"])["mark"] == left["mark"]  # nobody could be asked
    home.kubectl("delete", "hmi", provider)
    home.sim.lose(left["id"])
