"""The queue on virtual time: one look at a time, the urgent first, namespaces in turns, the earliest delay wins."""

import asyncio
import random
import time

from tests.engine.process import Gate, Told
from tests.engine.virtual import Clock, run, until

from hostwright.engine.ports import Key
from hostwright.engine.queue import Priority, WorkQueue
from hostwright.engine.terms import Terms
from hostwright.engine.worker import Again, Workers


def vm(name: str, namespace: str = "a") -> Key:
    return Key("VirtualMachine", namespace, name)


async def taken(queue: WorkQueue, count: int, *, only: Priority = Priority.RESYNC) -> list[str]:
    """The names of the next keys, each looked at and done."""
    names = []
    for _ in range(count):
        key = await asyncio.wait_for(queue.get(only=only), 1.0)
        assert key is not None
        names.append(key.name)
        queue.done(key)
    return names


async def empty(queue: WorkQueue) -> bool:
    """Whether nothing is given out within a tenth of a second."""
    try:
        await asyncio.wait_for(queue.get(), 0.1)
    except TimeoutError:
        return True
    return False


def test_a_key_added_many_times_is_given_out_once() -> None:
    async def work() -> None:
        queue = WorkQueue()
        for priority in (*Priority, *Priority):
            queue.add(vm("web"), priority)
        assert await taken(queue, 1) == ["web"]
        assert await empty(queue)

    run(work())


def test_a_key_is_never_with_two_workers_and_comes_again_when_it_changed_meanwhile() -> None:
    async def work() -> None:
        queue = WorkQueue()
        queue.add(vm("web"), Priority.DRIFT)
        assert await queue.get() == vm("web")
        queue.add(vm("web"), Priority.RESYNC)
        queue.add(vm("web"), Priority.USER)
        assert await empty(queue)
        queue.done(vm("web"))
        assert queue.depth()[Priority.USER] == 1  # as urgent as the most urgent of what came meanwhile
        assert await taken(queue, 1) == ["web"]
        assert await empty(queue)

    run(work())


def test_the_urgent_go_first_and_a_key_only_ever_gets_more_urgent() -> None:
    async def work() -> None:
        queue = WorkQueue()
        for number, priority in enumerate(reversed(Priority)):
            queue.add(vm(f"{3 - number}"), priority)
        queue.add(vm("3"), Priority.USER)
        queue.add(vm("0"), Priority.RESYNC)
        assert await taken(queue, 4) == ["0", "3", "1", "2"]

    run(work())


def test_namespaces_take_turns_however_much_one_of_them_asks() -> None:
    async def work() -> None:
        queue = WorkQueue()
        for number in range(100):
            queue.add(vm(f"loud-{number}", "loud"), Priority.USER)
        queue.add(vm("quiet-1", "quiet"), Priority.USER)
        queue.add(vm("quiet-2", "quiet"), Priority.USER)
        assert await taken(queue, 5) == ["loud-0", "quiet-1", "loud-1", "quiet-2", "loud-2"]

    run(work())


def test_a_reserved_place_is_free_for_users_while_all_others_are_taken() -> None:
    async def work() -> None:
        queue, clock = WorkQueue(), Clock()
        looked: dict[str, float] = {}

        async def slow(key: Key) -> Again:
            looked[key.name] = clock.monotonic()
            await asyncio.sleep(10.0)
            return Again()

        async def reread(key: Key) -> None:
            raise AssertionError("nothing is written")

        workers = Workers(queue, {"VirtualMachine": slow}, Terms(Gate()), clock, Told(), reread)
        workers.start(3, 1)
        began = clock.monotonic()
        for number in range(3):
            queue.add(vm(f"drift-{number}"), Priority.DRIFT)
        await asyncio.sleep(1.0)
        queue.add(vm("user"), Priority.USER)
        await until(lambda: len(looked) == 4, 30, "all looked at")
        assert looked["user"] - began < 1.1
        assert looked["drift-2"] - began >= 10.0
        assert await workers.drain(15.0)

    run(work())


