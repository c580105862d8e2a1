"""A pool scaled, rolled and deleted while its own requests meet faults; its bounds are looked at all the while."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.e2e.pools import MEDIUM
from tests.e2e.world import World, pool
from tests.faults.life import Scenario, Step
from tests.faults.site import Simulated

LISTED = "/apis/compute.hostwright.dev/v1alpha1/namespaces/default"
#: One more than wanted while it rolls, and never one less.
BOUNDS = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
#: Seconds between two looks at the bounds.
EVERY = 0.1


def pools(site: Simulated) -> Scenario:
    def writing(replicas: int, **machine: Any) -> Callable[[World, Sequence[str]], object]:
        return lambda world, names: world.apply(
            *(pool(name, replicas, site.provider, rollout=BOUNDS, machine=machine) for name in names)
        )

    def leave(world: World, names: Sequence[str]) -> None:
        world.kubectl("delete", "hmp", *names, "--cascade=foreground", "--wait=false")

    def step(name: str, replicas: int, cls: str = "small", **machine: Any) -> Step:
        return Step(
            name,
            writing(replicas, **machine),
            lambda world, of: _lacks(world, of, replicas, cls),
            lambda world, of: _wrong(world, site, of, replicas),
        )

    steps = (
        step("create", 2),
        step("up", 4),
        step("down", 2),
        step("roll", 2, "medium", **MEDIUM),
        Step("delete", leave, _gone, lambda world, of: _wrong(world, site, of, 0)),
    )
    return Scenario(f"MachinePool on {site.provider}", steps, ours=_its_own, most=3, watch=_watched)


def _its_own(call: str) -> bool:
    """Not its members': those are tried as VirtualMachines."""
    return call.startswith(("APPLY ", "DELETE ")) or "machinepools" in call


def _lacks(world: World, name: str, replicas: int, cls: str) -> str:
    body = world.get(name, "hmp") or {"metadata": {}}
    status = body.get("status") or {}
    if status.get("observedGeneration") != body["metadata"].get("generation"):
        return "the generation is not seen"
    ready = next((row for row in status.get("conditions") or () if row["type"] == "Ready"), {})
    if ready.get("status") != "True":
        return f"Ready is {ready.get('status')}: {ready.get('reason')}: {ready.get('message')}"
    classes = [each["spec"]["classRef"]["name"] for each in world.eyes.members(name)]
    return "" if classes == [cls] * replicas else f"members: {classes}"


def _gone(world: World, name: str) -> str:
    left = [*world.eyes.members(name), *filter(None, [world.get(name, "hmp")])]
    return f"{len(left)} objects are left" if left else ""


def _wrong(world: World, site: Simulated, name: str, replicas: int) -> str:
    """Each member has one machine, the members are the pool's, and nothing else was made."""
    members = [each["metadata"]["name"] for each in world.eyes.members(name)]
    if len(members) != replicas:
        return f"{len(members)} members"
    made = site.made(f"{name}-")
    wrong = [each for each in {*made, *members} if made[each] != (each in members)]
    return ", ".join(f"{each} has {made[each]} machines" for each in wrong)


@contextmanager
def _watched(world: World, names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Pool → how it crossed its bounds, for those that did."""
    crossed: dict[str, str] = {}
    ended = threading.Event()
    eyes = world.eyes

    def look() -> None:
        while not ended.wait(EVERY):
            # the pools first: what is asked for when the members are listed is this, or something newer
            pools = {row["metadata"]["name"]: row for row in (eyes.get(f"{LISTED}/machinepools") or {})["items"]}
            members = (eyes.get(f"{LISTED}/virtualmachines") or {})["items"]
            for name in names:
                said = _crosses(pools.get(name), [each for each in members if _of(each, name)])
                if said:
                    crossed.setdefault(name, said)

    thread = threading.Thread(target=look, name="bounds")
    thread.start()
    try:
        yield crossed
    finally:
        ended.set()
        thread.join()


def _of(member: dict[str, Any], name: str) -> bool:
    return any(owner["name"] == name for owner in member["metadata"].get("ownerReferences") or ())


def _crosses(body: dict[str, Any] | None, members: Sequence[dict[str, Any]]) -> str:
    """Of a pool that rolls: what it was scaled down from is on its way out."""
    if body is None or body["metadata"].get("deletionTimestamp"):
        return ""
    replicas = body["spec"]["replicas"]
    rolling = body["spec"]["template"]["virtualMachine"]["classRef"]["name"] == "medium"
    living = [each for each in members if not each["metadata"].get("deletionTimestamp")]
    ready = [each for each in living if _ready(each)]
    if rolling and len(living) > replicas + 1:
        return f"{len(living)} members while it rolls"
    if rolling and len(ready) < replicas:
        return f"{len(ready)} ready members while it rolls"
    return f"{len(living)} members" if len(living) > 4 else ""


def _ready(member: dict[str, Any]) -> bool:
    """Whatever its generation: between a write and its report it is as ready as before."""
    rows = (member.get("status") or {}).get("conditions") or ()
    return any(row["type"] == "Ready" and row["status"] == "True" for row in rows)
