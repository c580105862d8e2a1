"""A pool of claims through the whole engine: born, bound, changed on the member, let go."""

from typing import Any

from tests.engine.room import Room
from tests.engine.virtual import run

from hostwright.core.names import ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.engine.ports import Key
from hostwright.kinds.physicalmachine.port import Power, Reset

POOL, FIRST = Key("MachinePool", "team-a", "racked"), Key("PhysicalMachineClaim", "team-a", "racked-0")
LABELS = {"app": "racked"}
UNAVAILABLE = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def wish(replicas: int, **claim: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": dict(LABELS)}, "physicalMachine": claim}
    return {"replicas": replicas, "selector": {"matchLabels": dict(LABELS)}, "template": template}


def ready(room: Room) -> bool:
    body = room.api.objects[POOL]
    fresh = (body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"]
    return fresh and room.api.condition(POOL, "Ready").get("status") == "True"


def claims(room: Room) -> list[str]:
    return sorted(key.name for key in room.api.objects if key.kind == "PhysicalMachineClaim")


async def one() -> Room:
    """A server, and a pool that has it."""
    room = Room()
    room.begin()
    room.apply(claimPolicy={"namespaces": ["team-a"]})
    await room.reach(room.ready, "free")
    room.api.apply(POOL, wish(1))
    await room.reach(lambda: ready(room), "the pool has it")
    return room


def test_a_claim_is_born_with_owner_and_finalizer_and_bound() -> None:
    async def life() -> None:
        room = await one()
        metadata = room.api.objects[FIRST]["metadata"]
        assert [owner["name"] for owner in metadata["ownerReferences"]] == ["racked"]
        assert FINALIZER in metadata["finalizers"]
        assert ANNOTATION_MACHINE_ID not in (metadata.get("annotations") or {}), "it has no machine of its own"
        assert room.spec["claimRef"]["name"] == "racked-0"
        status = room.api.status(POOL)
        assert (status["readyReplicas"], status["upToDateReplicas"]) == (1, 1)
        assert room.api.condition(POOL, "UpToDate")["status"] == "True"
        room.end()

    run(life())


def test_power_is_changed_on_the_member_and_another_selector_replaces_it() -> None:
    async def life() -> None:
        room = await one()
        before = room.api.objects[FIRST]["metadata"]["uid"]
        room.api.apply(POOL, wish(1, powerState="PoweredOff"))
        await room.reach(lambda: ready(room) and room.bmc.power is Power.OFF, "off")
        assert room.api.objects[FIRST]["metadata"]["uid"] == before
        assert room.bmc.resets == [Reset.ON, Reset.SOFT_OFF]
        narrow = {"powerState": "PoweredOff", "minimum": {"cpu": 2}}
        room.api.apply(POOL, {**wish(1, **narrow), "rollout": {"strategy": UNAVAILABLE}})
        await room.reach(lambda: claims(room) == ["racked-1"] and ready(room), "replaced")
        assert room.spec["claimRef"]["name"] == "racked-1"
        room.end()

    run(life())


def test_a_member_too_many_waits_and_the_pool_says_for_what() -> None:
    async def life() -> None:
        room = await one()
        room.api.apply(POOL, wish(2))
        await room.reach(lambda: claims(room) == ["racked-0", "racked-1"], "two claims")
        told = lambda: str(room.api.condition(POOL, "Ready").get("message"))  # noqa: E731 - looked at again and again
        await room.reach(lambda: "0 of 1 PhysicalMachine can be taken" in told(), "told")
        assert room.spec["claimRef"]["name"] == "racked-0", "the one that has a server keeps it"
        room.api.apply(POOL, wish(1))
        await room.reach(lambda: ready(room) and claims(room) == ["racked-0"], "the waiting one went")
        room.api.apply(POOL, wish(0))
        await room.reach(lambda: ready(room) and claims(room) == [], "none")
        await room.reach(lambda: "claimRef" not in room.spec and room.bmc.power is Power.OFF, "let go, and off")
        room.end()

    run(life())
