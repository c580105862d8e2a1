"""A PhysicalMachine's life through the engine: registered, inspected, powered, restarted, set, claimed, let go."""

from typing import Any

import pytest
from tests.engine.room import SERVER, Room
from tests.engine.virtual import run

from hostwright.engine.ports import Key
from hostwright.kinds.physicalmachine.port import Power, Reset


def test_a_server_is_registered_inspected_and_left_as_it_is() -> None:
    async def life() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply()
        await room.reach(room.ready, "Ready")
        status = room.api.status(SERVER)
        assert (status["phase"], status["powerState"]) == ("Free", "PoweredOn")
        assert (status["identity"]["uuid"], status["identity"]["model"]) == ("uuid-r1", "R1")
        assert (status["hardware"]["cpu"], status["hardware"]["memory"]) == (32, "256Gi")
        for kind in ("Reachable", "CredentialsValid", "IdentityVerified", "Inspected", "Healthy", "PowerStateSynced"):
            assert room.condition(kind) == "True", kind
        assert room.wire.names.count("power/on") == 0
        writes = len(room.api.status_writes)
        await room.seconds(600)
        assert len(room.api.status_writes) == writes  # a settled server is written about no more
        assert room.bmc.resets == []
        room.end()

    run(life())


def test_power_follows_the_wish_and_drift_is_set_right() -> None:
    async def life() -> None:
        room = Room()
        room.begin()
        room.apply(powerState="PoweredOn")
        await room.reach(room.ready, "on")
        assert room.bmc.resets == [Reset.ON]
        room.apply(powerState="PoweredOff")
        await room.reach(room.ready, "off")
        assert room.bmc.resets == [Reset.ON, Reset.SOFT_OFF]
        room.bmc.behind_our_back(Power.ON)
        await room.reach(lambda: room.bmc.power is Power.OFF and room.ready(), "off again")
        assert room.bmc.resets == [Reset.ON, Reset.SOFT_OFF, Reset.SOFT_OFF]
        assert [note.reason for note in room.api.events.values()].count("DriftDetected") == 1
        room.end()

    run(life())


def test_a_system_that_does_not_go_down_is_switched_off_after_three_minutes() -> None:
    async def life() -> None:
        room = Room(power=Power.ON, obeys=False)
        room.begin()
        room.apply(powerState="PoweredOff")
        await room.reach(lambda: room.bmc.resets == [Reset.SOFT_OFF], "asked")
        began = room.clock.monotonic()
        await room.seconds(170)
        assert room.bmc.resets == [Reset.SOFT_OFF]
        await room.reach(room.ready, "off")
        assert room.bmc.resets == [Reset.SOFT_OFF, Reset.HARD_OFF]
        assert 178 < room.clock.monotonic() - began < 200
        room.end()

    run(life())


def test_a_system_that_may_only_be_asked_is_told_of() -> None:
    async def life() -> None:
        room = Room(power=Power.ON, obeys=False)
        room.begin()
        room.apply(powerState="PoweredOff", powerOffMode="Soft")
        await room.reach(lambda: room.reason("Stalled") == "PowerOffTimedOut", "told")
        assert room.bmc.resets == [Reset.SOFT_OFF]
        room.apply(powerState="PoweredOff", powerOffMode="Hard")
        await room.reach(room.ready, "off")
        assert room.bmc.resets == [Reset.SOFT_OFF, Reset.HARD_OFF]
        room.end()

    run(life())


def test_a_restart_is_off_seen_off_and_on_once_for_each_token() -> None:
    async def life() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(restartedAt="at creation")
        await room.reach(room.ready, "Ready")
        assert room.bmc.resets == []
        room.apply(restartedAt="1")
        await room.reach(lambda: room.ready() and room.handled("restartedAt") == "1", "restarted")
        assert room.bmc.resets == [Reset.SOFT_OFF, Reset.ON]
        await room.seconds(300)
        assert room.bmc.resets == [Reset.SOFT_OFF, Reset.ON]
        assert [note.reason for note in room.api.events.values()].count("Restarted") == 1
        room.end()

    run(life())


def test_in_maintenance_no_power_action_is_made_and_the_light_still_works() -> None:
    async def life() -> None:
        room = Room()
        room.begin()
        room.apply(powerState="PoweredOn", maintenance={"enabled": True, "reason": "disk"}, locator="Blinking")
        await room.reach(lambda: room.ready() and room.bmc.locator == "Blinking", "lit")
        assert room.api.status(SERVER)["phase"] == "Servicing"
        await room.seconds(200)
        assert room.bmc.resets == []
        room.apply(powerState="PoweredOn", locator="Dark")
        await room.reach(room.ready, "on")
        assert (room.bmc.resets, room.bmc.locator) == ([Reset.ON], "Dark")
        room.end()

    run(life())


def test_a_maintenance_forgets_no_reset_that_is_under_way() -> None:
    async def life() -> None:
        room = Room(power=Power.ON, obeys=False)
        room.begin()
        room.apply(powerState="PoweredOff")
        await room.reach(lambda: room.bmc.resets == [Reset.SOFT_OFF], "asked")
        room.apply(powerState="PoweredOff", maintenance={"enabled": True})
        await room.reach(lambda: room.reason("Ready") == "Maintenance", "in maintenance")
        room.apply(powerState="PoweredOff")
        await room.reach(room.ready, "off")
        assert room.bmc.resets == [Reset.SOFT_OFF, Reset.HARD_OFF]
        room.end()

    run(life())


