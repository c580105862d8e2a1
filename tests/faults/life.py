"""A VirtualMachine from its creation to its end, in steps; what must be true after each is asked at the backend."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.e2e.world import PLURAL, World, machine
from tests.faults.site import Site


@dataclass(frozen=True)
class Step:
    """`lacks` is empty once it is reached, as the object says; `wrong` is what the backend's truth has against it."""

    name: str
    do: Callable[[World, Sequence[str]], object]
    lacks: Callable[[World, str], str]
    wrong: Callable[[World, str], str]
    tried: bool = True  # its calls meet faults


@dataclass(frozen=True)
class Scenario:
    """`names` gives objects that a wave may have; `ours` says which of their requests are tried."""

    name: str
    steps: tuple[Step, ...]
    names: Callable[[int, int], list[str]] = lambda wave, count: [f"fault-{wave:03d}-{at}" for at in range(count)]
    ours: Callable[[str], bool] = lambda _: True
    #: Of requests with one name in one step, those after so many are more of the same.
    most: int = 10
    #: Seconds until everything has come to rest after a fault.
    rest: float = 150.0
    #: How many objects are brought through it at once, at the most; 0: as many as a wave has.
    width: int = 0
    watch: Callable[[World, Sequence[str]], AbstractContextManager[dict[str, str]]] | None = None
    #: After a wave, its objects may be used again.
    tidy: Callable[[World, Sequence[str]], object] = lambda *_: None


def life(site: Site) -> Scenario:
    before = {"team": "a"}
    after = {"team": "b", "new": "x"}

    def create(world: World, names: Sequence[str]) -> None:
        world.apply(*(machine(name, site.provider, tags=before) for name in names))

    def leave(world: World, names: Sequence[str]) -> None:
        world.kubectl("delete", PLURAL, *names, "--wait=false")

    def is_there(*, on: bool, tags: dict[str, str]) -> Callable[[World, str], str]:
        return lambda world, name: _is_there(world, site, name, on=on, tags=tags)

    steps = (
        Step("create", create, settled("PoweredOn"), is_there(on=True, tags=before)),
        Step("off", changed(powerState="PoweredOff"), settled("PoweredOff"), is_there(on=False, tags=before)),
        Step("on", changed(powerState="PoweredOn"), settled("PoweredOn"), is_there(on=True, tags=before)),
        Step("update", changed(tags=after), settled("PoweredOn"), is_there(on=True, tags=after)),
        Step("delete", leave, gone, lambda _, name: _is_gone(site, name)),
    )
    return Scenario(f"VirtualMachine on {site.provider}", steps)


def changed(**spec: Any) -> Callable[[World, Sequence[str]], object]:
    """With one command: at a load of 20 each takes seconds, and the first one's calls are held back meanwhile."""
    patch = json.dumps({"spec": spec})
    return lambda world, names: world.kubectl("patch", PLURAL, *names, "--type=merge", "-p", patch)


def settled(power: str) -> Callable[[World, str], str]:
    """Ready of the present generation, and nothing under way."""

    def lacks(world: World, name: str) -> str:
        body = world.get(name)
        if body is None:
            return "the object is not there"
        status = body.get("status") or {}
        if status.get("observedGeneration") != body["metadata"]["generation"]:
            return "the generation is not seen"
        ready = next((row for row in status.get("conditions") or () if row["type"] == "Ready"), {})
        if ready.get("status") != "True":
            return f"Ready is {ready.get('status')}: {ready.get('reason')}: {ready.get('message')}"
        return "" if status.get("powerState") == power else f"powerState is {status.get('powerState')}"

    return lacks


def gone(world: World, name: str) -> str:
    body = world.get(name)
    if body is None:
        return ""
    rows = (body.get("status") or {}).get("conditions") or ()
    said = (f": {row['reason']}: {row['message']}" for row in rows if row["type"] == "Deleting")
    return f"it is there{next(said, '')}"


def _is_there(world: World, site: Site, name: str, *, on: bool, tags: dict[str, str]) -> str:
    found = site.machines(name)
    if len(found) != 1:
        return f"{len(found)} machines"
    (only,) = found
    ledger = {row["name"]: row["id"] for row in world.status(name).get("resources") or ()}
    if ledger.get("server") != only.id:
        return f"the status says {ledger.get('server')}, the machine is {only.id}"
    if only.on is not on:
        return f"the machine is {'on' if only.on else 'off'}"
    return only.whole or ("" if dict(only.tags) == tags else f"its tags are {dict(only.tags)}")


def _is_gone(site: Site, name: str) -> str:
    found = site.machines(name)
    left = site.left(name)
    return "; ".join([*([f"{len(found)} machines"] if found else []), *left])
