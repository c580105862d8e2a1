"""A pool of physical servers: claimed, scaled, switched off, and told of when one is unreachable."""

import json

from tests.e2e.world import World, claims_pool, eventually
from tests.e2e_redfish.conftest import BMCS, number

from hostwright.sandbox.redfish.lab import Bmcs


def machines(world: World) -> list[str]:
    """The servers of the pool's claims, in the claims' order."""
    rows = json.loads(world.kubectl("get", "hpc", "-l", "pool=racked", "-o", "json"))["items"]
    return [str(row["status"]["machineRef"]["name"]) for row in rows if "machineRef" in (row.get("status") or {})]


def test_five_of_twenty_servers_are_claimed_and_one_that_is_unreachable_is_told(home: World, bmcs: Bmcs) -> None:
    home.apply(claims_pool("racked", 5, {"minimum": {"cpu": 16}}))
    home.ready("racked", 90, "hmp")
    had = machines(home)
    assert len({*had}) == len(had) == 5
    assert sorted(each["number"] for each in bmcs.all() if each["power"] == "On") == sorted(map(number, had))
    refs = home.kubectl("get", "hpc", "racked-0", "-o", "jsonpath={.metadata.ownerReferences[*].kind}")
    assert refs == "MachinePool"
    head, row = home.kubectl("get", "hmp", "racked").splitlines()
    assert row.split()[:7] == ["racked", "5", "5", "5", "5", "5", "True"], head

    bmcs.set(number(had[0]), line="Dead")
    told = eventually(lambda: _told(home), 240, "the pool tells of the member that nobody can judge")
    assert "racked-0" in told
    assert machines(home) == had, "an outage replaces nothing"
    bmcs.heal(number(had[0]))
    home.ready("racked", 90, "hmp")
    assert machines(home) == had

    home.kubectl("patch", "hmp", "racked", "--type=merge", "-p", json.dumps(_off()))
    home.ready("racked", 90, "hmp")
    assert {each["power"] for each in bmcs.all()} == {"Off"}
    assert machines(home) == had, "a wish for their power is brought to the members"

    home.kubectl("scale", "hmp/racked", "--replicas=2")
    home.ready("racked", 90, "hmp")
    assert len(machines(home)) == 2
    home.kubectl("delete", "hmp", "racked", "--timeout=60s")
    eventually(lambda: not machines(home), 60, "the claims are gone")
    home.kubectl("wait", "hpm", "--all", "--for=jsonpath={.status.phase}=Free", "--timeout=60s")


def test_a_pool_of_more_than_there_is_says_so_and_keeps_what_it_has(home: World) -> None:
    home.apply(claims_pool("racked", BMCS + 2, {}))
    eventually(lambda: len(machines(home)) == BMCS, 90, "every server there is")
    words = f"0 of {BMCS} PhysicalMachines can be taken"
    eventually(lambda: words in _told(home), 90, "the pool tells what the next member waits for")
    home.kubectl("scale", "hmp/racked", f"--replicas={BMCS}")
    home.ready("racked", 90, "hmp")
    assert len(machines(home)) == BMCS
    home.kubectl("delete", "hmp", "racked", "--timeout=90s")
    eventually(lambda: not machines(home), 90, "the claims are gone")


def _told(world: World) -> str:
    """What the pool's Ready says while it is not True."""
    ready = world.condition("racked", "Ready", "hmp")
    return str(ready["message"]) if ready.get("status") != "True" and "racked-" in ready.get("message", "") else ""


def _off() -> dict[str, object]:
    return {"spec": {"template": {"physicalMachine": {"powerState": "PoweredOff"}}}}
