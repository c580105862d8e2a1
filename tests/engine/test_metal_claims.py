"""Claims and servers through the whole engine: what the BMC was asked, and what both objects say."""

from typing import Any

import pytest
from tests.engine.room import SERVER, Room
from tests.engine.virtual import run

from hostwright.engine.ports import Key
from hostwright.engine.queue import Priority
from hostwright.kinds.physicalmachine.port import Power, Reset

WEB, DB = Key("PhysicalMachineClaim", "team-a", "web"), Key("PhysicalMachineClaim", "team-b", "db")
POLICY = {"claimPolicy": {"namespaces": ["team-a", "team-b"]}}


def ready(room: Room, claim: Key) -> bool:
    body = room.api.objects.get(claim)
    status = room.api.status(claim)
    fresh = body is not None and status.get("observedGeneration") == body["metadata"]["generation"]
    return fresh and room.api.condition(claim, "Ready").get("status") == "True"


def said(room: Room, claim: Key, kind: str = "Ready") -> dict[str, Any]:
    return dict(room.api.condition(claim, kind))


async def bound(**bmc: Any) -> Room:
    """A free server, and a claim that has it and runs."""
    room = Room(**bmc)
    room.begin()
    room.apply(**POLICY)
    await room.reach(room.ready, "free")
    room.api.apply(WEB, {"powerState": "PoweredOn"})
    await room.reach(lambda: ready(room, WEB), "bound and running")
    return room


def test_a_server_goes_from_one_claim_to_the_next_and_is_off_between() -> None:
    async def life() -> None:
        room = await bound()
        assert room.bmc.resets == [Reset.ON]
        assert room.api.status(WEB)["hardware"] == {"manufacturer": "Acme", "model": "R1", "cpu": 32, "memory": "256Gi"}
        room.api.apply(DB, {"powerState": "PoweredOn"})
        await room.reach(lambda: said(room, DB).get("reason") == "NoMachineAvailable", "told")
        room.api.delete(WEB)
        await room.reach(lambda: WEB not in room.api.objects, "released")
        await room.reach(lambda: ready(room, DB), "the next has it")
        assert room.bmc.resets == [Reset.ON, Reset.SOFT_OFF, Reset.ON]
        assert said(room, DB, "Bound")["status"] == "True"
        room.end()

    run(life())


def test_a_claims_power_and_restart_are_carried_out_and_told() -> None:
    async def life() -> None:
        room = await bound()
        room.api.apply(WEB, {"powerState": "PoweredOn", "restartedAt": "1"})
        await room.reach(lambda: room.handled("claim.restartedAt") == "1" and ready(room, WEB), "restarted")
        assert room.bmc.resets == [Reset.ON, Reset.SOFT_OFF, Reset.ON]
        room.api.apply(WEB, {"powerState": "PoweredOff", "restartedAt": "1"})
        await room.reach(lambda: room.bmc.power is Power.OFF and ready(room, WEB), "off")
        assert said(room, WEB, "Available")["status"] == "False"
        room.end()

    run(life())


def test_a_bmc_that_falls_silent_makes_the_claim_unknown_and_its_deletion_quick() -> None:
    async def life() -> None:
        room = await bound()
        room.bmc.down = True
        await room.reach(lambda: said(room, WEB)["status"] == "Unknown", "unknown")
        assert room.api.status(WEB)["phase"] == "Unknown"
        room.api.delete(WEB)
        await room.reach(lambda: WEB not in room.api.objects, "gone", 5)
        await room.seconds(300)
        assert "claimRef" in room.spec
        assert room.bmc.power is Power.ON
        room.bmc.down = False
        await room.reach(lambda: "claimRef" not in room.spec and room.ready(), "seen off and free")
        assert room.bmc.power is Power.OFF
        room.end()

    run(life())


def test_a_server_is_not_powered_off_for_a_claim_that_only_the_store_lacks() -> None:
    async def life() -> None:
        room = await bound()
        engine = room.processes[0].engine
        engine.store.drop(WEB)
        engine.queue.add(SERVER, Priority.TRANSITION)
        await room.seconds(60)
        assert room.bmc.resets == [Reset.ON]
        assert "claimRef" in room.spec
        room.end()

    run(life())


@pytest.mark.parametrize("with_status", [True, False])
def test_a_claim_restored_with_its_status_keeps_its_server_running(with_status: bool) -> None:
    """Its uid is another one; without its status it is another claim, and the server is released first."""

    async def life() -> None:
        room = await bound()
        room.die()
        claim = room.api.objects.pop(WEB)
        room.api.apply(WEB, claim["spec"])
        if with_status:
            metadata = {"resourceVersion": room.api.objects[WEB]["metadata"]["resourceVersion"]}
            room.api.patch_status(WEB, {"metadata": metadata, "status": claim["status"]})
        room.begin()
        uid = room.api.objects[WEB]["metadata"]["uid"]
        await room.reach(lambda: room.spec.get("claimRef", {}).get("uid") == uid and ready(room, WEB), "bound again")
        assert room.bmc.resets == ([Reset.ON] if with_status else [Reset.ON, Reset.SOFT_OFF, Reset.ON])
        room.end()

    run(life())


def test_maintenance_holds_the_release_and_a_claim_says_so() -> None:
    async def life() -> None:
        room = await bound()
        room.api.apply(SERVER, {**room.spec, "maintenance": {"enabled": True, "reason": "new fan"}})
        await room.reach(lambda: said(room, WEB)["reason"] == "Maintenance", "told")
        room.api.delete(WEB)
        await room.seconds(200)
        assert room.bmc.resets == [Reset.ON]
        assert "in maintenance (new fan)" in said(room, WEB, "Deleting")["message"]
        room.api.apply(SERVER, {**room.spec, "maintenance": {"enabled": False}})
        await room.reach(lambda: WEB not in room.api.objects and room.bmc.power is Power.OFF, "released")
        room.end()

    run(life())


def test_a_claim_whose_namespace_may_no_more_is_held_and_told() -> None:
    async def life() -> None:
        room = await bound()
        room.api.apply(SERVER, {**room.spec, "claimPolicy": {"namespaces": ["team-b"]}})
        await room.reach(lambda: said(room, WEB)["reason"] == "Held", "held")
        assert said(room, WEB, "Stalled")["status"] == "True"
        await room.seconds(100)
        assert room.bmc.resets == [Reset.ON]
        room.api.apply(SERVER, {**room.spec, **POLICY})
        await room.reach(lambda: ready(room, WEB), "again")
        room.end()

    run(life())


def test_both_objects_say_nothing_new_once_all_is_settled_over_a_restart_too() -> None:
    async def life() -> None:
        room = await bound()
        await room.seconds(120)
        before = room.api.version
        await room.seconds(600)
        room.die()
        room.begin()
        await room.seconds(600)
        assert room.api.version == before
        room.end()

    run(life())
