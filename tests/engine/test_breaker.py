"""How many machines may be taken away in an hour, as values."""

from typing import Any

from hostwright.core.errors import DestructiveLimitReached
from hostwright.core.port import Call, Repeat
from hostwright.engine.breaker import HOUR, Breaker
from hostwright.kinds.provider.resource import Limits


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