def test_of_several_delays_the_earliest_wins() -> None:
    async def work() -> None:
        queue, clock = WorkQueue(), Clock()
        began = clock.monotonic()
        queue.add_after(vm("web"), 5.0, Priority.TRANSITION)
        queue.add_after(vm("web"), 2.0, Priority.TRANSITION)
        queue.add_after(vm("web"), 9.0, Priority.TRANSITION)
        queue.add_after(vm("db"), 1.0, Priority.TRANSITION)
        assert await queue.get() == vm("db")
        assert clock.monotonic() - began == 1.0
        assert await queue.get() == vm("web")
        assert clock.monotonic() - began == 2.0
        queue.done(vm("web"))
        await asyncio.sleep(20.0)
        assert queue.depth() == dict.fromkeys(Priority, 0)  # the others were replaced, not kept

    run(work())


def test_an_add_makes_a_delay_superfluous() -> None:
    async def work() -> None:
        queue = WorkQueue()
        queue.add_after(vm("web"), 5.0, Priority.RESYNC)
        queue.add(vm("web"), Priority.USER)
        assert await taken(queue, 1) == ["web"]
        await asyncio.sleep(20.0)
        assert await empty(queue)

    run(work())


def test_a_forgotten_key_comes_neither_now_nor_later() -> None:
    async def work() -> None:
        queue = WorkQueue()
        queue.add(vm("waits"), Priority.USER)
        queue.add_after(vm("delayed"), 1.0, Priority.USER)
        queue.add(vm("runs"), Priority.USER)
        queue.forget(vm("waits"))
        queue.forget(vm("delayed"))
        assert await queue.get() == vm("runs")
        queue.add(vm("runs"), Priority.USER)
        queue.forget(vm("runs"))
        queue.done(vm("runs"))
        await asyncio.sleep(5.0)
        assert await empty(queue)

    run(work())


def test_a_closed_queue_lets_every_worker_go_and_takes_nothing() -> None:
    async def work() -> None:
        queue = WorkQueue()
        getting = [asyncio.create_task(queue.get(only=only)) for only in Priority]
        queue.add_after(vm("late"), 1.0, Priority.USER)
        await asyncio.sleep(0.1)
        queue.close()
        assert await asyncio.wait_for(asyncio.gather(*getting), 1.0) == [None] * 4
        queue.add(vm("web"), Priority.USER)
        queue.add_after(vm("web"), 1.0, Priority.USER)
        await asyncio.sleep(5.0)
        assert await queue.get() is None
        assert queue.depth() == dict.fromkeys(Priority, 0)

    run(work())


def test_a_worker_that_takes_a_more_urgent_key_leaves_none_behind() -> None:
    """The first is woken for a resync and takes the user's key; the second waits for users only, the third for all."""

    async def work() -> None:
        queue = WorkQueue()
        waits = [
            asyncio.create_task(queue.get(only=only)) for only in (Priority.RESYNC, Priority.USER, Priority.RESYNC)
        ]
        await asyncio.sleep(0)
        queue.add(vm("settled"), Priority.RESYNC)
        queue.add(vm("edited"), Priority.USER)
        done, _ = await asyncio.wait(waits, timeout=0.1)
        assert sorted(key.name for wait in done if (key := wait.result())) == ["edited", "settled"]
        queue.close()
        await asyncio.gather(*waits)

    run(work())


def test_a_worker_cancelled_as_it_is_woken_leaves_its_key_to_another() -> None:
    async def work() -> None:
        queue = WorkQueue()
        first, second = (asyncio.create_task(queue.get()) for _ in range(2))
        await asyncio.sleep(0)
        queue.add(vm("web"), Priority.USER)
        first.cancel()
        assert await asyncio.wait_for(second, 0.1) == vm("web")
        assert first.cancelled()

    run(work())


def test_twenty_thousand_keys_that_become_urgent_in_any_order_hold_nobody_up() -> None:
    """As when the first full look at a large Provider wakes all that a restart had listed."""

    async def work() -> None:
        queue = WorkQueue()
        names = [f"{number}" for number in range(20_000)]
        for name in names:
            queue.add(vm(name), Priority.RESYNC)
        random.Random(1).shuffle(names)  # noqa: S311 - an order, no secret
        began = time.process_time()
        for name in names:
            queue.add(vm(name), Priority.DRIFT)
        spent = time.process_time() - began
        print(f"bar: 20,000 waiting keys made more urgent in any order in {spent:.2f} s of CPU")
        assert spent < 2.0
        queue.close()

    run(work())
