"""Claims as a team types them, on BMCs that answer, by the operator as a process."""

import json
import select
from typing import Any

import pytest
from tests.e2e.world import World, eventually
from tests.e2e_redfish.conftest import BMCS, number

from hostwright.sandbox.redfish.lab import Bmcs


def claim(name: str, namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "compute.hostwright.dev/v1alpha1",
        "kind": "PhysicalMachineClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def bound(world: World, name: str, namespace: str = "default") -> str:
    """The server of a claim that is Ready."""
    return str(world.ready(name, 60, "hpc", namespace)["status"]["machineRef"]["name"])


def waits(world: World, name: str, namespace: str = "default") -> str:
    """What a claim without a server says."""

    def look() -> str:
        row = world.condition(name, "Ready", "hpc", namespace)
        return str(row["message"]) if row.get("reason") == "NoMachineAvailable" else ""

    return eventually(look, 30, f"{name} waits")


def server(world: World, name: str) -> dict[str, Any]:
    body = world.get(name, "hpm")
    assert body is not None
    return body


def patched(world: World, name: str, **spec: Any) -> None:
    world.kubectl("patch", "hpm", name, "--type=merge", "-p", json.dumps({"spec": spec}))


def test_from_apply_to_running_to_released(home: World, bmcs: Bmcs) -> None:
    home.apply(claim("web", minimum={"cpu": 16, "memory": "64Gi"}))
    machine = bound(home, "web")
    assert bmcs.one(number(machine))["power"] == "On"
    status = home.status("web", "hpc")
    assert (status["phase"], status["powerState"]) == ("Bound", "PoweredOn")
    assert (status["hardware"]["cpu"], status["hardware"]["memory"]) == (16, "64Gi")
    assert server(home, machine)["spec"]["claimRef"]["name"] == "web"
    head, row = home.kubectl("get", "hpc", "web").splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "MACHINE", "POWER", "AGE"]
    assert row.split()[:5] == ["web", "True", "Bound", machine, "PoweredOn"]
    refused = home.kubectl("delete", "hpm", machine, fails=True)
    assert f"PhysicalMachine default/{machine} is claimed by default/web: delete that claim first" in refused
    home.kubectl("delete", "hpc", "web", "--timeout=60s")
    assert bmcs.one(number(machine))["power"] == "Off"
    eventually(lambda: "claimRef" not in server(home, machine)["spec"], 30, "free")
    home.kubectl("wait", "hpm", machine, "--for=jsonpath={.status.phase}=Free", "--timeout=30s")


def test_more_claims_than_servers_each_server_once_and_the_others_are_told(home: World, bmcs: Bmcs) -> None:
    names = [f"c{each}" for each in range(BMCS + 3)]
    home.apply(*(claim(name) for name in names))

    def settled() -> bool:
        ready = [home.condition(name, "Ready", "hpc") for name in names]
        told = [row.get("reason") == "NoMachineAvailable" for row in ready]
        return sum(row.get("status") == "True" for row in ready) == BMCS and sum(told) == 3

    eventually(settled, 60, "as many as there are servers")
    machines = [home.status(name, "hpc").get("machineRef", {}).get("name") for name in names]
    had = sorted(each for each in machines if each)
    assert had == sorted({*had})
    assert len(had) == BMCS
    assert {each["power"] for each in bmcs.all()} == {"On"}
    winner = names[machines.index(had[0])]
    home.kubectl("delete", "hpc", winner, "--timeout=60s")
    left = [name for name in names if name != winner]
    eventually(lambda: sum("machineRef" in home.status(name, "hpc") for name in left) == BMCS, 30, "the next")


def test_why_each_server_is_not_taken_is_counted(home: World, bmcs: Bmcs) -> None:
    home.kubectl("create", "namespace", "team-b")
    patched(home, "r1-u01", maintenance={"enabled": True, "reason": "new fan"})
    bmcs.set(1, line="Dead")
    eventually(lambda: home.condition("r1-u02", "Reachable", "hpm").get("status") == "False", 60, "unreachable")
    home.apply(
        claim("huge", minimum={"cpu": 4096}),
        claim("other", "team-b"),
        claim("none", selector={"matchLabels": {"a": "b"}}),
    )
    assert waits(home, "huge").startswith(f"0 of {BMCS} PhysicalMachines can be taken: {BMCS} too small.")
    assert f"{BMCS} not for this namespace" in waits(home, "other", "team-b")
    assert f"{BMCS} not matching the selector" in waits(home, "none")
    home.apply(*(claim(f"c{each}") for each in range(BMCS - 2)))
    for each in range(BMCS - 2):
        bound(home, f"c{each}")
    home.apply(claim("late"))
    told = waits(home, "late")
    assert told.startswith(
        f"0 of {BMCS} PhysicalMachines can be taken: {BMCS - 2} claimed, 1 in maintenance, 1 unreachable."
    )
    patched(home, "r1-u01", maintenance={"enabled": False})
    assert bound(home, "late") == "r1-u01"
    home.kubectl("delete", "namespace", "team-b", "--timeout=60s")


