"""How many machines may be taken away in an hour, as values."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Wire

from hostwright.core.errors import DestructiveLimitReached
from hostwright.core.port import Call, LedgerRow, Repeat
from hostwright.engine.breaker import HOUR, Breaker, thing
from hostwright.engine.ports import Key
from hostwright.kinds.provider.resource import Limits

T = TypeVar("T")
PROVIDER = Key("Provider", "", "sim")


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def limits(most: int | None = 2, token: str = "") -> Limits:
    return Limits(max_destructive_per_hour=most, destructive_acknowledged=token)


def breaker(time: Time, most: int | None = 2, token: str = "", **status: Any) -> Breaker:
    return Breaker("prod", limits(most, token), status, time)


def away(expect: str = "server", *, destructive: bool = True) -> Call:
    return Call("delete", expect, Repeat.IDEMPOTENT, destructive=destructive)


OPEN = [{"type": "DestructiveOperationsAllowed", "status": "False"}]


def test_the_next_one_after_the_most_freezes_them_all() -> None:
    time = Time()
    held = breaker(time)
    assert [held.refuses(away(), key) for key in ("a", "b")] == [None, None]
    assert isinstance(held.refuses(away(), "c"), DestructiveLimitReached)
    assert held.open
    time.now += 2 * HOUR
    assert held.refuses(away(), "c"), "time alone lets nothing go on"


def test_what_is_sent_once_more_counts_once_and_goes_on_while_frozen() -> None:
    held = breaker(Time(), 1)
    assert [held.refuses(away(), "a") for _ in range(3)] == [None] * 3
    assert held.refuses(away(), "b")
    assert held.refuses(away(), "a") is None


def test_an_hour_later_the_count_is_another_one() -> None:
    time = Time()
    held = breaker(time, 1)
    assert held.refuses(away(), "a") is None
    time.now += HOUR
    assert held.refuses(away(), "b") is None
    assert not held.open


def test_only_what_holds_data_counts() -> None:
    held = breaker(Time(), 0)
    for call in (away("port/eth0"), away("floatingip/eth0"), away(destructive=False)):
        assert held.refuses(call, "a") is None
    for expect in ("server", "extra/x", "volume/data"):
        assert held.refuses(away(expect), "a")


def test_a_new_acknowledgement_lets_it_go_on_and_counts_anew() -> None:
    held = breaker(Time(), 1)
    assert held.refuses(away(), "a") is None
    assert held.refuses(away(), "b")
    held.follow(limits(1))
    assert held.open, "a spec that says the same acknowledges nothing"
    held.follow(limits(1, "seen"))
    assert (held.open, held.handled) == (False, "seen")
    assert held.refuses(away(), "b") is None
    assert held.refuses(away(), "c")


def test_without_a_limit_nothing_is_held_back() -> None:
    held = breaker(Time(), 0)
    assert held.refuses(away(), "a")
    held.follow(limits(None))
    assert held.refuses(away(), "a") is None
    assert not held.watches


def test_a_restart_finds_it_as_it_was() -> None:
    assert breaker(Time(), 5, conditions=OPEN, handled={"destructiveAcknowledged": ""}).refuses(away(), "a")
    assert breaker(Time(), 5, "x", conditions=OPEN, handled={"destructiveAcknowledged": "x"}).open
    assert not breaker(Time(), 5, "y", conditions=OPEN, handled={"destructiveAcknowledged": "x"}).open
    assert breaker(Time(), 5, "there at first", conditions=OPEN).open, "only recorded"


@dataclass
class Proofs(Wire):
    """Counts the reads that ask for one machine's mark: only a proof does."""

    marks: list[str] = field(default_factory=list)

    async def ask(self, look: Callable[[], T], *, mark: str | None = None) -> T:
        self.marks += [mark] if mark else []
        return await super().ask(look, mark=mark)


def of(token: str) -> dict[str, Any]:
    return {**CATALOG[PROVIDER], "limits": {"maxDestructivePerHour": 0, "destructiveAcknowledged": token}}


class Place:
    """A machine at rest at a Provider that lets nothing be taken away."""

    def __init__(self) -> None:
        self.clock, self.wire = Clock(), Proofs()
        self.api = ApiServer(self.clock)
        for key, spec in {**CATALOG, PROVIDER: of("")}.items():
            self.api.apply(key, spec)
        self.process = Process(self.api, site(), self.wire, self.clock).start()

    async def held(self) -> None:
        self.api.apply(VM, SPEC)
        await until(lambda: self.says() == "Settled", 60, "Ready")
        self.api.delete(VM)
        await until(lambda: self.says() == "DestructiveLimitReached", 10, "held back")

    def says(self) -> str:
        return str(self.api.condition(VM, "Ready").get("reason"))


def test_the_backend_is_not_asked_again_and_again_about_what_is_frozen() -> None:
    async def work() -> None:
        place = Place()
        await place.held()
        asked = len(place.wire.marks)
        await asyncio.sleep(600.0)
        assert len(place.wire.marks) == asked
        place.api.apply(PROVIDER, of("but one more is asked"))
        await until(lambda: len(place.wire.marks) > asked, 30, "looked at again, and frozen again")
        place.process.kill()

    run(work())


def test_a_lease_that_comes_back_finds_what_another_operator_froze() -> None:
    held = breaker(Time(), 5, "x")
    held.told({"conditions": OPEN, "handled": {"destructiveAcknowledged": "x"}})
    assert held.refuses(away(), "a")
    unlimited = breaker(Time(), None)
    unlimited.told({"conditions": OPEN, "handled": {"destructiveAcknowledged": ""}})
    assert unlimited.frozen(away(), "a") is None

    async def work() -> None:
        place = Place()
        await place.held()
        breaker_ = place.process.connections["sim"].breaker
        breaker_.open = False  # as it was while we had the Lease before
        place.process.engine.turned(leading=False)
        place.process.engine.turned(leading=True)
        assert breaker_.open
        place.process.kill()

    run(work())


def test_two_calls_that_take_one_machine_away_count_once() -> None:
    """vCenter's is powered off first; what Nova keeps as SOFT_DELETED is deleted a second time."""
    off = Call("power_off", "server", Repeat.IDEMPOTENT, destructive=True, row=LedgerRow("server", "m1"))
    gone = Call("delete_server", "server", Repeat.IDEMPOTENT, destructive=True, row=LedgerRow("server", "m1"))
    assert thing(off, "team/web", "") == thing(gone, "team/web", "")
    remade = Call("rebuild", "server", Repeat.INTENT, destructive=True)
    assert thing(remade, "m1", "first") != thing(remade, "m1", "second")
