"""One Lease, two operators: the second takes over from one that stands still or ends, and never do both send."""

import asyncio
from typing import cast

import pytest
from tests.engine.apiserver import ApiServer
from tests.engine.operators import Leases, Operator
from tests.engine.process import site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, VirtualLoop, run, until
from tests.engine.wire import Wire


class Place:
    def __init__(self) -> None:
        self.clock = Clock()
        self.api, self.site, self.leases = ApiServer(self.clock), site(), Leases()
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)

    def operator(self, name: str) -> Operator:
        return Operator(self.api, self.site, self.leases, self.clock, name, Wire())

    def ready(self) -> bool:
        status = self.api.status(VM)
        return self.api.condition(VM, "Ready").get("status") == "True" and not status.get("operation")

    def loop(self) -> VirtualLoop:
        return cast("VirtualLoop", asyncio.get_running_loop())


@pytest.mark.parametrize("sent", range(2, 10))
def test_one_that_stood_still_for_forty_seconds_sends_nothing_when_it_wakes(sent: int) -> None:
    """Stopped right before its request number `sent` is answered: the Provider's status, the identity, an intent …"""

    async def work() -> None:
        place = Place()
        first = place.operator("first")
        await asyncio.sleep(1.0)
        second = place.operator("second")
        place.api.apply(VM, SPEC)
        while len(first.wire.names) < sent and not place.ready():
            await asyncio.sleep(0.0005)
        place.loop().freeze("first")
        before = first.calls()
        await asyncio.sleep(40.0)
        assert place.leases.holders == ["first", "second"]
        assert first.calls() == before
        place.loop().thaw("first")
        await until(place.ready, 120, "Ready")
        await asyncio.sleep(60.0)
        assert first.calls() == before, "the Lease was another's when it woke"
        assert not first.lease.held()
        assert place.leases.holders == ["first", "second"]
        assert place.site.most == len(place.site.model.machines) == 1
        for operator in (first, second):
            assert operator.process.told.bugs == []
            operator.renewing.cancel()
            operator.process.kill()

    run(work())


def test_one_that_is_told_to_end_brings_its_call_to_its_end_and_lets_go_at_once() -> None:
    async def work() -> None:
        place = Place()
        first = place.operator("first")
        await asyncio.sleep(5.0)
        second = place.operator("second")
        first.wire.back = 4.0  # its creation is answered late
        place.api.apply(VM, SPEC)
        await until(lambda: "create" in first.calls(), 60, "the creation is sent")
        assert await first.terminate()
        made = {row["id"] for row in place.api.status(VM).get("resources") or ()}
        ended = place.clock.monotonic()
        await until(second.lease.held, 5, "the second leads")
        assert place.clock.monotonic() - ended < 3.0
        await until(place.ready, 120, "Ready")
        assert made <= set(place.site.model.machines)
        assert place.site.most == len(place.site.model.machines) == 1
        assert first.calls().count("create") + second.calls().count("create") == 1
        assert first.process.told.bugs == second.process.told.bugs == []
        second.renewing.cancel()
        second.process.kill()

    run(work())


def test_a_pass_that_began_before_the_lease_was_lost_sends_nothing_once_it_is_back() -> None:
    """Another may have led in between, and have given up the intent whose answer this one waits for."""

    async def work() -> None:
        place = Place()
        first = place.operator("first")
        await asyncio.sleep(5.0)
        place.api.apply(VM, SPEC)
        first.wire.back = 15.0
        await until(lambda: place.api.status(VM).get("operation"), 60, "the intent is written")
        first.wire.back = 0.005
        first.lease._renewed = float("-inf")  # as after a stop: and renewed before the answer is read
        first.lease._turn()
        await asyncio.sleep(10.0)
        assert first.lease.held()
        await asyncio.sleep(10.0)
        assert "create" not in first.calls(), "before the quiet time of that intent is over"
        await until(place.ready, 120, "Ready")
        assert first.calls().count("create") == 1
        first.renewing.cancel()
        first.process.kill()

    run(work())