def test_a_claim_ref_that_is_taken_off_is_put_back_and_the_server_is_left_alone(home: World, bmcs: Bmcs) -> None:
    home.apply(claim("web"))
    machine = bound(home, "web")
    ours = server(home, machine)["spec"]["claimRef"]
    bmcs.forget()
    patched(home, machine, claimRef=None)
    eventually(lambda: server(home, machine)["spec"].get("claimRef") == ours, 30, "put back")
    assert bound(home, "web") == machine
    assert bmcs.resets(number(machine)) == []


def test_power_and_restart_are_the_claims(home: World, bmcs: Bmcs) -> None:
    home.apply(claim("web", restartedAt="at birth"))
    machine = bound(home, "web")
    assert bmcs.resets(number(machine))[-1] == "On"
    bmcs.forget()
    home.apply(claim("web", restartedAt="1"))
    bound(home, "web")
    assert bmcs.resets(number(machine)) == ["GracefulShutdown", "On"]
    home.apply(claim("web", restartedAt="1", powerState="PoweredOff"))
    bound(home, "web")
    assert bmcs.one(number(machine))["power"] == "Off"
    patched(home, machine, powerState="PoweredOn")
    bmcs.switch(number(machine), "On")
    eventually(lambda: bmcs.one(number(machine))["power"] == "Off", 30, "the claim's wish rules")
    patched(home, machine, powerState="Unmanaged")


def test_while_the_bmc_is_dead_a_deleted_claim_goes_at_once_and_its_server_is_nobodys(home: World, bmcs: Bmcs) -> None:
    home.apply(claim("web"))
    machine = bound(home, "web")
    bmcs.set(number(machine), line="Dead")
    eventually(lambda: home.condition(machine, "Reachable", "hpm").get("status") == "False", 60, "unreachable")
    home.kubectl("delete", "hpc", "web", "--timeout=20s")
    others = [f"c{each}" for each in range(BMCS)]
    home.apply(*(claim(name) for name in others))
    eventually(lambda: sum("machineRef" in home.status(name, "hpc") for name in others) == BMCS - 1, 60, "the others")
    assert server(home, machine)["spec"]["claimRef"]["name"] == "web"
    assert bmcs.one(number(machine))["power"] == "On"
    bmcs.heal(number(machine))
    eventually(lambda: sum("machineRef" in home.status(name, "hpc") for name in others) == BMCS, 60, "free at last")
    assert "Off" not in {each["power"] for each in bmcs.all() if each["number"] != number(machine)}
    for name in others:
        bound(home, name)


@pytest.mark.parametrize("milliseconds", [20, 200])
def test_an_operator_killed_while_it_binds_leaves_no_server_with_two_claims(
    home: World, bmcs: Bmcs, milliseconds: int
) -> None:
    names = [f"c{each}" for each in range(BMCS)]
    with home.operator() as first:
        first.leading()
        home.apply(*(claim(name) for name in names))
        eventually(lambda: any("finalizers" in (home.get(name, "hpc") or {})["metadata"] for name in names), 10)
        select.select([], [], [], milliseconds / 1000)  # somewhere in the middle
        first.kill()
    with home.operator() as second:
        second.leading()
        machines = [bound(home, name) for name in names]
        assert sorted(machines) == sorted({*machines})
        for name, machine in zip(names, machines, strict=True):
            ref = server(home, machine)["spec"]["claimRef"]
            assert ref == {
                "namespace": "default",
                "name": name,
                "uid": (home.get(name, "hpc") or {})["metadata"]["uid"],
            }
        home.kubectl("delete", "hpc", "--all", "--timeout=60s")
        home.kubectl("wait", "hpm", "--all", "--for=jsonpath={.status.phase}=Free", "--timeout=60s")
