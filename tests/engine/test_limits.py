"""How hard a Provider is worked: places grow while answers are good, shrink at a complaint, and are shared fairly."""

import asyncio

import pytest
from tests.engine.virtual import Clock, run

from hostwright.engine.limits import DOUBLING, START, WINDOW, Bucket, Slots


class Hand:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def busy(slots: Slots) -> None:
    """All places in use, without a loop."""
    slots._used = slots.limit


def test_places_double_each_window_until_the_first_complaint_and_grow_by_one_after_it() -> None:
    hand = Hand()
    slots = Slots(64, hand)
    limits = []
    for _ in range(3):
        hand.now += DOUBLING
        busy(slots)
        slots.good()
        slots.good()  # a second answer in the same window adds nothing
        limits.append(slots.limit)
    assert limits == [2 * START, 4 * START, 8 * START]
    slots.bad()
    assert slots.limit == 32
    for _ in range(2):
        hand.now += WINDOW
        busy(slots)
        slots.good()
    assert slots.limit == 34


def test_places_that_nobody_uses_do_not_grow() -> None:
    hand = Hand()
    slots = Slots(64, hand)
    hand.now += 10 * WINDOW
    slots.good()
    assert slots.limit == START


def test_a_burst_of_complaints_halves_once_and_there_is_always_one_place() -> None:
    hand = Hand()
    slots = Slots(64, hand)
    for _ in range(50):
        slots.bad()
    assert slots.limit == START // 2
    for _ in range(10):
        hand.now += 1.0
        slots.bad()
    assert slots.limit == 1


@pytest.mark.parametrize(("asked", "paused"), [(7.0, 7.0), (0.0, 1.0), (86_400.0, 900.0)])
def test_the_endpoint_is_left_alone_for_as_long_as_it_asks_within_reason(asked: float, paused: float) -> None:
    hand = Hand()
    slots = Slots(64, hand)
    slots.bad(asked)
    assert slots.pause == paused
    slots.bad(1.0)  # a shorter wish does not end a longer pause
    assert slots.pause == paused
    hand.now += paused
    assert slots.pause == 0.0


def test_a_changed_cap_holds_at_once() -> None:
    slots = Slots(64, Hand())
    slots.set_cap(3)
    assert slots.limit == 3
    assert Slots(2, Hand()).limit == 2


def test_no_more_calls_are_in_flight_than_places_and_waiting_namespaces_take_turns() -> None:
    async def work() -> None:
        slots, order, most = Slots(2, Clock().monotonic), [], 0

        async def call(namespace: str) -> None:
            nonlocal most
            async with slots.place(namespace):
                most = max(most, slots.in_flight)
                order.append(namespace)
                await asyncio.sleep(1.0)

        async with asyncio.TaskGroup() as group:
            for namespace in ["a"] * 6 + ["b"] * 2:
                group.create_task(call(namespace))
        assert most == 2
        assert order == ["a", "a", "a", "b", "a", "b", "a", "a"]
        assert slots.in_flight == 0

    run(work())


def test_who_waits_for_a_place_waits_out_the_pause_that_the_endpoint_asks_for_meanwhile() -> None:
    async def work() -> None:
        clock = Clock()
        slots, began = Slots(2, clock.monotonic), list[float]()

        async def call() -> None:
            async with slots.place("a"):
                began.append(clock.monotonic() - 1000.0)
                await asyncio.sleep(1.0)
                if len(began) <= 2:
                    slots.bad(60.0)

        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(call())
        assert [round(moment) for moment in began] == [0, 0, 61, 62, 63]  # and half as many at once

    run(work())


def test_a_place_is_given_back_by_whoever_is_cancelled_at_any_moment() -> None:
    async def work() -> None:
        slots = Slots(1, Clock().monotonic)

        async def call() -> None:
            async with slots.place("a"):
                await asyncio.sleep(10.0)

        holder, waiter, chosen = (asyncio.create_task(call()) for _ in range(3))
        await asyncio.sleep(1.0)
        waiter.cancel()  # while it waits
        await asyncio.sleep(0)
        holder.cancel()
        await asyncio.sleep(0)  # the place is the third one's by now, which has not run yet
        chosen.cancel()
        await asyncio.gather(holder, waiter, chosen, return_exceptions=True)
        assert slots.in_flight == 0
        async with asyncio.timeout(1.0), slots.place("a"):
            assert slots.in_flight == 1

    run(work())


def test_a_rate_gives_every_caller_a_turn_of_its_own() -> None:
    hand = Hand()
    bucket = Bucket(2.0, hand)
    assert [bucket.wait() for _ in range(5)] == [0.0, 0.0, 0.5, 1.0, 1.5]
    hand.now += 60.0
    assert [bucket.wait() for _ in range(3)] == [0.0, 0.0, 0.5]  # an idle hour saves up no more than one second's calls


def test_without_a_rate_nobody_waits() -> None:
    bucket = Bucket(None, Hand())
    assert {bucket.wait() for _ in range(1000)} == {0.0}