def test_what_was_asked_before_a_long_maintenance_is_asked_anew_after_it() -> None:
    async def life() -> None:
        room = Room(power=Power.ON, obeys=False)
        room.begin()
        room.apply(powerState="PoweredOff")
        await room.reach(lambda: room.bmc.resets == [Reset.SOFT_OFF], "asked")
        room.apply(powerState="PoweredOff", maintenance={"enabled": True})
        await room.seconds(300)
        assert room.ready()
        room.bmc.obeys = True
        room.apply(powerState="PoweredOff")
        await room.reach(room.ready, "off")
        assert room.bmc.resets == [Reset.SOFT_OFF, Reset.SOFT_OFF]
        room.end()

    run(life())


@pytest.mark.parametrize("key", ["inspect", "bmcReset"])
def test_a_request_is_acted_on_once_for_each_token(key: str) -> None:
    async def life() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(requests={key: "a"})
        await room.reach(room.ready, "Ready")
        assert (room.bmc.bmc_resets, room.inspections()) == (0, 1)
        room.apply(requests={key: "b"})
        await room.reach(lambda: room.ready() and room.handled(key) == "b", key)
        assert (room.bmc.bmc_resets, room.inspections()) == ((1, 1) if key == "bmcReset" else (0, 2))
        await room.seconds(300)
        assert (room.bmc.bmc_resets, room.inspections()) == ((1, 1) if key == "bmcReset" else (0, 2))
        room.end()

    run(life())


def test_a_setting_that_the_bmc_takes_and_leaves_is_told() -> None:
    async def life() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(bootMode="Legacy")
        await room.reach(room.ready, "Ready")
        assert room.bmc.boot_mode == "Legacy"
        room.bmc.ignores_settings = True
        room.apply(bootMode="UEFI")
        await room.reach(lambda: room.reason("Stalled") == "InvalidConfiguration", "told")
        assert "shows Legacy still" in str(room.api.condition(SERVER, "Ready")["message"])
        room.end()

    run(life())


def test_an_observed_server_is_inspected_and_nothing_more() -> None:
    async def life() -> None:
        room = Room()
        room.begin()
        room.apply(powerState="PoweredOn", managementPolicy="ObserveOnly", locator="Lit", bootMode="Legacy")
        await room.reach(lambda: room.condition("Inspected") == "True" and room.ready(), "Ready")
        await room.seconds(200)
        assert (room.bmc.resets, room.bmc.locator, room.bmc.boot_mode) == ([], "Dark", "UEFI")
        assert room.condition("PowerStateSynced") == "False"
        room.end()

    run(life())


@pytest.mark.parametrize("policy", ["Retain", "PowerOff"])
def test_deletion_leaves_the_server_or_powers_it_off_first(policy: str) -> None:
    async def life() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply(deletionPolicy=policy)
        await room.reach(room.ready, "Ready")
        room.api.delete(SERVER)
        await room.reach(lambda: SERVER not in room.api.objects, "gone")
        assert room.bmc.power is (Power.ON if policy == "Retain" else Power.OFF)
        reads = room.bmc.reads
        await room.seconds(300)
        assert room.bmc.reads == reads  # dismissed
        room.end()

    run(life())


CLAIM = Key("PhysicalMachineClaim", "team-a", "web")


def claimed(room: Room, **wish: Any) -> dict[str, Any]:
    """As the claim controller binds it."""
    room.api.apply(CLAIM, {"powerState": "PoweredOn", **wish})
    ref = {"namespace": "team-a", "name": "web", "uid": room.api.objects[CLAIM]["metadata"]["uid"]}
    return {"claimPolicy": {"namespaces": ["team-a"]}, "claimRef": ref}


def test_the_claims_wish_rules_and_its_restart_is_acted_on_once() -> None:
    async def life() -> None:
        room = Room()
        process = room.begin()
        process.engine.claims.forget()
        room.apply(powerState="PoweredOff", claimPolicy={"namespaces": ["team-a"]})
        await room.reach(room.ready, "Ready")
        room.api.apply(CLAIM, {"powerState": "PoweredOn", "restartedAt": "1"})
        await room.reach(lambda: room.bmc.power is Power.ON and room.ready(), "claimed and on")
        status = room.api.status(SERVER)
        assert (status["phase"], room.handled("claim.restartedAt")) == ("Claimed", "1")
        assert room.bmc.resets == [Reset.ON]
        room.api.apply(CLAIM, {"powerState": "PoweredOn", "restartedAt": "2"})
        await room.reach(lambda: room.ready() and room.handled("claim.restartedAt") == "2", "restarted")
        assert room.bmc.resets == [Reset.ON, Reset.SOFT_OFF, Reset.ON]
        room.api.delete(CLAIM)
        await room.reach(lambda: CLAIM not in room.api.objects, "the claim is gone")
        assert room.bmc.power is Power.OFF
        await room.reach(lambda: "claimRef" not in room.spec and room.ready(), "free")
        assert (room.api.status(SERVER)["phase"], room.condition("Claimed")) == ("Free", "False")
        room.end()

    run(life())


def test_a_claim_that_may_not_have_it_or_has_another_holds_it() -> None:
    async def life() -> None:
        room = Room(power=Power.ON)
        room.begin()
        room.apply()
        await room.reach(room.ready, "Ready")
        room.api.apply(CLAIM, {"powerState": "PoweredOff"})
        uid = room.api.objects[CLAIM]["metadata"]["uid"]
        room.apply(claimRef={"namespace": "team-a", "name": "web", "uid": uid})
        await room.reach(lambda: room.condition("Held") == "True" or "claimRef" not in room.spec, "held, or refused")
        await room.seconds(100)
        assert room.bmc.resets == []
        room.end()

    run(life())
