"""Killed at every write of a claim's life, at every place of its way; and whatever else happens, in any order."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engine.racks import Stage, claim_key
from tests.engine.virtual import run, until
from tests.engine.wire import Place, Wire

WEB, DB = claim_key("web"), claim_key("db", "team-b")
#: Seconds from a death to the next process.
RESTART = 2.0
SERVERS = ("r1", "r2", "r3")


async def reach(there: Stage, what: str, look: Any) -> None:
    """With a new process two seconds after the present one died."""
    for _ in range(4):
        await until(lambda: look() or there.operators[-1].dead, 900, what)
        if look():
            return
        await there.seconds(RESTART)
        there.begin()
    raise AssertionError(f"{what}: died too often")


async def life(wire: Wire) -> Stage:
    """Two claims on two servers; one goes, and the other one is restored; a third one has what was let go."""
    there = Stage(wire)
    racks = there.racks
    for name in SERVERS[:2]:
        racks.add(name)
    there.begin()
    await there.seconds(5)
    racks.claim("web")
    racks.claim("db", "team-b")
    await reach(there, "both bound", lambda: racks.ready(WEB) and racks.ready(DB))
    kept = racks.machine(DB)
    racks.edit_server(kept, claimRef=None)
    racks.claim("next")
    there.api.delete(WEB)
    await reach(there, "gone", lambda: WEB not in there.api.objects)
    await reach(there, "the next", lambda: racks.ready(claim_key("next")) and racks.ready(DB))
    assert racks.machine(DB) == kept
    for each in (DB, claim_key("next")):
        there.api.delete(each)
    await reach(there, "all gone", lambda: not racks.claims() and racks.free() == list(SERVERS[:2]))
    assert not any(metal.on for metal in racks.metal.values())
    there.end()
    return there


REQUESTS = run(life(Wire())).wire.names


def test_an_undisturbed_life_writes_little() -> None:
    """For each claim: finalizer, claimRef, the three statuses of bound, running and releasing, finalizer, claimRef."""
    assert len(REQUESTS) <= 3 * 7 + 6


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_a_life_struck_once_ends_the_same(number: int, place: Place) -> None:
    run(life(Wire(strikes={number: place})))


@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_a_write_of_a_dead_process_that_arrives_after_its_successor_began(number: int) -> None:
    run(life(Wire(strikes={number: Place.SENT}, late=4.0)))


@dataclass(frozen=True)
class Happens:
    """After `wait` seconds, `what` happens to the claim or server `name`."""

    wait: float
    what: str
    claim: str
    server: str
    place: Place


HAPPENINGS = st.lists(
    st.builds(
        Happens,
        st.sampled_from([0.0, 0.004, 0.01, 0.05, 0.5, 3.0, 20.0]),
        st.sampled_from(
            [
                *["make"] * 4,
                *["delete", "die", "strike"] * 2,
                *["steal", "forge", "silence", "answer", "sicken", "heal", "maintain", "release"],
            ]
        ),
        st.sampled_from(["c1", "c2", "c3", "c4"]),
        st.sampled_from(SERVERS),
        st.sampled_from(Place),
    ),
    min_size=4,
    max_size=14,
)


class Drama:
    """Four claims, three servers, users and fate; one operator at a time, or two."""

    def __init__(self, operators: int, watch_lag: float) -> None:
        self.there = Stage(Wire(), watch_lag)
        self.there.wire.die, self.there.wire.late = self.die, 1.0
        self.racks = self.there.racks
        for name in SERVERS:
            self.racks.add(name)
        for _ in range(operators):
            self.there.begin()

    def die(self) -> None:
        if not self.there.operators[-1].dead:
            self.there.operators[-1].kill()
            asyncio.get_running_loop().call_later(RESTART, self.there.begin)

    def happen(self, event: Happens) -> None:
        api, racks, key = self.there.api, self.racks, claim_key(event.claim)
        metal = racks.metal[event.server]
        acts: dict[str, Any] = {
            "make": lambda: racks.claim(event.claim) if key not in api.objects else None,
            "delete": lambda: api.delete(key) if key in api.objects else None,
            "die": self.die,
            "strike": lambda: self.there.wire.next_of.update({"patch": event.place}),
            "steal": lambda: racks.edit_server(event.server, claimRef=None),
            "forge": lambda: self._forge(event),
            "silence": lambda: setattr(metal, "answers", False),
            "answer": lambda: setattr(metal, "answers", True),
            "sicken": lambda: setattr(metal, "health", "Critical"),
            "heal": lambda: setattr(metal, "health", "OK"),
            "maintain": lambda: racks.edit_server(event.server, maintenance={"enabled": True}),
            "release": lambda: racks.edit_server(event.server, maintenance={"enabled": False}),
        }
        acts[event.what]()
        self.there.see(event.server)

    def _forge(self, event: Happens) -> None:
        body = self.there.api.objects.get(claim_key(event.claim))
        uid = body["metadata"]["uid"] if body is not None else "of nobody"
        self.racks.edit_server(event.server, claimRef={"namespace": "team-a", "name": event.claim, "uid": uid})

    def settle(self) -> None:
        """The faults stop."""
        self.there.wire.next_of.clear()
        for name, metal in self.racks.metal.items():
            metal.answers, metal.health = True, "OK"
            self.racks.edit_server(name, maintenance={"enabled": False})
            self.there.see(name)

    def calm(self) -> bool:
        """As many are bound as there are servers; no server follows nobody, and none runs for nobody."""
        racks, claims = self.racks, self.racks.claims()
        bound = [key for key in claims if racks.ready(key)]
        waiting = [key for key in claims if racks.waits(key)]
        idle = [name for name in racks.free() if not racks.metal[name].on]
        return (
            len(bound) == min(len(claims), len(SERVERS))
            and len(bound) + len(waiting) == len(claims)
            and len(idle) == len(SERVERS) - len(bound)
        )


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(events=HAPPENINGS, operators=st.sampled_from([1, 2]), watch_lag=st.sampled_from([0.002, 0.3]))
def test_whatever_happens_in_the_end_each_claim_has_one_server_or_waits_for_one(
    events: list[Happens], operators: int, watch_lag: float
) -> None:
    async def play() -> None:
        drama = Drama(operators, watch_lag)
        await drama.there.seconds(5)
        for event in events:
            await drama.there.seconds(event.wait)
            drama.happen(event)
        await drama.there.seconds(RESTART + 1)
        drama.settle()
        await until(drama.calm, 600, f"calm: {[(str(k), drama.there.api.status(k)) for k in drama.racks.claims()]}")
        drama.there.end()

    run(play())
