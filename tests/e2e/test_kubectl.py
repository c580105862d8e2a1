"""kubectl as a user types it: what they know from Deployments works here too."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.world import World, eventually, machine

NAME = "cli-web"


@pytest.fixture(scope="module")
def typed(world: World) -> Iterator[World]:
    """A machine that is up."""
    world.at_home()
    world.apply(machine(NAME, tags={"team": "a"}))
    world.ready(NAME, 30)
    yield world
    if world.get(NAME):
        world.delete(NAME)


def test_explain_tells_every_field(typed: World) -> None:
    text = typed.kubectl("explain", "hvm.spec", "--recursive")
    for field in (
        "providerRef",
        "classRef",
        "interfaces",
        "networkRef",
        "userDataRef",
        "maxDisruption",
        "driftDetection",
    ):
        assert field in text
    assert "enum: Live, None" in text or "enum: None, Live" in text
    one = typed.kubectl("explain", "virtualmachine.spec.updatePolicy.maxDisruption")
    assert "Heavier changes wait in status.pendingChanges" in " ".join(one.split())


@pytest.mark.parametrize("word", ["hvm", "virtualmachine", "virtualmachines", "virtualmachines.compute.hostwright.dev"])
def test_get_knows_every_name_of_the_kind(typed: World, word: str) -> None:
    head, row = typed.kubectl("get", word, NAME).splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "POWER", "CLASS", "IP", "PROVIDER", "UP-TO-DATE", "AGE"]
    cells = row.split()
    assert cells[:5] == [NAME, "True", "Running", "PoweredOn", "small"]
    assert cells[6:8] == ["sim", "True"]


def test_get_wide_and_the_short_names_and_the_category(typed: World) -> None:
    wide = typed.kubectl("get", "hvm", NAME, "-o", "wide")
    assert {"IMAGE", "ZONE", "EXTERNAL-IP", "PROVIDER-ID", "MESSAGE"} <= set(wide.splitlines()[0].split())
    assert "simulated://" in wide
    assert " tiny " in wide
    assert "OpenStack" in typed.kubectl("get", "hpr") or "Simulated" in typed.kubectl("get", "hpr")
    assert "512Mi" in typed.kubectl("get", "hmc", "small")
    assert "True" in typed.kubectl("get", "hmi", "tiny")
    everything = typed.kubectl("get", "hostwright", "-o", "name")
    for name in (f"virtualmachine.compute.hostwright.dev/{NAME}", "provider.compute.hostwright.dev/sim"):
        assert name in everything.split()


def test_describe_shows_conditions_and_events(typed: World) -> None:
    text = typed.kubectl("describe", "hvm", NAME)
    assert "Created" in text.rpartition("Events:")[2]
    assert "small machine" in text


def test_wait_for_what_users_wait_for(typed: World) -> None:
    typed.kubectl("wait", "--for=condition=Ready", f"hvm/{NAME}", "--timeout=10s")
    typed.kubectl("wait", "--for=condition=Reconciling=false", f"hvm/{NAME}", "--timeout=1s", fails=True)
    typed.kubectl("wait", "--for=jsonpath={.status.powerState}=PoweredOn", f"hvm/{NAME}", "--timeout=10s")
    typed.kubectl("wait", "--for=condition=Ready", "hpr/sim", "hmi/tiny", "hmc/small", "--timeout=10s")


def test_diff_says_nothing_of_what_is_applied_and_shows_what_is_not(typed: World) -> None:
    same = yaml.safe_dump(machine(NAME, tags={"team": "a"}))
    assert typed.kubectl("diff", "-f", "-", stdin=same) == ""
    other = yaml.safe_dump(machine(NAME, tags={"team": "b"}))
    shown = typed.kubectl("diff", "-f", "-", stdin=other, fails=True)  # exit code 1: it differs
    assert "+    team: b" in shown
    assert "-    team: a" in shown
    assert "machine-id" not in shown  # nothing of ours is in the way


def test_apply_twice_changes_nothing_and_a_dry_run_neither(typed: World) -> None:
    before = typed.get(NAME)
    assert "unchanged" in typed.apply(machine(NAME, tags={"team": "a"}))
    said = typed.kubectl(
        "apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(machine(NAME, classRef={"name": "large"}))
    )
    assert "Warning: " in said
    assert "waits" in said or "pendingChanges" in said
    assert typed.get(NAME) == before


def test_server_side_apply_shares_the_object(typed: World) -> None:
    body = machine("cli-shared", tags={"team": "a"})
    server_side = ("apply", "--server-side", "-f", "-")
    typed.kubectl(*server_side, "--field-manager=gitops", stdin=yaml.safe_dump(body))
    typed.ready("cli-shared", 30)
    assert typed.kubectl(
        *server_side, "--field-manager=gitops", stdin=yaml.safe_dump(body)
    )  # over our annotation: no conflict
    mine = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": body["metadata"]}
    night = {**mine, "spec": {"powerState": "PoweredOff"}}
    typed.kubectl(*server_side, "--field-manager=night-shift", stdin=yaml.safe_dump(night))
    assert typed.ready("cli-shared", 20)["status"]["powerState"] == "PoweredOff"
    conflict = {**body, "spec": {**body["spec"], "powerState": "PoweredOn"}}
    said = typed.kubectl(*server_side, "--field-manager=gitops", stdin=yaml.safe_dump(conflict), fails=True)
    assert "conflict" in said
    assert ".spec.powerState" in said
    typed.delete("cli-shared")


def edited(world: World, folder: Path, change: str) -> subprocess.CompletedProcess[str]:
    """`kubectl edit` with an editor that makes one change, and keeps what it was shown in the file `shown`."""
    editor = folder / "editor"
    editor.write_text(f'#!/bin/sh\ncat "$1" >> {folder}/shown\nexec sed -i "{change}" "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    return subprocess.run(
        [str(world.box.kubectl), "--kubeconfig", str(world.box.kubeconfig), "edit", "hvm", NAME],
        env={**os.environ, "KUBE_EDITOR": str(editor), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_edit_with_an_editor(typed: World, tmp_path: Path) -> None:
    done = edited(typed, tmp_path, "s/    team: a/    team: edited/")
    assert done.returncode == 0, done.stderr
    assert f"{NAME} edited" in done.stdout
    eventually(lambda: typed.sim.machine(NAME)["tags"] == {"team": "edited"}, 15)
    typed.apply(machine(NAME, tags={"team": "a"}))
    eventually(lambda: typed.sim.machine(NAME)["tags"] == {"team": "a"}, 15, "apply puts it back")


def test_a_bad_edit_comes_back_to_the_editor_with_a_sentence(typed: World, tmp_path: Path) -> None:
    done = edited(typed, tmp_path, "s/  powerState: PoweredOn/  powerState: Dancing/")
    assert done.returncode != 0
    shown = (tmp_path / "shown").read_text()
    assert '"Dancing": supported values: "PoweredOn", "PoweredOff", "Suspended", "Unmanaged"' in shown
    assert typed.condition(NAME, "Ready")["status"] == "True"


def test_restart_by_patch_as_rollout_restart_does(typed: World) -> None:
    """There is no rollout for machines; the idiom is a new value of restartedAt, acted on once."""
    typed.patch(NAME, {"restartedAt": "2026-08-24T10:00:00Z"})
    eventually(lambda: typed.events(NAME, "Restarted"), 20)
    body = typed.ready(NAME, 20)
    assert body["status"]["handled"]["restartedAt"] == "2026-08-24T10:00:00Z"
    typed.kubectl("rollout", "restart", f"hvm/{NAME}", fails=True)  # kubectl knows its own kinds only


def test_labels_and_foreign_annotations_are_the_users_own(typed: World) -> None:
    before = typed.get(NAME)
    assert before is not None
    row = typed.sim.machine(NAME)
    typed.kubectl("label", "hvm", NAME, "tier=web")
    typed.kubectl("annotate", "hvm", NAME, "example.com/note=hello")
    assert f"virtualmachine.compute.hostwright.dev/{NAME}" in typed.kubectl(
        "get", "hvm", "-l", "tier=web", "-o", "name"
    )
    assert typed.sim.machine(NAME) == row
    after = typed.get(NAME)
    assert after is not None
    assert after["status"] == before["status"]
    typed.kubectl("label", "hvm", NAME, "tier-")


def test_delete_waits_until_the_machine_is_gone(typed: World) -> None:
    typed.apply(machine("cli-gone"))
    typed.ready("cli-gone", 30)
    assert "deleted" in typed.kubectl("delete", "hvm", "cli-gone", "--wait", "--timeout=30s")
    assert typed.get("cli-gone") is None
    assert typed.sim.machines("cli-gone") == []
    typed.apply(machine("cli-gone-1"), machine("cli-gone-2"))
    manifests = yaml.safe_dump_all([machine("cli-gone-1"), machine("cli-gone-2")])
    typed.kubectl("delete", "-f", "-", "--timeout=60s", stdin=manifests)  # before they were up
    assert typed.sim.machines("cli-gone-1") == typed.sim.machines("cli-gone-2") == []
    assert "not found" in typed.kubectl("delete", "hvm", "cli-gone", fails=True)


def test_create_is_refused_where_it_is_there_and_generate_name_works(typed: World) -> None:
    said = typed.kubectl("create", "-f", "-", stdin=yaml.safe_dump(machine(NAME)), fails=True)
    assert "AlreadyExists" in said
    body: dict[str, Any] = {**machine(NAME), "metadata": {"generateName": "cli-many-"}}
    names = [
        json.loads(typed.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(body)))["metadata"]["name"]
        for _ in range(2)
    ]
    for name in names:
        typed.ready(name, 30)
    typed.delete(*names)
