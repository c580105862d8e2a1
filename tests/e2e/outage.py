"""Two long stories in a sandbox of their own, lived through in threads while the other tests run."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.e2e.manifests import SYSTEM, image, secret, simulated
from tests.e2e.sites import Row, Simulated
from tests.e2e.world import World, eventually, machine

from hostwright import sandbox
from hostwright.generate import manifests

FLEET = ("out-1", "out-2", "out-3")
LATE, LEAVING = "out-late", "out-leaving"


@dataclass
class Outage:
    """What was seen of a backend that was unplugged for more than two minutes."""

    before: dict[str, Row] = field(default_factory=dict)  # the fleet at the site
    events_before: int = 0
    reachable: dict[str, Any] = field(default_factory=dict)  # the Provider's condition, at first
    told_after: float = 0.0  # seconds from unplugging until the Provider says so
    ready_early: list[str] = field(default_factory=list)  # the fleet's Ready when the Provider said so
    late: dict[str, Any] = field(default_factory=dict)  # a machine applied meanwhile
    leaving: dict[str, Any] = field(default_factory=dict)  # the Deleting condition of one deleted meanwhile
    unknown_after: float = 0.0  # seconds from the Provider's telling until the fleet's Ready is Unknown
    unknown: list[dict[str, Any]] = field(default_factory=list)  # the fleet's Ready then
    back_after: float = 0.0  # seconds from plugging in until the fleet is Ready
    after: dict[str, Row] = field(default_factory=dict)
    machines: int = 0  # at the site, at the end
    events: int = 0  # of the fleet, at the end
    provider_events: list[str] = field(default_factory=list)  # reasons


@dataclass
class Logins:
    """What was seen of Providers whose Secrets were wrong, rotated and mended."""

    stalled: dict[str, Any] = field(default_factory=dict)  # Provider with a wrong login from the start
    machine: dict[str, Any] = field(default_factory=dict)  # Stalled of its machine
    mended_after: float = 0.0
    refused: dict[str, Any] = field(default_factory=dict)  # CredentialsValid, a wrong Secret beside a running session
    refused_ready: str = ""  # that Provider's Ready meanwhile
    worked: bool = False  # its machine could still be changed
    valid_after: float = 0.0
    rotated_after: float = 0.0  # the old login refused, the new one in the Secret


@dataclass(frozen=True)
class Stories:
    outage: "Future[Outage]"
    logins: "Future[Logins]"


@contextmanager
def stories(folder: Path) -> Iterator[Stories]:
    """Both at once, with one operator."""
    box = sandbox.up(folder / "box", sites=("simulated",), manifests=manifests.install(), owner=os.getpid())
    world = World(box)
    with world.shared, _site(folder / "keyed.db") as keyed, ThreadPoolExecutor() as pool:
        world.at_home()
        yield Stories(pool.submit(outage, world), pool.submit(logins, world, keyed))
    sandbox.down(box.directory, wipe=True)


@contextmanager
def _site(state: Path) -> Iterator[Simulated]:
    """A second simulated site, which asks for a token."""
    port = state.with_suffix(".port")
    words = ["simulated", "serve", "--state", str(state), "--port-file", str(port), "--token", "one"]
    process = subprocess.Popen(
        [sys.executable, "-m", "hostwright.cli.main", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        text = eventually(lambda: port.exists() and port.read_text(), 30, "the second site")
        yield Simulated(f"http://127.0.0.1:{int(str(text))}", "one")
    finally:
        process.kill()
        process.wait()


def outage(world: World) -> Outage:
    seen, sim = Outage(), world.sim
    world.kubectl("patch", "hpr", "sim", "--type=merge", "-p", '{"spec":{"limits":{"pollInterval":"1s"}}}')
    world.apply(*(machine(name) for name in (*FLEET, LEAVING)))
    for name in (*FLEET, LEAVING):
        world.ready(name, 90)
    seen.before = {name: sim.machine(name) for name in FLEET}
    for name in FLEET:  # posted right after the status that was waited for
        eventually(lambda name=name: world.events(name, "Created"), 30, "the Event of its creation")
    seen.events_before = sum(len(world.events(name)) for name in FLEET)
    sim.set(outage="Cut")
    began = time.monotonic()
    seen.reachable = eventually(lambda: _false(world.condition("sim", "Reachable", "hpr")), 60, "Reachable=False")
    told = time.monotonic()
    seen.told_after = told - began
    seen.ready_early = [world.condition(name, "Ready")["status"] for name in FLEET]
    world.apply(machine(LATE))
    world.kubectl("delete", "hvm", LEAVING, "--wait=false")
    seen.late = eventually(lambda: world.condition(LATE, "Ready"), 30, "told of the new machine")
    seen.leaving = eventually(lambda: world.condition(LEAVING, "Deleting"), 30, "told of the leaving machine")
    eventually(lambda: all(world.condition(name, "Ready")["status"] == "Unknown" for name in FLEET), 180, "Unknown")
    seen.unknown_after = time.monotonic() - told
    seen.unknown = [world.condition(name, "Ready") for name in FLEET]
    sim.set(outage="Off")
    back = time.monotonic()
    for name in FLEET:
        world.ready(name, 120)
    seen.back_after = time.monotonic() - back
    world.ready(LATE, 60)
    world.gone(LEAVING, 60)
    seen.after = {name: sim.machine(name) for name in FLEET}
    seen.machines = len(sim.ask("GET", "/v1/machines?limit=1000")["machines"])
    seen.events = sum(len(world.events(name)) for name in FLEET)
    seen.provider_events = [row["reason"] for row in world.events("sim")]
    return seen


def logins(world: World, site: Simulated) -> Logins:
    seen = Logins()
    world.apply(
        secret("wrong", token="nonsense"),
        secret("right", token="one"),
        simulated("wrong", site.endpoint, secret="wrong"),
        simulated("right", site.endpoint, secret="right"),
        image("wrong", "wrong"),
        image("right", "right"),
        machine("login-wrong", "wrong", imageRef={"name": "wrong"}),
        machine("login-right", "right", imageRef={"name": "right"}),
    )
    world.ready("login-right", 60)
    seen.stalled = eventually(lambda: world.condition("wrong", "Stalled", "hpr"), 60, "the Provider is Stalled")
    seen.machine = eventually(lambda: world.condition("login-wrong", "Stalled"), 60, "its machine is Stalled")
    world.apply(secret("right", token="nonsense"))
    seen.refused = eventually(lambda: _false(world.condition("right", "CredentialsValid", "hpr")), 90, "refused")
    seen.refused_ready = world.condition("right", "Ready", "hpr")["status"]
    world.patch("login-right", {"tags": {"team": "a"}})
    seen.worked = eventually(lambda: site.machine("login-right")["tags"] == {"team": "a"}, 30, "it still works")
    # by now the probes of the first seconds are over: the Secret itself is looked at once a minute
    began = time.monotonic()
    world.apply(secret("wrong", token="one"), secret("right", token="one"))
    world.ready("login-wrong", 90)
    seen.mended_after = time.monotonic() - began
    eventually(lambda: world.condition("right", "CredentialsValid", "hpr")["status"] == "True", 90, "valid again")
    seen.valid_after = time.monotonic() - began
    _rotate(world, site, seen)
    return seen


def _rotate(world: World, site: Simulated, seen: Logins) -> None:
    """The new login is in the Secret when the old one is refused."""
    world.apply(secret("wrong", token="two"), secret("right", token="two"))
    versions = {name: _version(world, name) for name in ("wrong", "right")}
    site.set(token="two")
    site = replace(site, token="two")
    began = time.monotonic()
    for name, version in versions.items():
        eventually(
            lambda name=name, version=version: _used(world, name) == version, 90, f"the new login of {name} is used"
        )
    seen.rotated_after = time.monotonic() - began
    world.patch("login-right", {"tags": {"team": "b"}})
    eventually(lambda: site.machine("login-right")["tags"] == {"team": "b"}, 30, "it works with the new login")
    world.ready("login-right", 30)
    world.ready("login-wrong", 30)


def _version(world: World, name: str) -> str:
    return str((world.get(name, "secret", SYSTEM) or {})["metadata"]["resourceVersion"])


def _used(world: World, provider: str) -> str:
    return str((world.status(provider, "hpr").get("credentials") or {}).get("resourceVersion"))


def _false(condition: dict[str, Any]) -> dict[str, Any]:
    return condition if condition.get("status") == "False" else {}
