"""So many machines may be taken away in an hour; then nothing is, until somebody says that it is meant."""

from tests.e2e import manifests
from tests.e2e.world import World, eventually, machine

NAMES = [f"blast-{at}" for at in range(4)]


def _allowed(world: World) -> str:
    return str(world.condition("blast", "DestructiveOperationsAllowed", of="hpr", namespace="").get("status", ""))


def test_what_is_too_much_is_held_back_until_it_is_acknowledged(world: World) -> None:
    with world.operator() as first:
        first.leading()
        limits = {"pollInterval": "1s", "maxDestructivePerHour": 2, "destructiveAcknowledged": "at first"}
        world.apply(
            manifests.simulated("blast", world.box.sites["simulated"]["endpoint"], limits=limits),
            manifests.image("blast-tiny", "blast"),
        )
        world.apply(*(machine(name, "blast", imageRef={"name": "blast-tiny"}) for name in NAMES))
        for name in NAMES:
            world.ready(name, 60)
        assert _allowed(world) == "True"
        world.kubectl("delete", "hvm", *NAMES, "--wait=false")
        eventually(lambda: _allowed(world) == "False", 30, "the breaker opens")
        eventually(lambda: sum(world.get(name) is None for name in NAMES) == 2, 30, "two are gone")
        (held, other) = [name for name in NAMES if world.get(name) is not None]
        told = eventually(lambda: world.condition(held, "Ready").get("reason") == "DestructiveLimitReached", 30)
        assert told
        assert "destructiveAcknowledged" in world.condition(held, "Ready")["message"]
        assert world.sim.machines(held)
        assert world.sim.machines(other)
        first.kill()
    with world.operator() as second:
        second.leading()
        world.nudged("hvm", held)
        eventually(lambda: world.writes(held), 30)
        assert world.sim.machines(held), "a restart forgets nothing of it"
        assert _allowed(world) == "False"
        world.kubectl(
            "patch", "hpr", "blast", "--type=merge", "-p", '{"spec":{"limits":{"destructiveAcknowledged":"meant"}}}'
        )
        for name in (held, other):
            world.gone(name, 60)
        eventually(lambda: _allowed(world) == "True", 30)
        status = world.status("blast", "hpr", namespace="")
        assert status["handled"] == {"destructiveAcknowledged": "meant"}
        world.kubectl("delete", "hmi", "blast-tiny", "--timeout=30s")
        world.kubectl("delete", "hpr", "blast", "--timeout=30s")
