"""When a BMC is asked again: laws and tables of one line, without a BMC."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.model_redfish import ModelBmc, ModelClient

from hostwright.core.errors import CredentialsRejected, Failure, Throttled, Transient, Unreachable
from hostwright.kinds.physicalmachine.port import LOGIN_TRIES, Access
from hostwright.providers.redfish.line import AWAY, BREAKER, NEVER, QUICK, SECOND_LOGIN, WATCHED, Line
from hostwright.providers.redfish.rows import Power, System

ACCESS = Access("https://bmc", "admin", "right")
OFF = System("/redfish/v1/Systems/1", uuid="u", power=Power.OFF)


def line(machine_id: str = "m", **more: float) -> Line:
    client = ModelClient(ModelBmc("u"), ACCESS, lambda: 0.0)
    return Line(machine_id, ACCESS, client, **more)  # type: ignore[arg-type]


@given(st.text(min_size=1, max_size=40), st.floats(0, 1e6), st.floats(1, 3600))
def test_at_rest_it_is_asked_once_in_each_interval(machine_id: str, now: float, interval: float) -> None:
    it = line(machine_id)
    it.say(OFF, now, now)
    due = it.next_due(now, interval)
    assert now < due <= now + interval * 1.000001
    again = it.next_due(due, interval)
    assert again - due == pytest.approx(interval, rel=1e-3) or again - due < interval * 1e-3  # its own place in it


def test_two_bmcs_have_two_places_in_the_interval() -> None:
    places = {round(line(f"m-{number}").next_due(0.0, 60.0)) for number in range(200)}
    assert len(places) > 50


def test_the_dead_are_asked_ever_less_often_and_never_more_often_than_that() -> None:
    it, now, waits = line(), 0.0, []
    for _ in range(12):
        it.miss(Unreachable("no connection"), now)
        due = it.next_due(now, 60.0)
        waits.append(due - now)
        now = due
    assert all(0 < wait <= BREAKER.cap for wait in waits)
    assert waits == sorted(waits)
    assert waits[-1] > BREAKER.cap / 2
    it.say(OFF, now, now)
    assert it.next_due(now, 60.0) - now <= 60.0


def test_one_that_we_restart_is_asked_more_often_for_a_while() -> None:
    it = line()
    it.say(OFF, 0.0, 0.0)
    it.touched(None, 0.0)
    for _ in range(8):
        it.miss(Transient("cut"), 1.0)
    assert it.next_due(1.0, 60.0) - 1.0 <= AWAY
    assert it.next_due(WATCHED + 1.0, 60.0) - (WATCHED + 1.0) > AWAY


def test_what_is_on_its_way_is_asked_each_second_for_three_minutes_at_most() -> None:
    it = line()
    it.say(OFF, 0.0, 0.0)
    it.touched(Power.ON, 0.0)
    assert it.next_due(5.0, 60.0) == 5.0 + QUICK
    it.say(replace(OFF, power=Power.ON), 6.0, 6.0)
    assert it.goal is None
    it = line()
    it.say(replace(OFF, power=Power.POWERING_ON), 0.0, 0.0)
    assert it.next_due(1.0, 60.0) == 1.0 + QUICK
    assert it.next_due(WATCHED + 1, 1e6) > WATCHED + 1 + QUICK, "a BMC that says so for ever"


def test_two_logins_and_no_third() -> None:
    it = line()
    it.miss(CredentialsRejected("401"), 0.0)
    assert it.next_due(0.0, 60.0) == SECOND_LOGIN
    it.miss(CredentialsRejected("401"), 5.0)
    assert (it.rejected, it.next_due(5.0, 60.0)) == (LOGIN_TRIES, NEVER)
    assert it.down_since is None, "it answers"


def test_a_refused_login_of_before_does_not_hurry_a_dead_bmc() -> None:
    it = line()
    it.miss(CredentialsRejected("401"), 0.0)
    for _ in range(10):
        it.miss(Unreachable("no connection"), 0.0)
    assert it.next_due(0.0, 60.0) > 10 * SECOND_LOGIN


def test_a_bmc_that_asks_for_time_gets_it() -> None:
    it = line()
    it.miss(Throttled("busy", retry_after=40.0), 0.0)
    assert it.next_due(0.0, 60.0) >= 40.0
    it.miss(Throttled("busy", retry_after=1e9), 0.0)
    assert it.next_due(0.0, 60.0) <= BREAKER.cap


def test_an_answer_that_began_earlier_reverts_nothing() -> None:
    it = line()
    it.say(replace(OFF, power=Power.ON), 10.0, 11.0)
    it.say(OFF, 9.0, 12.0)
    found = it.found(12.0)
    assert found is not None
    assert (found.power, it.as_of) == ("PoweredOn", 10.0)


@given(st.lists(st.sampled_from(["well", "dead", "refused", "busy"]), max_size=30))
def test_what_is_known_stays_and_counts_are_of_now(turns: list[str]) -> None:
    failures: dict[str, Failure] = {
        "dead": Unreachable("x"),
        "refused": CredentialsRejected("x"),
        "busy": Throttled("x", retry_after=1.0),
    }
    it = line()
    for at, turn in enumerate(turns):
        if turn == "well":
            it.say(OFF, float(at), float(at))
        else:
            it.miss(failures[turn], float(at))
    found = it.found(float(len(turns)))
    if not turns:
        assert found is None
        return
    assert found is not None
    assert found.answered is ("well" in turns)
    assert (found.failure is None) is (turns[-1] == "well")
    assert (found.uuid == "u") is ("well" in turns)
    assert found.down_for is None or (found.down_for > 0 and turns[-1] != "well")
    since = turns[::-1].index("well") if "well" in turns else len(turns)
    assert found.rejected == turns[len(turns) - since :].count("refused")
