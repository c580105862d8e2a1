"""A machine's life, as a user with kubectl sees it, on each site."""

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.world import Running, World, eventually, machine


@pytest.fixture(scope="module")
def operator(world: World) -> Iterator[Running]:
    with world.operator() as running:
        running.leading()
        for name in ("sim", "os-lab"):  # connected and read once: what a start alone writes is not a machine's life
            if world.get(name, "hpr") is not None:
                world.apply(machine(f"warm-{name}", name))
                world.ready(f"warm-{name}", 60)
                world.kubectl("delete", "hvm", f"warm-{name}", "--timeout=60s")
        yield running


def test_apply_makes_a_machine_and_delete_removes_it(world: World, operator: Running, provider: str) -> None:
    name = f"life-{provider}"
    world.apply(machine(name, provider, tags={"team": "a"}))
    world.kubectl("wait", "--for=condition=Ready", f"hvm/{name}", "--timeout=40s")
    body = world.ready(name)
    status = body["status"]
    assert status["phase"] == "Running"
    assert status["powerState"] == "PoweredOn"
    assert status["addresses"][0]["type"] == "InternalIP"
    assert {"server"} <= {row["name"] for row in status["resources"]}
    assert "operation" not in status
    writes = world.writes(name)
    print(f"\nbar: object writes to Ready on {provider}: {len(writes)} {writes}")
    assert len(writes) <= (5 if provider == "os-lab" else 4)
    world.kubectl("delete", "hvm", name, "--wait", "--timeout=60s")
    assert world.get(name) is None


def test_power_and_restart_and_tags_follow_the_spec(world: World, operator: Running, provider: str) -> None:
    name = f"power-{provider}"
    world.apply(machine(name, provider, tags={"team": "a", "old": "x"}))
    world.ready(name, 60)
    world.patch(name, {"powerState": "PoweredOff"})
    assert world.ready(name)["status"]["powerState"] == "PoweredOff"
    world.patch(name, {"powerState": "PoweredOn"})
    assert world.ready(name)["status"]["phase"] == "Running"
    world.patch(name, {"restartedAt": "once", "tags": {"old": None, "new": "y"}})
    body = world.ready(name)
    assert body["status"]["handled"]["restartedAt"] == "once"
    assert body["status"]["resolved"]["tags"] == {"team": "a", "new": "y"}
    restarts = [row for row in _events(world, name) if row["reason"] == "Restarted"]
    assert len(restarts) == 1
    world.kubectl("delete", "hvm", name, "--timeout=60s")


def test_a_heavier_change_waits_and_says_so(world: World, operator: Running, provider: str) -> None:
    name = f"pending-{provider}"
    world.apply(machine(name, provider))
    world.ready(name, 60)
    world.patch(name, {"classRef": {"name": "medium"}})
    status = eventually(lambda: ((world.get(name) or {}).get("status") or {}).get("pendingChanges"), 20)
    assert [(row["path"], row["from"], row["to"], row["waitingFor"]) for row in status] == [
        ("/classRef", "small", "medium", "MaxDisruption")
    ]
    assert world.condition(name, "Ready")["reason"] == "ChangesPending"
    assert world.condition(name, "UpToDate")["status"] == "False"
    world.kubectl("delete", "hvm", name, "--timeout=60s")


def test_what_is_missing_is_told_and_mended_without_a_restart(world: World, operator: Running) -> None:
    world.apply(machine("lacking", classRef={"name": "huge"}))
    stalled = eventually(lambda: world.condition("lacking", "Stalled"), 15)
    assert stalled["reason"] == "ClassNotFound"
    assert "huge" in stalled["message"]
    assert "You must act" in stalled["message"]
    assert not (world.get("lacking") or {})["status"].get("resources")
    huge = {
        "apiVersion": "compute.hostwright.dev/v1alpha1",
        "kind": "MachineClass",
        "metadata": {"name": "huge"},
        "spec": {"cpu": 8, "memory": "4Gi"},
    }
    world.apply(huge)
    world.ready("lacking", 60)
    world.kubectl("delete", "hvm", "lacking", "--timeout=60s")
    world.kubectl("delete", "hmc", "huge", "--timeout=60s")


def test_paused_holds_everything_deletion_included(world: World, operator: Running) -> None:
    world.apply(machine("held"))
    world.ready("held", 60)
    world.kubectl("annotate", "hvm", "held", "compute.hostwright.dev/paused=CHG-1")
    eventually(lambda: world.condition("held", "Paused"), 10)
    world.patch("held", {"powerState": "PoweredOff"})
    world.kubectl("delete", "hvm", "held", "--wait=false")
    told = eventually(lambda: world.condition("held", "Deleting"), 10)
    assert "CHG-1" in told["message"]
    assert (world.get("held") or {})["status"]["powerState"] == "PoweredOn"
    world.kubectl("annotate", "hvm", "held", "compute.hostwright.dev/paused-")
    world.gone("held")


def test_retain_lets_the_machine_go(world: World, operator: Running) -> None:
    world.apply(machine("kept", deletionPolicy="Retain"))
    body = world.ready("kept", 60)
    server = next(row["id"] for row in body["status"]["resources"] if row["name"] == "server")
    world.kubectl("delete", "hvm", "kept", "--timeout=60s")
    left = {row["id"]: row for row in _sim_machines(world)}
    assert left[server]["mark"] == ""


def test_a_settled_fleet_writes_nothing(world: World, operator: Running) -> None:
    names = [f"settled-{number}" for number in range(5)]
    world.apply(*(machine(name) for name in names))
    for name in names:
        world.ready(name, 60)
    before = {name: world.get(name)["metadata"]["resourceVersion"] for name in names}  # type: ignore[index]
    events = len(_events(world, ""))
    until = time.monotonic() + 20
    eventually(lambda: time.monotonic() > until, 40)
    assert {name: world.get(name)["metadata"]["resourceVersion"] for name in names} == before  # type: ignore[index]
    assert len(_events(world, "")) == events
    world.kubectl("delete", "hvm", *names, "--timeout=60s")


def test_probes_answer_and_sigterm_ends_it_in_time(world: World) -> None:
    with world.operator("--identity", "second") as second:
        url = second.http()
        eventually(lambda: _status(f"{url}/readyz") == 200, 20)
        assert _status(f"{url}/healthz") == 200
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            assert b"hostwright_queue_depth" in answer.read()
        second.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert second.process.wait(25) == 0
        print(f"\nbar: SIGTERM to exit: {time.monotonic() - began:.1f} s (limit 25)")


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _events(world: World, name: str) -> list[dict[str, Any]]:
    selector = ["--field-selector", f"involvedObject.name={name}"] if name else []
    rows: list[dict[str, Any]] = json.loads(world.kubectl("get", "events", "-o", "json", *selector))["items"]
    return rows


def _sim_machines(world: World) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{world.box.sites['simulated']['endpoint']}/v1/machines") as answer:
        rows: list[dict[str, Any]] = json.loads(answer.read())["machines"]
        return rows
