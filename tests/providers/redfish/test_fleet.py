"""200 BMCs in one session, one in twenty dead: how long a full look takes, at the start and at rest."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tests.fixtures_redfish import Rack, start

from hostwright.core.port import Present, Trace
from hostwright.engine.watch import watched
from hostwright.kinds.physicalmachine.port import Access, FoundServer, Look
from hostwright.kinds.provider.port import Context, Session
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.redfish import BACKEND
from hostwright.sandbox import keeping

COUNT = 200
DEAD = range(0, COUNT, 20)
BAR = 65.0


def trace(number: int) -> Trace:
    return Trace(f"{number:032x}", "", "", "", "", "")


class Fleet:
    def __init__(self, rack: Rack, session: Session) -> None:
        self.rack, self.session = rack, session

    def enrol(self) -> None:
        facts = self.rack.facts
        ca = Path(facts["ca"]).read_bytes()
        for number, bmc in enumerate(facts["bmcs"]):
            access = Access(bmc["address"], facts["username"], facts["password"], ca=ca)
            self.session.machines.enrol(trace(number).machine_id, access)

    def look(self, number: int) -> Look:
        look: Look = self.session.machines.look(trace(number))
        return look

    def as_of(self, number: int) -> float:
        return self.look(number).as_of

    def found(self, number: int) -> FoundServer | None:
        look = self.look(number)
        return look.found if isinstance(look, Present) else None

    async def all(self, holds: Callable[[int], bool], numbers: range | list[int], within: float) -> float:
        """Seconds until it holds for all of them."""
        began = time.monotonic()
        while left := [number for number in numbers if not holds(number)]:
            assert time.monotonic() - began < within, f"not in {within} s: {left}"
            await asyncio.sleep(0.05)
        return time.monotonic() - began


def make_dead(rack: Rack) -> None:
    """Half of them accept a connection and say nothing, half are up to TLS and never answer."""
    for number in DEAD:
        if number % 40:
            rack.bmcs.set(number, line="Dead")
        else:
            rack.bmcs.fault(number, "Slow", seconds=120.0, count=0)


async def test_200_bmcs_of_which_10_are_dead(tmp_path: Path) -> None:
    rack = start(tmp_path / "box", COUNT)
    make_dead(rack)
    spec = ProviderSpec.model_validate(
        {
            "type": "Redfish",
            "allowedNamespaces": {"from": "All"},
            "redfish": {"allowedAddresses": ["127.0.0.0/8"]},
        }
    )
    with ThreadPoolExecutor(spec.limits.max_concurrency + 4) as executor:
        context = Context("lab", "c", executor, time.monotonic, lambda: datetime.now(UTC))
        session = await BACKEND.connect(spec, None, context)
        watch = asyncio.create_task(watched(session, asyncio.Event(), lambda _: None, lambda _: None, 60.0))
        fleet = Fleet(rack, session)
        well = [number for number in range(COUNT) if number not in DEAD]
        fleet.enrol()
        first = await fleet.all(lambda number: fleet.found(number) is not None, well, BAR)
        whole = first + await fleet.all(lambda number: fleet.found(number) is not None, DEAD, BAR)
        assert all(found is not None and found.failure is not None for found in map(fleet.found, DEAD))
        rested = time.monotonic()
        asked = {number: rack.bmcs.one(number)["requests"] for number in well}
        again = await fleet.all(lambda number: fleet.as_of(number) > rested, well, BAR)
        requests = [rack.bmcs.one(number)["requests"] - asked[number] for number in well]
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await session.close()
    shown = rack.bmcs.all()
    most = max(each["mostInFlight"] for each in shown)
    keeping.stop(rack.directory)
    print(
        f"bar: 200 BMCs, 10 dead, by one session: the first look with login in {whole:.1f} s (bar {BAR:.0f} s), the "
        f"190 others in {first:.1f} s; at rest all of them within {again:.1f} s, by at most {max(requests)} "
        f"requests each; at most {most} in flight for each"
    )
    assert whole < BAR
    assert most == 1
    assert max(requests) <= 2, "at rest a BMC is read once in each interval"
    assert sum(shown[number]["sessions"] for number in well) == 0
